//! The word of an AWS Application Load Balancer.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use chrono::TimeDelta;
use entryway::domain::token::{AlbRules, TokenRules};
use entryway::oidc::Providers;
use reqwest::Method;
use serde_json::{Value, json};

use super::provider::{Provider, Signer};
use super::{changed, rules};
use crate::harness::start;
use crate::http::bed::{Answer, Api, ask};

const ARN: &str = "arn:aws:elasticloadbalancing:eu-central-1:111122223333:loadbalancer/app/entryway/50dc6c495c0c9188";
const ID: &str = "b2ca1b12-2aa2-4a9e-9a4c-1d6a0f1f2f3e";

struct Alb {
    api: Api,
    provider: Provider,
    signer: Signer,
}

impl Alb {
    async fn new() -> Self {
        let provider = Provider::start(&[]).await;
        let (signer, pem) = Signer::of_load_balancer(ID);
        provider.publish_pem(ID, pem);
        let token = TokenRules { require_nbf: false, ..rules("https://login.example.com") };
        let alb = AlbRules { signer: ARN.to_owned(), keys_url: provider.alb_keys(), token };
        Self { api: Api::with_providers(Providers::new(vec![], Some(alb)).unwrap()).await, provider, signer }
    }

    /// As the load balancer writes it, padding and all.
    fn data(&self, signer: &Signer, header: Value, claims: Value) -> String {
        let end = start().timestamp() + 120;
        let usual = json!({"typ": "JWT", "kid": ID, "alg": "ES256", "iss": "https://login.example.com",
                           "client": "entryway", "signer": ARN, "exp": end});
        let said = json!({"sub": "erin", "name": "Erin", "realm": {"groups": ["sre"]}, "exp": end,
                          "iss": "https://login.example.com"});
        let segment = |value: Value| URL_SAFE.encode(value.to_string());
        let text = format!("{}.{}", segment(changed(usual, header)), segment(changed(said, claims)));
        let signed = signer.sign_text(&text);
        format!("{signed}==")
    }

    async fn me(&self, data: &str) -> Answer {
        self.api.call(Method::GET, "/v1/me").header("x-amzn-oidc-data", data).await
    }
}

#[tokio::test]
async fn the_load_balancer_that_is_configured_is_believed() {
    let alb = Alb::new().await;
    let data = alb.data(&alb.signer, json!({}), json!({}));
    let me = alb.me(&data).await.is(200).body;
    assert_eq!((&me["user"], &me["groups"]), (&json!("erin"), &json!(["sre"])));
    alb.me(&data).await.is(200);
    assert_eq!(alb.provider.asked(), [ID], "its key is fetched once");
    let own = alb.api.get("alice", "/v1/me").header("x-amzn-oidc-data", &data).await.is(200).body;
    assert_eq!(own["user"], "alice", "a token that is shown goes first");
    let twice = alb.api.call(Method::GET, "/v1/me").header("x-amzn-oidc-data", &data).header("x-amzn-oidc-data", &data);
    twice.await.fails(401, "unauthenticated");
    alb.api.bed.pass(TimeDelta::seconds(150));
    alb.me(&data).await.fails(401, "unauthenticated");
}

#[tokio::test]
async fn nobody_else_is() {
    let alb = Alb::new().await;
    alb.me(&alb.data(&alb.signer, json!({}), json!({}))).await.is(200);
    alb.api.bed.pass(TimeDelta::seconds(10));
    let (mallory, _) = Signer::of_load_balancer(ID);
    let other = ARN.replace("111122223333", "444455556666");
    let mut cases = vec![alb.data(&mallory, json!({}), json!({}))];
    for header in [
        json!({"signer": other}),
        json!({"signer": null}),
        json!({"alg": "none"}),
        json!({"alg": "HS256"}),
        json!({"client": "another"}),
        json!({"iss": "https://evil.example.com"}),
        json!({"exp": null}),
        json!({"exp": start().timestamp() - 31}),
        json!({"exp": start().timestamp() + 86_400 * 365}),
        json!({"crit": ["x"]}),
        json!({"kid": "../../realm/keys"}),
        json!({"kid": "11111111-2222-3333-4444-555555555555"}),
        json!({"kid": null}),
    ] {
        cases.push(alb.data(&alb.signer, header, json!({})));
    }
    cases.push(alb.data(&alb.signer, json!({}), json!({"sub": null})));
    let sound = alb.data(&alb.signer, json!({}), json!({}));
    let (message, signature) = sound.rsplit_once('.').unwrap();
    cases.extend([format!("{message}."), message.to_owned(), signature.to_owned(), "..".to_owned(), "{}".to_owned()]);
    for data in cases {
        alb.me(&data).await.fails(401, "unauthenticated");
    }
    let asked = alb.provider.asked();
    assert_eq!(asked, [ID, "11111111-2222-3333-4444-555555555555"], "nothing is fetched from a path of their choosing");
    assert_eq!(alb.api.bed.writes(), Vec::<String>::new());
}

#[tokio::test]
async fn another_site_cannot_make_a_browser_act() {
    let alb = Alb::new().await;
    let data = alb.data(&alb.signer, json!({}), json!({"realm": {"groups": ["engineering"]}}));
    let file = |site: &str| {
        let call = alb.api.call(Method::POST, "/v1/requests").header("x-amzn-oidc-data", &data).json(&ask(json!({})));
        call.header("sec-fetch-site", site)
    };
    for site in ["cross-site", "same-site", "anything"] {
        file(site).await.fails(403, "forbidden");
    }
    file("same-origin").await.is(201);
}

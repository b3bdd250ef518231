//! Who gets in with a token of an identity provider, as whom, and who does not.

mod alb;
mod forgeries;
mod keys;
mod names;
mod provider;
mod standing;
mod streams;

use chrono::TimeDelta;
use entryway::domain::token::{Claim, TokenRules};
use entryway::oidc::Providers;
use serde_json::{Value, json};

use self::provider::{Provider, Signer};
use super::bed::{Answer, Api, Call, ask, path};
use crate::harness::{Bed, start};

fn rules(issuer: &str) -> TokenRules {
    TokenRules {
        issuer: issuer.to_owned(),
        audience: "entryway".to_owned(),
        user: Claim::new("sub"),
        user_prefix: String::new(),
        groups: Claim::new("/realm/groups"),
        groups_prefix: String::new(),
        display: Claim::new("name"),
        service: Some((Claim::new("idtyp"), ["app".to_owned()].into())),
        require_nbf: true,
        max_lifetime: TimeDelta::hours(24),
        remember_groups: TimeDelta::days(30),
    }
}

/// An API that takes the tokens of `provider`, and of nobody else.
async fn taking(provider: &Provider) -> Api {
    Api::with_providers(Providers::new(vec![rules(&provider.issuer)], None).unwrap()).await
}

/// An API over `bed`, whose directory listens to tokens, after two people whom only those know have come: one asks, and the other,
/// who has got the group for it meanwhile, signs off.
pub(super) async fn newcomers(bed: Bed) -> Api {
    let signer = Signer::ec("e");
    let provider = Provider::start(std::slice::from_ref(&signer)).await;
    let minute = (bed.hands.now() - start()).num_minutes();
    let api = Api::taking(bed, Providers::new(vec![rules(&provider.issuer)], None).unwrap()).await;
    let token =
        |user: &str, groups: &[&str], later: i64| signer.sign(&claims(&provider.issuer, user, groups, minute + later));
    let filed = post(&api, &token("nina", &["engineering"], 0), "/v1/requests", &ask(json!({}))).await.is(201).body;
    me(&api, &token("erin", &["dancers"], -5)).await.is(200);
    let erin = token("erin", &["sre"], 0);
    post(&api, &erin, &format!("{}/reviews", path(&filed)), &json!({"decision": "approve"})).await.is(201);
    api
}

/// What a sound token of `issuer` says of `user`, an hour long from `minute` on.
fn claims(issuer: &str, user: &str, groups: &[&str], minute: i64) -> Value {
    let at = (start() + TimeDelta::minutes(minute)).timestamp();
    json!({
        "iss": issuer, "aud": "entryway", "sub": user, "exp": at + 3600, "nbf": at, "iat": at,
        "realm": {"groups": groups}, "name": format!("{user} of somewhere"),
    })
}

/// The same with `changes`; null takes one out.
fn changed(mut claims: Value, changes: Value) -> Value {
    let all = claims.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => all.remove(name),
            value => all.insert(name.clone(), value.clone()),
        };
    }
    claims
}

trait WithToken {
    fn token(self, token: &str) -> Self;
}

impl WithToken for Call {
    fn token(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }
}

async fn me(api: &Api, token: &str) -> Answer {
    api.call(reqwest::Method::GET, "/v1/me").token(token).await
}

async fn post(api: &Api, token: &str, path: &str, body: &Value) -> Answer {
    api.call(reqwest::Method::POST, path).token(token).json(body).await
}

#[tokio::test]
async fn a_sound_token_says_who_i_am_whatever_it_is_signed_with() {
    let signers = [Signer::rsa("r"), Signer::rsa_pss("p"), Signer::ec("e"), Signer::ec_384("e3"), Signer::ed("d")];
    let provider = Provider::start(&signers).await;
    let api = taking(&provider).await;
    for signer in &signers {
        let token = signer.sign(&claims(&provider.issuer, "erin", &["sre"], 0));
        let answer = me(&api, &token).await.is(200).body;
        assert_eq!(
            answer,
            json!({"user": "erin", "groups": ["sre"], "displayName": "erin of somewhere", "service": false,
                   "submittedBy": null, "permissions": ["audit", "administer"]}),
        );
    }
    assert_eq!(provider.fetched(), 1, "the keys were fetched once");
    let alice = api.get("alice", "/v1/me").await.is(200).body;
    assert_eq!(alice["user"], "alice", "tokens of our own go on");
}

#[tokio::test]
async fn groups_of_the_directory_count_as_well() {
    let signer = Signer::ec("e");
    let provider = Provider::start(std::slice::from_ref(&signer)).await;
    let api = taking(&provider).await;
    let token = signer.sign(&claims(&provider.issuer, "bob", &["dancers"], 0));
    assert_eq!(me(&api, &token).await.is(200).body["groups"], json!(["dancers", "sre"]));
}

//! Who somebody is, is issuer and subject: nobody becomes somebody else by what they are called.

use entryway::domain::token::{Claim, TokenRules};
use entryway::oidc::Providers;
use serde_json::json;

use super::provider::{Provider, Signer};
use super::{changed, claims, me, post, rules};
use crate::http::bed::{Api, ask, path};

/// An API whose people are called by their address.
async fn by_address(provider: &Provider) -> Api {
    let rules = TokenRules { user: Claim::new("email"), ..rules(&provider.issuer) };
    Api::with_providers(Providers::new(vec![rules], None).unwrap()).await
}

#[tokio::test]
async fn a_name_stays_with_whom_it_was_first_seen_with() {
    let signer = Signer::ec("e");
    let provider = Provider::start(std::slice::from_ref(&signer)).await;
    let api = by_address(&provider).await;
    let token = |subject: &str, address: &str| {
        signer.sign(&changed(claims(&provider.issuer, subject, &["engineering", "sre"], 0), json!({"email": address})))
    };
    let hers = token("1", "erin@example.com");
    assert_eq!(me(&api, &hers).await.is(200).body["user"], "erin@example.com");
    for taken in ["erin@example.com", "Erin@Example.com"] {
        let answer = me(&api, &token("2", taken)).await.fails(401, "unauthenticated");
        assert!(answer.detail().contains("somebody else's"), "{answer:?}");
    }
    // Renamed, she is who she was, and does not become a second pair of eyes.
    let filed = post(&api, &hers, "/v1/requests", &ask(json!({}))).await.is(201).body;
    let renamed = token("1", "erin.miller@example.com");
    assert_eq!(me(&api, &renamed).await.is(200).body["user"], "erin@example.com");
    let review = post(&api, &renamed, &format!("{}/reviews", path(&filed)), &json!({"decision": "approve"})).await;
    review.fails(403, "self-approval");
    let unverified =
        changed(claims(&provider.issuer, "3", &[], 0), json!({"email": "root@example.com", "email_verified": false}));
    me(&api, &signer.sign(&unverified)).await.fails(401, "unauthenticated");
}

#[tokio::test]
async fn two_issuers_share_no_names() {
    let (ours, theirs) = (Signer::ec("e"), Signer::ec("e"));
    let (first, second) =
        (Provider::start(std::slice::from_ref(&ours)).await, Provider::start(std::slice::from_ref(&theirs)).await);
    let contractors = TokenRules { user_prefix: "contractors:".to_owned(), ..rules(&second.issuer) };
    let providers = Providers::new(vec![rules(&first.issuer), contractors], None).unwrap();
    let api = Api::with_providers(providers).await;
    let bob = me(&api, &ours.sign(&claims(&first.issuer, "bob", &[], 0))).await.is(200).body;
    assert_eq!((&bob["user"], &bob["groups"]), (&json!("bob"), &json!(["sre"])));
    let other = me(&api, &theirs.sign(&claims(&second.issuer, "bob", &[], 0))).await.is(200).body;
    assert_eq!((&other["user"], &other["groups"]), (&json!("contractors:bob"), &json!([])));
    me(&api, &ours.sign(&claims(&first.issuer, "contractors:bob", &[], 0))).await.fails(401, "unauthenticated");
    // Each issuer's keys are good for its own tokens alone.
    me(&api, &theirs.sign(&claims(&first.issuer, "bob", &[], 0))).await.fails(401, "unauthenticated");
    me(&api, &ours.sign(&claims(&second.issuer, "bob", &[], 0))).await.fails(401, "unauthenticated");
}

#[tokio::test]
async fn one_issuer_may_have_several_audiences_each_with_its_rules() {
    let signer = Signer::ec("e");
    let provider = Provider::start(std::slice::from_ref(&signer)).await;
    let cli = TokenRules { audience: "cli".to_owned(), require_nbf: false, ..rules(&provider.issuer) };
    let api = Api::with_providers(Providers::new(vec![rules(&provider.issuer), cli], None).unwrap()).await;
    let without = changed(claims(&provider.issuer, "erin", &[], 0), json!({"nbf": null}));
    me(&api, &signer.sign(&without)).await.fails(401, "unauthenticated");
    me(&api, &signer.sign(&changed(without, json!({"aud": ["cli"]})))).await.is(200);
    assert_eq!(provider.fetched(), 1, "one set of keys");
}

#[tokio::test]
async fn the_first_calls_of_somebody_may_come_all_at_once() {
    let signer = Signer::ec("e");
    let provider = Provider::start(std::slice::from_ref(&signer)).await;
    let api = by_address(&provider).await;
    for round in 0..5 {
        let said = claims(&provider.issuer, &format!("{round}"), &["sre"], 0);
        let token = signer.sign(&changed(said, json!({"email": format!("erin-{round}@example.com")})));
        let url = format!("{}/v1/me", api.base);
        let calls: Vec<_> =
            (0..16).map(|_| tokio::spawn(crate::harness::http().get(&url).bearer_auth(&token).send())).collect();
        for call in calls {
            assert_eq!(call.await.unwrap().unwrap().status(), 200);
        }
    }
}

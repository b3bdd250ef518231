//! Keys that change, providers that do not answer, and what they cost.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use entryway::oidc::Providers;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::provider::{Mood, Provider, Signer};
use super::{claims, me, rules, taking};

#[tokio::test]
async fn another_key_is_asked_for_once_and_the_one_before_is_gone_with_it() {
    let (old, new) = (Signer::rsa("old"), Signer::ec("new"));
    let provider = Provider::start(std::slice::from_ref(&old)).await;
    let api = taking(&provider).await;
    let said = claims(&provider.issuer, "erin", &["sre"], 0);
    me(&api, &old.sign(&said)).await.is(200);
    api.bed.pass(TimeDelta::seconds(10));
    provider.rotate(std::slice::from_ref(&new));
    me(&api, &old.sign(&said)).await.is(200);
    for _ in 0..3 {
        me(&api, &new.sign(&said)).await.is(200);
    }
    assert_eq!(provider.fetched(), 2);
    me(&api, &old.sign(&said)).await.fails(401, "unauthenticated");
}

#[tokio::test]
async fn made_up_keys_make_nobody_ask_more_than_once_in_a_while() {
    let signer = Signer::ec("e");
    let provider = Provider::start(std::slice::from_ref(&signer)).await;
    let api = taking(&provider).await;
    let said = claims(&provider.issuer, "erin", &["sre"], 0);
    me(&api, &signer.sign(&said)).await.is(200);
    api.bed.pass(TimeDelta::seconds(10));
    let made_up = |count: usize| {
        let mut other = signer.clone();
        other.id = format!("made-up-{count}");
        other.sign(&said)
    };
    let url = format!("{}/v1/me", api.base);
    for round in 0..3 {
        let call = |count| tokio::spawn(crate::harness::http().get(&url).bearer_auth(made_up(count)).send());
        let calls: Vec<_> = (0..20).map(call).collect();
        for call in calls {
            assert_eq!(call.await.unwrap().unwrap().status(), 401);
        }
        assert_eq!(provider.fetched(), 2 + round, "once in each stretch of ten seconds, however many there are");
        api.bed.pass(TimeDelta::seconds(10));
    }
}

#[tokio::test]
async fn a_provider_that_is_unwell_takes_no_known_key_away_and_gives_none() {
    let (old, new) = (Signer::rsa("old"), Signer::ec("new"));
    let elsewhere = Provider::start(std::slice::from_ref(&new)).await;
    let provider = Provider::start(std::slice::from_ref(&old)).await;
    let providers = Providers::new(vec![rules(&provider.issuer)], None).unwrap();
    let api = taking(&provider).await;
    let said = claims(&provider.issuer, "erin", &["sre"], 0);
    me(&api, &old.sign(&said)).await.is(200);
    assert!(providers.refresh().await);
    provider.rotate(std::slice::from_ref(&new));
    let there = format!("{}/.well-known/openid-configuration", elsewhere.issuer);
    for mood in [Mood::Broken, Mood::Talkative, Mood::Redirects(there), Mood::Impostor] {
        provider.is(mood);
        api.bed.pass(TimeDelta::seconds(10));
        me(&api, &new.sign(&said)).await.fails(401, "unauthenticated");
        me(&api, &old.sign(&said)).await.is(200);
        assert!(!providers.refresh().await, "that is noticed");
        let now = api.bed.desk.now();
        providers.verify(&old.sign(&said), now).await.unwrap();
    }
    provider.is(Mood::Well);
    provider.publish(vec![]);
    assert!(!providers.refresh().await, "no keys are no answer");
    provider.rotate(std::slice::from_ref(&new));
    api.bed.pass(TimeDelta::seconds(10));
    me(&api, &new.sign(&said)).await.is(200);
    assert_eq!(elsewhere.fetched(), 0);
}

#[tokio::test]
async fn a_provider_that_does_not_answer_holds_up_nobody_whose_key_is_known() {
    let (known, other) = (Signer::rsa("known"), Signer::ec("other"));
    let provider = Provider::start(std::slice::from_ref(&known)).await;
    let api = taking(&provider).await;
    let said = claims(&provider.issuer, "erin", &["sre"], 0);
    me(&api, &known.sign(&said)).await.is(200);
    let told = Arc::new(Notify::new());
    provider.is(Mood::Slow(told.clone()));
    provider.rotate(&[known.clone(), other.clone()]);
    api.bed.pass(TimeDelta::seconds(10));
    let (base, token) = (api.base.clone(), other.sign(&said));
    let waiting = tokio::spawn(async move {
        let call = crate::harness::http().get(format!("{base}/v1/me")).bearer_auth(token);
        call.send().await.unwrap().status().as_u16()
    });
    let asked = async {
        while provider.fetched() < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(20), asked).await.expect("the provider is asked");
    let answer = timeout(Duration::from_secs(3), me(&api, &known.sign(&said))).await;
    answer.expect("nobody waits for a key that is known").is(200);
    told.notify_one();
    assert_eq!(waiting.await.unwrap(), 200, "who waited for the key gets in with it");
}

#[tokio::test]
async fn while_no_key_was_ever_seen_nobody_is_told_that_their_token_is_bad() {
    let signer = Signer::ec("e");
    let provider = Provider::start(std::slice::from_ref(&signer)).await;
    provider.is(Mood::Broken);
    let api = taking(&provider).await;
    let token = signer.sign(&claims(&provider.issuer, "erin", &["sre"], 0));
    let answer = me(&api, &token).await.fails(503, "unavailable");
    assert!(!answer.text.contains(&provider.issuer), "{answer:?}");
    api.get("alice", "/v1/me").await.is(200);
    provider.is(Mood::Well);
    api.bed.pass(TimeDelta::seconds(10));
    me(&api, &token).await.is(200);
}

#[tokio::test]
async fn a_token_may_leave_the_key_unnamed_where_there_is_one() {
    let (old, new) = (Signer::ec("old"), Signer::ec("new"));
    let provider = Provider::start(std::slice::from_ref(&old)).await;
    let api = taking(&provider).await;
    let said = claims(&provider.issuer, "erin", &["sre"], 0);
    let unnamed = |signer: &Signer| signer.sign_as(&serde_json::json!({"alg": "ES256"}), &said);
    me(&api, &unnamed(&old)).await.is(200);
    provider.rotate(std::slice::from_ref(&new));
    api.bed.pass(TimeDelta::seconds(10));
    me(&api, &unnamed(&new)).await.is(200);
    me(&api, &unnamed(&old)).await.fails(401, "unauthenticated");
    let jwk = new.jwk();
    for (name, value) in [("use", "enc"), ("alg", "RSA-OAEP"), ("kty", "oct")] {
        let mut odd = jwk.clone();
        odd[name] = serde_json::json!(value);
        provider.publish(vec![odd]);
        api.bed.pass(TimeDelta::seconds(10));
        let fresh = Providers::new(vec![rules(&provider.issuer)], None).unwrap();
        assert!(!fresh.refresh().await, "{name} {value}: a key for something else is none");
    }
}

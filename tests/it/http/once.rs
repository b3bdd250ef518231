//! `Idempotency-Key`: done once, however often it is asked for.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::json;
use sqlx::{Connection, Executor, PgConnection};

use super::bed::{Api, ask, path};
use crate::harness::database::number;

const STORED: &str = "SELECT count(*) FROM request";

#[tokio::test]
async fn the_same_call_again_gets_the_first_answer() {
    let api = Api::new().await;
    let post = |key: &str| api.post("alice", "/v1/requests").key(key).json(&ask(json!({})));
    let first = post("k-1").await.is(201);
    assert!(!first.replayed());
    let again = post("k-1").await.is(201);
    assert!(again.replayed());
    assert_eq!(again.text, first.text, "byte for byte");
    for header in ["location", "etag", "content-type"] {
        assert_eq!(again.header(header), first.header(header), "{header}");
    }
    assert_ne!(again.header("x-request-id"), first.header("x-request-id"));
    assert!(post("\"k-1\"").await.is(201).replayed(), "quoted it is the same key");
    assert!(!post("k-2").await.is(201).replayed());
    assert_eq!(number(&api.bed.url, STORED).await, 2);

    // The first answer also when the request has moved on meanwhile, and on every replica.
    let at = path(&first.body);
    api.post("alice", &format!("{at}/withdraw")).await.is(200);
    let elsewhere = format!("{}/v1/requests", api.replica().await);
    let late = api.post("alice", &elsewhere).key("k-1").json(&ask(json!({}))).await.is(201);
    assert!(late.replayed() && late.body["state"] == "pending");

    api.bed.pass(TimeDelta::hours(24) - TimeDelta::seconds(1));
    assert!(post("k-1").await.is(201).replayed());
    api.bed.pass(TimeDelta::seconds(1));
    assert!(!post("k-1").await.is(201).replayed(), "after 24 hours it is a key like any other");
}

#[tokio::test]
async fn a_key_belongs_to_one_call_of_one_caller() {
    let api = Api::new().await;
    let post = |who: &str| api.post(who, "/v1/requests").key("k").json(&ask(json!({})));
    let first = post("alice").await.is(201);
    let other = post("alice").json(&ask(json!({"reason": "another"}))).await.fails(422, "idempotency-key-reused");
    assert!(other.errors().is_empty());
    api.post("alice", "/v1/requests?dryRun=false")
        .key("k")
        .json(&ask(json!({})))
        .await
        .fails(422, "idempotency-key-reused");
    assert!(!post("dan").await.is(201).replayed(), "dan's own");
    assert!(
        !post("portal").header("entryway-on-behalf-of", "alice").await.is(201).replayed(),
        "the portal's for alice"
    );
    assert!(post("portal").header("entryway-on-behalf-of", "alice").await.is(201).replayed());

    let at = path(&first.body);
    let withdraw = |at: &str| api.post("alice", &format!("{at}/withdraw")).key("k");
    let withdrawn = withdraw(&at).await.is(200);
    assert!(!withdrawn.replayed(), "another route, another key");
    let again = withdraw(&at).await.is(200);
    assert!(again.replayed() && again.text == withdrawn.text && again.etag() == withdrawn.etag());
    withdraw(&api.filed("alice").await).await.fails(422, "idempotency-key-reused");
}

#[tokio::test]
async fn every_post_honours_it() {
    let api = Api::new().await;
    let at = api.filed("alice").await;
    let act =
        |who: &str, action: &str| api.post(who, &format!("{at}/{action}")).key(action).json(&json!({"reason": "x"}));
    let review = || act("bob", "reviews").json(&json!({"decision": "approve"}));
    for (call, again) in [(review(), review()), (act("bob", "revoke"), act("bob", "revoke"))] {
        let (first, second) = (call.await, again.await);
        assert_eq!((first.replayed(), second.replayed()), (false, true), "{first:?} {second:?}");
        assert_eq!((first.status, &first.text), (second.status, &second.text));
    }
    act("alice", "relinquish").await.fails(409, "illegal-state");
    act("alice", "relinquish").await.fails(409, "illegal-state");
    let reviews = api.get("bob", &at).await.is(200).body["reviews"].as_array().map(Vec::len);
    assert_eq!(reviews, Some(1));
}

#[tokio::test]
async fn what_was_refused_or_only_tried_out_keeps_no_key() {
    let api = Api::new().await;
    let post = |path: &str| api.post("alice", path).key("k");
    post("/v1/requests").json(&ask(json!({"duration": "x"}))).await.fails(422, "validation-failed");
    post("/v1/requests").json(&ask(json!({"clusterName": "prod"}))).await.fails(403, "request-not-permitted");
    assert!(!post("/v1/requests?dryRun=true").json(&ask(json!({}))).await.is(200).replayed());
    assert!(!post("/v1/requests").json(&ask(json!({}))).await.is(201).replayed(), "mended, it goes through");
}

#[tokio::test]
async fn what_is_no_key_is_refused() {
    let api = Api::new().await;
    let post = || api.post("alice", "/v1/requests?dryRun=true").json(&ask(json!({})));
    for bad in ["", "a b", "\"a", "\"\"", "\"a\"b\"", "k\u{e4}", &"k".repeat(256)] {
        post().key(bad).await.fails(400, "idempotency-key-invalid");
    }
    post().key("a").key("b").await.fails(400, "idempotency-key-invalid");
    for good in ["a", "!#$%&'*+-.^_`|~/:=?@[]{}(),;<>", "\"quoted\"", &"k".repeat(255)] {
        post().key(good).await.is(200);
    }
}

#[tokio::test]
async fn sixty_four_at_once_file_one_request() {
    let api = Api::new().await;
    let calls: Vec<_> = (0..64)
        .map(|_| tokio::spawn(api.post("alice", "/v1/requests").key("k").json(&ask(json!({}))).into_future()))
        .collect();
    let (mut fresh, mut ids) = (0, std::collections::BTreeSet::new());
    for call in calls {
        let answer = call.await.unwrap();
        if answer.status == 409 {
            let waiting = answer.fails(409, "idempotency-in-flight");
            assert_eq!(waiting.header("retry-after").as_deref(), Some("1"));
            continue;
        }
        let answer = answer.is(201);
        fresh += usize::from(!answer.replayed());
        ids.insert(answer.body["id"].to_string());
    }
    assert_eq!((fresh, ids.len(), number(&api.bed.url, STORED).await), (1, 1, 1));
}

#[tokio::test]
async fn while_the_first_is_being_worked_on_the_same_call_is_told_so() {
    let api = Api::new().await;
    // Whoever wants to file anything now waits at this table.
    let mut other = PgConnection::connect(&api.bed.url).await.unwrap();
    let mut locked = other.begin().await.unwrap();
    locked.execute("LOCK TABLE request IN SHARE MODE").await.unwrap();
    let post = || api.post("alice", "/v1/requests").key("k").json(&ask(json!({})));
    let first = tokio::spawn(post().into_future());
    let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'request'::regclass";
    let arrived = async { while number(&api.bed.url, waiting).await == 0 {} };
    tokio::time::timeout(Duration::from_secs(20), arrived).await.expect("the first call arrives");
    post().await.fails(409, "idempotency-in-flight");
    let another = post().json(&ask(json!({"reason": "another"})));
    another.await.fails(409, "idempotency-in-flight");
    locked.rollback().await.unwrap();
    let first = first.await.unwrap().is(201);
    assert!(!first.replayed());
    assert_eq!(post().await.is(201).text, first.text);
}

//! How often one may call: what is said of it, what is never counted, and what holds over replicas.

use chrono::TimeDelta;
use entryway::api::{self, Rates};
use entryway::clock::Clock;
use entryway::workflow::Desk;
use reqwest::Method;
use serde_json::json;

use super::bed::{Answer, Api, ask, serve, state};
use crate::harness::database::{connect, number};

/// Where a replica listens that takes so many calls a minute of each caller, and so many without a token of each address.
async fn replica(api: &Api, calls: u32, failures: u32) -> String {
    let store = connect(&api.bed.url, api.bed.desk.store.clock().clone());
    let desk = Desk { store, ..api.bed.desk.clone() };
    serve(api::router(state(&desk, &api.stop).calling_at_most(Rates::new(calls, failures))), &api.stop).await
}

/// What an answer says of rates: the header `RateLimit`.
fn left(answer: &Answer) -> String {
    answer.header("ratelimit").unwrap_or_else(|| panic!("nothing is said: {answer:?}"))
}

#[tokio::test]
async fn who_calls_too_often_is_told_when_to_come_back() {
    let api = Api::new().await;
    let base = replica(&api, 6, 0).await;
    let me = |who: &str| api.get(who, &format!("{base}/v1/me"));
    for (before, after) in [(5, 10), (4, 20), (3, 30), (2, 40), (1, 50), (0, 60)] {
        let answer = me("alice").await.is(200);
        assert_eq!(left(&answer), format!("\"caller\";r={before};t={after}"));
        assert_eq!(answer.header("ratelimit-policy").as_deref(), Some("\"caller\";q=6;w=60"));
    }
    for _ in 0..3 {
        let refused = me("alice").await.fails(429, "rate-limited");
        assert_eq!(refused.header("retry-after").as_deref(), Some("10"), "asking again does not make it longer");
        assert_eq!(left(&refused), "\"caller\";r=0;t=10");
        assert!(refused.detail().contains("wait 10 s"), "{}", refused.detail());
    }
    me("dan").await.is(200);
    let filed = api.post("alice", &format!("{base}/v1/requests")).json(&ask(json!({}))).await;
    filed.fails(429, "rate-limited");
    assert_eq!(number(&api.bed.url, "SELECT count(*) FROM request").await, 0, "nothing was done");
    api.bed.hands.advance(TimeDelta::seconds(10));
    me("alice").await.is(200);
    me("alice").await.fails(429, "rate-limited");
}

#[tokio::test]
async fn ending_access_is_never_too_often() {
    let api = Api::new().await;
    let base = replica(&api, 2, 0).await;
    let (mine, granted) = (api.filed("alice").await, api.granted().await);
    for who in ["alice", "bob"] {
        for _ in 0..2 {
            api.get(who, &format!("{base}/v1/me")).await.is(200);
        }
        api.get(who, &format!("{base}/v1/me")).await.fails(429, "rate-limited");
    }
    let withdrawn = api.post("alice", &format!("{base}{mine}/withdraw")).await.is(200);
    assert!(withdrawn.header("ratelimit").is_none(), "it is not counted");
    let why = json!({"reason": "an incident"});
    api.post("bob", &format!("{base}{granted}/revoke")).json(&why).await.is(200);
    let everything = json!({"requester": "alice", "reason": "an incident"});
    api.post("bob", &format!("{base}/v1/revocations")).json(&everything).await.is(200);
    api.post("alice", &format!("{base}{granted}/relinquish")).await.fails(409, "illegal-state");
    api.post("alice", &format!("{base}{granted}/extend"))
        .json(&json!({"duration": "1h"}))
        .await
        .fails(429, "rate-limited");
}

#[tokio::test]
async fn what_one_replica_has_let_through_counts_on_the_others() {
    let api = Api::new().await;
    let replicas = [replica(&api, 40, 0).await, replica(&api, 40, 0).await];
    let mut through = 0;
    // Each by itself would let 40 through; a replica tells the other after two calls.
    for call in 0..100 {
        let base = &replicas[usize::from(call >= 20) & (call % 2)];
        let answer = api.get("alice", &format!("{base}/v1/me")).await;
        through += usize::from(answer.status == 200);
        assert!([200, 429].contains(&answer.status), "{answer:?}");
    }
    assert!((40..=44).contains(&through), "{through} of 40 were let through");
    for base in &replicas {
        api.get("alice", &format!("{base}/v1/me")).await.fails(429, "rate-limited");
        api.get("dan", &format!("{base}/v1/me")).await.is(200);
    }
    api.bed.hands.advance(TimeDelta::minutes(2));
    for base in &replicas {
        api.get("alice", &format!("{base}/v1/me")).await.is(200);
    }
    entryway::workflow::sweep::forget(&api.bed.desk).await.unwrap();
    assert_eq!(number(&api.bed.url, "SELECT count(*) FROM call_allowance").await, 0, "nobody is remembered for long");
}

#[tokio::test]
async fn who_calls_seldom_costs_no_statement() {
    let api = Api::new().await;
    let base = replica(&api, 40, 0).await;
    for who in ["alice", "dan", "bob"] {
        api.get(who, &format!("{base}/v1/me")).await.is(200);
    }
    assert_eq!(number(&api.bed.url, "SELECT count(*) FROM call_allowance").await, 0);
}

#[tokio::test]
async fn a_person_is_one_caller_by_whatever_road() {
    let api = Api::new().await;
    let base = replica(&api, 2, 0).await;
    let me = |who: &str| api.get(who, &format!("{base}/v1/me"));
    me("alice").await.is(200);
    me("portal").header("entryway-on-behalf-of", "alice").await.is(200);
    me("portal").header("entryway-on-behalf-of", "alice").await.fails(429, "rate-limited");
    me("alice").await.fails(429, "rate-limited");
    me("portal").header("entryway-on-behalf-of", "dan").await.is(200);
    me("portal").await.is(200);
    // Who may not speak for anybody is counted themselves.
    for _ in 0..2 {
        me("robot").header("entryway-on-behalf-of", "dan").await.fails(403, "forbidden");
    }
    me("robot").header("entryway-on-behalf-of", "dan").await.fails(429, "rate-limited");
    me("dan").await.is(200);
}

#[tokio::test]
async fn strangers_are_counted_by_address_and_keep_nobody_else_out() {
    let api = Api::new().await;
    let base = replica(&api, 0, 3).await;
    let me = || api.call(Method::GET, &format!("{base}/v1/me"));
    for token in [None, Some("guessed"), Some("guessed again")] {
        let call = token.into_iter().fold(me(), |call, token| call.by(token));
        call.await.fails(401, "unauthenticated");
    }
    let refused = me().by("guessed").await.fails(429, "rate-limited");
    assert_eq!(
        (refused.header("retry-after").as_deref(), left(&refused).as_str()),
        (Some("20"), "\"address\";r=0;t=20")
    );
    let alice = me().by("alice").await.is(200);
    assert!(alice.header("ratelimit").is_none(), "whoever has a token is not concerned");
    for open in ["/livez", "/readyz", "/openapi.json", "/problems"] {
        api.call(Method::GET, &format!("{base}{open}")).await.is(200);
    }
    api.bed.hands.advance(TimeDelta::seconds(20));
    me().await.fails(401, "unauthenticated");
}

#[tokio::test]
async fn while_postgres_is_away_each_process_counts_for_itself_and_keeps_nobody_out_for_it() {
    let api = Api::new().await;
    let nowhere = connect("postgres://nobody@127.0.0.1:1/nothing", api.bed.desk.store.clock().clone());
    let desk = Desk { store: nowhere, ..api.bed.desk.clone() };
    let base = serve(api::router(state(&desk, &api.stop).calling_at_most(Rates::new(2, 0))), &api.stop).await;
    for _ in 0..2 {
        api.get("alice", &format!("{base}/v1/me")).await.is(200);
    }
    api.get("alice", &format!("{base}/v1/me")).await.fails(429, "rate-limited");
}

#[tokio::test]
async fn the_database_tells_the_time_of_what_is_shared() {
    let api = Api::new().await;
    let desk = Desk { store: connect(&api.bed.url, Clock::database()), ..api.bed.desk.clone() };
    let cost = TimeDelta::seconds(3);
    for told in 1..=3_i32 {
        let owed = desk.tell_of_calls("alice", cost).await.unwrap();
        let added = cost * told;
        // What passes between two statements is earned back.
        assert!(owed <= added && owed > added - TimeDelta::seconds(2), "{owed} of {added}");
    }
    assert_eq!(desk.tell_of_calls("dan", cost).await.unwrap(), cost);
}

//! Waiting for something to happen, instead of asking again and again.

use std::time::Duration;

use entryway::domain::states::RequestState;
use serde_json::json;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::bed::{Answer, Api, ask, path};

/// Far less than the waits below ask for, and far more than an answer takes.
const SOON: Duration = Duration::from_secs(20);

fn id(at: &str) -> Uuid {
    at.rsplit('/').next().unwrap().parse().unwrap()
}

async fn soon(api: &Api, path: &str) -> Answer {
    tokio::time::timeout(SOON, api.get("alice", path).into_future()).await.unwrap_or_else(|_| panic!("{path} holds on"))
}

fn start(api: &Api, path: &str) -> JoinHandle<Answer> {
    tokio::spawn(api.get("alice", path).into_future())
}

async fn ended(waiting: JoinHandle<Answer>) -> Answer {
    tokio::time::timeout(SOON, waiting).await.expect("the wait ends").unwrap()
}

/// Makes the next request to be applied fail for good.
fn spoil(api: &Api) {
    let refusal = json!({"op": "CreateAccessEntry", "times": 1, "action": {"kind": "error", "status": 400,
        "code": "InvalidParameterException", "message": "No."}});
    api.bed.sim.inject(serde_json::from_value(refusal).unwrap());
}

#[tokio::test]
async fn a_wait_until_a_state_ends_when_it_is_reached() {
    let api = Api::new().await;
    let at = api.filed("alice").await;
    let waiting = start(&api, &format!("{at}?wait=60s&until=active"));
    api.post("bob", &format!("{at}/reviews")).json(&json!({"decision": "approve"})).await.is(201);
    api.bed.until(id(&at), RequestState::Active).await;
    let answer = ended(waiting).await.is(200);
    assert_eq!(answer.body["state"], "active");
    assert_eq!(answer.etag(), format!("\"{}\"", answer.body["version"]));
    assert_eq!(
        soon(&api, &format!("{at}?wait=60s&until=active")).await.body["state"],
        "active",
        "at once where it is so"
    );
}

#[tokio::test]
async fn a_wait_ends_with_the_next_change() {
    let api = Api::new().await;
    let at = api.filed("alice").await;
    let waiting = start(&api, &format!("{at}?wait=60s"));
    // Whenever the call arrives, there is a change after it.
    api.post("bob", &format!("{at}/reviews")).json(&json!({"decision": "approve"})).await.is(201);
    api.bed.until(id(&at), RequestState::Active).await;
    api.post("alice", &format!("{at}/relinquish")).await.is(200);
    api.bed.until(id(&at), RequestState::Ended).await;
    assert_ne!(ended(waiting).await.is(200).body["state"], "pending");
}

#[tokio::test]
async fn nobody_waits_for_what_does_not_come_by_itself() {
    let api = Api::new().await;
    let withdrawn = api.filed("alice").await;
    api.post("alice", &format!("{withdrawn}/withdraw")).await.is(200);
    for until in ["active", "ended", "pending", "failed"] {
        assert_eq!(soon(&api, &format!("{withdrawn}?wait=60s&until={until}")).await.body["state"], "withdrawn");
    }

    spoil(&api);
    let failing = api.granted().await;
    let waiting = start(&api, &format!("{failing}?wait=60s&until=active"));
    api.bed.until(id(&failing), RequestState::Failed).await;
    assert_eq!(ended(waiting).await.is(200).body["state"], "failed", "active is reached only if somebody retries");
    for until in ["active", "applying", "ended", "failed"] {
        assert_eq!(soon(&api, &format!("{failing}?wait=60s&until={until}")).await.body["state"], "failed", "{until}");
    }
}

#[tokio::test]
async fn a_wait_that_is_over_shows_how_things_are() {
    let api = Api::new().await;
    let at = api.filed("alice").await;
    for query in ["wait=0s", "wait=10ms", "wait=PT0.01S", "wait=10ms&until=active", "wait=0s&until=lapsed"] {
        assert_eq!(soon(&api, &format!("{at}?{query}")).await.is(200).body["state"], "pending", "{query}");
    }
}

#[tokio::test]
async fn a_process_that_stops_lets_nobody_wait() {
    let api = Api::new().await;
    let at = path(&api.file("alice", &ask(json!({}))).await);
    let mut waiting = vec![];
    for _ in 0..5 {
        waiting.push(start(&api, &format!("{at}?wait=60s&until=active")));
    }
    // On its way or waiting already: whoever got in is answered, whoever did not finds the door shut.
    api.get("alice", &at).await.is(200);
    api.stop.cancel();
    for call in waiting {
        match tokio::time::timeout(SOON, call).await.expect("the wait ends") {
            Ok(answer) => assert_eq!(answer.is(200).body["state"], "pending"),
            Err(turned_away) => assert!(turned_away.is_panic()),
        }
    }
}

#[tokio::test]
async fn what_is_no_wait_is_refused() {
    let api = Api::new().await;
    let at = api.filed("alice").await;
    for (query, names) in [
        ("wait=61s", vec!["wait"]),
        ("wait=2h", vec!["wait"]),
        ("wait=30", vec!["wait"]),
        ("wait=-1s", vec!["wait"]),
        ("wait=", vec!["wait"]),
        ("wait=1s&wait=2s", vec!["wait"]),
        ("wait=1s&until=gone", vec!["until"]),
        ("wait=1s&until=", vec!["until"]),
        ("until=active", vec!["until"]),
        ("wait=x&until=y&z=1", vec!["wait", "until", "z"]),
    ] {
        let answer = soon(&api, &format!("{at}?{query}")).await.fails(400, "bad-parameter");
        let wrong: Vec<_> = answer.errors().into_iter().map(|(_, name)| name).collect();
        assert!(names.iter().all(|name| wrong.iter().any(|known| known == name)), "{query}: {wrong:?}");
    }
}

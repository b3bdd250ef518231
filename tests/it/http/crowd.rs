//! A thousand at once who wait.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;

use super::bed::{Api, ask, path};
use crate::harness::http;

/// Who waits for each of so many requests.
const EACH: usize = 50;
const REQUESTS: usize = 20;

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_wait_on_one_process_and_are_all_answered() {
    let api = Api::new().await;
    let mut paths = vec![];
    for _ in 0..REQUESTS {
        paths.push(path(&api.file("alice", &ask(json!({}))).await));
    }
    let client = http();
    let mut waiting = vec![];
    for path in &paths {
        let url = format!("{}{path}?wait=60s&until=active", api.base);
        for _ in 0..EACH {
            let call = client.get(&url).timeout(Duration::from_secs(75));
            waiting.push(tokio::spawn(call.header("authorization", "Bearer alice-token").send()));
        }
        // While they come, and while they wait, everybody else is served.
        api.get("bob", path).await.is(200);
    }
    assert!(waiting.iter().all(|call| !call.is_finished()), "nobody is turned away");
    for path in &paths {
        api.post("bob", &format!("{path}/reviews")).json(&json!({"decision": "deny", "comment": "no"})).await.is(201);
    }
    for answer in join_all(waiting).await {
        let answer = answer.unwrap().unwrap();
        assert_eq!(answer.status(), 200, "{:?}", answer.text().await);
        let body: serde_json::Value = answer.json().await.unwrap();
        assert_eq!(body["state"], "denied");
    }
}

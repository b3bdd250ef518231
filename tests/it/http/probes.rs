//! Is it there, can it work, how are things.

use chrono::TimeDelta;
use entryway::api;
use entryway::clock::Clock;
use entryway::domain::states::RequestState;
use entryway::workflow::Desk;
use reqwest::Method;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::bed::{Api, ask, serve, state};
use crate::harness::database;

#[tokio::test]
async fn the_probes_are_for_everybody() {
    let api = Api::new().await;
    let live = api.call(Method::GET, "/livez").await.is(200);
    assert_eq!(live.body, json!({"status": "ok", "detail": null}));
    let ready = api.call(Method::GET, "/readyz").await.is(200);
    assert_eq!(ready.body, json!({"status": "ready", "detail": null}));
}

#[tokio::test]
async fn figures_are_for_those_who_may_audit() {
    let api = Api::new().await;
    api.file("alice", &ask(json!({}))).await;
    api.get("alice", "/metrics").await.fails(403, "forbidden");
    let figures = api.get("olga", "/metrics").await.is(200);
    assert!(figures.header("content-type").unwrap().starts_with("text/plain"));
    for line in [
        "entryway_requests{state=\"pending\"} 1",
        "entryway_requests{state=\"active\"} 0",
        "# TYPE entryway_build_info gauge",
    ] {
        assert!(figures.text.lines().any(|known| known == line), "{line}: {}", figures.text);
    }
    assert!(!figures.text.contains("alice") && !figures.text.contains("arn:"), "nobody is named");
}

#[tokio::test]
async fn access_that_was_taken_back_and_is_still_there_shows_in_the_figures() {
    let api = Api::new().await;
    let id = api.granted().await.rsplit('/').next().unwrap().parse().unwrap();
    api.bed.until(id, RequestState::Active).await;
    let overdue = async || {
        let figures = api.get("olga", "/metrics").await.is(200).text;
        let figure = figures.lines().find_map(|line| line.strip_prefix("entryway_expiry_overdue_seconds_max "));
        figure.unwrap().parse::<i64>().unwrap()
    };
    assert_eq!(overdue().await, 0);
    api.bed.revoke("bob", id).await.unwrap();
    api.bed.pass(TimeDelta::minutes(7));
    assert_eq!(overdue().await, 420);
    api.bed.until(id, RequestState::Ended).await;
    assert_eq!(overdue().await, 0);
}

#[tokio::test]
async fn without_postgres_it_lives_and_is_not_ready_and_says_so_in_problems() {
    let api = Api::new().await;
    let nowhere = database::connect("postgres://nobody@127.0.0.1:1/nothing", Clock::database());
    let stop = CancellationToken::new();
    let base = serve(api::router(state(&Desk { store: nowhere, ..api.bed.desk.clone() }, &stop)), &stop).await;
    api.call(Method::GET, &format!("{base}/livez")).await.is(200);
    let ready = api.call(Method::GET, &format!("{base}/readyz")).await.is(503);
    assert_eq!(ready.body["status"], "unavailable");
    let calls = [
        api.get("alice", &format!("{base}/v1/requests")),
        api.get("alice", &format!("{base}/v1/requests/{}", Uuid::nil())),
        api.post("alice", &format!("{base}/v1/requests")).json(&ask(json!({}))),
        api.get("alice", &format!("{base}/v1/clusters")),
        // Who fails to show a token is turned away by what this process knows.
        api.get("mallory", &format!("{base}/v1/me")),
    ];
    let mut codes = vec![];
    for call in calls.map(|call| tokio::spawn(call.into_future())) {
        codes.push(call.await.unwrap().code().to_owned());
    }
    assert_eq!(codes, ["unavailable", "unavailable", "unavailable", "unavailable", "unauthenticated"]);
    api.get("alice", &format!("{base}/v1/me")).await.is(200);
    stop.cancel();
}

#[tokio::test]
async fn a_process_that_stops_is_not_ready() {
    let api = Api::new().await;
    let stop = CancellationToken::new();
    // The listener goes on, as it does for calls that have arrived.
    let base = serve(api::router(state(&api.bed.desk, &stop)), &api.stop).await;
    stop.cancel();
    let ready = api.call(Method::GET, &format!("{base}/readyz")).await.is(503);
    assert_eq!(ready.body["status"], "stopping");
    api.call(Method::GET, &format!("{base}/livez")).await.is(200);
}

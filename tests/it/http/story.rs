//! The timeline reads as a story: everything that a request met with is in it, and its own chain holds all the same.

use chrono::TimeDelta;
use entryway::domain::states::RequestState;
use serde_json::{Value, json};
use uuid::Uuid;

use super::bed::{Api, ask, path};
use crate::harness::{ROLE, http};

fn id(at: &str) -> Uuid {
    at.rsplit('/').next().unwrap().parse().unwrap()
}

async fn timeline(api: &Api, at: &str) -> Vec<Value> {
    let events = api.get("bob", &format!("{at}/events")).await.is(200).body;
    events["items"].as_array().unwrap().clone()
}

fn types(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().unwrap()).collect()
}

/// What is in the chain of the request itself follows link by link.
fn chain_holds(events: &[Value], at: &str) {
    let own: Vec<_> = events.iter().filter(|event| event["requestId"] == json!(id(at))).collect();
    assert_eq!(own[0]["prevHash"], Value::Null);
    assert!(own.windows(2).all(|pair| pair[1]["prevHash"] == pair[0]["hash"]));
    assert!(events.windows(2).all(|pair| pair[0]["seq"].as_i64() < pair[1]["seq"].as_i64()));
}

async fn by_hand(api: &Api, groups: Value) {
    let edit = json!({"cluster": "dev", "principalArn": ROLE, "kubernetesGroups": groups});
    let url = format!("{}/_sim/entries", api.bed.sim.endpoint_url());
    assert!(http().put(url).json(&edit).send().await.unwrap().status().is_success());
}

async fn see_drift(api: &Api) {
    for wait in [TimeDelta::minutes(10), TimeDelta::seconds(2)] {
        api.bed.pass(wait);
        api.bed.work().await;
    }
}

#[tokio::test]
async fn refused_clicks_drift_and_repair_are_part_of_it() {
    let api = Api::new().await;
    let at = api.filed("alice").await;
    let approve = json!({"decision": "approve"});
    let version = api.get("bob", &at).await.body["version"].clone();
    api.post("alice", &format!("{at}/reviews")).json(&approve).await.fails(403, "self-approval");
    api.post("olga", &format!("{at}/reviews")).json(&approve).await.fails(403, "forbidden");
    assert_eq!(api.get("bob", &at).await.body["version"], version, "what was refused changes nothing");
    api.post("bob", &format!("{at}/reviews")).json(&approve).await.is(201);
    api.bed.until(id(&at), RequestState::Active).await;
    by_hand(&api, json!(["intruders"])).await;
    see_drift(&api).await;
    api.bed.until(id(&at), RequestState::Active).await;
    api.post("alice", &format!("{at}/relinquish")).json(&json!({"reason": "done"})).await.is(200);
    api.bed.until(id(&at), RequestState::Ended).await;

    let events = timeline(&api, &at).await;
    let story = [
        ("request.submitted", "alice"),
        ("request.refused", "alice"),
        ("request.refused", "olga"),
        ("request.reviewed", "bob"),
        ("request.applying", "entryway"),
        ("entry.created", "entryway"),
        ("entry.policy_associated", "entryway"),
        ("request.verifying", "entryway"),
        ("request.active", "entryway"),
        ("entry.drifted", "entryway"),
        ("request.applying", "entryway"),
        ("entry.updated", "entryway"),
        ("request.verifying", "entryway"),
        ("entry.repaired", "entryway"),
        ("request.active", "entryway"),
        ("request.revoking", "alice"),
        ("entry.deleted", "entryway"),
        ("request.ended", "entryway"),
    ];
    let told: Vec<_> = events.iter().map(|e| (e["type"].as_str().unwrap(), e["actor"].as_str().unwrap())).collect();
    assert_eq!(told, story);
    assert!(events.windows(2).all(|pair| pair[1]["prevHash"] == pair[0]["hash"]), "all of it is one chain");
    for event in events.iter().filter(|event| event["type"].as_str().unwrap().starts_with("entry.")) {
        let written = !matches!(event["type"].as_str().unwrap(), "entry.drifted" | "entry.repaired");
        assert_eq!(event["data"]["awsRequestId"].is_string(), written, "{event}");
    }
}

#[tokio::test]
async fn what_is_done_to_an_entry_is_told_in_the_story_of_everybody_who_holds_it() {
    let api = Api::new().await;
    let first = api.granted().await;
    api.bed.until(id(&first), RequestState::Active).await;
    let second = path(&api.file("dan", &ask(json!({"kubernetesGroups": ["viewers"]}))).await);
    api.post("bob", &format!("{second}/reviews")).json(&json!({"decision": "approve"})).await.is(201);
    api.bed.until(id(&second), RequestState::Active).await;
    by_hand(&api, json!(["viewers", "intruders"])).await;
    see_drift(&api).await;
    api.bed.until(id(&second), RequestState::Active).await;

    let (one, other) = (timeline(&api, &first).await, timeline(&api, &second).await);
    for (events, at) in [(&one, &first), (&other, &second)] {
        chain_holds(events, at);
        let told = types(events);
        for expected in ["entry.drifted", "entry.repaired"] {
            assert!(told.contains(&expected), "{at} knows nothing of {expected}: {told:?}");
        }
    }
    assert!(
        types(&other).contains(&"entry.updated") && !types(&one).contains(&"entry.updated"),
        "whose groups they are"
    );
    let drifted = |events: &[Value]| events.iter().find(|e| e["type"] == "entry.drifted").unwrap()["id"].clone();
    assert_eq!(drifted(&one), drifted(&other), "it happened once");
    assert!(!types(&other).contains(&"entry.created"), "what was before it is not its story");
}

#[tokio::test]
async fn an_entry_of_somebody_elses_is_told_of_by_the_request_that_met_it() {
    let api = Api::new().await;
    by_hand(&api, json!(["theirs"])).await;
    let at = api.granted().await;
    api.bed.until(id(&at), RequestState::Failed).await;
    let events = timeline(&api, &at).await;
    assert_eq!(types(&events)[3..], ["entry.conflict", "request.failed"]);
    chain_holds(&events, &at);
}

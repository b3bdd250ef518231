//! Extending access over the API.

use chrono::TimeDelta;
use entryway::domain::states::RequestState;
use serde_json::{Value, json};
use uuid::Uuid;

use super::bed::{Api, ask, path};

fn id(at: &str) -> Uuid {
    at.rsplit('/').next().unwrap().parse().unwrap()
}

async fn active(api: &Api) -> String {
    let at = api.granted().await;
    api.bed.until(id(&at), RequestState::Active).await;
    at
}

fn more() -> Value {
    json!({"duration": "9h", "reason": "it takes longer than we thought"})
}

#[tokio::test]
async fn it_is_a_request_of_its_own_that_names_the_one_it_extends() {
    let api = Api::new().await;
    let at = active(&api).await;
    let seen = api.get("alice", &at).await.is(200);
    let extend = || api.post("alice", &format!("{at}/extend")).json(&more());
    extend().header("if-match", "\"1\"").await.fails(412, "stale");
    let filed = extend().header("if-match", &seen.etag()).key("once").await.is(201);
    assert_eq!(filed.header("location").unwrap(), path(&filed.body));
    let told = ["extends", "state", "duration", "reason", "ticket", "clusterName", "principalArn", "accessPolicies"];
    let told = told.map(|field| filed.body[field].clone());
    let before = &seen.body;
    assert_eq!(
        told.to_vec(),
        vec![
            before["id"].clone(),
            json!("pending"),
            json!("PT9H"),
            json!("it takes longer than we thought"),
            before["ticket"].clone(),
            before["clusterName"].clone(),
            before["principalArn"].clone(),
            before["accessPolicies"].clone(),
        ]
    );
    assert_eq!((&filed.body["reviews"], &filed.body["approval"]["status"]), (&json!([]), &json!("waiting")));

    for seen in
        [&api.get("alice", &at).await.is(200).body, &api.get("alice", "/v1/requests").await.is(200).body["items"][1]]
    {
        assert_eq!(
            (&seen["id"], &seen["allowedActions"]),
            (&before["id"], &json!(["relinquish"])),
            "not a second time"
        );
    }
    let again = extend().header("if-match", &seen.etag()).key("once").await.is(201);
    assert!(again.replayed() && again.body["id"] == filed.body["id"]);
    extend().await.fails(409, "illegal-state");

    let new = path(&filed.body);
    api.post("bob", &format!("{new}/reviews")).json(&json!({"decision": "approve"})).await.is(201);
    api.bed.until(id(&new), RequestState::Active).await;
    api.bed.until(id(&at), RequestState::Ended).await;
    let old = api.get("alice", &at).await.is(200).body;
    assert_eq!((&old["endReason"], &old["extends"]), (&json!("superseded"), &Value::Null));
    let story = api.get("alice", &format!("{at}/events")).await.is(200).body;
    let items = story["items"].as_array().unwrap();
    let revoking = items.iter().find(|event| event["type"] == "request.revoking").unwrap();
    assert_eq!(revoking["data"]["supersededBy"], filed.body["id"], "{revoking}");
}

#[tokio::test]
async fn policy_limits_how_far_ahead_access_reaches_and_not_what_each_extension_adds() {
    let api = Api::new().await;
    let filed = api.file("alice", &ask(json!({"clusterName": "prod", "duration": "8h"}))).await;
    let at = path(&filed);
    api.post("bob", &format!("{at}/reviews")).json(&json!({"decision": "approve"})).await.is(201);
    api.bed.until(id(&at), RequestState::Active).await;
    let extend = |duration: &str| {
        let body = json!({"duration": duration, "reason": "it takes longer than we thought"});
        api.post("alice", &format!("{at}/extend")).json(&body)
    };
    let refused = extend("1h").await.fails(403, "request-not-permitted");
    assert!(refused.detail().contains("at most 8 hours"), "nearly eight hours are left: {refused:?}");
    api.bed.pass(TimeDelta::hours(6));
    extend("7h").await.fails(403, "request-not-permitted");
    let new = extend("6h").await.is(201).body;
    // What policy was asked about does not change while people think about it.
    api.post("bob", &format!("{}/reviews", path(&new))).json(&json!({"decision": "approve"})).await.is(201);
    api.bed.until(id(&path(&new)), RequestState::Active).await;

    // What needs nobody's approval for eight hours needs it for more.
    let free = json!({"accessPolicies": [{"policyArn": "AmazonEKSViewPolicy",
        "accessScope": {"type": "namespace", "namespaces": ["payments"]}}], "kubernetesGroups": [], "duration": "8h"});
    let at = path(&api.file("alice", &ask(free)).await);
    api.bed.until(id(&at), RequestState::Active).await;
    let extend = |duration: &str| {
        let body = json!({"duration": duration, "reason": "it takes longer than we thought"});
        api.post("alice", &format!("{at}/extend")).json(&body)
    };
    let waits = extend("1h").await.is(201).body;
    assert_eq!((&waits["state"], &waits["approval"]["status"]), (&json!("pending"), &json!("waiting")));
}

#[tokio::test]
async fn what_is_wrong_with_it_is_said_at_once() {
    let api = Api::new().await;
    let at = active(&api).await;
    let extend = |body: Value| api.post("alice", &format!("{at}/extend")).json(&body);
    let errors = extend(json!({"duration": "8d"})).await.fails(422, "validation-failed").errors();
    let expected = [("reason-required", "/reason"), ("duration-too-long", "/duration")];
    assert_eq!(errors, expected.map(|(code, at)| (code.to_owned(), at.to_owned())));
    let errors = extend(json!({"reason": "why"})).await.fails(422, "validation-failed").errors();
    assert_eq!(errors, [("duration-required".to_owned(), "/duration".to_owned())]);
    extend(json!({"duration": "2h", "clusterName": "prod"})).await.fails(400, "malformed-json");
    api.post("bob", &format!("{at}/extend")).json(&more()).await.fails(403, "forbidden");
    assert_eq!(api.get("alice", &at).await.body["allowedActions"], json!(["relinquish", "extend"]));
    let filed = extend(more()).await.is(201).body;
    api.post("alice", &format!("{}/reviews", path(&filed)))
        .json(&json!({"decision": "approve"}))
        .await
        .fails(403, "self-approval");
}

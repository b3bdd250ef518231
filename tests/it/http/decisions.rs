//! The life of a request over the API: reviewed, withdrawn, revoked, given back, tried again; each by whom it may be.

use chrono::TimeDelta;
use entryway::domain::states::RequestState;
use serde_json::{Value, json};
use uuid::Uuid;

use super::bed::{Api, ask, path};

fn id(at: &str) -> Uuid {
    at.rsplit('/').next().unwrap().parse().unwrap()
}

fn approve() -> Value {
    json!({"decision": "approve"})
}

#[tokio::test]
async fn from_the_ask_to_the_proof_and_the_end() {
    let api = Api::new().await;
    let at = api.filed("alice").await;
    assert_eq!(api.get("bob", &at).await.body["allowedActions"], json!(["approve", "deny"]));
    let approved = api.post("bob", &format!("{at}/reviews")).json(&json!({"decision": "approve", "comment": "fine"}));
    let approved = approved.await.is(201).body;
    assert_eq!((&approved["state"], &approved["approval"]["status"]), (&json!("applying"), &json!("satisfied")));
    let review = &approved["reviews"][0];
    let told = ["reviewer", "decision", "comment", "via", "submittedBy", "counts"].map(|field| review[field].clone());
    assert_eq!(
        told.to_vec(),
        vec![json!("bob"), json!("approve"), json!("fine"), json!("api"), Value::Null, json!(true)]
    );

    api.bed.until(id(&at), RequestState::Active).await;
    let active = api.get("alice", &at).await.is(200).body;
    assert_eq!((&active["state"], &active["verification"]["level"]), (&json!("active"), &json!("settled")));
    assert_eq!(active["allowedActions"], json!(["relinquish", "extend"]));
    assert!(active["grant"]["expiresAt"].is_string() && active["verification"]["lagMs"].is_number());

    let revoked = api.post("carol", &format!("{at}/revoke")).json(&json!({"reason": "over"})).await.is(200).body;
    assert_eq!((&revoked["state"], &revoked["endReason"]), (&json!("revoking"), &json!("revoked")));
    api.bed.until(id(&at), RequestState::Ended).await;
    let ended = api.get("alice", &at).await.is(200).body;
    assert_eq!((&ended["endReason"], &ended["allowedActions"]), (&json!("revoked"), &json!([])));

    let events = api.get("alice", &format!("{at}/events")).await.is(200);
    let types = events.each("type");
    for expected in [
        "request.submitted",
        "request.reviewed",
        "request.applying",
        "request.active",
        "request.revoking",
        "request.ended",
    ] {
        assert!(types.iter().any(|kind| kind == expected), "{expected}: {types:?}");
    }
    let items = events.body["items"].as_array().unwrap();
    assert!(items.windows(2).all(|pair| pair[0]["seq"].as_i64() < pair[1]["seq"].as_i64()), "oldest first");
    assert!(items.windows(2).all(|pair| pair[1]["prevHash"] == pair[0]["hash"]), "and chained");
    let revoking = items.iter().find(|event| event["type"] == "request.revoking").unwrap();
    assert_eq!((&revoking["actor"], &revoking["data"]["reason"]), (&json!("carol"), &json!("over")));
}

#[tokio::test]
async fn a_deny_needs_a_comment_and_is_final() {
    let api = Api::new().await;
    let at = api.filed("alice").await;
    let review = |body: Value| api.post("bob", &format!("{at}/reviews")).json(&body);
    for comment in [Value::Null, json!(""), json!(" \n")] {
        let answer = review(json!({"decision": "deny", "comment": comment})).await.fails(422, "validation-failed");
        assert_eq!(answer.errors(), [("comment-required".to_owned(), "/comment".to_owned())]);
    }
    let denied = review(json!({"decision": "deny", "comment": "not today"})).await.is(201).body;
    assert_eq!((&denied["state"], &denied["approval"]["status"]), (&json!("denied"), &json!("denied")));
    let late = api.post("carol", &format!("{at}/reviews")).json(&approve()).await.fails(409, "not-pending");
    assert!(late.detail().contains("denied"), "{}", late.detail());
}

#[tokio::test]
async fn each_decision_is_for_those_it_is_for() {
    let api = Api::new().await;
    let at = api.filed("alice").await;
    let act = |who: &str, action: &str| api.post(who, &format!("{at}/{action}")).json(&json!({"reason": "why"}));
    let review = |who: &str| api.post(who, &format!("{at}/reviews")).json(&approve());
    review("alice").await.fails(403, "self-approval");
    review("olga").await.fails(403, "forbidden");
    act("bob", "withdraw").await.fails(403, "forbidden");
    act("alice", "revoke").await.fails(403, "forbidden");
    act("bob", "relinquish").await.fails(403, "forbidden");
    act("bob", "retry").await.fails(403, "forbidden");
    // Rights first, states second; and each state says what would be possible.
    let early = act("bob", "revoke").await.fails(409, "illegal-state");
    assert!(early.detail().contains("deny it"), "{}", early.detail());
    act("alice", "relinquish").await.fails(409, "illegal-state");
    act("alice", "retry").await.fails(409, "illegal-state");
    assert_eq!(api.get("bob", &at).await.body["version"], 1, "none of that changed anything");
    review("carol").await.is(201);
    act("alice", "withdraw").await.fails(409, "not-pending");
    review("bob").await.fails(409, "not-pending");
}

#[tokio::test]
async fn two_people_and_one_of_them_from_security() {
    let api = Api::new().await;
    let admin = json!({"clusterName": "prod", "duration": "1h",
        "accessPolicies": [{"policyArn": "AmazonEKSClusterAdminPolicy", "accessScope": {"type": "cluster"}}]});
    let at = path(&api.file("alice", &ask(admin)).await);
    let review = |who: &str| api.post(who, &format!("{at}/reviews")).json(&approve());
    let first = review("bob").await.is(201).body;
    assert_eq!((&first["state"], &first["approval"]["approvals"]), (&json!("pending"), &json!(1)));
    assert!(first["approval"]["missing"].to_string().contains("security"), "{}", first["approval"]);
    assert_eq!(first["allowedActions"], json!([]), "bob has said what he has to say");
    review("bob").await.fails(409, "already-reviewed");
    let second = review("carol").await.is(201).body;
    assert_eq!((&second["state"], &second["approval"]["missing"]), (&json!("applying"), &json!([])));
}

#[tokio::test]
async fn what_failed_says_why_and_can_be_tried_again() {
    let api = Api::new().await;
    let refusal = json!({"op": "CreateAccessEntry", "times": 1, "action": {"kind": "error", "status": 400,
        "code": "InvalidParameterException", "message": "The username is odd."}});
    api.bed.sim.inject(serde_json::from_value(refusal).unwrap());
    let at = api.granted().await;
    api.bed.until(id(&at), RequestState::Failed).await;
    let failed = api.get("alice", &at).await.is(200).body;
    let error = &failed["lastError"];
    assert_eq!((&error["code"], &error["awsMessage"]), (&json!("eks-refused"), &json!("The username is odd.")));
    assert_eq!(error["retrying"], json!(false));
    assert_eq!(failed["allowedActions"], json!(["relinquish", "retry"]));
    api.bed.pass(TimeDelta::minutes(1));
    let again = api.post("alice", &format!("{at}/retry")).json(&json!({"reason": "EKS was odd"})).await.is(200).body;
    assert_eq!((&again["state"], &again["lastError"]), (&json!("applying"), &Value::Null));
    api.bed.until(id(&at), RequestState::Active).await;
}

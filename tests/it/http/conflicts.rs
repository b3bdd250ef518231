//! Asks that are sound by themselves and not beside what is there already.

use std::sync::Arc;

use entryway::domain::states::RequestState;
use serde_json::json;

use super::bed::{Api, ask, path};

#[tokio::test]
async fn what_is_live_on_the_same_entry_decides_its_type_and_username() {
    let api = Api::new().await;
    let live = api.file("bob", &ask(json!({"username": "ops:{{SessionName}}"}))).await;
    let at = path(&live);
    api.post("bob", "/v1/requests?dryRun=true").json(&ask(json!({"username": "other:{{SessionName}}"}))).await.is(200);
    api.post("carol", &format!("{at}/reviews")).json(&json!({"decision": "approve"})).await.is(201);

    let other = api.post("bob", "/v1/requests").json(&ask(json!({"username": "other:{{SessionName}}"}))).await;
    let other = other.fails(409, "username-conflict");
    assert_eq!(other.errors(), [("username-conflict".to_owned(), "/username".to_owned())]);
    assert!(other.detail().contains(live["id"].as_str().unwrap()), "it names what is in the way: {}", other.detail());
    let node = json!({"type": "EC2_LINUX", "accessPolicies": []});
    let node_too = api.post("bob", "/v1/requests").json(&ask(node.clone())).await.fails(409, "type-conflict");
    assert_eq!(node_too.errors()[0].1, "/type");
    let wrong_too = api.post("bob", "/v1/requests").json(&ask(json!({"type": "EC2_LINUX"}))).await;
    let wrong_too = wrong_too.fails(422, "validation-failed");
    let codes: Vec<_> = wrong_too.errors().into_iter().map(|(code, _)| code).collect();
    assert_eq!(codes, ["type-conflict", "policies-not-allowed-for-type"], "with anything else wrong it is one of many");

    for beside in [json!({}), json!({"username": "ops:{{SessionName}}"}), json!({"username": ""})] {
        api.post("bob", "/v1/requests?dryRun=true").json(&ask(beside)).await.is(200);
    }
    let elsewhere = json!({"clusterName": "prod", "duration": "8h", "username": "other:{{SessionName}}"});
    api.post("bob", "/v1/requests?dryRun=true").json(&ask(elsewhere)).await.is(200);
    api.post("bob", &format!("{at}/relinquish")).await.is(200);
    api.bed.until(live["id"].as_str().unwrap().parse().unwrap(), RequestState::Ended).await;
    api.post("bob", "/v1/requests?dryRun=true").json(&ask(node)).await.is(200);
}

#[tokio::test]
async fn nobody_floods_the_reviewers() {
    let api = Api::with(|desk| Arc::make_mut(&mut desk.settings).max_pending_per_requester = 2).await;
    let post = |who: &str| api.post(who, "/v1/requests").json(&ask(json!({})));
    let first = post("alice").await.is(201);
    let both =
        json!({"clusterName": null, "clusterNames": ["dev", "prod"], "duration": "8h", "kubernetesGroups": ["a"]});
    let both = || api.post("alice", "/v1/requests").json(&ask(both.clone()));
    both().await.fails(409, "too-many-pending");
    post("alice").await.is(201);
    let full = post("alice").await.fails(409, "too-many-pending");
    assert!(full.detail().contains("alice has 2 undecided requests"), "{}", full.detail());
    post("dan").await.is(201);
    api.post("alice", "/v1/requests").json(&ask(json!({"duration": "8h"}))).await.is(201);
    api.post("alice", &format!("{}/withdraw", path(&first.body))).await.is(200);
    post("alice").await.is(201);
}

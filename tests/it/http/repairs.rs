//! `POST /v1/clusters/{name}/entries/{principalArn}/repair`, as operators call it.

use entryway::domain::states::RequestState;
use serde_json::{Value, json};

use super::bed::Api;
use crate::harness::ROLE;

fn at(cluster: &str, principal: &str) -> String {
    format!("/v1/clusters/{cluster}/entries/{}/repair", principal.replace(':', "%3A").replace('/', "%2F"))
}

#[tokio::test]
async fn an_operator_asks_for_a_repair_once() {
    let api = Api::new().await;
    let request = api.granted().await;
    let id = request.rsplit('/').next().unwrap().to_owned();
    api.bed.until(id.parse().unwrap(), RequestState::Active).await;
    let body = json!({"reason": "made anew by Terraform"});
    let post = |key: &str| api.post("bob", &at("dev", ROLE)).key(key).json(&body);
    let first = post("k").await.is(200);
    assert_eq!(first.body, json!({"clusterName": "dev", "principalArn": ROLE, "requestIds": [id]}));
    let again = post("k").await.is(200);
    assert!(again.replayed() && again.text == first.text);
    api.post("bob", &at("dev", ROLE)).key("k").await.fails(422, "idempotency-key-reused");

    let events = api.get("alice", &format!("{request}/events")).await.is(200).body;
    let asked: Vec<_> =
        events["items"].as_array().unwrap().iter().filter(|e| e["type"] == "entry.repair_requested").collect();
    assert_eq!(asked.len(), 1, "done once");
    let told = ["actor", "via"].map(|field| asked[0][field].clone());
    assert_eq!((told, &asked[0]["data"]["reason"]), ([json!("bob"), json!("api")], &body["reason"]));
}

#[tokio::test]
async fn a_repair_is_for_operators_and_for_entries_that_something_is_live_on() {
    let api = Api::new().await;
    let request = api.filed("alice").await;
    for nobody in ["alice", "olga", "portal"] {
        let refused = api.post(nobody, &at("dev", ROLE)).await.fails(403, "forbidden");
        assert!(refused.detail().contains("administer"), "{refused:?}");
    }
    let other = "arn:aws:iam::111122223333:role/nobody-asked";
    for (cluster, principal) in [("nowhere", ROLE), ("dev", other), ("dev", "no-arn"), ("dev", "%ff")] {
        let path =
            if principal == "%ff" { "/v1/clusters/dev/entries/%ff/repair".to_owned() } else { at(cluster, principal) };
        api.post("bob", &path).await.fails(404, "not-found");
    }
    let early = api.post("bob", &at("dev", ROLE)).await.fails(409, "illegal-state");
    assert!(early.detail().contains("nothing is live"), "{early:?}");
    assert_eq!(api.get("alice", &request).await.body["version"], 1);
    let long = json!({"reason": "x".repeat(1001)});
    let refused = api.post("bob", &at("dev", ROLE)).json(&long).await.fails(422, "validation-failed");
    assert_eq!(refused.errors(), [("reason-too-long".to_owned(), "/reason".to_owned())]);
    let unknown: Value = json!({"reasons": "x"});
    api.post("bob", &at("dev", ROLE)).json(&unknown).await.fails(400, "malformed-json");
}

//! What holds for every route there is, by the document.

use reqwest::Method;
use serde_json::{Value, json};

use super::bed::Api;

/// Every operation: method, path with something in place of its parameters, whether it wants a token.
fn operations() -> Vec<(Method, String, bool)> {
    let document = serde_json::to_value(entryway::api::document()).unwrap();
    let mut operations = vec![];
    for (path, item) in document["paths"].as_object().unwrap() {
        let path = path.replace("{id}", "01980a1b-7c3d-7e4f-8a5b-6c7d8e9fa0b1");
        let path = path.replace("{principalArn}", "arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2Fx");
        let path = path.replace("{name}", "dev").replace("{code}", "stale").replace("{token}", "nothing");
        let path = path.replace("{principalArn}", "arn:aws:iam::111122223333:role%2Fdev");
        assert!(!path.contains('{'), "{path}: say what stands for its parameter");
        for (method, operation) in item.as_object().unwrap() {
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            operations.push((method, path.clone(), operation["security"] != json!([{}])));
        }
    }
    assert!(operations.len() >= 20);
    operations
}

#[tokio::test]
async fn every_route_but_the_open_ones_wants_a_token_before_anything_else() {
    let api = Api::new().await;
    for (method, path, wants_token) in operations() {
        let call = || api.call(method.clone(), &path);
        if wants_token {
            call().await.fails(401, "unauthenticated");
            call().header("authorization", "Bearer guess").await.fails(401, "unauthenticated");
            let unread = call().body("no JSON").header("idempotency-key", "").header("if-match", "x");
            unread.await.fails(401, "unauthenticated");
        } else {
            call().await.is(200);
        }
    }
}

#[tokio::test]
async fn no_route_overlooks_a_parameter_it_does_not_know() {
    let api = Api::new().await;
    for (method, path, _) in operations().into_iter().filter(|(_, _, wants_token)| *wants_token) {
        let call = api.call(method, &format!("{path}?nonsense=1")).by("bob").json(&json!({}));
        let answer = call.await.fails(400, "bad-parameter");
        assert_eq!(answer.errors(), [("bad-parameter".to_owned(), "nonsense".to_owned())], "{path}");
    }
}

#[tokio::test]
async fn another_method_is_answered_with_those_there_are() {
    let api = Api::new().await;
    for (method, path, _) in operations() {
        for other in [Method::DELETE, Method::PUT, Method::PATCH] {
            let answer = api.call(other, &path).by("bob").await.fails(405, "method-not-allowed");
            let allowed = answer.header("allow").unwrap();
            assert!(allowed.contains(method.as_str()), "{path}: {allowed}");
        }
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let api = Api::new().await;
    let paths = [
        "/nothing",
        "/v1",
        "/v2/requests",
        "/v1/requests/",
        "/v1/requests/01980a1b-7c3d-7e4f-8a5b-6c7d8e9fa0b1",
        "/v1/requests/01980a1b-7c3d-7e4f-8a5b-6c7d8e9fa0b1/events",
        "/v1/requests/not-an-id",
        "/v1/requests/%ff",
        "/v1/clusters/nowhere",
        "/problems/nothing",
        "/problems/%ff",
        "/v1/clusters/%ff",
        "/v1/clusters/dev%2F",
        "/docs/nothing",
        "//v1/requests",
    ];
    for path in paths {
        api.get("bob", path).await.fails(404, "not-found");
    }
    for action in ["reviews", "withdraw", "revoke", "relinquish", "retry", "extend"] {
        let path = format!("/v1/requests/01980a1b-7c3d-7e4f-8a5b-6c7d8e9fa0b1/{action}");
        let body = match action {
            "reviews" => json!({"decision": "approve"}),
            "extend" => json!({"duration": "1h", "reason": "why"}),
            _ => json!({"reason": "why"}),
        };
        api.post("bob", &path).json(&body).await.fails(404, "not-found");
    }
}

#[tokio::test]
async fn every_answer_carries_an_id_the_callers_own_where_it_is_sane() {
    let api = Api::new().await;
    for path in ["/livez", "/v1/me", "/nothing", "/v1/requests/x"] {
        let answer = api.get("alice", path).header("x-request-id", "trace-7.of_mine").await;
        assert_eq!(answer.header("x-request-id").as_deref(), Some("trace-7.of_mine"), "{path}");
        for insane in ["", "a b", "a\"b", "<script>", &"x".repeat(129)] {
            let answer = api.get("alice", path).header("x-request-id", insane).await;
            assert!(answer.header("x-request-id").unwrap().parse::<uuid::Uuid>().is_ok(), "{path} {insane:?}");
        }
    }
    let (one, two) = (api.get("alice", "/v1/me").await, api.get("alice", "/v1/me").await);
    assert_ne!(one.header("x-request-id"), two.header("x-request-id"));
}

#[tokio::test]
async fn clusters_and_policies_are_there_to_pick_from() {
    let api = Api::new().await;
    let clusters = api.get("alice", "/v1/clusters").await.is(200);
    assert_eq!(clusters.each("name"), ["dev", "legacy", "prod"]);
    assert_eq!(clusters.body["nextToken"], Value::Null);
    let dev = api.get("alice", "/v1/clusters/dev").await.is(200).body;
    assert_eq!(
        dev["health"],
        json!({"status": "UNKNOWN", "authenticationMode": null, "checkedAt": null, "problems": []})
    );
    api.bed.worker.check_clusters().await.unwrap();
    let legacy = api.get("alice", "/v1/clusters/legacy").await.is(200).body;
    assert_eq!(legacy["health"]["authenticationMode"], "CONFIG_MAP");
    assert!(legacy["health"]["checkedAt"].is_string());

    let policies = api.get("alice", "/v1/access-policies").await.is(200);
    assert!(
        policies.each("policyArn").contains(&"arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy".to_owned())
    );
    api.get("alice", "/v1/access-policies?clusterName=dev").await.is(200);
    let unknown = api.get("alice", "/v1/access-policies?clusterName=nowhere").await.fails(400, "bad-parameter");
    assert_eq!(unknown.errors()[0].1, "clusterName");
}

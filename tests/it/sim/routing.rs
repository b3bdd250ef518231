//! Cases 1 to 6: the wire. Case 7 is with the SDK, which signs.

use std::collections::BTreeSet;

use reqwest::{Method, Url};
use serde_json::{Value, json};

use super::bed::{Answer, Bed, ROLE, entries_of, entry_of, policies_of, policy, segment};
use super::operations;

#[test]
fn the_http_client_leaves_encoded_segments_alone() {
    let url = Url::parse(&format!("http://127.0.0.1:1{}", entry_of("dev", ROLE))).unwrap();
    assert_eq!(url.path(), "/clusters/dev/access-entries/arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2Fmy%2Drole");
}

#[tokio::test]
async fn case_001_a_role_with_a_path_is_one_segment() {
    let bed = Bed::new().await;
    let role = "arn:aws:iam::111122223333:role/dev/apps/my-role";
    bed.create_plain("dev", role).await;
    let found = bed.describe("dev", role).await.good();
    assert_eq!(found["accessEntry"]["principalArn"], role);
    let unencoded = bed.get(&format!("{}/{role}", entries_of("dev"))).await;
    unencoded.refused(404, "UnknownOperationException");
}

#[tokio::test]
async fn case_002_a_principal_named_like_a_sub_resource_is_still_a_principal() {
    let bed = Bed::new().await;
    let role = "arn:aws:iam::111122223333:role/x/access-policies/y";
    bed.create_plain("dev", role).await;
    assert_eq!(bed.describe("dev", role).await.good()["accessEntry"]["principalArn"], role);
    let listed = bed.get(&policies_of("dev", role)).await.good();
    assert_eq!(listed["principalArn"], role);
    assert_eq!(bed.delete(&entry_of("dev", role)).await.good(), json!({}));
    let ops: Vec<_> = bed.sim.calls().into_iter().map(|call| call.op).collect();
    let asked = ["CreateAccessEntry", "DescribeAccessEntry", "ListAssociatedAccessPolicies", "DeleteAccessEntry"];
    assert_eq!(ops, asked);
}

#[tokio::test]
async fn case_003_an_encoded_policy_is_the_last_segment() {
    let bed = Bed::new().await;
    bed.create_plain("dev", ROLE).await;
    let view = policy("AmazonEKSViewPolicy");
    bed.associate("dev", ROLE, &view, json!({"type": "cluster"})).await.good();
    let path = format!("{}/{}", policies_of("dev", ROLE), segment(&view));
    assert_eq!(bed.delete(&path).await.good(), json!({}));
    let calls = bed.get("/_sim/calls?op=DisassociateAccessPolicy").await.good();
    assert_eq!(calls["calls"][0]["policyArn"], view);
    assert_eq!(calls["calls"][0]["principalArn"], ROLE);
    let left = bed.get(&policies_of("dev", ROLE)).await.good();
    assert_eq!(left["associatedAccessPolicies"], json!([]));
}

#[tokio::test]
async fn case_004_an_unknown_route_is_no_success_and_is_logged() {
    let bed = Bed::new().await;
    for (method, path) in [
        (Method::GET, "/"),
        (Method::GET, "/clusters/"),
        (Method::PUT, "/clusters/dev"),
        (Method::GET, "/clusters/dev/nodes"),
        (Method::PATCH, "/access-policies"),
    ] {
        let answer = bed.call(method, path, Value::Null).await;
        answer.refused(404, "UnknownOperationException");
    }
    let calls = bed.sim.calls();
    assert!(calls.len() == 5 && calls.iter().all(|call| call.op == "Unknown" && call.status == Some(404)));
}

#[tokio::test]
async fn case_005_every_answer_has_a_request_id_and_errors_their_type() {
    let bed = Bed::new().await;
    let mut good = operations::on_entries(&bed, "dev").await;
    good.extend(operations::on_cluster(&bed, "dev").await);
    good.extend(operations::on_nothing(&bed).await);
    let fault = json!({"action": {"kind": "error", "status": 500, "code": "ServerException", "message": "m"}});
    bed.post("/_sim/faults", fault).await.good();
    let mut bad = operations::on_entries(&bed, "dev").await;
    bad.extend(operations::on_cluster(&bed, "dev").await);
    bad.extend(operations::on_nothing(&bed).await);

    let id = |answer: &Answer| answer.headers["x-amzn-requestid"].to_str().unwrap().to_owned();
    for (name, answer) in &good {
        assert_eq!((answer.status, id(answer).len()), (200, 36), "{name}: {}", answer.text);
        assert!(answer.headers.get("x-amzn-errortype").is_none(), "{name}");
    }
    for (name, answer) in &bad {
        println!("{name}");
        answer.refused_with(500, "ServerException", "m");
    }
    let ids: BTreeSet<_> = good.iter().chain(&bad).map(|(_, answer)| id(answer)).collect();
    assert_eq!(ids.len(), 2 * 16, "every call of every operation has an id of its own");
    let logged = bed.sim.calls();
    assert!(logged.iter().all(|call| ids.contains(&call.request_id)), "and it is the one in the log");
}

#[tokio::test]
async fn errors_name_their_cluster_and_spell_message_small() {
    let bed = Bed::new().await;
    let bad = bed.get("/clusters/nope").await;
    bad.refused(404, "ResourceNotFoundException");
    assert_eq!(bad.body["clusterName"], "nope");
    assert!(bad.body.get("Message").is_none());
    let logged = bed.sim.calls().pop().unwrap();
    assert_eq!(logged.request_id, bad.headers["x-amzn-requestid"].to_str().unwrap());
    assert_eq!(logged.error_code.as_deref(), Some("ResourceNotFoundException"));
}

#[tokio::test]
async fn case_006_times_are_epoch_seconds_with_milliseconds() {
    let bed = Bed::new().await;
    bed.freeze().await;
    let now = bed.get("/_sim/clock").await.good()["nowMs"].as_i64().unwrap();
    bed.advance(1_000 - now.rem_euclid(1_000) + 97).await;
    let entry = bed.create_plain("dev", ROLE).await;
    for field in ["createdAt", "modifiedAt"] {
        assert!(entry[field].is_number());
        let text = entry[field].to_string();
        assert!(text.ends_with(".097"), "{text}");
        assert_eq!(text.len(), "1744670748.097".len());
    }
}

#[tokio::test]
async fn a_body_of_the_wrong_shape_is_a_serialization_error() {
    let bed = Bed::new().await;
    for body in [json!([]), json!("x"), json!({"principalArn": 7}), json!({"principalArn": ROLE, "tags": []})] {
        bed.create("dev", body).await.refused(400, "SerializationException");
    }
    bed.create("dev", json!({"principalArn": ROLE, "username": null, "tags": null})).await.good();
}

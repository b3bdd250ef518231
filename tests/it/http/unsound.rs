//! Unsound asks: everything that is wrong with one at once, and what other operators' settings make of it.

use std::sync::Arc;

use serde_json::json;

use super::bed::{Api, ask};
use crate::harness::database::number;

#[tokio::test]
async fn where_access_has_to_end_a_duration_is_required() {
    let api = Api::with(|desk| Arc::make_mut(&mut desk.settings).limits.allow_permanent = false).await;
    let bad =
        api.post("alice", "/v1/requests").json(&ask(json!({"duration": null}))).await.fails(422, "validation-failed");
    assert_eq!(bad.errors(), [("duration-required".to_owned(), "/duration".to_owned())]);
    api.post("alice", "/v1/requests?dryRun=true").json(&ask(json!({}))).await.is(200);
}

#[tokio::test]
async fn a_cluster_that_takes_no_entries_is_refused_with_the_command_that_mends_it() {
    let api = Api::new().await;
    api.bed.worker.check_clusters().await.unwrap();
    let refused = api.post("alice", "/v1/requests").json(&ask(json!({"clusterName": "legacy"}))).await;
    let detail = refused.fails(422, "validation-failed").body["errors"][0]["detail"].to_string();
    let command = "aws eks update-cluster-config --name legacy --region eu-central-1 --access-config authenticationMode=API_AND_CONFIG_MAP";
    assert!(detail.contains(command), "{detail}");
}

#[tokio::test]
async fn everything_that_is_wrong_is_said_at_once_and_where() {
    let api = Api::new().await;
    let body = json!({
        "principalArn": "arn:aws:sts::111122223333:assumed-role/my-role/alice",
        "type": "EC3",
        "username": "system:x",
        "kubernetesGroups": ["ok", "system:masters", "ok"],
        "accessPolicies": [{"policyArn": "AmazonEKSViewPolicy", "accessScope": {"type": "namespace"}},
                           {"policyArn": "x y", "accessScope": {"type": "cluster", "namespaces": ["a"]}}],
        "tags": {"aws:a/b": "x"},
        "duration": "soon",
        "startAt": "2020-01-01T00:00:00Z",
    });
    let answer = api.post("alice", "/v1/requests").json(&body).await.fails(422, "validation-failed");
    let wrong: Vec<_> = answer.errors().into_iter().map(|(code, place)| format!("{code} {place}")).collect();
    assert_eq!(
        wrong,
        [
            "cluster-unknown /clusterName",
            "principal-sts-session /principalArn",
            "type-unknown /type",
            "username-reserved-prefix /username",
            "group-reserved-prefix /kubernetesGroups/1",
            "group-duplicate /kubernetesGroups/2",
            "policy-arn-invalid /accessPolicies/1/policyArn",
            "scope-namespaces-required /accessPolicies/0/accessScope/namespaces",
            "scope-namespaces-not-allowed /accessPolicies/1/accessScope/namespaces",
            "tag-reserved /tags/aws:a~1b",
            "reason-required /reason",
            "duration-invalid /duration",
            "start-in-past /startAt",
        ]
    );
    assert!(answer.detail().starts_with("13 things are wrong"));
    assert_eq!(number(&api.bed.url, "SELECT count(*) FROM request").await, 0);
    let refused = "SELECT count(*) FROM event WHERE type = 'request.refused' AND actor = 'alice'";
    assert_eq!(number(&api.bed.url, refused).await, 1, "the refusal is on record");
}

//! Cases 7, 59 and 110: the real SDK client signs, pages, and parses every success and every error.

use std::collections::BTreeSet;

use aws_sdk_eks::Client;
use aws_sdk_eks::config::{BehaviorVersion, Credentials, Region, retry::RetryConfig};
use aws_sdk_eks::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_eks::operation::RequestId;
use aws_sdk_eks::types::{
    AccessScope, AccessScopeType, AuthenticationMode, ClusterStatus, UpdateAccessConfigRequest, UpdateStatus,
};
use entryway::sandbox::sim::secret_of;
use serde_json::json;

use super::bed::{Bed, ROLE, policy};

fn client(bed: &Bed, retries: RetryConfig) -> Client {
    let credentials = Credentials::new("AKIDTEST", secret_of("AKIDTEST"), None, None, "test");
    let config = aws_sdk_eks::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(bed.sim.endpoint_url())
        .region(Region::new("eu-central-1"))
        .credentials_provider(credentials)
        .retry_config(retries)
        .build();
    Client::from_conf(config)
}

/// A simulator that checks signatures, and a client that does not retry.
async fn strict() -> (Bed, Client) {
    let bed = Bed::new().await;
    bed.knobs(json!({"verifySignatures": true})).await;
    let client = client(&bed, RetryConfig::disabled());
    (bed, client)
}

fn scope(namespaces: &[&str]) -> AccessScope {
    let kind = if namespaces.is_empty() { AccessScopeType::Cluster } else { AccessScopeType::Namespace };
    let names = namespaces.iter().map(|name| (*name).to_owned()).collect();
    AccessScope::builder().r#type(kind).set_namespaces(Some(names)).build()
}

#[tokio::test]
async fn case_007_a_double_encoded_path_is_signed_right_and_a_wrong_secret_is_not() {
    let (bed, client) = strict().await;
    let role = "arn:aws:iam::111122223333:role/dev/apps/my-role";
    client.create_access_entry().cluster_name("dev").principal_arn(role).send().await.unwrap();
    client.describe_access_entry().cluster_name("dev").principal_arn(role).send().await.unwrap();
    let listed = client.list_access_entries().cluster_name("dev").associated_policy_arn(policy("AmazonEKSViewPolicy"));
    listed.max_results(7).send().await.unwrap();

    let credentials = Credentials::new("AKIDTEST", "wrong", None, None, "test");
    let config = client.config().to_builder().credentials_provider(credentials).build();
    let refused = Client::from_conf(config).list_clusters().send().await.unwrap_err();
    assert_eq!(refused.code(), Some("InvalidSignatureException"), "{}", DisplayErrorContext(&refused));
    bed.get("/clusters").await.refused(403, "InvalidSignatureException");
}

#[tokio::test]
async fn case_110_the_sdk_parses_every_success() {
    let (bed, client) = strict().await;
    let created = client
        .create_access_entry()
        .cluster_name("dev")
        .principal_arn(ROLE)
        .kubernetes_groups("viewers")
        .tags("team", "payments")
        .send()
        .await
        .unwrap();
    assert_eq!(created.request_id().map(str::len), Some(36));
    let entry = created.access_entry().unwrap();
    assert_eq!((entry.r#type(), entry.kubernetes_groups()), (Some("STANDARD"), &["viewers".to_owned()][..]));
    assert_eq!(entry.created_at(), entry.modified_at());

    let view = policy("AmazonEKSViewPolicy");
    let associated = client.associate_access_policy().cluster_name("dev").principal_arn(ROLE).policy_arn(&view);
    let associated = associated.access_scope(scope(&["payments-*"])).send().await.unwrap();
    let association = associated.associated_access_policy().unwrap();
    assert_eq!(association.access_scope().unwrap().namespaces(), ["payments-*"]);
    let policies =
        client.list_associated_access_policies().cluster_name("dev").principal_arn(ROLE).send().await.unwrap();
    assert_eq!(policies.associated_access_policies(), std::slice::from_ref(association));

    let updated = client.update_access_entry().cluster_name("dev").principal_arn(ROLE).username("me");
    let updated = updated.set_kubernetes_groups(Some(vec![])).send().await.unwrap();
    assert_eq!(updated.access_entry().unwrap().username(), Some("me"));
    let arn = entry.access_entry_arn().unwrap();
    client.tag_resource().resource_arn(arn).tags("a", "b").send().await.unwrap();
    client.untag_resource().resource_arn(arn).tag_keys("team").tag_keys("x").send().await.unwrap();
    let tags = client.list_tags_for_resource().resource_arn(arn).send().await.unwrap();
    assert_eq!(tags.tags().unwrap().keys().collect::<Vec<_>>(), ["a"]);

    let disassociate = client.disassociate_access_policy().cluster_name("dev").principal_arn(ROLE);
    disassociate.policy_arn(&view).send().await.unwrap();
    client.delete_access_entry().cluster_name("dev").principal_arn(ROLE).send().await.unwrap();
    let cluster = client.describe_cluster().name("dev").send().await.unwrap();
    let cluster = cluster.cluster().unwrap();
    assert_eq!(cluster.status(), Some(&ClusterStatus::Active));
    let access = cluster.access_config().unwrap();
    assert_eq!(access.authentication_mode(), Some(&AuthenticationMode::ApiAndConfigMap));
    assert_eq!(access.bootstrap_cluster_creator_admin_permissions(), Some(true));
    assert_eq!(client.list_clusters().send().await.unwrap().clusters(), ["dev", "legacy", "prod"]);
    assert_eq!(client.list_access_policies().send().await.unwrap().access_policies().len(), 23);

    let mode = UpdateAccessConfigRequest::builder().authentication_mode(AuthenticationMode::Api).build();
    let update = client.update_cluster_config().name("dev").access_config(mode).send().await.unwrap();
    let id = update.update().unwrap().id().unwrap().to_owned();
    let update = client.describe_update().name("dev").update_id(id).send().await.unwrap();
    assert_eq!(update.update().unwrap().status(), Some(&UpdateStatus::Successful));
    assert!(bed.sim.calls().iter().all(|call| call.status == Some(200)));
}

#[tokio::test]
async fn case_110_the_sdk_parses_every_error() {
    let (bed, client) = strict().await;
    let describe = |cluster: &str| client.describe_access_entry().cluster_name(cluster).principal_arn(ROLE).send();
    let create = || client.create_access_entry().cluster_name("dev").principal_arn(ROLE);

    let error = describe("dev").await.unwrap_err().into_service_error();
    assert!(error.is_resource_not_found_exception());
    assert!(error.message().unwrap().starts_with("The specified principalArn could not be found."));
    assert!(describe("legacy").await.unwrap_err().into_service_error().is_invalid_request_exception());
    let error = create().username("system:x").send().await.unwrap_err().into_service_error();
    assert!(error.is_invalid_parameter_exception());
    create().send().await.unwrap();
    assert!(create().send().await.unwrap_err().into_service_error().is_resource_in_use_exception());
    let tag = client.tag_resource().resource_arn("nonsense").tags("a", "b").send().await.unwrap_err();
    assert!(tag.into_service_error().is_bad_request_exception());

    for (status, code) in [
        (429, "TooManyRequestsException"),
        (429, "ThrottlingException"),
        (500, "ServerException"),
        (503, "ServiceUnavailableException"),
        (403, "AccessDeniedException"),
        (400, "ResourceLimitExceededException"),
    ] {
        let action = json!({"kind": "error", "status": status, "code": code, "message": "m"});
        bed.post("/_sim/faults", json!({"times": 1, "action": action})).await.good();
        let error = describe("dev").await.unwrap_err();
        assert_eq!((error.code(), error.message()), (Some(code), Some("m")));
        let raw = error.raw_response().unwrap();
        assert_eq!(raw.status().as_u16(), status);
        assert_eq!(error.request_id().map(str::len), Some(36));
    }
    bed.post("/_sim/faults", json!({"times": 1, "action": {"kind": "reset"}})).await.good();
    assert!(matches!(describe("dev").await.unwrap_err(), SdkError::DispatchFailure(_)));
}

#[tokio::test]
async fn case_059_the_paginator_returns_everything_once() {
    let bed = Bed::new().await;
    for number in 0..250 {
        bed.create_plain("dev", &format!("arn:aws:iam::111122223333:role/r{number}")).await;
    }
    let client = client(&bed, RetryConfig::disabled());
    let pages = client.list_access_entries().cluster_name("dev").into_paginator().items().send();
    let arns: Vec<String> = pages.collect::<Result<_, _>>().await.unwrap();
    assert_eq!((arns.len(), arns.iter().collect::<BTreeSet<_>>().len()), (252, 252));
    assert_eq!(bed.sim.calls().iter().filter(|call| call.op == "ListAccessEntries").count(), 3);
}

#[tokio::test]
async fn the_sdk_keeps_its_token_across_retries_so_a_lost_answer_is_no_conflict() {
    let bed = Bed::new().await;
    let fault = json!({"op": "CreateAccessEntry", "times": 1, "action": {"kind": "reset", "applied": true}});
    bed.post("/_sim/faults", fault).await.good();
    let client = client(&bed, RetryConfig::standard());
    client.create_access_entry().cluster_name("dev").principal_arn(ROLE).send().await.unwrap();
    let calls = bed.sim.calls();
    assert_eq!(
        calls.iter().map(|call| (call.applied, call.status)).collect::<Vec<_>>(),
        [(true, None), (false, Some(200))]
    );
    assert!(calls[0].client_request_token.is_some());
    assert_eq!(calls[0].client_request_token, calls[1].client_request_token);
}

//! Cases 8 to 13 and 52: no cluster, a cluster that does not know access entries, a name no cluster can have; and the
//! order of checks.

use entryway::domain::catalogue::{Catalogue, PolicyKind};
use serde_json::json;

use super::bed::{Bed, ROLE, policy};
use super::operations;

const MODE: &str =
    "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform this operation.";

/// Every access policy of the reference: for customers, for nodes of Auto Mode, for AWS's own features and services.
const POLICIES: [&str; 23] = [
    "AmazonAIOpsAssistantPolicy",
    "AmazonARCRegionSwitchScalingPolicy",
    "AmazonEKSAdminPolicy",
    "AmazonEKSAdminViewPolicy",
    "AmazonEKSAutoNodePolicy",
    "AmazonEKSBlockStorageClusterPolicy",
    "AmazonEKSBlockStoragePolicy",
    "AmazonEKSClusterAdminPolicy",
    "AmazonEKSClusterInsightsPolicy",
    "AmazonEKSComputeClusterPolicy",
    "AmazonEKSComputePolicy",
    "AmazonEKSEditPolicy",
    "AmazonEKSHybridPolicy",
    "AmazonEKSLoadBalancingClusterPolicy",
    "AmazonEKSLoadBalancingPolicy",
    "AmazonEKSNetworkingClusterPolicy",
    "AmazonEKSNetworkingPolicy",
    "AmazonEKSSecretReaderPolicy",
    "AmazonEKSViewPolicy",
    "AmazonEMRJobPolicy",
    "AmazonSagemakerHyperpodClusterPolicy",
    "AmazonSagemakerHyperpodControllerPolicy",
    "AmazonSagemakerHyperpodSystemNamespacePolicy",
];

#[tokio::test]
async fn case_008_without_a_cluster_every_operation_says_so() {
    let bed = Bed::new().await;
    let mut answers = operations::on_entries(&bed, "absent").await;
    answers.extend(operations::on_cluster(&bed, "absent").await);
    assert_eq!(answers.len(), 11);
    for (name, answer) in answers {
        println!("{name}");
        answer.refused_with(404, "ResourceNotFoundException", "No cluster found for name: absent.");
        assert_eq!(answer.body["clusterName"], "absent");
    }
    assert!(bed.sim.calls().iter().all(|call| !call.applied));
}

#[tokio::test]
async fn case_009_a_config_map_cluster_refuses_to_create() {
    let bed = Bed::new().await;
    let answer = bed.create("legacy", json!({"principalArn": ROLE})).await;
    answer.refused_with(400, "InvalidRequestException", MODE);
    assert_eq!(bed.get("/clusters/legacy").await.good()["cluster"]["accessConfig"]["authenticationMode"], "CONFIG_MAP");
}

#[tokio::test]
async fn case_010_a_config_map_cluster_refuses_to_describe() {
    let bed = Bed::new().await;
    bed.describe("legacy", ROLE).await.refused_with(400, "InvalidRequestException", MODE);
}

#[tokio::test]
async fn case_011_a_config_map_cluster_refuses_every_entry_operation() {
    let bed = Bed::new().await;
    for (name, answer) in operations::on_entries(&bed, "legacy").await {
        println!("{name}");
        answer.refused_with(400, "InvalidRequestException", MODE);
    }
    assert!(bed.sim.calls().iter().all(|call| !call.applied));
}

#[tokio::test]
async fn case_012_the_catalogue_needs_no_cluster() {
    let bed = Bed::of(entryway::sandbox::sim::World::empty()).await;
    let listed = bed.get("/access-policies").await.good();
    let expected: Vec<_> = POLICIES.iter().map(|name| json!({"name": name, "arn": policy(name)})).collect();
    assert_eq!(listed["accessPolicies"], json!(expected));
}

#[tokio::test]
async fn the_products_catalogue_and_the_simulators_know_the_same_policies() {
    let bed = Bed::new().await;
    bed.create_plain("dev", ROLE).await;
    let ours = Catalogue::built_in();
    assert_eq!(ours.iter().map(|(name, _)| name).collect::<Vec<_>>(), POLICIES);
    for (name, kind) in ours.iter() {
        let answer = bed.associate("dev", ROLE, &policy(name), json!({"type": "cluster"})).await;
        let expected = if kind == PolicyKind::ServiceLinkedOnly { 400 } else { 200 };
        assert_eq!(answer.status, expected, "{name}: {}", answer.text);
    }
}

#[tokio::test]
async fn case_013_a_bad_cluster_name_is_a_bad_parameter() {
    let bed = Bed::new().await;
    let measured = "The clusterName parameter contains invalid characters. It should conform to the regular \
                    expression \"^[0-9A-Za-z][A-Za-z0-9-_]*\"In other words, ";
    for name in ["my%20cluster", "-x", "a.b", "a%2Fb"] {
        for (_, answer) in operations::on_entries(&bed, name).await {
            answer.refused(400, "InvalidParameterException");
            let message = answer.body["message"].as_str().unwrap();
            assert!(message.starts_with(measured), "{message}");
        }
    }
}

#[tokio::test]
async fn checks_come_in_the_order_of_eks() {
    let bed = Bed::new().await;
    let reserved = json!({"principalArn": ROLE, "username": "system:x"});
    // What needs no cluster comes before the cluster …
    bed.create("absent", reserved.clone()).await.bad_parameter("The username must not begin with system:");
    bed.create("legacy", reserved.clone()).await.bad_parameter("The username must not begin with system:");
    let scope = json!({"type": "namespace"});
    let associate = bed.associate("absent", ROLE, &policy("AmazonEKSViewPolicy"), scope).await;
    associate.bad_parameter("At least 1 namespace must be provided if the type is set as namespace");
    // … the mode before the entry …
    bed.describe("legacy", ROLE).await.refused(400, "InvalidRequestException");
    bed.describe("dev", ROLE).await.refused(404, "ResourceNotFoundException");
    // … the entry before the principal …
    bed.create_plain("dev", ROLE).await;
    bed.put("/_sim/principals", json!({"arn": ROLE, "exists": false})).await.good();
    bed.create("dev", json!({"principalArn": ROLE})).await.refused(409, "ResourceInUseException");
    // … and IAM before everything.
    bed.knobs(json!({"denied": [{"action": "eks:CreateAccessEntry"}]})).await;
    bed.create("absent", reserved).await.refused(403, "AccessDeniedException");
}

#[tokio::test]
async fn case_052_authorisation_comes_before_existence() {
    let bed = Bed::new().await;
    bed.knobs(json!({"denied": [{"action": "eks:*"}]})).await;
    for (name, answer) in operations::on_entries(&bed, "absent").await {
        answer.refused(403, "AccessDeniedException");
        let message = answer.body["message"].as_str().unwrap();
        let action = format!("is not authorized to perform: eks:{name} on resource: ");
        let resource = message.split_once(&action).unwrap_or_else(|| panic!("{message}")).1;
        let on_cluster = ["CreateAccessEntry", "ListAccessEntries"].contains(&name);
        let expected = if on_cluster {
            "arn:aws:eks:eu-central-1:111122223333:cluster/absent"
        } else {
            "arn:aws:eks:eu-central-1:111122223333:access-entry/absent////*"
        };
        assert_eq!(resource, expected);
    }
    // Another account is not concerned, and neither is another resource.
    bed.knobs(json!({"denied": [
        {"action": "eks:CreateAccessEntry", "account": "999999999999"},
        {"action": "eks:CreateAccessEntry", "resource": "*:cluster/prod"},
    ]}))
    .await;
    bed.create_plain("dev", ROLE).await;
    bed.create("prod", json!({"principalArn": ROLE})).await.refused(403, "AccessDeniedException");
}

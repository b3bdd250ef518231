//! Cases 71 to 87: associating access policies and taking them off.

use serde_json::{Value, json};

use super::bed::{Bed, ROLE, policies_of, policy, segment};
use super::lists::NO_ENTRY;

const STANDARD_ONLY: &str = "This operation can only be performed on Access Entries with a type of \"STANDARD\".";

async fn bed_with_entry() -> Bed {
    let bed = Bed::new().await;
    bed.create_plain("dev", ROLE).await;
    bed
}

async fn listed(bed: &Bed) -> Vec<Value> {
    bed.get(&policies_of("dev", ROLE)).await.good()["associatedAccessPolicies"].as_array().unwrap().clone()
}

#[tokio::test]
async fn case_071_the_whole_cluster() {
    let bed = bed_with_entry().await;
    let view = policy("AmazonEKSViewPolicy");
    let answer = bed.associate("dev", ROLE, &view, json!({"type": "cluster"})).await.good();
    assert_eq!((&answer["clusterName"], &answer["principalArn"]), (&json!("dev"), &json!(ROLE)));
    let association = &answer["associatedAccessPolicy"];
    assert_eq!(association["policyArn"], view);
    assert_eq!(association["accessScope"], json!({"type": "cluster", "namespaces": []}));
    assert!(association["associatedAt"].is_number());
    assert_eq!(association["associatedAt"], association["modifiedAt"]);
    assert_eq!(listed(&bed).await, std::slice::from_ref(association));
}

#[tokio::test]
async fn case_072_namespaces_and_patterns_of_them_are_echoed() {
    let bed = bed_with_entry().await;
    let scope = json!({"type": "namespace", "namespaces": ["payments", "dev-*"]});
    let answer = bed.associate("dev", ROLE, &policy("AmazonEKSEditPolicy"), scope.clone()).await.good();
    assert_eq!(answer["associatedAccessPolicy"]["accessScope"], scope);
    assert_eq!(listed(&bed).await[0]["accessScope"], scope);
}

#[tokio::test]
async fn case_073_a_namespace_scope_names_one() {
    let bed = bed_with_entry().await;
    for scope in [json!({"type": "namespace"}), json!({"type": "namespace", "namespaces": []})] {
        bed.associate("dev", ROLE, &policy("AmazonEKSViewPolicy"), scope)
            .await
            .bad_parameter("At least 1 namespace must be provided if the type is set as namespace");
    }
}

#[tokio::test]
async fn case_074_a_cluster_scope_names_none() {
    let bed = bed_with_entry().await;
    let view = policy("AmazonEKSViewPolicy");
    bed.associate("dev", ROLE, &view, json!({"type": "cluster", "namespaces": ["a"]}))
        .await
        .bad_parameter("accessScope should not include namespaces if the type is not set as namespace");
    bed.associate("dev", ROLE, &view, json!({"type": "cluster", "namespaces": []})).await.good();
}

#[tokio::test]
async fn case_075_scopes_are_spelled_as_the_api_spells_them() {
    let bed = bed_with_entry().await;
    for scope in [json!({"type": "Cluster"}), json!({"type": "namespaces", "namespaces": ["a"]})] {
        let answer = bed.associate("dev", ROLE, &policy("AmazonEKSViewPolicy"), scope).await;
        answer.refused(400, "InvalidParameterException");
    }
}

#[tokio::test]
async fn case_076_a_scope_must_be_there() {
    let bed = bed_with_entry().await;
    for scope in [json!({}), Value::Null] {
        let answer = bed.associate("dev", ROLE, &policy("AmazonEKSViewPolicy"), scope).await;
        answer.refused(400, "InvalidParameterException");
    }
    let body = json!({"policyArn": policy("AmazonEKSViewPolicy")});
    bed.post(&policies_of("dev", ROLE), body).await.refused(400, "InvalidParameterException");
}

#[tokio::test]
async fn case_077_a_policy_that_is_not_there() {
    let bed = bed_with_entry().await;
    for unknown in [
        policy("Nope"),
        "arn:aws-cn:eks::aws:cluster-access-policy/AmazonEKSViewPolicy".into(),
        "arn:aws:eks:aws:cluster-access-policy/AmazonEKSViewPolicy".into(),
    ] {
        let answer = bed.associate("dev", ROLE, &unknown, json!({"type": "cluster"})).await;
        answer.refused_with(404, "ResourceNotFoundException", "The specified policyArn could not be found.");
    }
    assert!(listed(&bed).await.is_empty());
}

#[tokio::test]
async fn case_078_a_policy_of_iam_is_none_of_eks() {
    let bed = bed_with_entry().await;
    for malformed in ["arn:aws:iam::aws:policy/AdministratorAccess", "AmazonEKSViewPolicy", ""] {
        let answer = bed.associate("dev", ROLE, malformed, json!({"type": "cluster"})).await;
        answer.bad_parameter("The policyArn parameter format is not valid");
    }
}

#[tokio::test]
async fn case_079_some_policies_are_for_service_linked_roles() {
    let bed = bed_with_entry().await;
    for name in ["BlockStorage", "BlockStorageCluster", "Compute", "ComputeCluster", "Hybrid", "ClusterInsights"] {
        let arn = policy(&format!("AmazonEKS{name}Policy"));
        let answer = bed.associate("dev", ROLE, &arn, json!({"type": "cluster"})).await;
        answer.bad_parameter("The specified policyArn can only be associated with service-linked roles");
    }
    assert!(listed(&bed).await.is_empty());
}

/// A bed with one entry of each node type that takes no policies.
async fn nodes() -> (Bed, Vec<String>) {
    let bed = Bed::new().await;
    let mut roles = Vec::new();
    for kind in ["EC2_LINUX", "EC2_WINDOWS", "FARGATE_LINUX", "HYBRID_LINUX", "HYPERPOD_LINUX"] {
        let role = format!("arn:aws:iam::111122223333:role/{kind}");
        bed.create("dev", json!({"principalArn": role, "type": kind})).await.good();
        roles.push(role);
    }
    (bed, roles)
}

#[tokio::test]
async fn case_080_node_entries_take_no_policies() {
    let (bed, roles) = nodes().await;
    let view = policy("AmazonEKSViewPolicy");
    for role in roles {
        bed.associate("dev", &role, &view, json!({"type": "cluster"})).await.bad_parameter(STANDARD_ONLY);
        let path = format!("{}/{}", policies_of("dev", &role), segment(&view));
        bed.delete(&path).await.bad_parameter(STANDARD_ONLY);
    }
}

#[tokio::test]
async fn case_081_node_entries_do_not_even_list_policies() {
    let (bed, roles) = nodes().await;
    for role in roles {
        bed.get(&policies_of("dev", &role)).await.bad_parameter(STANDARD_ONLY);
    }
}

#[tokio::test]
async fn case_082_nodes_of_auto_mode_take_their_policy() {
    let bed = Bed::new().await;
    let auto = "arn:aws:iam::111122223333:role/auto";
    bed.create("dev", json!({"principalArn": auto, "type": "EC2"})).await.good();
    bed.associate("dev", auto, &policy("AmazonEKSAutoNodePolicy"), json!({"type": "cluster"})).await.good();
    let policies = bed.get(&policies_of("dev", auto)).await.good();
    assert_eq!(policies["associatedAccessPolicies"][0]["policyArn"], policy("AmazonEKSAutoNodePolicy"));
}

#[tokio::test]
async fn case_083_associating_again_replaces_the_scope() {
    let bed = bed_with_entry().await;
    bed.freeze().await;
    let view = policy("AmazonEKSViewPolicy");
    bed.associate("dev", ROLE, &view, json!({"type": "cluster"})).await.good();
    let before = listed(&bed).await;
    bed.advance(5_000).await;
    let scope = json!({"type": "namespace", "namespaces": ["a"]});
    bed.associate("dev", ROLE, &view, scope.clone()).await.good();
    let after = listed(&bed).await;
    assert_eq!(after.len(), 1);
    assert_eq!(after[0]["accessScope"], scope);
    assert_eq!(after[0]["associatedAt"], before[0]["associatedAt"]);
    let moved = after[0]["modifiedAt"].as_f64().unwrap() - before[0]["modifiedAt"].as_f64().unwrap();
    assert!((moved - 5.0).abs() < 0.001, "{moved}");
}

#[tokio::test]
async fn case_084_policies_ascend() {
    let bed = bed_with_entry().await;
    let arns = ["View", "Admin", "Edit"].map(|name| policy(&format!("AmazonEKS{name}Policy")));
    for arn in &arns {
        bed.associate("dev", ROLE, arn, json!({"type": "cluster"})).await.good();
    }
    let found: Vec<_> = listed(&bed).await.iter().map(|item| item["policyArn"].clone()).collect();
    assert_eq!(json!(found), json!([arns[1], arns[2], arns[0]]));
}

#[tokio::test]
async fn case_085_without_an_entry_nothing_is_associated() {
    let bed = Bed::new().await;
    let view = policy("AmazonEKSViewPolicy");
    let associate = bed.associate("dev", ROLE, &view, json!({"type": "cluster"})).await;
    associate.refused_with(404, "ResourceNotFoundException", NO_ENTRY);
    let path = format!("{}/{}", policies_of("dev", ROLE), segment(&view));
    bed.delete(&path).await.refused_with(404, "ResourceNotFoundException", NO_ENTRY);
    bed.get(&policies_of("dev", ROLE)).await.refused_with(404, "ResourceNotFoundException", NO_ENTRY);
}

#[tokio::test]
async fn case_086_one_policy_goes_and_the_other_stays() {
    let bed = bed_with_entry().await;
    let (view, edit) = (policy("AmazonEKSViewPolicy"), policy("AmazonEKSEditPolicy"));
    for arn in [&view, &edit] {
        bed.associate("dev", ROLE, arn, json!({"type": "cluster"})).await.good();
    }
    let path = format!("{}/{}", policies_of("dev", ROLE), segment(&view));
    assert_eq!(bed.delete(&path).await.good(), json!({}));
    let left = listed(&bed).await;
    assert_eq!((left.len(), &left[0]["policyArn"]), (1, &json!(edit)));
}

#[tokio::test]
async fn case_087_what_is_not_associated_cannot_be_taken_off() {
    let bed = bed_with_entry().await;
    let view = policy("AmazonEKSViewPolicy");
    let path = format!("{}/{}", policies_of("dev", ROLE), segment(&view));
    bed.delete(&path).await.refused(404, "ResourceNotFoundException");
    bed.associate("dev", ROLE, &view, json!({"type": "cluster"})).await.good();
    bed.delete(&path).await.good();
    bed.delete(&path).await.refused(404, "ResourceNotFoundException");
}

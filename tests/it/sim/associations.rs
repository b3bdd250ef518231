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
async fn case_071_072_084_scopes_are_echoed_and_lists_ascend() {
    let bed = bed_with_entry().await;
    let view = policy("AmazonEKSViewPolicy");
    let answer = bed.associate("dev", ROLE, &view, json!({"type": "cluster"})).await.good();
    assert_eq!((&answer["clusterName"], &answer["principalArn"]), (&json!("dev"), &json!(ROLE)));
    let association = &answer["associatedAccessPolicy"];
    assert_eq!(association["policyArn"], view);
    assert_eq!(association["accessScope"], json!({"type": "cluster", "namespaces": []}));
    assert_eq!(association["associatedAt"], association["modifiedAt"]);

    let scope = json!({"type": "namespace", "namespaces": ["payments", "dev-*"]});
    let answer = bed.associate("dev", ROLE, &policy("AmazonEKSEditPolicy"), scope.clone()).await.good();
    assert_eq!(answer["associatedAccessPolicy"]["accessScope"], scope);
    let arns: Vec<_> = listed(&bed).await.iter().map(|item| item["policyArn"].clone()).collect();
    assert_eq!(arns, [json!(policy("AmazonEKSEditPolicy")), json!(view)]);
}

#[tokio::test]
async fn case_073_074_075_076_scopes_that_make_no_sense() {
    let bed = bed_with_entry().await;
    let view = policy("AmazonEKSViewPolicy");
    let at_least_one = "At least 1 namespace must be provided if the type is set as namespace";
    for scope in [json!({"type": "namespace"}), json!({"type": "namespace", "namespaces": []})] {
        bed.associate("dev", ROLE, &view, scope).await.bad_parameter(at_least_one);
    }
    bed.associate("dev", ROLE, &view, json!({"type": "cluster", "namespaces": ["a"]}))
        .await
        .bad_parameter("accessScope should not include namespaces if the type is not set as namespace");
    for scope in [json!({"type": "Cluster"}), json!({}), Value::Null] {
        bed.associate("dev", ROLE, &view, scope).await.refused(400, "InvalidParameterException");
    }
    bed.associate("dev", ROLE, &view, json!({"type": "cluster", "namespaces": []})).await.good();
}

#[tokio::test]
async fn case_077_078_079_policies_that_cannot_be_associated() {
    let bed = bed_with_entry().await;
    let scope = json!({"type": "cluster"});
    for unknown in [
        policy("Nope"),
        "arn:aws-cn:eks::aws:cluster-access-policy/AmazonEKSViewPolicy".into(),
        "arn:aws:eks:aws:cluster-access-policy/AmazonEKSViewPolicy".into(),
    ] {
        let answer = bed.associate("dev", ROLE, &unknown, scope.clone()).await;
        answer.refused_with(404, "ResourceNotFoundException", "The specified policyArn could not be found.");
    }
    for malformed in ["arn:aws:iam::aws:policy/AdministratorAccess", "AmazonEKSViewPolicy", ""] {
        let answer = bed.associate("dev", ROLE, malformed, scope.clone()).await;
        answer.bad_parameter("The policyArn parameter format is not valid");
    }
    for reserved in ["BlockStorageCluster", "Compute", "Hybrid", "ClusterInsights"] {
        let answer = bed.associate("dev", ROLE, &policy(&format!("AmazonEKS{reserved}Policy")), scope.clone()).await;
        answer.bad_parameter("The specified policyArn can only be associated with service-linked roles");
    }
    assert!(listed(&bed).await.is_empty());
}

#[tokio::test]
async fn case_080_081_082_node_entries_take_no_policies_but_auto_mode_does() {
    let bed = Bed::new().await;
    for kind in ["EC2_LINUX", "EC2_WINDOWS", "FARGATE_LINUX", "HYBRID_LINUX"] {
        let role = format!("arn:aws:iam::111122223333:role/{kind}");
        bed.create("dev", json!({"principalArn": role, "type": kind})).await.good();
        let view = policy("AmazonEKSViewPolicy");
        bed.associate("dev", &role, &view, json!({"type": "cluster"})).await.bad_parameter(STANDARD_ONLY);
        bed.get(&policies_of("dev", &role)).await.bad_parameter(STANDARD_ONLY);
    }
    let auto = "arn:aws:iam::111122223333:role/auto";
    bed.create("dev", json!({"principalArn": auto, "type": "EC2"})).await.good();
    bed.associate("dev", auto, &policy("AmazonEKSAutoNodePolicy"), json!({"type": "cluster"})).await.good();
    let policies = bed.get(&policies_of("dev", auto)).await.good();
    assert_eq!(policies["associatedAccessPolicies"][0]["policyArn"], policy("AmazonEKSAutoNodePolicy"));
}

#[tokio::test]
async fn case_083_associating_again_replaces_the_scope() {
    let bed = bed_with_entry().await;
    bed.post("/_sim/clock", json!({"frozen": true})).await.good();
    let view = policy("AmazonEKSViewPolicy");
    bed.associate("dev", ROLE, &view, json!({"type": "cluster"})).await.good();
    let before = listed(&bed).await;
    bed.sim.advance(std::time::Duration::from_secs(5));
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
async fn case_085_086_087_what_is_not_there_cannot_be_taken_off() {
    let bed = Bed::new().await;
    let view = policy("AmazonEKSViewPolicy");
    let path = format!("{}/{}", policies_of("dev", ROLE), segment(&view));
    let scope = json!({"type": "cluster"});
    bed.associate("dev", ROLE, &view, scope.clone()).await.refused_with(404, "ResourceNotFoundException", NO_ENTRY);
    bed.delete(&path).await.refused_with(404, "ResourceNotFoundException", NO_ENTRY);
    bed.create_plain("dev", ROLE).await;
    bed.delete(&path).await.refused(404, "ResourceNotFoundException");
    bed.associate("dev", ROLE, &view, scope.clone()).await.good();
    bed.associate("dev", ROLE, &policy("AmazonEKSEditPolicy"), scope).await.good();
    bed.delete(&path).await.good();
    let left = listed(&bed).await;
    assert_eq!((left.len(), &left[0]["policyArn"]), (1, &json!(policy("AmazonEKSEditPolicy"))));
    bed.delete(&path).await.refused(404, "ResourceNotFoundException");
}

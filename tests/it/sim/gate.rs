//! Cases 8 to 13: no cluster, a cluster that does not know access entries, a name no cluster can have; and the order
//! of checks.

use reqwest::Method;
use serde_json::{Value, json};

use super::bed::{Answer, Bed, ROLE, entries_of, entry_of, policies_of, policy, segment};

/// Every operation on access entries, on one cluster.
async fn all_entry_operations(bed: &Bed, cluster: &str) -> Vec<(&'static str, Answer)> {
    let view = policy("AmazonEKSViewPolicy");
    let (entries, entry, policies) = (entries_of(cluster), entry_of(cluster, ROLE), policies_of(cluster, ROLE));
    let one_policy = format!("{policies}/{}", segment(&view));
    let associate = json!({"policyArn": view, "accessScope": {"type": "cluster"}});
    let mut answers = Vec::new();
    for (name, method, path, body) in [
        ("CreateAccessEntry", Method::POST, &entries, json!({"principalArn": ROLE})),
        ("DescribeAccessEntry", Method::GET, &entry, Value::Null),
        ("UpdateAccessEntry", Method::POST, &entry, json!({})),
        ("DeleteAccessEntry", Method::DELETE, &entry, Value::Null),
        ("ListAccessEntries", Method::GET, &entries, Value::Null),
        ("AssociateAccessPolicy", Method::POST, &policies, associate),
        ("DisassociateAccessPolicy", Method::DELETE, &one_policy, Value::Null),
        ("ListAssociatedAccessPolicies", Method::GET, &policies, Value::Null),
    ] {
        answers.push((name, bed.call(method, path, body).await));
    }
    answers
}

#[tokio::test]
async fn case_008_without_a_cluster_every_operation_says_so() {
    let bed = Bed::new().await;
    let mut answers = all_entry_operations(&bed, "absent").await;
    answers.push(("DescribeCluster", bed.get("/clusters/absent").await));
    let mode = json!({"accessConfig": {"authenticationMode": "API"}});
    answers.push(("UpdateClusterConfig", bed.post("/clusters/absent/update-config", mode).await));
    answers.push(("DescribeUpdate", bed.get("/clusters/absent/updates/1").await));
    for (name, answer) in answers {
        println!("{name}");
        answer.refused_with(404, "ResourceNotFoundException", "No cluster found for name: absent.");
        assert_eq!(answer.body["clusterName"], "absent");
    }
    assert_eq!(bed.sim.calls().len(), 11);
    assert!(bed.sim.calls().iter().all(|call| !call.applied));
}

#[tokio::test]
async fn case_009_010_011_a_config_map_cluster_refuses_every_entry_operation() {
    let bed = Bed::new().await;
    for (name, answer) in all_entry_operations(&bed, "legacy").await {
        println!("{name}");
        answer.refused_with(
            400,
            "InvalidRequestException",
            "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform this operation.",
        );
    }
    assert_eq!(bed.get("/clusters/legacy").await.good()["cluster"]["accessConfig"]["authenticationMode"], "CONFIG_MAP");
}

#[tokio::test]
async fn case_012_the_catalogue_needs_no_cluster() {
    let bed = Bed::of(entryway::sandbox::sim::World::empty()).await;
    let listed = bed.get("/access-policies").await.good();
    let names: Vec<_> =
        listed["accessPolicies"].as_array().unwrap().iter().map(|p| p["name"].as_str().unwrap()).collect();
    assert!(names.is_sorted() && names.len() == 23, "{names:?}");
    for general in ["AdminView", "Admin", "ClusterAdmin", "Edit", "View", "SecretReader", "AutoNode"] {
        assert!(names.contains(&format!("AmazonEKS{general}Policy").as_str()), "{general}");
    }
    assert_eq!(listed["accessPolicies"][0]["arn"], policy("AmazonAIOpsAssistantPolicy"));
}

#[tokio::test]
async fn case_013_a_bad_cluster_name_is_a_bad_parameter() {
    let bed = Bed::new().await;
    for name in ["my%20cluster", "-x", "a.b", "a%2Fb"] {
        let answer = bed.get(&format!("/clusters/{name}/access-entries")).await;
        answer.refused(400, "InvalidParameterException");
        let message = answer.body["message"].as_str().unwrap();
        let measured = "The clusterName parameter contains invalid characters. It should conform to the regular \
                        expression \"^[0-9A-Za-z][A-Za-z0-9-_]*\"In other words, ";
        assert!(message.starts_with(measured), "{message}");
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
    for (name, answer) in all_entry_operations(&bed, "absent").await {
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

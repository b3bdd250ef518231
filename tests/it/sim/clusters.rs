//! Cases 14 to 20 and 108: authentication modes, updates and the entries EKS makes by itself.

use entryway::sandbox::sim::{AuthenticationMode, ClusterSpec, World};
use serde_json::{Value, json};

use super::bed::{Answer, Bed, ROLE, entries_of, policies_of, policy};
use super::lists::NO_ENTRY;
use super::operations;

pub(crate) const CREATOR: &str = "arn:aws:iam::111122223333:role/cluster-creator";
const SLR: &str = "arn:aws:iam::111122223333:role/aws-service-role/eks.amazonaws.com/AWSServiceRoleForAmazonEKS";

fn mode(name: &str) -> Value {
    json!({"accessConfig": {"authenticationMode": name}})
}

async fn status(bed: &Bed, cluster: &str) -> (String, String) {
    let cluster = bed.get(&format!("/clusters/{cluster}")).await.good()["cluster"].clone();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&cluster["status"]), text(&cluster["accessConfig"]["authenticationMode"]))
}

async fn ask(bed: &Bed, cluster: &str, to: &str) -> Answer {
    bed.post(&format!("/clusters/{cluster}/update-config"), mode(to)).await
}

/// A bed whose clock stands still, and on which updates take a minute.
async fn slow() -> Bed {
    let bed = Bed::new().await;
    bed.knobs(json!({"clusterUpdateMs": 60_000})).await;
    bed.freeze().await;
    bed
}

#[tokio::test]
async fn case_014_config_map_does_not_become_api_in_one_step() {
    let bed = Bed::new().await;
    let answer = ask(&bed, "legacy", "API").await;
    answer.bad_parameter("Unsupported authentication mode update from CONFIG_MAP to API");
    assert_eq!(status(&bed, "legacy").await, ("ACTIVE".into(), "CONFIG_MAP".into()));
}

#[tokio::test]
async fn case_015_an_update_takes_its_time_and_brings_the_creators_entry_along() {
    let bed = slow().await;
    let update = ask(&bed, "legacy", "API_AND_CONFIG_MAP").await.good()["update"].clone();
    assert_eq!((&update["status"], &update["type"]), (&json!("InProgress"), &json!("AccessConfigUpdate")));
    assert_eq!(update["params"], json!([{"type": "AuthenticationMode", "value": "API_AND_CONFIG_MAP"}]));
    bed.advance(59_999).await;
    assert_eq!(status(&bed, "legacy").await, ("UPDATING".into(), "CONFIG_MAP".into()));
    for (name, answer) in operations::on_entries(&bed, "legacy").await {
        println!("{name}");
        answer.refused(400, "InvalidRequestException");
    }

    bed.advance(1).await;
    let id = update["id"].as_str().unwrap();
    let found = bed.get(&format!("/clusters/legacy/updates/{id}")).await.good();
    assert_eq!((&found["update"]["status"], &found["update"]["errors"]), (&json!("Successful"), &json!([])));
    assert_eq!(status(&bed, "legacy").await, ("ACTIVE".into(), "API_AND_CONFIG_MAP".into()));
    let listed = bed.get(&entries_of("legacy")).await.good();
    assert_eq!(listed["accessEntries"], json!([SLR, CREATOR]), "EKS brings its own entries along");
    let policies = bed.get(&policies_of("legacy", CREATOR)).await.good()["associatedAccessPolicies"].clone();
    assert_eq!(policies[0]["policyArn"], policy("AmazonEKSClusterAdminPolicy"));
    bed.create_plain("legacy", ROLE).await;
    bed.get("/clusters/legacy/updates/nope").await.refused(404, "ResourceNotFoundException");
}

#[tokio::test]
async fn case_016_both_become_api() {
    let bed = Bed::new().await;
    bed.create_plain("dev", ROLE).await;
    let update = ask(&bed, "dev", "API").await.good()["update"].clone();
    assert_eq!(update["params"], json!([{"type": "AuthenticationMode", "value": "API"}]));
    assert_eq!(status(&bed, "dev").await, ("ACTIVE".into(), "API".into()));
    bed.describe("dev", ROLE).await.good();
}

#[tokio::test]
async fn case_017_there_is_no_way_back() {
    let bed = Bed::new().await;
    for (cluster, from, to) in [
        ("dev", "API_AND_CONFIG_MAP", "CONFIG_MAP"),
        ("prod", "API", "API_AND_CONFIG_MAP"),
        ("prod", "API", "CONFIG_MAP"),
        ("prod", "API", "API"),
    ] {
        let answer = ask(&bed, cluster, to).await;
        answer.bad_parameter(&format!("Unsupported authentication mode update from {from} to {to}"));
        assert_eq!(status(&bed, cluster).await, ("ACTIVE".into(), from.into()));
    }
    for body in [mode("NONE"), json!({}), json!({"logging": {}})] {
        let answer = bed.post("/clusters/prod/update-config", body).await;
        answer.refused(400, "InvalidParameterException");
    }
}

#[tokio::test]
async fn case_018_one_update_at_a_time() {
    let bed = slow().await;
    let first = ask(&bed, "legacy", "API_AND_CONFIG_MAP").await.good();
    let id = first["update"]["id"].as_str().unwrap();
    for to in ["API_AND_CONFIG_MAP", "API"] {
        ask(&bed, "legacy", to).await.refused_with(
            409,
            "ResourceInUseException",
            &format!("Cannot AccessConfigUpdate because cluster legacy currently has update {id} in progress"),
        );
    }
    ask(&bed, "dev", "API").await.good();
    bed.advance(60_000).await;
    ask(&bed, "legacy", "API").await.good();
}

#[tokio::test]
async fn case_019_the_bootstrap_creator_is_an_administrator() {
    let without = ClusterSpec::new("bare", AuthenticationMode::Api).without_creator_admin();
    let bed = Bed::of(World::default().cluster(without)).await;
    assert_eq!(bed.get(&entries_of("dev")).await.good()["accessEntries"], json!([SLR, CREATOR]));
    let policies = bed.get(&policies_of("dev", CREATOR)).await.good()["associatedAccessPolicies"].clone();
    assert_eq!(policies.as_array().unwrap().len(), 1);
    assert_eq!(policies[0]["policyArn"], policy("AmazonEKSClusterAdminPolicy"));
    assert_eq!(policies[0]["accessScope"], json!({"type": "cluster", "namespaces": []}));
    assert_eq!(bed.get(&entries_of("bare")).await.good()["accessEntries"], json!([SLR]));
    for (cluster, expected) in [("dev", true), ("bare", false)] {
        let access = bed.get(&format!("/clusters/{cluster}")).await.good()["cluster"]["accessConfig"].clone();
        assert_eq!(access["bootstrapClusterCreatorAdminPermissions"], expected);
    }
}

#[tokio::test]
async fn case_020_a_cluster_of_the_same_name_starts_empty() {
    let bed = Bed::new().await;
    bed.create_plain("dev", ROLE).await;
    bed.delete("/_sim/clusters/dev").await.good();
    bed.describe("dev", ROLE).await.refused_with(404, "ResourceNotFoundException", "No cluster found for name: dev.");
    bed.post("/_sim/clusters", json!({"name": "dev"})).await.good();
    bed.describe("dev", ROLE).await.refused_with(404, "ResourceNotFoundException", NO_ENTRY);
    assert_eq!(bed.get(&entries_of("dev")).await.good()["accessEntries"], json!([SLR, CREATOR]));
    bed.create_plain("dev", ROLE).await;
}

#[tokio::test]
async fn case_108_a_cluster_may_change_in_the_middle_of_things() {
    let bed = Bed::new().await;
    bed.create_plain("dev", ROLE).await;
    bed.post("/_sim/clusters/dev", json!({"status": "DELETING"})).await.good();
    assert_eq!(status(&bed, "dev").await.0, "DELETING");
    let scope = json!({"type": "cluster"});
    let associate = bed.associate("dev", ROLE, &policy("AmazonEKSViewPolicy"), scope.clone()).await;
    associate.refused(400, "InvalidRequestException");
    bed.describe("dev", ROLE).await.good();
    bed.post("/_sim/clusters/dev", json!({"status": "ACTIVE", "authenticationMode": "CONFIG_MAP"})).await.good();
    let associate = bed.associate("dev", ROLE, &policy("AmazonEKSViewPolicy"), scope).await;
    associate.refused(400, "InvalidRequestException");
    assert!(associate.body["message"].as_str().unwrap().contains("authentication mode"));
}

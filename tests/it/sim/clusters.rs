//! Cases 14 to 20: authentication modes, updates and the entries EKS makes by itself.

use entryway::sandbox::sim::{AuthenticationMode, ClusterSpec, World};
use serde_json::{Value, json};

use super::bed::{Bed, ROLE, entries_of, policies_of, policy};

const CREATOR: &str = "arn:aws:iam::111122223333:role/cluster-creator";
const SLR: &str = "arn:aws:iam::111122223333:role/aws-service-role/eks.amazonaws.com/AWSServiceRoleForAmazonEKS";

fn mode(name: &str) -> Value {
    json!({"accessConfig": {"authenticationMode": name}})
}

async fn status(bed: &Bed, cluster: &str) -> (String, String) {
    let cluster = bed.get(&format!("/clusters/{cluster}")).await.good()["cluster"].clone();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&cluster["status"]), text(&cluster["accessConfig"]["authenticationMode"]))
}

#[tokio::test]
async fn case_014_016_017_modes_go_one_step_forward_only() {
    let bed = Bed::new().await;
    for (cluster, from, to) in [
        ("legacy", "CONFIG_MAP", "API"),
        ("dev", "API_AND_CONFIG_MAP", "CONFIG_MAP"),
        ("prod", "API", "API_AND_CONFIG_MAP"),
        ("prod", "API", "CONFIG_MAP"),
        ("prod", "API", "API"),
    ] {
        let answer = bed.post(&format!("/clusters/{cluster}/update-config"), mode(to)).await;
        answer.bad_parameter(&format!("Unsupported authentication mode update from {from} to {to}"));
    }
    let update = bed.post("/clusters/dev/update-config", mode("API")).await.good()["update"].clone();
    assert_eq!(update["params"], json!([{"type": "AuthenticationMode", "value": "API"}]));
    assert_eq!(status(&bed, "dev").await, ("ACTIVE".into(), "API".into()));
    for body in [mode("NONE"), json!({}), json!({"logging": {}})] {
        let answer = bed.post("/clusters/prod/update-config", body).await;
        answer.refused(400, "InvalidParameterException");
    }
}

#[tokio::test]
async fn case_015_018_an_update_takes_its_time_and_no_second_beside_it() {
    let bed = Bed::new().await;
    bed.knobs(json!({"clusterUpdateMs": 60_000})).await;
    bed.post("/_sim/clock", json!({"frozen": true})).await.good();
    let ask = mode("API_AND_CONFIG_MAP");
    let update = bed.post("/clusters/legacy/update-config", ask.clone()).await.good()["update"].clone();
    assert_eq!((&update["status"], &update["type"]), (&json!("InProgress"), &json!("AccessConfigUpdate")));
    assert_eq!(status(&bed, "legacy").await, ("UPDATING".into(), "CONFIG_MAP".into()));
    bed.create("legacy", json!({"principalArn": ROLE})).await.refused(400, "InvalidRequestException");

    let id = update["id"].as_str().unwrap();
    let second = bed.post("/clusters/legacy/update-config", ask).await;
    second.refused_with(
        409,
        "ResourceInUseException",
        &format!("Cannot AccessConfigUpdate because cluster legacy currently has update {id} in progress"),
    );
    bed.post("/_sim/clock", json!({"advanceMs": 60_000})).await.good();
    let found = bed.get(&format!("/clusters/legacy/updates/{id}")).await.good();
    assert_eq!((&found["update"]["status"], &found["update"]["errors"]), (&json!("Successful"), &json!([])));
    assert_eq!(status(&bed, "legacy").await, ("ACTIVE".into(), "API_AND_CONFIG_MAP".into()));
    let listed = bed.get(&entries_of("legacy")).await.good();
    assert_eq!(listed["accessEntries"], json!([SLR, CREATOR]), "EKS brings its own entries along");
    bed.create_plain("legacy", ROLE).await;
    bed.get("/clusters/legacy/updates/nope").await.refused(404, "ResourceNotFoundException");
}

#[tokio::test]
async fn case_019_046_the_bootstrap_creator_is_an_administrator() {
    let without = ClusterSpec::new("bare", AuthenticationMode::Api).without_creator_admin();
    let bed = Bed::of(World::default().cluster(without)).await;
    assert_eq!(bed.get(&entries_of("dev")).await.good()["accessEntries"], json!([SLR, CREATOR]));
    let policies = bed.get(&policies_of("dev", CREATOR)).await.good()["associatedAccessPolicies"].clone();
    assert_eq!(policies[0]["policyArn"], policy("AmazonEKSClusterAdminPolicy"));
    assert_eq!(policies[0]["accessScope"], json!({"type": "cluster", "namespaces": []}));
    assert_eq!(bed.get(&entries_of("bare")).await.good()["accessEntries"], json!([SLR]));
    // The creator's entry is in the way of another one, too.
    bed.create("dev", json!({"principalArn": CREATOR})).await.refused(409, "ResourceInUseException");
}

#[tokio::test]
async fn case_020_a_cluster_of_the_same_name_starts_empty() {
    let bed = Bed::new().await;
    bed.create_plain("dev", ROLE).await;
    bed.delete("/_sim/clusters/dev").await.good();
    bed.describe("dev", ROLE).await.refused_with(404, "ResourceNotFoundException", "No cluster found for name: dev.");
    bed.post("/_sim/clusters", json!({"name": "dev"})).await.good();
    bed.describe("dev", ROLE).await.refused(404, "ResourceNotFoundException");
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

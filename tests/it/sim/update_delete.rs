//! Cases 62 to 70 and 89 to 91: updating and deleting.

use serde_json::{Value, json};

use super::bed::{Answer, Bed, ROLE, entry_of, policies_of, policy, segment};
use super::lists::NO_ENTRY;

const GENERATED: &str = "arn:aws:sts::111122223333:assumed-role/my-role/{{SessionName}}";

async fn update(bed: &Bed, body: Value) -> Answer {
    bed.post(&entry_of("dev", ROLE), body).await
}

/// An entry with a username and groups of its own.
async fn furnished() -> (Bed, Value) {
    let bed = Bed::new().await;
    let body = json!({"principalArn": ROLE, "username": "me:{{SessionName}}", "kubernetesGroups": ["a", "b"]});
    let entry = bed.create("dev", body).await.good()["accessEntry"].clone();
    (bed, entry)
}

#[tokio::test]
async fn case_062_063_066_groups_are_replaced_and_time_moves_on() {
    let (bed, before) = furnished().await;
    bed.post("/_sim/clock", json!({"frozen": true})).await.good();
    let ask = json!({"kubernetesGroups": ["c"], "username": "me:{{SessionName}}"});
    let after = update(&bed, ask.clone()).await.good()["accessEntry"].clone();
    assert_eq!(after["kubernetesGroups"], json!(["c"]));
    for same in ["createdAt", "accessEntryArn", "type", "tags", "username", "principalArn"] {
        assert_eq!(after[same], before[same], "{same}");
    }
    let time = |entry: &Value| entry["modifiedAt"].as_f64().unwrap();
    assert!(time(&after) > time(&before));
    let again = update(&bed, ask).await.good()["accessEntry"].clone();
    assert!(time(&again) > time(&after), "even within one millisecond");
    let cleared = update(&bed, json!({"kubernetesGroups": [], "username": "me:{{SessionName}}"})).await.good();
    assert_eq!(cleared["accessEntry"]["kubernetesGroups"], json!([]));
}

#[tokio::test]
async fn case_064_065_what_an_update_leaves_out_goes_back_to_the_default() {
    let (bed, _) = furnished().await;
    let username_only = update(&bed, json!({"username": "you:{{SessionName}}"})).await.good()["accessEntry"].clone();
    assert_eq!(username_only["username"], "you:{{SessionName}}");
    assert_eq!(username_only["kubernetesGroups"], json!([]));
    let groups_only = update(&bed, json!({"kubernetesGroups": ["x"]})).await.good()["accessEntry"].clone();
    assert_eq!((&groups_only["username"], &groups_only["kubernetesGroups"]), (&json!(GENERATED), &json!(["x"])));
    let nothing = update(&bed, json!({})).await.good()["accessEntry"].clone();
    assert_eq!((&nothing["username"], &nothing["kubernetesGroups"]), (&json!(GENERATED), &json!([])));
}

#[tokio::test]
async fn case_067_069_updates_are_refused_like_creations() {
    let (bed, before) = furnished().await;
    update(&bed, json!({"username": "eks:x"})).await.bad_parameter("The username must not begin with eks:");
    update(&bed, json!({"kubernetesGroups": ["system:masters"]}))
        .await
        .bad_parameter("The kubernetes group name system:masters is invalid, it cannot start with system:");
    update(&bed, json!({"username": "john{{SessionName}}"})).await.refused(400, "InvalidParameterException");
    assert_eq!(bed.describe("dev", ROLE).await.good()["accessEntry"], before);
    let unknown = bed.post(&entry_of("dev", "arn:aws:iam::111122223333:role/other"), json!({})).await;
    unknown.refused_with(404, "ResourceNotFoundException", NO_ENTRY);
}

#[tokio::test]
async fn case_068_node_entries_are_not_for_updating() {
    let bed = Bed::new().await;
    bed.create("dev", json!({"principalArn": ROLE, "type": "EC2_LINUX"})).await.good();
    let node = "system:node:{{EC2PrivateDNSName}}";
    update(&bed, json!({"username": node})).await.bad_parameter("The username must not begin with system:");
    update(&bed, json!({"kubernetesGroups": ["g"]})).await.bad_parameter(
        "The specified kubernetesGroups is invalid: setting kubernetesGroups is not allowed when the type is \"EC2_LINUX\"",
    );
    let untouched = update(&bed, json!({"kubernetesGroups": []})).await.good()["accessEntry"].clone();
    assert_eq!((&untouched["username"], &untouched["kubernetesGroups"]), (&json!(node), &json!(["system:nodes"])));
}

#[tokio::test]
async fn case_070_an_update_leaves_associations_alone() {
    let (bed, _) = furnished().await;
    bed.associate("dev", ROLE, &policy("AmazonEKSViewPolicy"), json!({"type": "cluster"})).await.good();
    let before = bed.get(&policies_of("dev", ROLE)).await.good();
    update(&bed, json!({"kubernetesGroups": ["z"]})).await.good();
    assert_eq!(bed.get(&policies_of("dev", ROLE)).await.good(), before);
}

#[tokio::test]
async fn case_089_090_deleting_takes_the_associations_along() {
    let (bed, before) = furnished().await;
    bed.associate("dev", ROLE, &policy("AmazonEKSViewPolicy"), json!({"type": "cluster"})).await.good();
    assert_eq!(bed.delete(&entry_of("dev", ROLE)).await.good(), json!({}));
    for gone in [
        bed.describe("dev", ROLE).await,
        bed.get(&policies_of("dev", ROLE)).await,
        bed.delete(&entry_of("dev", ROLE)).await,
    ] {
        gone.refused_with(404, "ResourceNotFoundException", NO_ENTRY);
    }
    let anew = bed.create_plain("dev", ROLE).await;
    assert_ne!(anew["accessEntryArn"], before["accessEntryArn"]);
    assert_eq!(bed.get(&policies_of("dev", ROLE)).await.good()["associatedAccessPolicies"], json!([]));
}

#[tokio::test]
async fn case_091_service_linked_entries_are_not_for_customers() {
    let bed = Bed::new().await;
    let slr = "arn:aws:iam::111122223333:role/aws-service-role/eks.amazonaws.com/AWSServiceRoleForAmazonEKS";
    let view = policy("AmazonEKSViewPolicy");
    bed.describe("dev", slr).await.good();
    for answer in [
        bed.delete(&entry_of("dev", slr)).await,
        bed.post(&entry_of("dev", slr), json!({})).await,
        bed.associate("dev", slr, &view, json!({"type": "cluster"})).await,
        bed.delete(&format!("{}/{}", policies_of("dev", slr), segment(&view))).await,
    ] {
        answer.bad_parameter(
            "The caller is not allowed to modify access entries with a principalArn value of a Service Linked Role",
        );
    }
    bed.describe("dev", slr).await.good();
}

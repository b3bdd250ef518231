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
async fn case_062_groups_replace_the_list() {
    let (bed, before) = furnished().await;
    let after = update(&bed, json!({"kubernetesGroups": ["c"], "username": "me:{{SessionName}}"})).await.good();
    assert_eq!(before["kubernetesGroups"], json!(["a", "b"]));
    assert_eq!(after["accessEntry"]["kubernetesGroups"], json!(["c"]));
    assert_eq!(bed.describe("dev", ROLE).await.good(), after);
}

#[tokio::test]
async fn case_063_no_groups_clear_the_list() {
    let (bed, _) = furnished().await;
    let cleared = update(&bed, json!({"kubernetesGroups": [], "username": "me:{{SessionName}}"})).await.good();
    assert_eq!(cleared["accessEntry"]["kubernetesGroups"], json!([]));
    assert_eq!(cleared["accessEntry"]["username"], "me:{{SessionName}}");
}

#[tokio::test]
async fn case_064_a_username_alone_takes_the_groups_away() {
    let (bed, _) = furnished().await;
    let after = update(&bed, json!({"username": "you:{{SessionName}}"})).await.good()["accessEntry"].clone();
    assert_eq!((&after["username"], &after["kubernetesGroups"]), (&json!("you:{{SessionName}}"), &json!([])));
    assert_eq!(bed.describe("dev", ROLE).await.good()["accessEntry"], after);
}

#[tokio::test]
async fn case_065_groups_alone_take_the_username_back_to_the_default() {
    let (bed, _) = furnished().await;
    let after = update(&bed, json!({"kubernetesGroups": ["x"]})).await.good()["accessEntry"].clone();
    assert_eq!((&after["username"], &after["kubernetesGroups"]), (&json!(GENERATED), &json!(["x"])));
    let nothing = update(&bed, json!({})).await.good()["accessEntry"].clone();
    assert_eq!((&nothing["username"], &nothing["kubernetesGroups"]), (&json!(GENERATED), &json!([])));
}

#[tokio::test]
async fn case_066_an_update_moves_modified_at_and_leaves_the_rest() {
    let (bed, before) = furnished().await;
    bed.freeze().await;
    let ask = json!({"kubernetesGroups": ["c"], "username": "me:{{SessionName}}"});
    let after = update(&bed, ask.clone()).await.good()["accessEntry"].clone();
    for same in ["createdAt", "accessEntryArn", "type", "tags", "username", "principalArn", "clusterName"] {
        assert_eq!(after[same], before[same], "{same}");
    }
    let time = |entry: &Value| entry["modifiedAt"].as_f64().unwrap();
    assert!(time(&after) > time(&before));
    let again = update(&bed, ask).await.good()["accessEntry"].clone();
    assert!(time(&again) > time(&after), "even within one millisecond");
}

#[tokio::test]
async fn case_067_updates_are_refused_like_creations() {
    let (bed, before) = furnished().await;
    for prefix in ["system:", "eks:", "aws:", "amazon:", "iam:"] {
        let reserved = format!("{prefix}x");
        update(&bed, json!({ "username": reserved }))
            .await
            .bad_parameter(&format!("The username must not begin with {prefix}"));
        update(&bed, json!({ "kubernetesGroups": ["fine", reserved] }))
            .await
            .bad_parameter(&format!("The kubernetes group name {reserved} is invalid, it cannot start with {prefix}"));
    }
    for placeholder in ["{{SessionName}}", "{{SessionNameRaw}}"] {
        let bad = update(&bed, json!({ "username": format!("john{placeholder}") })).await;
        bad.refused(400, "InvalidParameterException");
    }
    assert_eq!(bed.describe("dev", ROLE).await.good()["accessEntry"], before);
    for good in ["sts:x", "System:x", "jo:hn{{SessionName}}", ":john{{SessionNameRaw}}"] {
        update(&bed, json!({ "username": good, "kubernetesGroups": ["system"] })).await.good();
    }
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
async fn case_069_what_is_not_there_cannot_be_updated() {
    let (bed, _) = furnished().await;
    let unknown = bed.post(&entry_of("dev", "arn:aws:iam::111122223333:role/other"), json!({})).await;
    unknown.refused_with(404, "ResourceNotFoundException", NO_ENTRY);
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
async fn case_089_deleting_takes_the_associations_along() {
    let (bed, before) = furnished().await;
    bed.associate("dev", ROLE, &policy("AmazonEKSViewPolicy"), json!({"type": "cluster"})).await.good();
    assert_eq!(bed.delete(&entry_of("dev", ROLE)).await.good(), json!({}));
    for gone in [bed.describe("dev", ROLE).await, bed.get(&policies_of("dev", ROLE)).await] {
        gone.refused_with(404, "ResourceNotFoundException", NO_ENTRY);
    }
    let anew = bed.create_plain("dev", ROLE).await;
    assert_ne!(anew["accessEntryArn"], before["accessEntryArn"]);
    assert_eq!(bed.get(&policies_of("dev", ROLE)).await.good()["associatedAccessPolicies"], json!([]));
}

#[tokio::test]
async fn case_090_what_is_gone_cannot_be_deleted_again() {
    let (bed, _) = furnished().await;
    bed.delete(&entry_of("dev", ROLE)).await.good();
    bed.delete(&entry_of("dev", ROLE)).await.refused_with(404, "ResourceNotFoundException", NO_ENTRY);
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

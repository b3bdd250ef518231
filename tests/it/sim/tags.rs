//! Cases 92 to 95: tags by ARN, with errors of their own.

use serde_json::{Value, json};

use super::bed::{Bed, ROLE, entry_of, segment};

fn tags_of(arn: &str) -> String {
    format!("/tags/{}", segment(arn))
}

/// A bed with an entry that has the tags `a` and `b`, and the entry's ARN.
async fn tagged() -> (Bed, String) {
    let bed = Bed::new().await;
    let entry = bed.create("dev", json!({"principalArn": ROLE, "tags": {"a": "1", "b": "1"}})).await.good();
    let arn = entry["accessEntry"]["accessEntryArn"].as_str().unwrap().to_owned();
    (bed, arn)
}

async fn shown(bed: &Bed) -> Value {
    bed.describe("dev", ROLE).await.good()["accessEntry"]["tags"].clone()
}

#[tokio::test]
async fn case_092_tags_are_added_to_what_is_there() {
    let (bed, arn) = tagged().await;
    assert_eq!(bed.post(&tags_of(&arn), json!({"tags": {"b": "2", "c d": "3"}})).await.good(), json!({}));
    let merged = json!({"a": "1", "b": "2", "c d": "3"});
    assert_eq!(shown(&bed).await, merged);
    assert_eq!(bed.get(&tags_of(&arn)).await.good(), json!({ "tags": merged }));
}

#[tokio::test]
async fn case_093_keys_are_taken_off_several_at_a_time() {
    let (bed, arn) = tagged().await;
    bed.post(&tags_of(&arn), json!({"tags": {"c d": "3"}})).await.good();
    bed.delete(&format!("{}?tagKeys=a&tagKeys=c%20d&tagKeys=absent", tags_of(&arn))).await.good();
    assert_eq!(shown(&bed).await, json!({"b": "1"}));
    assert_eq!(bed.get(&tags_of(&arn)).await.good(), json!({"tags": {"b": "1"}}));
}

#[tokio::test]
async fn clusters_have_tags_as_well() {
    let bed = Bed::new().await;
    let cluster = "arn:aws:eks:eu-central-1:111122223333:cluster/dev";
    bed.post(&tags_of(cluster), json!({"tags": {"env": "dev"}})).await.good();
    assert_eq!(bed.get(&tags_of(cluster)).await.good(), json!({"tags": {"env": "dev"}}));
    assert_eq!(bed.get("/clusters/dev").await.good()["cluster"]["tags"], json!({"env": "dev"}));
}

#[tokio::test]
async fn case_094_unknown_and_malformed_arns() {
    let bed = Bed::new().await;
    for unknown in [
        "arn:aws:eks:eu-central-1:111122223333:access-entry/dev/role/111122223333/x/00000000-0000-0000-0000-000000000000",
        "arn:aws:eks:eu-central-1:111122223333:cluster/absent",
        "arn:aws:eks:eu-central-1:444455556666:cluster/dev",
    ] {
        bed.get(&tags_of(unknown)).await.refused(404, "NotFoundException");
        bed.post(&tags_of(unknown), json!({"tags": {"a": "b"}})).await.refused(404, "NotFoundException");
    }
    for malformed in [ROLE, "nonsense", "arn:aws:eks:eu-central-1:111122223333:cluster"] {
        bed.get(&tags_of(malformed)).await.refused(400, "BadRequestException");
    }
    let cluster = tags_of("arn:aws:eks:eu-central-1:111122223333:cluster/dev");
    for tags in [json!({}), json!({"aws:x": "1"}), json!({"k".repeat(129): "1"})] {
        bed.post(&cluster, json!({ "tags": tags })).await.refused(400, "BadRequestException");
    }
    bed.delete(&cluster).await.refused(400, "BadRequestException");
    assert_eq!(bed.get(&cluster).await.good(), json!({"tags": {}}));
}

#[tokio::test]
async fn case_095_the_arn_of_a_former_entry_names_nothing() {
    let bed = Bed::new().await;
    let first = bed.create_plain("dev", ROLE).await;
    bed.delete(&entry_of("dev", ROLE)).await.good();
    let second = bed.create_plain("dev", ROLE).await;
    let path = |entry: &Value| tags_of(entry["accessEntryArn"].as_str().unwrap());
    bed.get(&path(&first)).await.refused(404, "NotFoundException");
    bed.post(&path(&first), json!({"tags": {"a": "b"}})).await.refused(404, "NotFoundException");
    bed.get(&path(&second)).await.good();
}

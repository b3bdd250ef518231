//! Cases 21 to 31: what a good `CreateAccessEntry` answers.

use entryway::sandbox::sim::{AuthenticationMode, ClusterSpec, World};
use reqwest::Method;
use serde_json::{Value, json};

use super::bed::{Bed, KEY, ROLE, entries_of, entry_of};

async fn created(bed: &Bed, body: Value) -> Value {
    bed.create("dev", body).await.good()["accessEntry"].clone()
}

#[tokio::test]
async fn case_021_a_role_and_nothing_else() {
    let bed = Bed::new().await;
    let entry = created(&bed, json!({"principalArn": ROLE})).await;
    assert_eq!(entry["type"], "STANDARD");
    assert_eq!(entry["username"], "arn:aws:sts::111122223333:assumed-role/my-role/{{SessionName}}");
    assert_eq!((&entry["kubernetesGroups"], &entry["tags"]), (&json!([]), &json!({})));
    assert_eq!((&entry["clusterName"], &entry["principalArn"]), (&json!("dev"), &json!(ROLE)));
    assert_eq!(entry.as_object().unwrap().len(), 9, "associations are no part of an entry");
    assert_eq!(bed.describe("dev", ROLE).await.good()["accessEntry"], entry);
}

#[tokio::test]
async fn case_022_a_role_with_a_path_loses_it_in_username_and_arn() {
    let bed = Bed::new().await;
    let role = "arn:aws:iam::111122223333:role/dev/apps/my-role";
    let entry = created(&bed, json!({"principalArn": role})).await;
    assert_eq!(entry["principalArn"], role);
    assert_eq!(entry["username"], "arn:aws:sts::111122223333:assumed-role/my-role/{{SessionName}}");
    assert!(entry["accessEntryArn"].as_str().unwrap().contains(":access-entry/dev/role/111122223333/my-role/"));
}

#[tokio::test]
async fn case_023_a_user_goes_by_its_arn() {
    let bed = Bed::new().await;
    let user = "arn:aws:iam::111122223333:user/team/my-user";
    let entry = created(&bed, json!({"principalArn": user})).await;
    assert_eq!((&entry["type"], &entry["username"]), (&json!("STANDARD"), &json!(user)));
}

#[tokio::test]
async fn case_024_the_partition_stays() {
    let spec = ClusterSpec::new("gov", AuthenticationMode::Api).region("us-gov-west-1");
    let bed = Bed::of(World::default().cluster(spec)).await;
    let body = json!({"principalArn": "arn:aws-us-gov:iam::111122223333:role/r"});
    let answer = bed.call_as(KEY, "us-gov-west-1", Method::POST, &entries_of("gov"), body).await.good();
    let entry = &answer["accessEntry"];
    assert_eq!(entry["username"], "arn:aws-us-gov:sts::111122223333:assumed-role/r/{{SessionName}}");
    assert!(entry["accessEntryArn"].as_str().unwrap().starts_with("arn:aws-us-gov:eks:us-gov-west-1:111122223333:"));
    let foreign = json!({"principalArn": "arn:aws:iam::111122223333:role/r2"});
    let answer = bed.call_as(KEY, "us-gov-west-1", Method::POST, &entries_of("gov"), foreign).await;
    answer.refused(400, "InvalidParameterException");
}

#[tokio::test]
async fn case_025_the_arn_of_an_entry_names_cluster_principal_and_a_uuid() {
    let bed = Bed::new().await;
    for (principal, named) in [
        (ROLE, "role/111122223333/my-role"),
        ("arn:aws:iam::111122223333:role/dev/apps/deep", "role/111122223333/deep"),
        ("arn:aws:iam::111122223333:user/team/my-user", "user/111122223333/my-user"),
        ("arn:aws:iam::444455556666:role/apps/theirs", "role/444455556666/theirs"),
    ] {
        let entry = created(&bed, json!({ "principalArn": principal })).await;
        let (head, uuid) = entry["accessEntryArn"].as_str().unwrap().rsplit_once('/').unwrap();
        assert_eq!(head, format!("arn:aws:eks:eu-central-1:111122223333:access-entry/dev/{named}"));
        let parts: Vec<_> = uuid.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12], "{uuid}");
        assert!(uuid.bytes().all(|b| b == b'-' || b.is_ascii_digit() || (b'a'..=b'f').contains(&b)), "{uuid}");
    }
}

#[tokio::test]
async fn case_026_what_is_asked_for_is_echoed() {
    let bed = Bed::new().await;
    let ask = json!({"principalArn": ROLE, "type": "STANDARD", "username": "team:{{SessionName}}",
        "kubernetesGroups": ["viewers", "auditors"], "tags": {"team": "payments", "a/b": ""}});
    let entry = created(&bed, ask.clone()).await;
    for field in ["username", "kubernetesGroups", "tags", "type"] {
        assert_eq!(entry[field], ask[field]);
    }
    let truth = bed.get("/_sim/entries?cluster=dev").await.good();
    let mine = truth["entries"].as_array().unwrap().iter().find(|entry| entry["principalArn"] == ROLE).unwrap();
    assert_eq!((&mine["username"], &mine["kubernetesGroups"]), (&ask["username"], &ask["kubernetesGroups"]));
}

#[tokio::test]
async fn case_027_an_entry_begins_unmodified() {
    let bed = Bed::new().await;
    for body in [json!({"principalArn": ROLE}), json!({"principalArn": role_of("EC2"), "type": "EC2"})] {
        let entry = created(&bed, body).await;
        assert!(entry["createdAt"].is_number());
        assert_eq!(entry["createdAt"], entry["modifiedAt"]);
    }
}

fn role_of(kind: &str) -> String {
    format!("arn:aws:iam::111122223333:role/node-{kind}")
}

/// What EKS computes for a node type.
async fn computed(bed: &Bed, kind: &str) -> (Value, Value) {
    let role = role_of(kind);
    let entry = created(bed, json!({"principalArn": role, "type": kind})).await;
    assert_eq!(entry["type"], kind);
    assert_eq!(bed.describe("dev", &role).await.good()["accessEntry"], entry);
    (entry["username"].clone(), entry["kubernetesGroups"].clone())
}

#[tokio::test]
async fn case_028_linux_nodes_go_by_their_dns_name() {
    let bed = Bed::new().await;
    let (username, groups) = computed(&bed, "EC2_LINUX").await;
    assert_eq!((username, groups), (json!("system:node:{{EC2PrivateDNSName}}"), json!(["system:nodes"])));
}

#[tokio::test]
async fn case_029_windows_nodes_likewise() {
    let bed = Bed::new().await;
    let (username, groups) = computed(&bed, "EC2_WINDOWS").await;
    assert_eq!(username, "system:node:{{EC2PrivateDNSName}}");
    assert!(groups.as_array().unwrap().contains(&json!("system:nodes")), "{groups}");
}

#[tokio::test]
async fn case_030_fargate_and_hybrid_nodes_go_by_their_session() {
    let bed = Bed::new().await;
    for kind in ["FARGATE_LINUX", "HYBRID_LINUX"] {
        assert_eq!(computed(&bed, kind).await.0, "system:node:{{SessionName}}", "{kind}");
    }
}

#[tokio::test]
async fn auto_mode_and_hyperpod_nodes_are_computed_like_their_kin() {
    let bed = Bed::new().await;
    assert_eq!(computed(&bed, "EC2").await.0, "system:node:{{EC2PrivateDNSName}}");
    assert_eq!(computed(&bed, "HYPERPOD_LINUX").await.0, "system:node:{{SessionName}}");
}

#[tokio::test]
async fn case_031_a_standard_principal_may_come_from_another_account() {
    let bed = Bed::new().await;
    let role = "arn:aws:iam::444455556666:role/apps/theirs";
    let entry = created(&bed, json!({"principalArn": role})).await;
    let arn = entry["accessEntryArn"].as_str().unwrap();
    assert!(
        arn.starts_with("arn:aws:eks:eu-central-1:111122223333:access-entry/dev/role/444455556666/theirs/"),
        "{arn}"
    );
    assert_eq!(entry["username"], "arn:aws:sts::444455556666:assumed-role/theirs/{{SessionName}}");
}

#[tokio::test]
async fn an_empty_username_is_none() {
    let bed = Bed::new().await;
    let entry = created(&bed, json!({"principalArn": ROLE, "username": ""})).await;
    assert_eq!(entry["username"], "arn:aws:sts::111122223333:assumed-role/my-role/{{SessionName}}");
    let updated = bed.post(&entry_of("dev", ROLE), json!({"username": ""})).await.good();
    assert_eq!(updated["accessEntry"]["username"], entry["username"]);
}

//! Cases 42 to 44 and 101, and IAM's own answers: who exists, under which unique id.

use serde_json::{Value, json};

use super::bed::{Bed, ROLE, entry_of, segment};

const INVALID: &str = "The specified principalArn is invalid: invalid principal.";

async fn authorizer(bed: &Bed, principal: &str) -> Value {
    bed.get(&format!("/_sim/authorizer?cluster=dev&principalArn={}", segment(principal))).await.good()
}

#[tokio::test]
async fn case_042_a_principal_that_is_not_there() {
    let bed = Bed::new().await;
    bed.put("/_sim/principals", json!({"arn": ROLE, "exists": false})).await.good();
    bed.create("dev", json!({"principalArn": ROLE})).await.bad_parameter(INVALID);
    bed.put("/_sim/principals", json!({"arn": ROLE, "exists": true})).await.good();
    bed.create_plain("dev", ROLE).await;

    bed.knobs(json!({"principals": "known"})).await;
    let unknown = "arn:aws:iam::111122223333:role/unknown";
    bed.create("dev", json!({"principalArn": unknown})).await.bad_parameter(INVALID);
    bed.create("prod", json!({"principalArn": ROLE})).await.good();
}

#[tokio::test]
async fn case_043_a_fresh_principal_is_not_known_to_eks_yet() {
    let bed = Bed::new().await;
    bed.freeze().await;
    let fresh = json!({"arn": ROLE, "recreate": true, "visibleToEksInMs": 10_000});
    bed.put("/_sim/principals", fresh).await.good();
    assert_eq!(bed.form("Action=GetRole&Version=2010-05-08&RoleName=my-role").await.status, 200, "IAM knows at once");
    bed.create("dev", json!({"principalArn": ROLE})).await.bad_parameter(INVALID);
    bed.advance(9_999).await;
    bed.create("dev", json!({"principalArn": ROLE})).await.bad_parameter(INVALID);
    bed.advance(1).await;
    bed.create_plain("dev", ROLE).await;
    let id = bed.put("/_sim/principals", json!({"arn": ROLE})).await.good()["uniqueId"].clone();
    let hidden = bed.put("/_sim/principals", json!({"arn": ROLE, "visibleToEksInMs": 1})).await.good();
    assert_eq!(hidden["uniqueId"], id, "hiding is not re-creating");
    bed.create("prod", json!({"principalArn": ROLE})).await.bad_parameter(INVALID);
}

#[tokio::test]
async fn case_044_a_role_without_its_path_is_nobody() {
    let bed = Bed::new().await;
    let real = "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_0123";
    bed.put("/_sim/principals", json!({"arn": real, "exists": true})).await.good();
    let stripped = "arn:aws:iam::111122223333:role/AWSReservedSSO_Admin_0123";
    bed.create("dev", json!({"principalArn": stripped})).await.bad_parameter(INVALID);
    bed.create_plain("dev", real).await;
}

#[tokio::test]
async fn case_101_a_recreated_role_is_another_one() {
    let bed = Bed::new().await;
    bed.create_plain("dev", ROLE).await;
    assert_eq!(authorizer(&bed, ROLE).await["authenticated"], true);
    let before = bed.describe("dev", ROLE).await.good();
    bed.put("/_sim/principals", json!({"arn": ROLE, "recreate": true})).await.good();
    assert_eq!(bed.describe("dev", ROLE).await.good(), before);
    assert_eq!(authorizer(&bed, ROLE).await["authenticated"], false);
    bed.delete(&entry_of("dev", ROLE)).await.good();
    bed.create_plain("dev", ROLE).await;
    assert_eq!(authorizer(&bed, ROLE).await["authenticated"], true);
}

#[tokio::test]
async fn iam_answers_with_the_unique_id() {
    let bed = Bed::new().await;
    let role = "arn:aws:iam::111122223333:role/dev/apps/my-role";
    let told = bed.put("/_sim/principals", json!({"arn": role, "exists": true})).await.good();
    let answer = bed.form("Action=GetRole&Version=2010-05-08&RoleName=my-role").await;
    let id = told["uniqueId"].as_str().unwrap();
    assert!(id.starts_with("AROA") && id.len() == 21, "{id}");
    for part in [
        "<GetRoleResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\">".to_owned(),
        format!("<RoleId>{id}</RoleId>"),
        format!("<Arn>{role}</Arn>"),
        "<Path>/dev/apps/</Path>".to_owned(),
    ] {
        assert!(answer.text.contains(&part), "{part} in {}", answer.text);
    }
    let recreated = bed.put("/_sim/principals", json!({"arn": role, "recreate": true})).await.good();
    assert_ne!(recreated["uniqueId"], told["uniqueId"]);
    let unmentioned = bed.form("Action=GetUser&Version=2010-05-08&UserName=bob").await;
    assert_eq!(unmentioned.status, 403, "nobody has said yet which path bob is under");
    bed.create_plain("dev", "arn:aws:iam::111122223333:user/bob").await;
    let user = bed.form("Action=GetUser&Version=2010-05-08&UserName=bob").await;
    assert!(user.text.contains("<Arn>arn:aws:iam::111122223333:user/bob</Arn>") && user.text.contains("<UserId>AIDA"));

    bed.put("/_sim/principals", json!({"arn": role, "exists": false})).await.good();
    let gone = bed.form("Action=GetRole&Version=2010-05-08&RoleName=my-role").await;
    assert_eq!(gone.status, 404);
    assert!(gone.text.contains("<Code>NoSuchEntity</Code>"), "{}", gone.text);
    assert!(gone.text.contains("The role with name my-role cannot be found."), "{}", gone.text);
    bed.knobs(json!({"denied": [{"action": "iam:GetRole"}]})).await;
    let denied = bed.form("Action=GetRole&Version=2010-05-08&RoleName=other").await;
    assert_eq!(denied.status, 403);
    assert!(denied.text.contains("<Code>AccessDenied</Code>"), "{}", denied.text);
}

//! Everything that is wrong is said at once, where it is wrong, in words that help.

use uuid::Uuid;

use super::*;
use crate::domain::entry::EntryType;

fn detail(world: &World, code: Code) -> String {
    let found = world.check().expect_err("an unsound ask");
    found.into_iter().find(|violation| violation.code == code).expect("the code").detail
}

#[test]
fn everything_wrong_is_listed_with_its_place() {
    let mut world = World::sound();
    world.gate = Some(gate("ACTIVE", "CONFIG_MAP"));
    world.ask = Ask {
        cluster_name: "prod".into(),
        principal_arn: "arn:aws:iam::444455556666:user/x".into(),
        entry_type: Some("EC2_Windows".into()),
        username: Some("system:john{{SessionName}}".into()),
        kubernetes_groups: vec!["ok".into(), "system:masters".into(), "ok".into(), "no way".into()],
        access_policies: vec![
            on_cluster("AmazonEKSViewPolicy"),
            AskedPolicy { policy_arn: "AmazonEKSVewPolicy".into(), scope_type: None, namespaces: None },
            in_namespaces("AmazonEKSViewPolicy", &["a", "B", "c", "-"]),
        ],
        tags: [("aws:x".into(), "y".into()), ("a/b~c".into(), "y".into())].into(),
        reason: None,
        ticket: Some("a\u{0}".into()),
        duration: Some("1y".into()),
        start_at: Some(world.now - TimeDelta::hours(1)),
        break_glass: false,
        extends: None,
    };
    let wrong: Vec<_> =
        world.wrong().into_iter().map(|(code, pointer)| format!("{} {pointer}", code.as_str())).collect();
    assert_eq!(
        wrong,
        [
            "cluster-auth-mode /clusterName",
            "principal-account-mismatch /principalArn",
            "principal-must-be-role /principalArn",
            "username-not-allowed-for-type /username",
            "username-reserved-prefix /username",
            "groups-not-allowed-for-type /kubernetesGroups",
            "group-reserved-prefix /kubernetesGroups/1",
            "group-invalid /kubernetesGroups/3",
            "group-duplicate /kubernetesGroups/2",
            "policies-not-allowed-for-type /accessPolicies",
            "policy-unknown /accessPolicies/1/policyArn",
            "policy-duplicate /accessPolicies/2/policyArn",
            "scope-type-invalid /accessPolicies/1/accessScope",
            "namespace-invalid /accessPolicies/2/accessScope/namespaces/1",
            "namespace-invalid /accessPolicies/2/accessScope/namespaces/3",
            "tag-reserved /tags/aws:x",
            "tag-key-invalid /tags/a~1b~0c",
            "reason-required /reason",
            "ticket-invalid /ticket",
            "duration-invalid /duration",
            "start-in-past /startAt",
        ]
    );
}

#[test]
fn the_mode_of_a_cluster_comes_with_the_command_that_mends_it() {
    let mut world = World::sound();
    world.gate = Some(gate("ACTIVE", "CONFIG_MAP"));
    let command = "aws eks update-cluster-config --name prod-eu-1 --region eu-central-1 \
                   --access-config authenticationMode=API_AND_CONFIG_MAP";
    let detail = detail(&world, Code::ClusterAuthMode);
    assert!(detail.ends_with(command), "{detail}");
}

#[test]
fn near_misses_are_suggested() {
    let mut world = World::sound();
    world.cluster = None;
    world.ask.cluster_name = "stagin".into();
    assert!(detail(&world, Code::ClusterUnknown).contains("did you mean staging?"));
    world.ask.access_policies = vec![on_cluster("AmazonEKSVeiwPolicy")];
    assert!(detail(&world, Code::PolicyUnknown).contains("did you mean AmazonEKSViewPolicy?"));
    world.ask.entry_type = Some("EC2LINUX".into());
    assert!(detail(&world, Code::TypeUnknown).contains("did you mean EC2_LINUX?"));
}

#[test]
fn a_session_is_answered_with_the_role_behind_it() {
    let mut world = World::sound();
    world.ask.principal_arn = "arn:aws:sts::111122223333:assumed-role/my-role/alice".into();
    assert!(detail(&world, Code::PrincipalStsSession).contains("arn:aws:iam::111122223333:role/my-role"));
}

#[test]
fn a_role_without_its_path_is_answered_with_the_arn_it_has() {
    let mut world = World::sound();
    let real = "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/eu-central-1/AWSReservedSSO_Admin_0123";
    world.ask.principal_arn = "arn:aws:iam::111122223333:role/AWSReservedSSO_Admin_0123".into();
    world.presence = Some(known(real));
    let told = detail(&world, Code::PrincipalNotFound);
    assert!(told.contains(&format!("as {real}: give that ARN")), "{told}");
}

#[test]
fn what_was_not_checked_says_why() {
    let mut world = World::sound();
    world.presence = Some(Presence::NotChecked("IAM did not answer properly for account 1".into()));
    let warnings = world.check().expect("a sound ask").warnings;
    assert_eq!(warnings.len(), 1);
    assert_eq!(warnings[0].code, "principal-not-checked");
    assert_eq!(
        warnings[0].detail,
        format!(
            "whether {} exists was not checked: IAM did not answer properly for account 1",
            world.ask.principal_arn
        )
    );
}

#[test]
fn conflicts_name_the_request_that_is_in_the_way() {
    let mut world = World::sound();
    let live =
        |request_id, entry_type, username: &str| LiveEntry { request_id, entry_type, username: Some(username.into()) };
    let (first, second) = (Uuid::from_u128(1), Uuid::from_u128(2));
    world.live = vec![live(first, EntryType::Standard, "alice"), live(second, EntryType::Ec2, "bob")];
    world.ask.username = Some("alice".into());
    assert!(detail(&world, Code::TypeConflict).contains(&second.to_string()));
    let conflict = detail(&world, Code::UsernameConflict);
    assert!(conflict.contains(&second.to_string()) && conflict.contains("bob"), "{conflict}");
}

#[test]
fn a_small_body_buys_no_huge_answer() {
    let mut world = World::sound();
    world.ask.kubernetes_groups = vec![String::new(); 20_000];
    assert_eq!(world.wrong().len(), MAX_VIOLATIONS);
}

#[test]
fn offending_values_are_shown_harmless_and_short() {
    let mut world = World::sound();
    world.ask.principal_arn = format!("arn:aws:sts::{}:assumed-role/\u{1b}[2J{}/x", "1".repeat(50), "y".repeat(5_000));
    world.ask.username = Some("\u{1b}]0;owned\u{7}".into());
    for violation in world.check().expect_err("an unsound ask") {
        assert!(!violation.detail.contains(char::is_control), "{violation:?}");
        assert!(violation.detail.chars().count() < 600, "{violation:?}");
    }
}

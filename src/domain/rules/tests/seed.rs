//! Everything on the page this product was conceived from: `EKS user guide, creating access entries`.

use super::*;
use crate::domain::entry::{AccessScope, EntryType, generated_username};

/// An ask as one of the page's commands makes it: nothing but a principal.
fn page(principal: &str) -> World {
    let mut world = World::sound();
    world.ask.principal_arn = principal.into();
    world.ask.access_policies.clear();
    world.ask.duration = None;
    world
}

fn accepted(world: &World) -> Spec {
    world.check().expect("the page says so").spec
}

#[test]
fn a_self_managed_node_group() {
    for (spelling, entry_type) in [
        ("EC2_Linux", EntryType::Ec2Linux),
        ("EC2_Windows", EntryType::Ec2Windows),
        ("EC2 Linux", EntryType::Ec2Linux),
        ("EC2 Windows", EntryType::Ec2Windows),
        ("FARGATE_LINUX", EntryType::FargateLinux),
    ] {
        let mut world = page("arn:aws:iam::111122223333:role/EKS-my-cluster-self-managed-ng-1");
        world.ask.entry_type = Some(spelling.into());
        assert_eq!(accepted(&world).content.entry_type, entry_type);
        assert_eq!(world.warned(), ["managed-node-role-not-needed", "node-entry-removal-is-disruptive"]);
    }
}

#[test]
fn a_role_with_a_username_and_a_group() {
    let mut world = page("arn:aws:iam::111122223333:role/my-role");
    world.ask.entry_type = Some("STANDARD".into());
    world.ask.username = Some("Viewers".into());
    world.ask.kubernetes_groups = vec!["Viewers".into()];
    let content = accepted(&world).content;
    assert_eq!(content.username.as_deref(), Some("Viewers"));
    assert_eq!(content.kubernetes_groups, ["Viewers".to_owned()].into());
    assert_eq!(
        world.warned(),
        ["username-without-session-name", "custom-username-discouraged", "group-binding-not-checked"]
    );
}

#[test]
fn a_user_with_a_username() {
    let mut world = page("arn:aws:iam::111122223333:user/my-user");
    world.ask.username = Some("my-user".into());
    accepted(&world);
    assert_eq!(world.warned(), ["iam-user-discouraged", "no-permissions", "custom-username-discouraged"]);
}

#[test]
fn a_role_with_and_without_a_path_and_a_type_left_out() {
    for arn in ["arn:aws:iam::111122223333:role/development/apps/my-role", "arn:aws:iam::111122223333:role/my-role"] {
        let spec = accepted(&page(arn));
        assert_eq!(spec.principal.to_string(), arn);
        assert_eq!((spec.content.entry_type, spec.content.username), (EntryType::Standard, None));
    }
}

#[test]
fn a_role_of_another_account_if_the_type_is_standard() {
    let mut world = page("arn:aws:iam::444455556666:role/my-role");
    accepted(&world);
    for node in ["EC2_LINUX", "EC2_WINDOWS", "FARGATE_LINUX", "HYBRID_LINUX", "EC2", "HYPERPOD_LINUX"] {
        world.ask.entry_type = Some(node.into());
        assert_eq!(world.wrong(), [(Code::PrincipalAccountMismatch, "/principalArn".to_owned())], "{node}");
    }
}

#[test]
fn usernames_that_the_page_allows_and_those_it_does_not() {
    let wrong = |username: &str| {
        let mut world = World::sound();
        world.ask.username = Some(username.into());
        world.wrong().into_iter().map(|(code, _)| code).collect::<Vec<_>>()
    };
    for fine in
        [":john{{SessionName}}", "jo:hn{{SessionName}}", "john", "arn:aws:sts::1:assumed-role/r/{{SessionName}}"]
    {
        assert_eq!(wrong(fine), [], "{fine}");
    }
    assert_eq!(wrong("john{{SessionName}}"), [Code::UsernameSessionNameNeedsColon]);
    for prefix in ["system:", "eks:", "aws:", "amazon:", "iam:"] {
        assert_eq!(wrong(&format!("{prefix}john{{{{SessionName}}}}")), [Code::UsernameReservedPrefix], "{prefix}");
    }
}

/// A client that reads an entry and asks for it again sends the username that EKS derived.
#[test]
fn the_username_that_eks_derives_is_fine_to_ask_for() {
    let mut world = World::sound();
    let spec = accepted(&world);
    world.ask.username = Some(generated_username(&spec.principal, spec.content.entry_type));
    accepted(&world);
    assert_eq!(world.warned(), [""; 0]);
}

#[test]
fn policies_each_once_each_with_its_own_scope() {
    let mut world = World::sound();
    world.ask.access_policies =
        vec![on_cluster("AmazonEKSViewPolicy"), in_namespaces("AmazonEKSAdminPolicy", &["team-b", "team-a", "team-a"])];
    let policies = accepted(&world).content.access_policies;
    let namespaces = ["team-a".to_owned(), "team-b".to_owned()].into();
    let expected = [
        ("arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy".to_owned(), AccessScope::Cluster),
        (
            "arn:aws:eks::aws:cluster-access-policy/AmazonEKSAdminPolicy".to_owned(),
            AccessScope::Namespace { namespaces },
        ),
    ];
    assert_eq!(policies, expected.into());
}

#[test]
fn bare_names_are_completed_with_the_partition_of_the_cluster() {
    let mut world = World::sound();
    world.ask.principal_arn = "arn:aws-us-gov:iam::111122223333:role/my-role".into();
    world.cluster.as_mut().expect("a cluster").region = "us-gov-west-1".into();
    let policies = accepted(&world).content.access_policies;
    assert!(policies.contains_key("arn:aws-us-gov:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"), "{policies:?}");
}

#[test]
fn nodes_of_auto_mode_are_warned_about_only_what_concerns_them() {
    let mut world = page("arn:aws:iam::111122223333:role/auto-node");
    world.ask.entry_type = Some("EC2".into());
    assert_eq!(world.warned(), ["no-permissions", "node-entry-removal-is-disruptive"]);
    world.ask.access_policies = vec![on_cluster("AmazonEKSAutoNodePolicy")];
    assert_eq!(world.warned(), ["node-entry-removal-is-disruptive"]);
}

#[test]
fn an_ask_with_nothing_to_say_about_has_no_warnings() {
    assert_eq!(World::sound().warned(), [""; 0]);
    let mut world = World::sound();
    world.ask.username = Some(":{{SessionNameRaw}}".into());
    assert_eq!(world.warned(), ["custom-username-discouraged"]);
}

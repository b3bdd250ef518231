//! Cases about the cluster, the principal, the type, the username and the groups.

use uuid::Uuid;

use super::super::groups::{MAX_GROUP, MAX_GROUPS};
use super::super::username::MAX_USERNAME;
use super::*;
use crate::domain::entry::EntryType;

fn principal(world: &mut World, arn: &str) {
    world.ask.principal_arn = arn.into();
}

fn username(world: &mut World, name: &str) {
    world.ask.username = Some(name.into());
}

fn groups(world: &mut World, groups: &[&str]) {
    world.ask.kubernetes_groups = groups.iter().map(|&group| group.into()).collect();
}

fn live(world: &mut World, entry_type: EntryType, username: Option<&str>) {
    world.live = vec![LiveEntry { request_id: Uuid::nil(), entry_type, username: username.map(Into::into) }];
}

/// A policy of the cluster's partition for an ask about a cluster in `region`.
fn region(world: &mut World, region: &str) {
    if let Some(cluster) = &mut world.cluster {
        cluster.region = region.into();
    }
}

pub(super) const CASES: &[Case] = &[
    case(Code::ClusterUnknown, "/clusterName", |w| w.cluster = None, |_| {}),
    case(Code::ClusterNotActive, "/clusterName", |w| w.gate = Some(gate("DELETING", "API")), |w| w.gate = None),
    case(
        Code::ClusterNotActive,
        "/clusterName",
        |w| w.gate = Some(gate("FAILED", "API")),
        |w| w.gate = Some(gate("CREATING", "API")),
    ),
    case(
        Code::ClusterAuthMode,
        "/clusterName",
        |w| w.gate = Some(gate("ACTIVE", "CONFIG_MAP")),
        |w| w.gate = Some(gate("UPDATING", "API_AND_CONFIG_MAP")),
    ),
    case(
        Code::ClusterAuthMode,
        "/clusterName",
        |w| w.gate = Some(ClusterGate { status: "ACTIVE".into(), authentication_mode: None }),
        |w| w.gate = Some(gate("PENDING", "API")),
    ),
    case(
        Code::PrincipalArnInvalid,
        "/principalArn",
        |w| principal(w, "arn:aws:iam::111122223333:root"),
        |w| principal(w, "arn:aws:iam::111122223333:role/root"),
    ),
    case(
        Code::PrincipalArnInvalid,
        "/principalArn",
        |w| w.ask.principal_arn.push('\n'),
        |w| w.ask.principal_arn.push('n'),
    ),
    case(
        Code::PrincipalArnInvalid,
        "/principalArn",
        |w| w.ask.principal_arn.push('*'),
        |w| w.ask.principal_arn.push('+'),
    ),
    case(
        Code::PrincipalStsSession,
        "/principalArn",
        |w| principal(w, "arn:aws:sts::111122223333:assumed-role/my-role/alice"),
        |w| principal(w, "arn:aws:iam::111122223333:role/assumed-role/my-role/alice"),
    ),
    case(
        Code::PrincipalServiceLinkedRole,
        "/principalArn",
        |w| {
            principal(w, "arn:aws:iam::444455556666:role/aws-service-role/eks.amazonaws.com/AWSServiceRoleForAmazonEKS")
        },
        |w| principal(w, "arn:aws:iam::444455556666:role/my-aws-service-role/AWSServiceRoleForAmazonEKS"),
    ),
    case(
        Code::PrincipalPartitionMismatch,
        "/principalArn",
        |w| principal(w, "arn:aws-cn:iam::111122223333:role/my-role"),
        |w| {
            principal(w, "arn:aws-cn:iam::111122223333:role/my-role");
            region(w, "cn-north-1");
        },
    ),
    case(
        Code::PrincipalAccountMismatch,
        "/principalArn",
        |w| {
            w.node("EC2_LINUX");
            principal(w, "arn:aws:iam::444455556666:role/nodes");
        },
        |w| principal(w, "arn:aws:iam::444455556666:role/nodes"),
    ),
    case(
        Code::PrincipalAccountNotAllowed,
        "/principalArn",
        |w| principal(w, "arn:aws:iam::444455556667:role/my-role"),
        |w| principal(w, "arn:aws:iam::444455556666:role/my-role"),
    ),
    case(
        Code::PrincipalMustBeRole,
        "/principalArn",
        |w| {
            w.node("HYPERPOD_LINUX");
            principal(w, "arn:aws:iam::111122223333:user/my-user");
        },
        |w| principal(w, "arn:aws:iam::111122223333:user/my-user"),
    ),
    case(
        Code::PrincipalProtected,
        "/principalArn",
        |w| principal(w, "arn:aws:iam::111122223333:role/ops/break-glass"),
        |w| principal(w, "arn:aws:iam::111122223333:user/ops/break-glass"),
    ),
    case(
        Code::PrincipalProtected,
        "/principalArn",
        |w| principal(w, "arn:aws:iam::111122223333:role/another/path/Break-Glass"),
        |w| principal(w, "arn:aws:iam::444455556666:role/ops/break-glass"),
    ),
    case(
        Code::PrincipalProtected,
        "/principalArn",
        |w| principal(w, "arn:aws:iam::111122223333:role/entryway-target"),
        |w| principal(w, "arn:aws:iam::111122223333:role/entryway-targets"),
    ),
    case(
        Code::PrincipalNotFound,
        "/principalArn",
        |w| w.presence = Some(Presence::Missing),
        |w| w.presence = Some(Presence::NotChecked("IAM hangs".into())),
    ),
    case(
        Code::PrincipalNotFound,
        "/principalArn",
        |w| {
            w.presence =
                Some(known("arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_A_0"));
            principal(w, "arn:aws:iam::111122223333:role/AWSReservedSSO_A_0");
        },
        |w| principal(w, "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_A_0"),
    ),
    case(Code::TypeUnknown, "/type", |w| w.ask.entry_type = Some("EC3_LINUX".into()), |w| w.node("EC2 Linux")),
    case(
        Code::TypeConflict,
        "/type",
        |w| live(w, EntryType::Ec2Linux, None),
        |w| live(w, EntryType::Standard, Some("other")),
    ),
    case(
        Code::UsernameNotAllowedForType,
        "/username",
        |w| {
            w.node("EC2_LINUX");
            username(w, "my-node");
        },
        |w| {
            w.node("EC2_LINUX");
            username(w, "");
        },
    ),
    case(Code::UsernameReservedPrefix, "/username", |w| username(w, "system:x"), |w| username(w, "System:x")),
    case(Code::UsernameReservedPrefix, "/username", |w| username(w, "eks:x"), |w| username(w, "eks-x")),
    case(Code::UsernameReservedPrefix, "/username", |w| username(w, "aws:x"), |w| username(w, "sts:x")),
    case(Code::UsernameReservedPrefix, "/username", |w| username(w, "amazon:x"), |w| username(w, ":amazon:x")),
    case(Code::UsernameReservedPrefix, "/username", |w| username(w, "iam:x"), |w| username(w, "iam")),
    case(
        Code::UsernameSessionNameNeedsColon,
        "/username",
        |w| username(w, "john{{SessionName}}"),
        |w| username(w, ":john{{SessionName}}"),
    ),
    case(
        Code::UsernameSessionNameNeedsColon,
        "/username",
        |w| username(w, "john{{SessionNameRaw}}"),
        |w| username(w, "jo:hn{{SessionNameRaw}}"),
    ),
    case(
        Code::UsernameSessionNameNeedsColon,
        "/username",
        |w| username(w, "{{SessionName}}:{{SessionNameRaw}}"),
        |w| username(w, "a:{{SessionNameRaw}}{{SessionName}}"),
    ),
    case(
        Code::UsernameTooLong,
        "/username",
        |w| username(w, &"x".repeat(MAX_USERNAME + 1)),
        |w| username(w, &"x".repeat(MAX_USERNAME)),
    ),
    case(Code::UsernameInvalid, "/username", |w| username(w, " alice"), |w| username(w, "alice b")),
    case(Code::UsernameInvalid, "/username", |w| username(w, "a\nb"), |w| username(w, "anb")),
    case(Code::UsernameInvalid, "/username", |w| username(w, "ѕystem:x"), |w| username(w, "ssystem:x")),
    case(
        Code::UsernameConflict,
        "/username",
        |w| {
            username(w, "alice");
            live(w, EntryType::Standard, Some("Alice"));
        },
        |w| {
            username(w, "alice");
            live(w, EntryType::Standard, Some("alice"));
        },
    ),
    case(
        Code::GroupsNotAllowedForType,
        "/kubernetesGroups",
        |w| {
            w.node("FARGATE_LINUX");
            groups(w, &["viewers"]);
        },
        |w| w.node("FARGATE_LINUX"),
    ),
    case(
        Code::GroupReservedPrefix,
        "/kubernetesGroups/1",
        |w| groups(w, &["Viewers", "system:masters"]),
        |w| groups(w, &["Viewers", "system", "team:payments", "subsystem:masters"]),
    ),
    case(
        Code::GroupReservedPrefix,
        "/kubernetesGroups/0",
        |w| groups(w, &["System:Masters"]),
        |w| groups(w, &["Systems"]),
    ),
    case(Code::GroupReservedPrefix, "/kubernetesGroups/0", |w| groups(w, &["eks:x"]), |w| groups(w, &["eks.x"])),
    case(Code::GroupReservedPrefix, "/kubernetesGroups/0", |w| groups(w, &["aws:x"]), |w| groups(w, &["aws/x"])),
    case(Code::GroupReservedPrefix, "/kubernetesGroups/0", |w| groups(w, &["amazon:x"]), |w| groups(w, &["amazon@x"])),
    case(Code::GroupReservedPrefix, "/kubernetesGroups/0", |w| groups(w, &["iam:x"]), |w| groups(w, &["iam_x"])),
    case(Code::GroupInvalid, "/kubernetesGroups/0", |w| groups(w, &[""]), |w| groups(w, &["x"])),
    case(Code::GroupInvalid, "/kubernetesGroups/0", |w| groups(w, &["view ers"]), |w| groups(w, &["view-ers"])),
    case(
        Code::GroupInvalid,
        "/kubernetesGroups/0",
        |w| groups(w, &[&"x".repeat(MAX_GROUP + 1)]),
        |w| groups(w, &[&"x".repeat(MAX_GROUP)]),
    ),
    case(
        Code::GroupInvalid,
        "/kubernetesGroups",
        |w| w.ask.kubernetes_groups = (0..=MAX_GROUPS).map(|n| n.to_string()).collect(),
        |w| w.ask.kubernetes_groups = (0..MAX_GROUPS).map(|n| n.to_string()).collect(),
    ),
    case(Code::GroupDuplicate, "/kubernetesGroups/2", |w| groups(w, &["a", "b", "a"]), |w| groups(w, &["a", "b", "A"])),
];

#[test]
fn what_looks_like_a_reserved_group_is_refused_as_one() {
    for look_alike in
        [" system:masters", "system：masters", "sys\u{200b}tem:masters", "ＳＹＳＴＥＭ:masters", "system\u{2236}x"]
    {
        let mut world = World::sound();
        groups(&mut world, &[look_alike]);
        let pointer = "/kubernetesGroups/0".to_owned();
        assert_eq!(
            world.wrong(),
            [(Code::GroupReservedPrefix, pointer.clone()), (Code::GroupInvalid, pointer)],
            "{look_alike:?}"
        );
    }
}

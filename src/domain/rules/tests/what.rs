//! Cases about policies, scopes, tags, words and times.

use super::super::scope::MAX_NAMESPACES;
use super::super::tags::{MAX_KEY, MAX_TAGS, MAX_VALUE};
use super::super::words::{MAX_REASON, MAX_TICKET};
use super::*;

const VIEW: &str = "AmazonEKSViewPolicy";

fn policies(world: &mut World, policies: &[AskedPolicy]) {
    world.ask.access_policies = policies.to_vec();
}

fn scope(world: &mut World, scope_type: Option<&str>, namespaces: Option<&[&str]>) {
    world.ask.access_policies = vec![AskedPolicy {
        policy_arn: VIEW.into(),
        scope_type: scope_type.map(Into::into),
        namespaces: namespaces.map(|names| names.iter().map(|&name| name.into()).collect()),
    }];
}

fn tag(world: &mut World, key: &str, value: &str) {
    world.ask.tags = [(key.into(), value.into())].into();
}

fn start(world: &mut World, from_now: TimeDelta) {
    world.ask.start_at = Some(world.now + from_now);
}

const POLICY: &str = "/accessPolicies/0/policyArn";
const NAMESPACES: &str = "/accessPolicies/0/accessScope/namespaces";

pub(super) const CASES: &[Case] = &[
    case(
        Code::PoliciesNotAllowedForType,
        "/accessPolicies",
        |w| w.ask.entry_type = Some("EC2_LINUX".into()),
        |w| w.ask.entry_type = Some("EC2".into()),
    ),
    case(
        Code::PoliciesNotAllowedForType,
        POLICY,
        |w| policies(w, &[on_cluster("AmazonEKSAutoNodePolicy")]),
        |w| {
            w.ask.entry_type = Some("EC2".into());
            policies(w, &[on_cluster("AmazonEKSAutoNodePolicy")]);
        },
    ),
    case(
        Code::PolicyArnInvalid,
        POLICY,
        |w| policies(w, &[on_cluster("arn:aws:iam::aws:policy/AmazonEKSClusterPolicy")]),
        |w| policies(w, &[on_cluster("arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy")]),
    ),
    case(
        Code::PolicyArnInvalid,
        POLICY,
        |w| policies(w, &[on_cluster("arn:aws:eks:aws:cluster-access-policy/AmazonEKSViewPolicy")]),
        |w| policies(w, &[on_cluster("arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy")]),
    ),
    case(Code::PolicyArnInvalid, POLICY, |w| policies(w, &[on_cluster("")]), |w| policies(w, &[])),
    case(
        Code::PolicyUnknown,
        POLICY,
        |w| policies(w, &[on_cluster("amazoneksviewpolicy")]),
        |w| policies(w, &[on_cluster(VIEW)]),
    ),
    case(
        Code::PolicyUnknown,
        POLICY,
        |w| policies(w, &[on_cluster("arn:aws-cn:eks::aws:cluster-access-policy/AmazonEKSViewPolicy")]),
        |w| policies(w, &[on_cluster("arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy")]),
    ),
    case(
        Code::PolicyServiceLinkedOnly,
        POLICY,
        |w| policies(w, &[on_cluster("AmazonEKSBlockStorageClusterPolicy")]),
        |w| policies(w, &[on_cluster("AmazonEKSLoadBalancingClusterPolicy")]),
    ),
    case(
        Code::PolicyDuplicate,
        "/accessPolicies/1/policyArn",
        |w| {
            let arn = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy";
            policies(w, &[in_namespaces(VIEW, &["a"]), in_namespaces(arn, &["b"])]);
        },
        |w| policies(w, &[in_namespaces(VIEW, &["a", "b", "b"]), in_namespaces("AmazonEKSEditPolicy", &["b"])]),
    ),
    case(
        Code::ScopeTypeInvalid,
        "/accessPolicies/0/accessScope",
        |w| scope(w, None, None),
        |w| scope(w, Some("cluster"), None),
    ),
    case(
        Code::ScopeTypeInvalid,
        "/accessPolicies/0/accessScope/type",
        |w| scope(w, None, Some(&["a"])),
        |w| scope(w, Some("namespace"), Some(&["a"])),
    ),
    case(
        Code::ScopeTypeInvalid,
        "/accessPolicies/0/accessScope/type",
        |w| scope(w, Some("Cluster"), None),
        |w| scope(w, Some("cluster"), None),
    ),
    case(
        Code::ScopeNamespacesRequired,
        NAMESPACES,
        |w| scope(w, Some("namespace"), None),
        |w| scope(w, Some("namespace"), Some(&["*"])),
    ),
    case(
        Code::ScopeNamespacesRequired,
        NAMESPACES,
        |w| scope(w, Some("namespace"), Some(&[])),
        |w| scope(w, Some("namespace"), Some(&["kube-system", "kube-*"])),
    ),
    case(
        Code::ScopeNamespacesNotAllowed,
        NAMESPACES,
        |w| scope(w, Some("cluster"), Some(&["payments"])),
        |w| scope(w, Some("cluster"), Some(&[])),
    ),
    case(
        Code::NamespaceInvalid,
        "/accessPolicies/0/accessScope/namespaces/1",
        |w| scope(w, Some("namespace"), Some(&["payments", "Payments"])),
        |w| scope(w, Some("namespace"), Some(&["payments", "payments-*", "*-prod", "0"])),
    ),
    case(
        Code::NamespaceInvalid,
        "/accessPolicies/0/accessScope/namespaces/0",
        |w| scope(w, Some("namespace"), Some(&["-a"])),
        |w| scope(w, Some("namespace"), Some(&["a-a"])),
    ),
    case(
        Code::NamespaceInvalid,
        "/accessPolicies/0/accessScope/namespaces/0",
        |w| scope(w, Some("namespace"), Some(&["a-"])),
        |w| scope(w, Some("namespace"), Some(&["a-*"])),
    ),
    case(
        Code::NamespaceInvalid,
        "/accessPolicies/0/accessScope/namespaces/0",
        |w| scope(w, Some("namespace"), Some(&[""])),
        |w| scope(w, Some("namespace"), Some(&["a"])),
    ),
    case(
        Code::NamespaceInvalid,
        "/accessPolicies/0/accessScope/namespaces/0",
        |w| scope(w, Some("namespace"), Some(&[&"x".repeat(64)])),
        |w| scope(w, Some("namespace"), Some(&[&"x".repeat(63)])),
    ),
    case(
        Code::NamespaceInvalid,
        NAMESPACES,
        |w| w.ask.access_policies[0].namespaces = Some((0..=MAX_NAMESPACES).map(|n| n.to_string()).collect()),
        |w| w.ask.access_policies[0].namespaces = Some((0..MAX_NAMESPACES).map(|n| n.to_string()).collect()),
    ),
    case(
        Code::TagsTooMany,
        "/tags",
        |w| w.ask.tags = (0..=MAX_TAGS).map(|n| (n.to_string(), String::new())).collect(),
        |w| w.ask.tags = (0..MAX_TAGS).map(|n| (n.to_string(), String::new())).collect(),
    ),
    case(Code::TagReserved, "/tags/AWS:x", |w| tag(w, "AWS:x", ""), |w| tag(w, "AWS", "x")),
    case(Code::TagReserved, "/tags/x", |w| tag(w, "x", "aws:y"), |w| tag(w, "x", "y aws:")),
    case(
        Code::TagReserved,
        "/tags/Entryway~1Installation",
        |w| tag(w, "Entryway/Installation", "mine"),
        |w| tag(w, "installation/entryway", "mine"),
    ),
    case(Code::TagReserved, "/tags/entryway:x", |w| tag(w, "entryway:x", ""), |w| tag(w, "entryway", "")),
    case(Code::TagKeyInvalid, "/tags/", |w| tag(w, "", "x"), |w| tag(w, "x", "")),
    case(Code::TagKeyInvalid, "/tags/a~0b", |w| tag(w, "a~b", "x"), |w| tag(w, "Größe +-=._:/@ 1", "x")),
    case(Code::TagValueInvalid, "/tags/x", |w| tag(w, "x", "a\tb"), |w| tag(w, "x", "a b")),
    case(
        Code::TagValueInvalid,
        "/tags/x",
        |w| tag(w, "x", &"ü".repeat(MAX_VALUE + 1)),
        |w| tag(w, "x", &"ü".repeat(MAX_VALUE)),
    ),
    case(Code::ReasonRequired, "/reason", |w| w.ask.reason = None, |w| w.ask.reason = Some("x".into())),
    case(
        Code::ReasonRequired,
        "/reason",
        |w| w.ask.reason = Some(" \n.\t".into()),
        |w| {
            w.ask.reason = None;
            w.limits.reason_required = false;
        },
    ),
    case(
        Code::ReasonTooLong,
        "/reason",
        |w| w.ask.reason = Some(format!("x{}", "\u{85}".repeat(MAX_REASON))),
        |w| w.ask.reason = Some("ü".repeat(MAX_REASON)),
    ),
    case(
        Code::ReasonInvalid,
        "/reason",
        |w| w.ask.reason = Some("all fine\u{1b}[2J".into()),
        |w| w.ask.reason = Some("two\r\nlines\n\tand <!channel> *bold* 👩\u{200d}💻".into()),
    ),
    case(
        Code::ReasonInvalid,
        "/reason",
        |w| w.ask.reason = Some("a\u{202e}b".into()),
        |w| w.ask.reason = Some("صيانة".into()),
    ),
    case(
        Code::TicketInvalid,
        "/ticket",
        |w| w.ask.ticket = Some("x".repeat(MAX_TICKET + 1)),
        |w| w.ask.ticket = Some("x".repeat(MAX_TICKET)),
    ),
    case(
        Code::TicketInvalid,
        "/ticket",
        |w| w.ask.ticket = Some("PAY-1\nPAY-2".into()),
        |w| w.ask.ticket = Some(" PAY-1\n".into()),
    ),
    case(Code::DurationInvalid, "/duration", |w| w.ask.duration = Some("-1h".into()), |w| w.ask.duration = None),
    case(
        Code::DurationInvalid,
        "/duration",
        |w| w.ask.duration = Some("0s".into()),
        |w| w.ask.duration = Some("1ms".into()),
    ),
    case(
        Code::DurationTooLong,
        "/duration",
        |w| w.ask.duration = Some("P7DT0.001S".into()),
        |w| w.ask.duration = Some("P7D".into()),
    ),
    case(
        Code::DurationTooLong,
        "/duration",
        |w| w.ask.duration = Some("9223372036854775807h".into()),
        |w| w.ask.duration = Some("168h".into()),
    ),
    case(
        Code::DurationRequired,
        "/duration",
        |w| {
            w.ask.duration = None;
            w.limits.allow_permanent = false;
        },
        |w| w.limits.allow_permanent = false,
    ),
    case(
        Code::ReasonRequired,
        "/reason",
        |w| break_glass(w, "1h", "nineteen characters"),
        |w| break_glass(w, "1h", "exactly twenty chars"),
    ),
    case(
        Code::ReasonRequired,
        "/reason",
        |w| break_glass(w, "1h", &format!("down{}", " ".repeat(40))),
        |w| break_glass(w, "1h", "everything is down, and nobody answers"),
    ),
    case(
        Code::DurationTooLong,
        "/duration",
        |w| break_glass(w, "1h1ms", "everything is down, and nobody answers"),
        |w| break_glass(w, "60m", "everything is down, and nobody answers"),
    ),
    case(
        Code::DurationRequired,
        "/duration",
        |w| {
            break_glass(w, "1h", "everything is down, and nobody answers");
            w.ask.duration = None;
        },
        |w| w.ask.duration = None,
    ),
    case(
        Code::StartTooFar,
        "/startAt",
        |w| {
            break_glass(w, "1h", "everything is down, and nobody answers");
            start(w, TimeDelta::minutes(2));
        },
        |w| {
            break_glass(w, "1h", "everything is down, and nobody answers");
            start(w, TimeDelta::seconds(-1));
        },
    ),
    case(
        Code::StartInPast,
        "/startAt",
        |w| start(w, TimeDelta::milliseconds(-60_001)),
        |w| start(w, TimeDelta::seconds(-60)),
    ),
    case(
        Code::StartTooFar,
        "/startAt",
        |w| start(w, TimeDelta::days(30) + TimeDelta::milliseconds(1)),
        |w| start(w, TimeDelta::days(30)),
    ),
    case(
        Code::StartTooFar,
        "/startAt",
        |w| w.ask.start_at = Some(DateTime::<Utc>::MAX_UTC),
        |w| start(w, TimeDelta::seconds(1)),
    ),
];

fn break_glass(world: &mut World, duration: &str, reason: &str) {
    world.ask.break_glass = true;
    world.ask.duration = Some(duration.into());
    world.ask.reason = Some(reason.into());
}

#[test]
fn a_tag_key_may_be_as_long_as_aws_takes() {
    let mut world = World::sound();
    tag(&mut world, &"ü".repeat(MAX_KEY), "");
    assert_eq!(world.wrong(), []);
    let key = "ü".repeat(MAX_KEY + 1);
    tag(&mut world, &key, "");
    assert_eq!(world.wrong(), [(Code::TagKeyInvalid, format!("/tags/{key}"))]);
}

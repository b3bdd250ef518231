//! What holds for anything anybody may send.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::*;
use crate::domain::duration::to_iso8601;
use crate::domain::entry::AccessScope;

/// Mostly sound, sometimes not, sometimes anything.
fn text(sound: &'static str, unsound: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop_oneof![
        40 => proptest::string::string_regex(sound).expect("a pattern"),
        2 => proptest::sample::select(unsound).prop_map(ToOwned::to_owned),
        1 => "\\PC{0,12}",
    ]
}

fn principals() -> impl Strategy<Value = String> {
    text(
        "arn:aws:iam::(111122223333|444455556666):(role|user)/([a-z]{1,5}/)?[A-Za-z0-9_+=,.@-]{1,64}",
        &[
            "arn:aws:iam::111122223333:role/aws-service-role/x/y",
            "arn:aws-cn:iam::111122223333:role/x",
            "arn:aws:sts::111122223333:assumed-role/x/y",
            "arn:aws:iam::999999999999:role/x",
        ],
    )
}

fn policies() -> impl Strategy<Value = AskedPolicy> {
    let arn = text(
        "(arn:aws:eks::aws:cluster-access-policy/)?AmazonEKS(View|Edit|Admin|ClusterAdmin)Policy",
        &["AmazonEKSComputePolicy", "AmazonEKSAutoNodePolicy", "arn:aws:iam::aws:policy/x", "AmazonEKSHybridPolicy"],
    );
    let namespaces =
        proptest::collection::vec(text("[a-z0-9*]([a-z0-9*-]{0,8}[a-z0-9*])?", &["Kube", "-", "a.b"]), 0..4);
    let scope = prop_oneof![
        8 => proptest::collection::vec("[a-z]{1,9}", 1..4).prop_map(|names| (Some("namespace".into()), Some(names))),
        8 => Just((Some("cluster".to_owned()), None)),
        1 => (proptest::option::of("cluster|namespace|Cluster"), proptest::option::of(namespaces)),
    ];
    (arn, scope).prop_map(|(policy_arn, (scope_type, namespaces))| AskedPolicy { policy_arn, scope_type, namespaces })
}

fn asks() -> impl Strategy<Value = Ask> {
    let entry_type = prop_oneof![
        6 => Just(None),
        1 => text("STANDARD|standard", &["EC2_Linux", "EC2 Windows", "EC2", "FARGATE_LINUX", "x"]).prop_map(Some)
    ];
    let username = proptest::option::of(text(
        "[a-z@]{0,5}:[a-z ]{0,4}[a-z](\\{\\{SessionName(Raw)?\\}\\})?",
        &["system:x", "x{{SessionName}}", ""],
    ));
    let groups =
        proptest::collection::vec(text("[A-Za-z][a-z0-9:._/@-]{0,62}", &["system:x", "x", "System:x", ""]), 0..3);
    let tags = proptest::collection::btree_map(
        text("[a-zA-Z][a-z0-9 +=._:/@-]{0,20}", &["aws:x", "Entryway/x", ""]),
        text("[a-z0-9 +=._:/@-]{0,20}", &["AWS:x", "\n"]),
        0..3,
    );
    let words = (
        text("[a-z][ -~\\n]{0,60}", &["", "\u{202e}x", "x\r\ny"]).prop_map(Some),
        proptest::option::of(text("[A-Z]{1,4}-[0-9]{1,5}", &["", " x ", "\n"])),
    );
    let times = (
        proptest::option::of(text("([1-6]d)?([1-9]|1[0-9])h|PT[1-9]H|[1-9]{1,3}ms", &["8d", "0h", "1y"])),
        proptest::option::of(prop_oneof![8 => -60_000_000_000..2_592_000_000_000_000_i64, 1 => any::<i64>()]),
    );
    let contents = (principals(), entry_type, username, groups, proptest::collection::vec(policies(), 0..3));
    (contents, tags, words, times, any::<bool>()).prop_map(
        |(contents, tags, (reason, ticket), (duration, start), break_glass)| {
            let (principal_arn, entry_type, username, kubernetes_groups, access_policies) = contents;
            let start_at = start.map(|nanos| World::sound().now + TimeDelta::nanoseconds(nanos));
            Ask {
                cluster_name: "prod".into(),
                principal_arn,
                entry_type,
                username,
                kubernetes_groups,
                access_policies,
                tags,
                reason,
                ticket,
                duration,
                start_at,
                break_glass,
                extends: None,
            }
        },
    )
}

/// What somebody would send who had only the accepted spec to go by.
fn asked_again(spec: &Spec) -> Ask {
    let policy = |(policy_arn, scope): (&String, &AccessScope)| {
        let (scope_type, namespaces) = match scope {
            AccessScope::Cluster => ("cluster", None),
            AccessScope::Namespace { namespaces } => ("namespace", Some(namespaces.iter().cloned().collect())),
        };
        AskedPolicy { policy_arn: policy_arn.clone(), scope_type: Some(scope_type.into()), namespaces }
    };
    Ask {
        cluster_name: spec.cluster_name.clone(),
        principal_arn: spec.principal.to_string(),
        entry_type: Some(spec.content.entry_type.as_str().into()),
        username: spec.content.username.clone(),
        kubernetes_groups: spec.content.kubernetes_groups.iter().cloned().collect(),
        access_policies: spec.content.access_policies.iter().map(policy).collect(),
        tags: spec.tags.clone(),
        reason: Some(spec.reason.clone()),
        ticket: spec.ticket.clone(),
        duration: spec.duration.map(to_iso8601),
        start_at: spec.start_at,
        break_glass: spec.break_glass,
        extends: spec.extends,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn what_is_accepted_eks_takes_and_it_is_accepted_again_as_the_same(ask in asks()) {
        let mut world = World::sound();
        world.ask = ask;
        match world.check() {
            Ok(Accepted { spec, .. }) => {
                prop_assert_eq!(eks::refusal(&spec, world.cluster.as_ref().expect("a cluster")), None);
                world.ask = asked_again(&spec);
                let again = world.check().expect("accepted before").spec;
                prop_assert_eq!(again.digest(), spec.digest());
                prop_assert_eq!(again, spec);
            }
            Err(found) => {
                prop_assert!(!found.is_empty());
                for violation in found {
                    prop_assert!(!violation.detail.contains(char::is_control), "{violation:?}");
                    prop_assert!(violation.pointer.starts_with('/'), "{violation:?}");
                }
            }
        }
    }

    #[test]
    fn never_panics(texts in proptest::collection::vec("\\PC{0,40}|(?s).{0,40}", 11), at in any::<i64>(), known: bool) {
        let mut texts = texts.into_iter();
        let mut next = || texts.next().unwrap_or_default();
        let mut world = World::sound();
        world.ask = Ask {
            cluster_name: next(),
            principal_arn: format!("arn:aws:sts::{}", next()),
            entry_type: Some(next()),
            username: Some(next()),
            kubernetes_groups: vec![next()],
            access_policies: vec![AskedPolicy {
                policy_arn: next(),
                scope_type: Some(next()),
                namespaces: Some(vec![next()]),
            }],
            tags: [(next(), next())].into(),
            reason: Some(next()),
            ticket: None,
            duration: Some(next()),
            start_at: DateTime::from_timestamp_millis(at),
            break_glass: false,
            extends: None,
        };
        if !known {
            world.cluster = None;
        }
        prop_assert!(world.check().is_err());
    }
}

/// Without this, the property above could be about refusals alone.
#[test]
fn a_good_part_of_the_generated_asks_is_accepted() {
    let mut runner = TestRunner::deterministic();
    let mut world = World::sound();
    let accepted = (0..500).filter(|_| {
        world.ask = asks().new_tree(&mut runner).expect("an ask").current();
        world.check().is_ok()
    });
    let accepted = accepted.count();
    assert!((100..=450).contains(&accepted), "{accepted} of 500");
}

//! Which parts count, for whom.

use super::*;
use crate::policy::testing::{set, starter, who};

fn parts(source: &str) -> Parts {
    let policy = format!("@id(\"x\") permit (principal, action == Entryway::Action::\"approve\", resource) {source};");
    set(&policy).depends_on(&who("bob"), Action::Approve)
}

#[test]
fn what_a_policy_names_counts() {
    let cases: [(&str, &[Part]); 11] = [
        ("", &[]),
        ("when { context.via == \"api\" }", &[]),
        ("when { !principal.service }", &[]),
        ("when { resource.cluster in Entryway::Environment::\"dev\" }", &[Part::Cluster]),
        ("when { resource.cluster.hasTag(\"a\") && resource.cluster.getTag(\"a\") == \"b\" }", &[Part::Cluster]),
        ("unless { resource has ticket }", &[Part::Ticketed]),
        ("when { resource has duration && resource.duration < duration(\"1h\") }", &[Part::Permanent, Part::Duration]),
        (
            "when { resource.requester in Entryway::Group::\"a\" } unless { resource.breakGlass }",
            &[Part::Requester, Part::BreakGlass],
        ),
        (
            "when { [\"a\"].containsAll(resource.namespaces) || resource.clusterWide }",
            &[Part::Scopes, Part::ClusterWide],
        ),
        (
            "when { if resource.permanent then resource.principalKind == \"role\" else resource.type == \"EC2\" }",
            &[Part::Permanent, Part::Principal, Part::Type],
        ),
        ("when { resource == Entryway::AccessRequest::\"one\" }", &[Part::Whole]),
    ];
    for (source, expected) in cases {
        assert_eq!(parts(source), expected.iter().copied().collect(), "{source}");
    }
}

#[test]
fn what_is_about_ones_own_requests_says_nothing_about_others() {
    assert_eq!(parts("when { principal == resource.requester && resource has ticket }"), Parts::default());
    assert_eq!(parts("when { resource.requester == principal }"), Parts::default());
    // The other way round the first condition is looked at whoever asked.
    let looked_at = parts("when { resource has ticket && principal == resource.requester }");
    assert!(looked_at.has(Part::Ticketed) && looked_at.has(Part::Requester));
    assert!(parts("unless { principal == resource.requester }").has(Part::Requester));
    assert!(parts("when { principal != resource.requester }").has(Part::Requester));
}

#[test]
fn only_policies_that_could_concern_somebody_count() {
    let set = set(r#"
        @id("sre") permit (principal in Entryway::Group::"sre", action == Entryway::Action::"approve", resource)
        when { resource.breakGlass };
        @id("carol") permit (principal == Entryway::User::"carol", action, resource) when { resource has ticket };
        @id("own") permit (principal, action == Entryway::Action::"view", resource)
        when { principal == resource.requester };
    "#);
    let of = |user: &str| set.depends_on(&who(user), Action::Approve);
    assert_eq!(of("bob"), [Part::BreakGlass].into_iter().collect());
    assert_eq!(of("carol"), [Part::Ticketed].into_iter().collect());
    assert_eq!(of("alice"), Parts::default());
    let could = |user: &str, action| set.could_let(&who(user), action);
    assert!(could("bob", Action::Approve) && could("carol", Action::Approve) && could("carol", Action::View));
    assert!(!could("alice", Action::Approve) && !could("bob", Action::View));
    assert!(!could("robot", Action::Approve), "a service reviews nothing, though it is in sre");
}

#[test]
fn the_starter_set_lets_reviewers_see_everything_alike() {
    for action in [Action::Approve, Action::View] {
        assert_eq!(starter().depends_on(&who("bob"), action), Parts::default());
        assert!(starter().could_let(&who("bob"), action) && !starter().could_let(&who("alice"), action));
    }
}

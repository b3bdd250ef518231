//! The sentences for what quorum still wants.

use crate::policy::testing::{Ask, call, directory, set, starter, starter_and};
use crate::policy::{PolicySet, Quorum};

const ADMIN: &str = "AmazonEKSClusterAdminPolicy";
const VIEW: &str = "AmazonEKSViewPolicy";
const ANYBODY: &str = r#"@id("anybody") permit (principal, action == Entryway::Action::"approve", resource);"#;

fn quorum(set: &PolicySet, ask: &Ask, approvers: &[&str]) -> Quorum {
    set.standing(&ask.facts(), &ask.approved_by(approvers), &directory(), &call()).quorum
}

/// What one permit on `activate` with this condition wants of alice's ask.
fn wants(condition: &str, approvers: &[&str]) -> (Vec<String>, bool) {
    let permit = r#"@id("p") permit (principal, action == Entryway::Action::"activate", resource) when"#;
    let set = set(&format!("{ANYBODY} {permit} {{ {condition} }};"));
    let quorum = quorum(&set, &Ask::of("alice", "prod", VIEW, 1), approvers);
    (quorum.missing, quorum.reachable)
}

fn group(name: &str) -> String {
    format!(r#"context.approverGroups.contains(Entryway::Group::"{name}")"#)
}

#[test]
fn the_starter_set_speaks_with_the_reasons_of_its_policies() {
    let view = Ask::of("alice", "prod", VIEW, 1);
    assert_eq!(quorum(starter(), &view, &[]).missing, ["needs 1 approval"]);
    let admin = Ask::of("alice", "prod", ADMIN, 1);
    for approvers in [&[][..], &["bob"], &["carol"]] {
        let quorum = quorum(starter(), &admin, approvers);
        let expected = "admin on production needs 2 approvals, one of them from security";
        assert_eq!((quorum.missing, quorum.reachable), (vec![expected.to_owned()], true));
        assert_eq!(quorum.deciding, ["prod-admin-needs-two"]);
    }
}

#[test]
fn without_a_reason_the_numbers_speak() {
    let said = |condition: &str, approvers: &[&str]| wants(condition, approvers).0.join("; ");
    assert_eq!(said("context.approvals >= 1", &[]), "needs 1 approval");
    assert_eq!(said("context.approvals >= 3", &["bob"]), "needs 2 more approvals");
    assert_eq!(said("context.approvals >= 9", &["bob"]), "needs 8 more approvals");
    let security = group("security");
    assert_eq!(said(&security, &["bob"]), "needs 1 more approval, from security");
    let two = format!("context.approvals >= 2 && {security}");
    assert_eq!(said(&two, &[]), "needs 2 approvals, one of them from security");
    assert_eq!(said(&two, &["carol"]), "needs 1 more approval");
    let either = format!("context.approvals >= 1 && ({security} || {})", group("legal"));
    assert_eq!(said(&either, &[]), "needs 1 approval, from security or legal");
    let both = format!("context.approvals >= 2 && {security} && {}", group("legal"));
    assert_eq!(said(&both, &[]), "needs 2 approvals, with legal and security among them");
    let carol = r#"context.approvers.contains(Entryway::User::"carol")"#;
    assert_eq!(said(carol, &[]), "needs 1 approval, from carol");
}

#[test]
fn a_forbid_and_a_permit_that_wants_more_are_both_told() {
    let set = set(&format!(
        r#"{ANYBODY}
        @id("three") permit (principal, action == Entryway::Action::"activate", resource)
        when {{ context.approvals >= 3 }};
        @id("security") @reason("somebody from security must agree")
        forbid (principal, action == Entryway::Action::"activate", resource) unless {{ {} }};"#,
        group("security")
    ));
    let ask = Ask::of("alice", "prod", VIEW, 1);
    let both = ["somebody from security must agree", "needs 3 approvals, one of them from security"];
    assert_eq!(quorum(&set, &ask, &[]).missing, both);
    assert_eq!(quorum(&set, &ask, &["bob", "dave"]).missing, ["needs 1 more approval"]);
}

#[test]
fn what_can_never_be_is_said() {
    let never = "as things stand, no number of approvals is enough";
    let (missing, reachable) = wants("resource.breakGlass", &["bob"]);
    assert_eq!((missing, reachable), (vec!["no policy permits this to be applied".into(), never.into()], false));

    let set = starter_and(
        r#"@id("freeze") @reason("nothing changes until Tuesday")
           forbid (principal, action == Entryway::Action::"activate", resource)
           when { context.now < datetime("2026-01-06") };"#,
    );
    let frozen = quorum(&set, &Ask::of("alice", "prod", VIEW, 1), &[]);
    assert_eq!(frozen.missing, ["nothing changes until Tuesday", "needs 1 approval", never]);
    let signed = quorum(&set, &Ask::of("alice", "prod", VIEW, 1), &["bob"]);
    assert_eq!((signed.missing, signed.reachable), (vec!["nothing changes until Tuesday".into(), never.into()], false));
}

#[test]
fn a_group_that_spoils_approvals_is_not_supposed_to_join() {
    let spoiler = format!("context.approvals >= 2 && !{}", group("contractors"));
    assert_eq!(wants(&spoiler, &["bob"]), (vec!["needs 1 more approval".to_owned()], true));
}

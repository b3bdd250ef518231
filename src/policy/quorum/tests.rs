//! Which reviews count, and when they are enough.

use super::*;
use crate::domain::identity::Via;
use crate::policy::testing::{Ask, ID, call, directory, now, set, starter, starter_and};

const ADMIN: &str = "AmazonEKSClusterAdminPolicy";
const VIEW: &str = "AmazonEKSViewPolicy";

fn standing(set: &PolicySet, ask: &Ask, reviews: &[Review]) -> Standing {
    set.standing(&ask.facts(), reviews, &directory(), &call())
}

fn satisfied(ask: &Ask, approvers: &[&str]) -> bool {
    standing(starter(), ask, &ask.approved_by(approvers)).quorum.satisfied
}

fn whys(standing: &Standing) -> Vec<(&str, &str)> {
    standing.discounted.iter().map(|one| (one.reviewer.as_str(), one.why.as_str())).collect()
}

#[test]
fn the_starter_set_row_by_row() {
    let dev = Ask::of("alice", "dev", VIEW, 8);
    let quorum = standing(starter(), &dev, &[]).quorum;
    assert_eq!((quorum.satisfied, quorum.needed_none, quorum.approvals), (true, true, 0));
    assert_eq!((quorum.deciding, quorum.missing), (vec!["dev-view-is-free".to_owned()], Vec::new()));

    let long = Ask::of("alice", "dev", VIEW, 9);
    assert!(!satisfied(&long, &[]) && satisfied(&long, &["bob"]));
    let quorum = standing(starter(), &long, &long.approved_by(&["bob"])).quorum;
    assert_eq!((quorum.needed_none, quorum.approvals), (false, 1));

    let mut grouped = dev.clone();
    grouped.spec.content.kubernetes_groups = ["viewers".to_owned()].into();
    assert!(!satisfied(&grouped, &[]) && satisfied(&grouped, &["bob"]));

    let admin = Ask::of("alice", "prod", ADMIN, 4);
    for (approvers, enough) in [
        (&[][..], false),
        (&["bob"], false),
        (&["carol"], false),
        (&["dave"], false),
        (&["bob", "carol"], true),
        (&["bob", "dave"], true),
        (&["bob", "stranger"], false),
    ] {
        assert_eq!(satisfied(&admin, approvers), enough, "{approvers:?}");
    }
}

#[test]
fn one_person_counts_once() {
    let ask = Ask::of("alice", "prod", ADMIN, 4);
    let mut reviews = ask.approved_by(&["dave", "dave"]);
    reviews[1].via = Via::Slack;
    let standing = standing(starter(), &ask, &reviews);
    assert_eq!((standing.quorum.satisfied, standing.quorum.approvals), (false, 1));
    assert_eq!(standing.counting, [reviews[0].id]);
    assert_eq!(whys(&standing), [("dave", "one person counts once")]);
}

#[test]
fn n_of_m_is_ordinary_cedar() {
    let set = set(r#"@id("three") permit (principal, action == Entryway::Action::"activate", resource)
           when { context.approvals >= 3 && context.approvers.contains(Entryway::User::"bob") };
           @id("anybody") permit (principal, action == Entryway::Action::"approve", resource);"#);
    let ask = Ask::of("alice", "prod", VIEW, 1);
    let enough = |people: &[&str]| standing(&set, &ask, &ask.approved_by(people)).quorum.satisfied;
    assert!(!enough(&["bob", "carol"]));
    assert!(enough(&["bob", "carol", "dave"]));
    assert!(!enough(&["erin", "carol", "dave"]));
}

#[test]
fn who_lost_the_right_stops_counting() {
    let ask = Ask::of("alice", "prod", VIEW, 1);
    let reviews = ask.approved_by(&["bob"]);
    assert!(standing(starter(), &ask, &reviews).quorum.satisfied);

    let mut without_bob = Directory::default();
    without_bob.add_member("alice", "engineering");
    let lost = starter().standing(&ask.facts(), &reviews, &without_bob, &call());
    assert_eq!((lost.quorum.satisfied, lost.quorum.approvals), (false, 0));
    assert_eq!(whys(&lost), [("bob", "no policy permits bob to approve this request")]);

    let set = starter_and(
        r#"@id("bob-left") @reason("bob has left the company")
           forbid (principal == Entryway::User::"bob", action, resource);"#,
    );
    assert_eq!(whys(&standing(&set, &ask, &reviews)), [("bob", "bob has left the company")]);
}

#[test]
fn only_what_was_said_about_this_very_request_counts() {
    let ask = Ask::of("alice", "prod", VIEW, 1);
    let mut reviews = ask.approved_by(&["bob", "carol"]);
    reviews[0].spec_digest = Ask::of("alice", "prod", VIEW, 2).spec.digest();
    reviews[1].request_id = Uuid::from_u128(8);
    let standing = standing(starter(), &ask, &reviews);
    assert_eq!(standing.quorum.approvals, 0);
    assert_eq!(whys(&standing), [("bob", "it was given for something else than what this request asks")]);
}

#[test]
fn the_built_in_refusals_hold_for_rows_too() {
    let set = starter_and(r#"@id("all") permit (principal, action, resource) when { resource == resource };"#);
    let mut ask = Ask::of("bob", "prod", ADMIN, 1);
    ask.submitted_by = Some(crate::policy::testing::who("dave"));
    let mut reviews = ask.approved_by(&["bob", "dave", "robot", "carol"]);
    reviews[3].submitted_by = Some("bob".to_owned());
    let standing = standing(&set, &ask, &reviews);
    assert!(standing.counting.is_empty());
    let who: Vec<&str> = whys(&standing).into_iter().map(|(who, _)| who).collect();
    assert_eq!(who, ["bob", "dave", "robot", "carol"]);
}

#[test]
fn a_deny_is_final_whoever_gave_it_and_whatever_it_was_about() {
    let ask = Ask::of("alice", "dev", VIEW, 8);
    let mut reviews = ask.approved_by(&["bob", "carol"]);
    let mut denial = ask.reviewed(9, "stranger", Verdict::Deny);
    denial.spec_digest = "sha256:0".to_owned();
    reviews.push(denial);
    let standing = standing(starter(), &ask, &reviews);
    assert!(standing.denied && !standing.quorum.satisfied && !standing.quorum.needed_none);
    assert_eq!(standing.quorum.missing, ["stranger turned it down, and that is final"]);
    reviews[2].request_id = Uuid::from_u128(8);
    let other = starter().standing(&ask.facts(), &reviews, &directory(), &call());
    assert!(!other.denied && other.quorum.satisfied);
    assert_eq!(ID, ask.facts().id);
}

#[test]
fn a_policy_that_errs_satisfies_nothing() {
    let broken = |action: &str, number: &str| {
        format!(
            r#"@id("broken") forbid (principal, action == Entryway::Action::"{action}", resource)
               when {{ 9223372036854775807 + {number} > 0 }};"#
        )
    };
    let ask = Ask::of("alice", "dev", VIEW, 8);
    let reviews = ask.approved_by(&["bob"]);
    let standing_of = |more: &str| standing(&starter_and(more), &ask, &reviews);

    let activate = standing_of(&broken("activate", "context.approvals"));
    assert_eq!((activate.quorum.satisfied, activate.quorum.reachable), (false, false));
    assert_eq!(activate.quorum.deciding, ["broken"]);
    assert!(activate.quorum.missing[0].contains("`broken` could not be evaluated"));
    assert!(activate.errors[0].contains("overflow"), "{:?}", activate.errors);

    let approve = standing_of(&broken("approve", "(if context.via == \"api\" then 1 else 0)"));
    assert!(approve.counting.is_empty());
    assert_eq!(approve.errors.len(), 1);
    assert!(whys(&approve)[0].1.contains("`broken` could not be evaluated"));
}

#[test]
fn an_error_with_other_approvals_than_there_are_is_no_yes_either() {
    let broken_when = |condition: &str| {
        starter_and(&format!(
            r#"@id("broken") forbid (principal, action == Entryway::Action::"activate", resource)
               when {{ {condition} && 9223372036854775807 + context.approvals + 1 > 0 }};"#
        ))
    };
    let dev = Ask::of("alice", "dev", VIEW, 8);
    let quorum = standing(&broken_when("context.approvals == 0"), &dev, &dev.approved_by(&["bob"])).quorum;
    assert_eq!((quorum.satisfied, quorum.needed_none), (true, false));

    let prod = Ask::of("alice", "prod", VIEW, 8);
    let quorum = standing(&broken_when("context.approvals > 0"), &prod, &[]).quorum;
    assert_eq!((quorum.satisfied, quorum.reachable), (false, false));
}

#[test]
fn a_freeze_on_activate_is_asked_with_the_time_of_the_question() {
    let set = starter_and(
        r#"@id("freeze") @reason("nothing changes until Tuesday")
           forbid (principal, action == Entryway::Action::"activate", resource)
           when { context.now < datetime("2026-01-06") };"#,
    );
    let ask = Ask::of("alice", "dev", VIEW, 8);
    let at = |now| set.standing(&ask.facts(), &[], &directory(), &Call { now, ..call() }).quorum.satisfied;
    assert!(!at(now()));
    assert!(at(now() + chrono::TimeDelta::days(1)));
}

#[test]
fn a_review_keeps_the_road_it_came_by_and_needs_no_address_later() {
    let set = starter_and(
        r#"@id("by-hand") forbid (principal, action == Entryway::Action::"approve", resource)
           when { context.via == "worker" };
           @id("office") forbid (principal, action == Entryway::Action::"approve", resource)
           when { context has sourceIp && !context.sourceIp.isInRange(ip("10.0.0.0/8")) };"#,
    );
    let ask = Ask::of("alice", "prod", VIEW, 1);
    let elsewhere = Some("192.0.2.1".parse().expect("an address"));
    let worker = Call { via: Via::Worker, source_ip: elsewhere, ..call() };
    let standing = set.standing(&ask.facts(), &ask.approved_by(&["bob"]), &directory(), &worker);
    assert!(standing.quorum.satisfied, "{standing:?}");
}

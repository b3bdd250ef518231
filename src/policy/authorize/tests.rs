//! Who may do what with the starter set, and what neither policies nor their errors can change.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::*;
use crate::domain::identity::Via;
use crate::policy::testing::{Ask, call, directory, starter, starter_and, who};

/// A policy on this action that always errs, in a way no validator can see.
fn broken(effect: &str, action: &str) -> String {
    format!(
        r#"@id("broken") {effect} (principal, action == Entryway::Action::"{action}", resource)
           when {{ 9223372036854775807 + (if resource == resource then 1 else 0) > 0 }};"#
    )
}

fn prod() -> Ask {
    Ask::of("alice", "prod", "AmazonEKSViewPolicy", 8)
}

#[test]
fn the_starter_set_row_by_row() {
    let all = ["request", "view", "withdraw", "relinquish", "revoke", "retry", "approve", "deny"];
    let rows: [(&str, &[&str]); 6] = [
        ("alice", &["request", "view", "withdraw", "relinquish", "retry"]),
        ("bob", &["request", "view", "revoke", "approve", "deny"]),
        ("carol", &["view", "revoke", "approve", "deny"]),
        ("erin", &["view"]),
        ("portal", &[]),
        ("stranger", &[]),
    ];
    let (set, ask) = (starter(), prod());
    for (user, expected) in rows {
        let may = |action: &&str| {
            let action = Action::parse(action).expect("an action");
            set.authorize(&who(user), action, &ask.facts(), &call()).allowed
        };
        let allowed: Vec<&str> = all.into_iter().filter(may).collect();
        assert_eq!(allowed, expected, "{user}");
    }
    let services: [(&str, &[ServiceAction]); 4] = [
        ("bob", &[ServiceAction::Audit, ServiceAction::Administer]),
        ("erin", &[ServiceAction::Audit]),
        ("portal", &[ServiceAction::ActFor]),
        ("alice", &[]),
    ];
    for (user, expected) in services {
        let may = |action: &ServiceAction| set.authorize_service(&who(user), *action, &call()).allowed;
        let allowed: Vec<ServiceAction> = ServiceAction::ALL.iter().copied().filter(may).collect();
        assert_eq!(allowed, expected, "{user}");
    }
}

/// What is kept from one question about a request to the next is never an answer to another question.
#[test]
fn many_questions_about_one_request_are_answered_as_each_alone() {
    let set = starter_and(
        r#"@id("console") permit (principal, action == Entryway::Action::"view", resource)
           when { context.via == "console" && context has sourceIp };"#,
    );
    let (ask, source_ip) = (prod(), Some([10, 0, 0, 7].into()));
    let (facts, console) = (ask.facts(), Call { via: Via::Console, source_ip, ..call() });
    let scene = Scene::new(&facts, call().now);
    let mut groups_of_sre = who("erin");
    groups_of_sre.groups = who("bob").groups;
    let mut answers = BTreeSet::new();
    for _ in 0..2 {
        for who in [who("bob"), who("erin"), groups_of_sre.clone(), who("alice"), who("stranger")] {
            for (action, call) in Action::ALL.iter().flat_map(|action| [(*action, call()), (*action, console)]) {
                let answer = set.authorize_in(&scene, &who, action, &call);
                assert_eq!(answer, set.authorize(&who, action, &facts, &call), "{who:?} {action:?} {call:?}");
                answers.insert((answer.allowed, answer.deciding));
            }
        }
        let reviews = ask.approved_by(&["bob"]);
        let standing = set.standing_in(&scene, &reviews, &directory(), &call());
        assert_eq!(standing, set.standing(&facts, &reviews, &directory(), &call()));
    }
    assert!(answers.len() > 5, "{answers:?}");
}

#[test]
fn a_refusal_says_who_decided_and_why() {
    let long = Ask::of("alice", "prod", "AmazonEKSViewPolicy", 9);
    let decision = starter().authorize(&who("alice"), Action::Request, &long.facts(), &call());
    assert_eq!(decision.deciding, ["prod-is-temporary"]);
    assert_eq!(decision.reasons, ["access to production lasts at most 8 hours"]);

    let decision = starter().authorize(&who("erin"), Action::Request, &prod().facts(), &call());
    assert_eq!((decision.allowed, decision.deciding.len()), (false, 0));
    assert_eq!(decision.reasons, ["no policy permits erin to ask for this"]);

    let mut frozen = prod();
    frozen.cluster.labels = [("freeze".to_owned(), "true".to_owned())].into();
    let decision = starter().authorize(&who("alice"), Action::Request, &frozen.facts(), &call());
    assert_eq!(decision.reasons, ["policy `work-hours-example` forbids it"]);
}

#[test]
fn nobody_reviews_their_own_whatever_policy_says() {
    let set = starter_and(r#"@id("all") permit (principal, action, resource);"#);
    let mut ask = Ask::of("bob", "prod", "AmazonEKSViewPolicy", 8);
    ask.submitted_by = Some(who("dave"));
    for action in [Action::Approve, Action::Deny] {
        for user in ["bob", "dave"] {
            let decision = set.authorize(&who(user), action, &ask.facts(), &call());
            assert_eq!((decision.allowed, decision.builtin), (false, Some(Builtin::SelfApproval)), "{user}");
        }
        let robot = set.authorize(&who("robot"), action, &ask.facts(), &call());
        assert_eq!((robot.allowed, robot.builtin), (false, Some(Builtin::NotAPerson)));
        let carol = set.authorize(&who("carol"), action, &ask.facts(), &call());
        assert_eq!((carol.allowed, carol.builtin), (true, None));
    }
}

#[test]
fn a_requester_can_always_give_up_but_only_their_own() {
    let set = starter_and(r#"@id("never") forbid (principal, action, resource);"#);
    let mut ask = prod();
    ask.submitted_by = Some(who("portal"));
    for action in [Action::Withdraw, Action::Relinquish] {
        assert!(set.authorize(&who("alice"), action, &ask.facts(), &call()).allowed);
        assert!(!set.authorize(&who("portal"), action, &ask.facts(), &call()).allowed);
        assert!(!set.authorize(&who("bob"), action, &ask.facts(), &call()).allowed);
    }
    assert!(!set.authorize(&who("alice"), Action::View, &ask.facts(), &call()).allowed);
}

#[test]
fn a_policy_that_errs_closes_what_grants() {
    for (user, action) in
        [("alice", Action::Request), ("alice", Action::View), ("alice", Action::Retry), ("bob", Action::Approve)]
    {
        let whole = starter().authorize(&who(user), action, &prod().facts(), &call());
        assert!(whole.allowed, "{action:?}");
        for effect in ["forbid", "permit"] {
            let set = starter_and(&broken(effect, action.as_str()));
            let decision = set.authorize(&who(user), action, &prod().facts(), &call());
            assert_eq!((decision.allowed, &decision.deciding[..]), (false, &["broken".to_owned()][..]));
            let told = "policy `broken` could not be evaluated; tell the operators of Entryway";
            assert_eq!(decision.reasons, [told], "{action:?}");
            assert!(decision.errors[0].contains("overflow"), "{:?}", decision.errors);
        }
    }
    for (user, action) in
        [("portal", ServiceAction::ActFor), ("bob", ServiceAction::Audit), ("bob", ServiceAction::Administer)]
    {
        let set = starter_and(&broken("forbid", action.as_str()));
        assert!(starter().authorize_service(&who(user), action, &call()).allowed);
        assert!(!set.authorize_service(&who(user), action, &call()).allowed, "{action:?}");
    }
}

#[test]
fn a_policy_that_errs_neither_blocks_nor_opens_what_ends() {
    for action in [Action::Revoke, Action::Deny] {
        for effect in ["forbid", "permit"] {
            let set = starter_and(&broken(effect, action.as_str()));
            let bob = set.authorize(&who("bob"), action, &prod().facts(), &call());
            assert!(bob.allowed, "{effect} {action:?}");
            assert_eq!(bob.errors.len(), 1, "and the operators hear of it");
            assert!(!set.authorize(&who("erin"), action, &prod().facts(), &call()).allowed);
        }
    }
    let set = starter_and(&broken("forbid", "withdraw"));
    assert!(set.authorize(&who("alice"), Action::Withdraw, &prod().facts(), &call()).allowed);
}

#[test]
fn what_cannot_be_put_to_policy_is_a_no() {
    let late = Call { now: DateTime::<Utc>::MAX_UTC, ..call() };
    let decision = starter().authorize(&who("alice"), Action::Request, &prod().facts(), &late);
    assert!(!decision.allowed && !decision.errors.is_empty(), "{decision:?}");
    assert!(!starter().authorize_service(&who("bob"), ServiceAction::Audit, &late).allowed);
    assert!(starter().authorize(&who("alice"), Action::Withdraw, &prod().facts(), &late).allowed);
}

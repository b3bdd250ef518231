//! What must hold for any request, any reviewers and any further forbids.

use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::testing::{Ask, STARTER, call, directory, starter, starter_and, who};
use super::{Action, PolicySet, Standing};
use crate::domain::review::Decision as Verdict;

const PEOPLE: [&str; 7] = ["alice", "bob", "carol", "dave", "erin", "robot", "stranger"];
const POLICIES: [&str; 4] =
    ["AmazonEKSViewPolicy", "AmazonEKSEditPolicy", "AmazonEKSAdminPolicy", "AmazonEKSClusterAdminPolicy"];

/// Forbids as people write them, one that errs among them.
const FORBIDS: [&str; 6] = [
    r#"@id("f0") forbid (principal, action == Entryway::Action::"request", resource) when { resource.clusterWide };"#,
    r#"@id("f1") forbid (principal, action == Entryway::Action::"activate", resource) unless { context.approvals >= 2 };"#,
    r#"@id("f2") forbid (principal, action, resource) when { principal == Entryway::User::"carol" };"#,
    r#"@id("f3") forbid (principal, action in [Entryway::Action::"approve", Entryway::Action::"view"], resource)
       when { 9223372036854775807 + (if resource.breakGlass then 1 else 0) > 0 };"#,
    r#"@id("f4") forbid (principal, action in [Entryway::Action::"revoke", Entryway::Action::"deny"], resource)
       when { 9223372036854775807 + (if resource.permanent then 1 else 0) > 0 };"#,
    r#"@id("f5") forbid (principal, action == Entryway::Action::"activate", resource)
       when { context.approverGroups.contains(Entryway::Group::"sre") };"#,
];

fn asks() -> impl Strategy<Value = Ask> {
    let what = (select(&PEOPLE), select(&["dev", "prod", "test"]), select(&POLICIES), 0_i64..12);
    (what, any::<bool>(), any::<bool>(), proptest::option::of(select(&PEOPLE))).prop_map(
        |((requester, cluster, policy, hours), group, break_glass, submitter)| {
            let mut ask = Ask::of(requester, cluster, policy, hours);
            ask.spec.break_glass = break_glass;
            ask.submitted_by = submitter.map(who);
            if group {
                ask.spec.content.kubernetes_groups.insert("viewers".to_owned());
            }
            ask
        },
    )
}

fn reviewers() -> impl Strategy<Value = Vec<&'static str>> {
    subsequence(&PEOPLE, 0..=PEOPLE.len())
}

fn standing(set: &PolicySet, ask: &Ask, approvers: &[&str]) -> Standing {
    set.standing(&ask.facts(), &ask.approved_by(approvers), &directory(), &call())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_text_makes_loading_panic(from in 0..STARTER.len(), length in 0_usize..400, with in "[\\PC\n]{0,9}") {
        let end = (from + length).min(STARTER.len());
        let broken = format!("{}{with}{}", &STARTER[..from], &STARTER[end..]);
        let _ = PolicySet::parse(&[("a.cedar".to_owned(), broken)]);
    }

    #[test]
    fn one_more_approval_never_unsatisfies(ask in asks(), approvers in reviewers(), more in select(&PEOPLE)) {
        let set = starter();
        let before = standing(set, &ask, &approvers);
        let after = standing(set, &ask, &[&approvers[..], &[more]].concat());
        prop_assert!(after.quorum.satisfied || !before.quorum.satisfied);
        prop_assert!(after.counting.len() >= before.counting.len());
    }

    #[test]
    fn something_is_missing_exactly_until_it_is_satisfied(ask in asks(), approvers in reviewers()) {
        let quorum = standing(starter(), &ask, &approvers).quorum;
        prop_assert_eq!(quorum.satisfied, quorum.missing.is_empty());
        prop_assert!(quorum.reachable, "the starter set forbids nothing for good");
    }

    #[test]
    fn nobody_counts_twice_or_for_their_own(ask in asks(), approvers in proptest::collection::vec(select(&PEOPLE), 0..9)) {
        let reviews = ask.approved_by(&approvers);
        let counting = standing(starter(), &ask, &approvers).counting;
        let mut people: Vec<&str> = reviews.iter().filter(|review| counting.contains(&review.id))
            .map(|review| review.reviewer.as_str()).collect();
        prop_assert!(people.iter().all(|user| !ask.facts().is_own_of(user) && !who(user).service));
        people.sort_unstable();
        prop_assert!(people.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn a_deny_is_never_outvoted(ask in asks(), approvers in reviewers(), denier in select(&PEOPLE)) {
        let mut reviews = ask.approved_by(&approvers);
        reviews.insert(reviews.len() / 2, ask.reviewed(99, denier, Verdict::Deny));
        let standing = starter().standing(&ask.facts(), &reviews, &directory(), &call());
        prop_assert!(standing.denied && !standing.quorum.satisfied);
    }

    #[test]
    fn further_forbids_never_allow_more(
        ask in asks(), approvers in reviewers(), user in select(&PEOPLE), action in select(Action::ALL),
        forbids in subsequence(&FORBIDS, 1..=FORBIDS.len()),
    ) {
        let (less, more) = (starter_and(&forbids.concat()), starter());
        let allows = |set: &PolicySet| set.authorize(&who(user), action, &ask.facts(), &call()).allowed;
        prop_assert!(allows(more) || !allows(&less), "{user} {action:?}");
        let (fewer, all) = (standing(&less, &ask, &approvers), standing(more, &ask, &approvers));
        prop_assert!(all.quorum.satisfied || !fewer.quorum.satisfied);
        prop_assert!(fewer.counting.iter().all(|review| all.counting.contains(review)));
    }

    #[test]
    fn no_forbid_keeps_a_requester_from_giving_up(ask in asks(), forbids in subsequence(&FORBIDS, 0..=FORBIDS.len())) {
        let set = starter_and(&forbids.concat());
        for action in [Action::Withdraw, Action::Relinquish] {
            prop_assert!(set.authorize(&ask.requester, action, &ask.facts(), &call()).allowed);
        }
    }
}

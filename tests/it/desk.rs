//! The desk's own rules: who may do what to which request in which state, and what happens when two do it at once.

use chrono::TimeDelta;
use entryway::domain::review::Decision;
use entryway::domain::states::{EndReason, RequestState};
use entryway::policy::Builtin;
use entryway::workflow::{WorkflowError, sweep};

use crate::harness::{Bed, policy, start, view};

#[tokio::test]
async fn nobody_signs_off_their_own_request_whatever_groups_they_are_in() {
    let bed = Bed::new().await;
    let request = bed.file("bob", view("payments")).await;
    for decision in [Decision::Approve, Decision::Deny] {
        let refused = bed.review("bob", request.id, decision).await;
        assert!(matches!(refused, Err(WorkflowError::Builtin(Builtin::SelfApproval))), "{refused:?}");
    }
    bed.approve("carol", request.id).await;
}

#[tokio::test]
async fn admin_on_prod_takes_two_people_one_of_them_from_security() {
    let bed = Bed::new().await;
    let mut ask = policy("AmazonEKSClusterAdminPolicy", &[]);
    ask.cluster_name = "prod".to_owned();
    ask.duration = Some("1h".to_owned());
    let request = bed.file("alice", ask).await;
    let waiting = bed.approve("bob", request.id).await;
    assert_eq!(waiting.request.state, RequestState::Pending);
    assert!(waiting.standing.quorum.missing.join(" ").contains("security"), "{:?}", waiting.standing.quorum.missing);
    assert_eq!(bed.approve("carol", request.id).await.request.state, RequestState::Applying);
}

#[tokio::test]
async fn a_deny_is_final_and_one_person_counts_once() {
    let bed = Bed::new().await;
    let mut ask = policy("AmazonEKSAdminPolicy", &[]);
    ask.cluster_name = "prod".to_owned();
    ask.duration = Some("1h".to_owned());
    let request = bed.file("alice", ask).await;
    bed.approve("bob", request.id).await;
    let twice = bed.review("bob", request.id, Decision::Approve).await;
    assert!(matches!(twice, Err(WorkflowError::AlreadyReviewed)), "{twice:?}");
    assert_eq!(bed.review("carol", request.id, Decision::Deny).await.unwrap().request.state, RequestState::Denied);
    let late = bed.withdraw("alice", request.id).await;
    assert!(matches!(late, Err(WorkflowError::NotPending { .. })), "{late:?}");
    bed.work().await;
    assert_eq!(bed.writes(), Vec::<String>::new());
}

#[tokio::test]
async fn a_request_is_invisible_to_those_it_is_no_business_of() {
    let bed = Bed::new().await;
    let request = bed.file("alice", view("payments")).await;
    let dan = bed.caller("dan");
    assert!(matches!(bed.desk.get(&dan, request.id).await, Err(WorkflowError::NotFound)));
    let refused = bed.review("dan", request.id, Decision::Approve).await;
    assert!(matches!(refused, Err(WorkflowError::NotFound)), "{refused:?}");
    assert!(matches!(bed.withdraw("dan", request.id).await, Err(WorkflowError::NotFound)));
}

#[tokio::test]
async fn what_nobody_decides_lapses() {
    let bed = Bed::new().await;
    let request = bed.file("alice", view("payments")).await;
    bed.pass(TimeDelta::hours(72) - TimeDelta::seconds(1));
    sweep::lapse(&bed.desk, None).await.unwrap();
    assert_eq!(bed.state(request.id).await, RequestState::Pending);
    bed.pass(TimeDelta::seconds(1));
    sweep::lapse(&bed.desk, None).await.unwrap();
    assert_eq!(bed.state(request.id).await, RequestState::Lapsed);
    assert!(bed.review("bob", request.id, Decision::Approve).await.is_err());
}

#[tokio::test]
async fn a_later_start_is_waited_for_and_a_lost_quorum_ends_it_first() {
    let bed = Bed::new().await;
    let mut ask = view("payments");
    ask.start_at = Some(start() + TimeDelta::hours(5));
    let request = bed.granted(ask).await;
    assert_eq!(request.state, RequestState::Scheduled);
    bed.pass(TimeDelta::hours(5) - TimeDelta::seconds(1));
    bed.work().await;
    assert_eq!(bed.writes(), Vec::<String>::new(), "not a second early");
    bed.pass(TimeDelta::seconds(1));
    bed.until(request.id, RequestState::Active).await;

    // The same again, but with a policy set that wants two approvals by the time the start has come.
    let bed = Bed::new().await;
    let mut ask = view("payments");
    ask.start_at = Some(start() + TimeDelta::hours(5));
    let request = bed.granted(ask).await;
    bed.desk.policies.replace(stricter());
    bed.pass(TimeDelta::hours(5));
    let ended = bed.until(request.id, RequestState::Ended).await.request;
    assert_eq!(ended.end_reason, Some(EndReason::Policy));
    assert_eq!(bed.writes(), Vec::<String>::new());
}

pub(crate) fn stricter() -> entryway::policy::PolicySet {
    let starter = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/policies/starter.cedar")).unwrap();
    let more = r#"@id("two-always") forbid (principal, action == Entryway::Action::"activate", resource) unless { context.approvals >= 2 };"#;
    entryway::policy::PolicySet::parse(&[("starter.cedar".into(), starter), ("strict.cedar".into(), more.into())])
        .unwrap()
}

#[tokio::test]
async fn many_at_once_on_one_request_have_exactly_one_outcome() {
    for _ in 0..5 {
        let bed = Bed::new().await;
        let request = bed.file("alice", view("payments")).await;
        let (approve, deny, withdraw) = tokio::join!(
            bed.review("bob", request.id, Decision::Approve),
            bed.review("carol", request.id, Decision::Deny),
            bed.withdraw("alice", request.id),
        );
        let won = [approve.is_ok(), deny.is_ok(), withdraw.is_ok()].into_iter().filter(|won| *won).count();
        assert_eq!(won, 1, "{:?} {:?} {:?}", approve.err(), deny.err(), withdraw.err());
    }
}

#[tokio::test]
async fn a_caller_that_hangs_up_half_way_leaves_the_pool_clean() {
    let bed = Bed::new().await;
    let caller = bed.caller("alice");
    for nanos in (0..200).map(|step| step * 25_000) {
        let filing = entryway::workflow::submit::submit(&bed.desk, &caller, vec![view("payments")], None);
        let _ = tokio::time::timeout(std::time::Duration::from_nanos(nanos), filing).await;
    }
    let open = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'";
    for _ in 0..1000 {
        if crate::harness::database::number(&bed.url, open).await == 0 {
            break;
        }
    }
    assert_eq!(crate::harness::database::number(&bed.url, open).await, 0);
    let filed = bed.try_file("dan", view("payments")).await;
    assert!(filed.is_ok(), "{filed:?}");
}

#[tokio::test]
async fn the_chain_of_a_request_holds() {
    let bed = Bed::new().await;
    let request = bed.granted(view("payments")).await;
    bed.until(request.id, RequestState::Active).await;
    let timeline = bed.timeline("bob", request.id).await;
    assert!(timeline.len() >= 6);
    let mut prev = None;
    for event in &timeline {
        assert_eq!(event.prev_hash, prev);
        assert_eq!(event.hash, event.body.hash(event.id, event.at, prev.as_deref()), "{:?}", event.body.event_type);
        prev = Some(event.hash.clone());
    }
    assert_eq!(prev.as_deref(), Some(bed.get(request.id).await.request.chain_head.as_str()));
}

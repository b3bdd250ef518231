//! More time for access that somebody has: a request of its own that takes over without a gap, and what becomes of it when
//! the one it extends fares otherwise.

use chrono::TimeDelta;
use entryway::domain::event::EventType;
use entryway::domain::request::Request;
use entryway::domain::review::Decision;
use entryway::domain::states::{EndReason, RequestState};
use entryway::workflow::WorkflowError;
use serde_json::json;

use crate::harness::{Bed, ROLE, view};

async fn active(bed: &Bed) -> Request {
    let request = bed.granted(view("payments")).await;
    bed.until(request.id, RequestState::Active).await.request
}

fn advice(refused: Result<entryway::workflow::standing::Details, WorkflowError>) -> String {
    match refused {
        Err(WorkflowError::IllegalState { advice, .. }) => advice,
        other => panic!("not an illegal state: {other:?}"),
    }
}

/// Longer than what the starter policies let through without a sign-off.
const MORE: &str = "9h";

const GIVEN: [&str; 2] = ["CreateAccessEntry", "AssociateAccessPolicy"];

#[tokio::test]
async fn it_is_signed_off_anew_and_takes_over_without_a_gap() {
    let bed = Bed::new().await;
    let old = active(&bed).await;
    bed.pass(TimeDelta::hours(1));
    let new = bed.extend("alice", old.id, MORE).await.unwrap().request;
    assert_eq!((new.state, new.spec.extends), (RequestState::Pending, Some(old.id)));
    assert_eq!((&new.spec.content, &new.spec.principal), (&old.spec.content, &old.spec.principal));
    let alike = entryway::domain::request::Spec { extends: None, ..new.spec.clone() };
    assert_ne!(new.spec.digest(), alike.digest(), "what is signed off is the extension, and of which request");
    bed.work().await;
    assert_eq!(bed.state(old.id).await, RequestState::Active, "nothing happens before the sign-off");

    bed.approve("bob", new.id).await;
    let proven = bed.until(new.id, RequestState::Active).await.request;
    let told = bed.timeline("bob", new.id).await;
    assert!(told.iter().all(|event| event.body.event_type != EventType::RequestVerificationOverdue), "{told:?}");
    assert!(proven.verification.lag_ms.is_some_and(|lag| lag < 60_000), "not since the write of an hour ago");
    let superseded = bed.until(old.id, RequestState::Ended).await.request;
    assert_eq!(superseded.end_reason, Some(EndReason::Superseded));
    let (old_end, new_end) = (superseded.grant.expires_at.unwrap(), proven.grant.expires_at.unwrap());
    assert_eq!(new_end - old_end, TimeDelta::hours(9), "no time that was granted before is lost");
    assert!(proven.grant.starts_at.unwrap() < old_end, "it took over at once");

    bed.hands.set(old_end + TimeDelta::seconds(1));
    bed.work().await;
    assert!(bed.truth("dev", ROLE).await.is_some());
    assert_eq!(bed.writes(), GIVEN, "EKS was told nothing at all");
    bed.hands.set(new_end);
    bed.until(new.id, RequestState::Ended).await;
    assert!(bed.truth("dev", ROLE).await.is_none(), "and it ends in its turn");
    assert_eq!(bed.get(new.id).await.request.end_reason, Some(EndReason::Expired));
}

#[tokio::test]
async fn the_old_one_may_run_out_while_the_new_one_is_being_proven() {
    let bed = Bed::new().await;
    let old = active(&bed).await;
    bed.hands.set(old.grant.expires_at.unwrap() - TimeDelta::seconds(3));
    let new = bed.extend("alice", old.id, MORE).await.unwrap().request;
    bed.approve("bob", new.id).await;
    bed.work().await;
    assert_eq!(bed.state(new.id).await, RequestState::Verifying);
    bed.pass(TimeDelta::seconds(3));
    let proven = bed.until(new.id, RequestState::Active).await.request;
    assert_eq!(bed.until(old.id, RequestState::Ended).await.request.end_reason, Some(EndReason::Expired));
    assert_eq!(bed.writes(), GIVEN);
    assert_eq!(proven.grant.expires_at, old.grant.expires_at.map(|end| end + TimeDelta::hours(9)));
}

#[tokio::test]
async fn one_that_is_signed_off_after_the_end_is_a_request_like_any_other() {
    let bed = Bed::new().await;
    let old = active(&bed).await;
    let new = bed.extend("alice", old.id, MORE).await.unwrap().request;
    bed.hands.set(old.grant.expires_at.unwrap());
    bed.until(old.id, RequestState::Ended).await;
    assert!(bed.truth("dev", ROLE).await.is_none(), "nobody signed off in time, so it ended on time");
    bed.approve("bob", new.id).await;
    let grant = bed.until(new.id, RequestState::Active).await.request.grant;
    assert_eq!(grant.expires_at.unwrap() - grant.starts_at.unwrap(), TimeDelta::hours(9));
}

#[tokio::test]
async fn one_that_is_turned_down_changes_nothing() {
    let bed = Bed::new().await;
    let old = active(&bed).await;
    let new = bed.extend("alice", old.id, MORE).await.unwrap().request;
    bed.review("bob", new.id, Decision::Deny).await.unwrap();
    bed.work().await;
    let still = bed.get(old.id).await.request;
    assert_eq!((still.state, still.grant.expires_at), (RequestState::Active, old.grant.expires_at));
    bed.extend("alice", old.id, "1h").await.expect("another try");
}

#[tokio::test]
async fn what_is_revoked_or_given_back_meanwhile_comes_back_by_no_extension() {
    // Undecided.
    let bed = Bed::new().await;
    let old = active(&bed).await;
    let new = bed.extend("alice", old.id, MORE).await.unwrap().request;
    bed.revoke("bob", old.id).await.unwrap();
    assert_eq!(bed.state(new.id).await, RequestState::Denied);
    assert!(matches!(bed.review("carol", new.id, Decision::Approve).await, Err(WorkflowError::NotPending { .. })));
    bed.until(old.id, RequestState::Ended).await;

    // Signed off, and even on its way.
    for worked in [false, true] {
        let bed = Bed::new().await;
        let old = active(&bed).await;
        let new = bed.extend("alice", old.id, MORE).await.unwrap().request;
        bed.approve("bob", new.id).await;
        if worked {
            bed.work().await;
        }
        bed.revoke("bob", old.id).await.unwrap();
        let ended = bed.until(new.id, RequestState::Ended).await.request;
        assert_eq!(ended.end_reason, Some(EndReason::Revoked));
        bed.until(old.id, RequestState::Ended).await;
        assert!(bed.truth("dev", ROLE).await.is_none());
    }

    let bed = Bed::new().await;
    let old = active(&bed).await;
    let new = bed.extend("alice", old.id, MORE).await.unwrap().request;
    bed.relinquish("alice", old.id).await.unwrap();
    assert_eq!(bed.state(new.id).await, RequestState::Withdrawn);
}

/// EKS says no for good to every look, until it is healed.
fn refuse_looks(bed: &Bed) {
    let refusal = json!({ "op": "DescribeAccessEntry", "times": 50, "action": {
        "kind": "error", "status": 400, "code": "InvalidParameterException", "message": "not like this",
    } });
    bed.sim.inject(serde_json::from_value(refusal).unwrap());
}

#[tokio::test]
async fn one_that_has_failed_is_not_retried_once_what_it_extends_is_revoked() {
    let bed = Bed::new().await;
    let old = active(&bed).await;
    let new = bed.extend("alice", old.id, MORE).await.unwrap().request;
    bed.approve("bob", new.id).await;
    refuse_looks(&bed);
    bed.until(new.id, RequestState::Failed).await;
    bed.sim.heal();
    bed.revoke("bob", old.id).await.unwrap();
    let taken_back = bed.get(new.id).await.request;
    assert_eq!((taken_back.state, taken_back.end_reason), (RequestState::Revoking, Some(EndReason::Revoked)));
    bed.retry("alice", new.id).await.unwrap_err();
    bed.until(new.id, RequestState::Ended).await;
    bed.until(old.id, RequestState::Ended).await;
    assert!(bed.truth("dev", ROLE).await.is_none());
}

#[tokio::test]
async fn extensions_of_extensions_go_with_the_first() {
    let bed = Bed::new().await;
    let old = active(&bed).await;
    let new = bed.extend("alice", old.id, MORE).await.unwrap().request;
    bed.approve("bob", new.id).await;
    bed.work().await;
    assert_eq!(bed.state(new.id).await, RequestState::Verifying);
    let third = bed.extend("alice", new.id, "10h").await.unwrap().request;
    bed.revoke("bob", old.id).await.unwrap();
    assert_eq!(bed.state(third.id).await, RequestState::Denied);
    for id in [old.id, new.id] {
        bed.until(id, RequestState::Ended).await;
    }
    assert!(bed.truth("dev", ROLE).await.is_none());
}

#[tokio::test]
async fn once_it_has_taken_over_it_stands_by_itself() {
    let bed = Bed::new().await;
    let old = active(&bed).await;
    let new = bed.extend("alice", old.id, MORE).await.unwrap().request;
    bed.approve("bob", new.id).await;
    bed.until(new.id, RequestState::Active).await;
    assert!(advice(bed.revoke("bob", old.id).await).contains("taken its place"));
    assert!(advice(bed.extend("alice", old.id, MORE).await).contains("extend that one"));
    bed.revoke("bob", new.id).await.unwrap();
    bed.until(new.id, RequestState::Ended).await;
    bed.until(old.id, RequestState::Ended).await;
    assert!(bed.truth("dev", ROLE).await.is_none());
}

#[tokio::test]
async fn only_what_has_a_time_is_extended_once_at_a_time_by_whoever_asked_for_it() {
    let bed = Bed::new().await;
    let pending = bed.file("alice", view("payments")).await;
    assert!(advice(bed.extend("alice", pending.id, MORE).await).contains("not begun"));
    bed.approve("bob", pending.id).await;
    assert!(advice(bed.extend("alice", pending.id, MORE).await).contains("not begun"));
    let live = bed.until(pending.id, RequestState::Active).await.request;
    assert!(matches!(bed.extend("dan", live.id, MORE).await, Err(WorkflowError::NotFound)));
    let others = bed.extend("bob", live.id, MORE).await;
    assert!(matches!(others, Err(WorkflowError::Forbidden { action: "extend", .. })), "{others:?}");
    let long = bed.extend("alice", live.id, "8d").await;
    assert!(matches!(&long, Err(WorkflowError::Invalid(found)) if found[0].pointer == "/duration"), "{long:?}");
    let new = bed.extend("alice", live.id, MORE).await.unwrap().request;
    assert!(advice(bed.extend("alice", live.id, "3h").await).contains(&new.id.to_string()));
    bed.revoke("bob", live.id).await.unwrap();
    assert!(advice(bed.extend("alice", live.id, MORE).await).contains("file a new request"));

    let bed = Bed::new().await;
    let mut ask = view("payments");
    ask.duration = None;
    let permanent = bed.granted(ask).await;
    let permanent = bed.until(permanent.id, RequestState::Active).await.request;
    assert_eq!(permanent.grant.expires_at, None);
    bed.pass(TimeDelta::days(300));
    bed.work().await;
    assert_eq!(bed.state(permanent.id).await, RequestState::Active, "permanent means permanent");
    assert!(advice(bed.extend("alice", permanent.id, MORE).await).contains("no end"));
}

#[tokio::test]
async fn however_often_it_is_extended_it_reaches_no_farther_than_one_request_may() {
    let bed = Bed::new().await;
    let mut ask = view("payments");
    ask.duration = Some("6d".to_owned());
    let long = bed.granted(ask).await;
    let long = bed.until(long.id, RequestState::Active).await.request;
    let far = bed.extend("alice", long.id, "2d").await;
    assert!(matches!(far, Err(WorkflowError::InvalidField { code: "duration-too-long", .. })), "{far:?}");
    bed.hands.set(long.grant.expires_at.unwrap() - TimeDelta::days(5));
    bed.extend("alice", long.id, "2d").await.expect("seven days from now");
}

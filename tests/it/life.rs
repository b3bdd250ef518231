//! The main job, from the ask to the end, through the real client and a real Postgres.

use chrono::TimeDelta;
use entryway::domain::request::VerificationLevel;
use entryway::domain::states::{EndReason, RequestState};

use crate::harness::{Bed, ROLE, policy, view};

#[tokio::test]
async fn ask_sign_off_apply_prove_end() {
    let bed = Bed::new().await;
    let request = bed.file("alice", view("payments")).await;
    assert_eq!(request.state, RequestState::Pending);
    bed.work().await;
    let asked_of_eks = bed.sim.calls().into_iter().filter(|call| call.service == "eks").count();
    assert_eq!(asked_of_eks, 0, "nothing is asked of EKS for what is not signed off");

    assert_eq!(bed.approve("bob", request.id).await.request.state, RequestState::Applying);
    bed.work().await;
    assert_eq!(bed.state(request.id).await, RequestState::Verifying, "a 200 is no proof");
    let active = bed.until(request.id, RequestState::Active).await.request;
    assert_eq!(bed.writes(), ["CreateAccessEntry", "AssociateAccessPolicy"]);
    assert_eq!((active.verification.level, active.verification.agreeing_reads), (VerificationLevel::Settled, 3));
    let (starts, expires) = (active.grant.starts_at.unwrap(), active.grant.expires_at.unwrap());
    assert_eq!(expires - starts, TimeDelta::minutes(481));
    let entry = bed.truth("dev", ROLE).await.unwrap();
    assert_eq!(entry["tags"]["entryway/installation"], "tests");

    bed.hands.set(expires - TimeDelta::seconds(1));
    bed.work().await;
    assert_eq!(bed.state(request.id).await, RequestState::Active, "not a second early");
    bed.pass(TimeDelta::seconds(1));
    bed.work().await;
    assert!(bed.truth("dev", ROLE).await.is_none(), "taken away on time");
    assert_eq!(bed.state(request.id).await, RequestState::Revoking, "gone is proven too");
    let ended = bed.until(request.id, RequestState::Ended).await.request;
    assert_eq!(ended.end_reason, Some(EndReason::Expired));
    assert_eq!(bed.writes(), ["CreateAccessEntry", "AssociateAccessPolicy", "DeleteAccessEntry"]);
}

#[tokio::test]
async fn when_one_of_two_overlapping_grants_ends_the_other_stays_whole() {
    let bed = Bed::new().await;
    let long = bed.granted(view("payments")).await;
    bed.until(long.id, RequestState::Active).await;
    let mut ask = policy("AmazonEKSViewPolicy", &["orders"]);
    ask.kubernetes_groups = vec!["viewers".to_owned()];
    let short = bed.granted(ask).await;
    bed.until(short.id, RequestState::Active).await;
    let both = bed.truth("dev", ROLE).await.unwrap();
    assert_eq!(both["kubernetesGroups"], serde_json::json!(["viewers"]));

    bed.revoke("bob", short.id).await.unwrap();
    bed.until(short.id, RequestState::Ended).await;
    assert_eq!(bed.state(long.id).await, RequestState::Active);
    let left = bed.truth("dev", ROLE).await.unwrap();
    assert_eq!(left["kubernetesGroups"], serde_json::json!([]));
    let scopes = left["accessPolicies"].to_string() + &left["associatedAccessPolicies"].to_string();
    assert!(scopes.contains("payments") && !scopes.contains("orders"), "{left}");
    assert!(!bed.writes().contains(&"DeleteAccessEntry".to_owned()), "nothing is deleted in order to update");
}

/// Taking a grant back after a leak proves little where another one gives the same, and whoever did it has to be told.
#[tokio::test]
async fn the_end_of_a_grant_tells_what_its_principal_keeps_and_by_whom() {
    let bed = Bed::new().await;
    let long = bed.granted(view("payments")).await;
    bed.until(long.id, RequestState::Active).await;
    let wide = bed.granted(policy("AmazonEKSViewPolicy", &["pay*", "orders"])).await;
    let last = bed.granted(policy("AmazonEKSEditPolicy", &["payments"])).await;
    for id in [wide.id, last.id] {
        bed.until(id, RequestState::Active).await;
    }
    for id in [wide.id, last.id] {
        bed.revoke("bob", id).await.unwrap();
        bed.until(id, RequestState::Ended).await;
    }
    let words = async |id| bed.timeline("alice", id).await.pop().unwrap().body.data["why"].clone();
    let long_gives = format!("AmazonEKSViewPolicy in payments by request {}", long.id);
    let last_gives = format!("AmazonEKSEditPolicy in payments by request {}", last.id);
    assert_eq!(words(wide.id).await, format!("the principal still has {long_gives}; {last_gives}"));
    assert_eq!(words(last.id).await, format!("the principal still has {long_gives}"));
    bed.revoke("bob", long.id).await.unwrap();
    bed.until(long.id, RequestState::Ended).await;
    assert_eq!(words(long.id).await, serde_json::Value::Null, "nothing is left");
}

#[tokio::test]
async fn what_failed_is_tried_again_once_it_is_mended() {
    let bed = Bed::new().await;
    let refusal = serde_json::json!({ "op": "CreateAccessEntry", "times": 1, "action": {
        "kind": "error", "status": 403, "code": "AccessDeniedException",
        "message": "User: arn:aws:sts::111122223333:assumed-role/entryway/x is not authorized to perform: eks:CreateAccessEntry on resource: arn:aws:eks:eu-central-1:111122223333:cluster/dev",
    } });
    bed.sim.inject(serde_json::from_value(refusal).unwrap());
    let request = bed.granted(view("payments")).await;
    let failed = bed.until(request.id, RequestState::Failed).await.request;
    assert!(failed.last_error.unwrap().detail.contains("eks:CreateAccessEntry"), "it names the permission");
    assert!(failed.grant.starts_at.is_none(), "the clock of what was never given does not run");
    bed.pass(TimeDelta::hours(3));
    let again = bed.retry("alice", request.id).await.unwrap();
    assert_eq!(again.request.state, RequestState::Applying);
    let active = bed.until(request.id, RequestState::Active).await.request;
    assert_eq!(active.last_error, None);
    assert_eq!(active.grant.expires_at.unwrap() - active.grant.starts_at.unwrap(), TimeDelta::minutes(481));
}

#[tokio::test]
async fn what_cannot_be_applied_in_time_fails_and_a_start_that_was_missed_is_not_made_up_for() {
    let bed = Bed::new().await;
    let down = serde_json::json!({ "op": "CreateAccessEntry", "action": {
        "kind": "error", "status": 503, "code": "ServiceUnavailableException", "message": "Try again." } });
    bed.sim.inject(serde_json::from_value(down).unwrap());
    let request = bed.granted(view("payments")).await;
    bed.work().await;
    let waiting = bed.get(request.id).await.request.last_error.unwrap();
    assert!(waiting.retrying && waiting.next_attempt_at > Some(waiting.at), "until when it waits: {waiting:?}");
    bed.pass(TimeDelta::hours(24) - TimeDelta::seconds(1));
    bed.work().await;
    assert_eq!(bed.state(request.id).await, RequestState::Applying, "not a second early");
    bed.pass(TimeDelta::seconds(16));
    bed.work().await;
    let failed = bed.get(request.id).await.request;
    assert_eq!(failed.state, RequestState::Failed);
    assert_eq!(failed.last_error.unwrap().code, "apply-deadline-passed");

    // Nobody worked for two days, and this was to start in between.
    let bed = Bed::new().await;
    let mut ask = view("payments");
    ask.start_at = Some(crate::harness::start() + TimeDelta::hours(5));
    let late = bed.granted(ask).await;
    bed.pass(TimeDelta::hours(29));
    bed.until(late.id, RequestState::Failed).await;
    assert_eq!(bed.writes(), Vec::<String>::new());
}

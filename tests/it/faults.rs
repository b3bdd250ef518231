//! What may go wrong between Entryway and EKS, and what must come of it all the same.

use chrono::TimeDelta;
use entryway::domain::event::EventType;
use entryway::domain::states::{EndReason, RequestState};
use entryway::sandbox::sim::{Fault, Knobs, Lag, Lags, World};
use entryway::worker::Worker;
use serde_json::json;

use crate::harness::{Bed, ROLE, http, pace, policy, view};
use crate::restarts::Halting;

async fn put_foreign_entry(bed: &Bed) {
    by_hand(bed, json!({ "kubernetesGroups": ["theirs"], "tags": { "team": "other" } })).await;
}

/// Creates or edits the entry as somebody else would.
async fn by_hand(bed: &Bed, mut edit: serde_json::Value) {
    edit["cluster"] = json!("dev");
    edit["principalArn"] = json!(ROLE);
    let url = format!("{}/_sim/entries", bed.sim.endpoint_url());
    let answer = http().put(url).json(&edit).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
}

fn fault(value: serde_json::Value) -> Fault {
    serde_json::from_value(value).unwrap()
}

#[tokio::test]
async fn somebody_elses_entry_is_never_touched() {
    let bed = Bed::new().await;
    put_foreign_entry(&bed).await;
    let before = bed.truth("dev", ROLE).await;
    let request = bed.granted(view("payments")).await;
    let failed = bed.until(request.id, RequestState::Failed).await.request;
    assert_eq!(failed.last_error.unwrap().code, "entry-not-owned");
    bed.pass(TimeDelta::hours(24));
    bed.work().await;
    assert_eq!(bed.truth("dev", ROLE).await, before, "as it was found, to the byte");
    assert_eq!(bed.writes(), Vec::<String>::new());
    // Revoked, it can no longer be retried once the other one is gone, and what is not ours stays.
    bed.revoke("bob", failed.id).await.unwrap();
    bed.until(failed.id, RequestState::Ended).await;
    bed.retry("alice", failed.id).await.unwrap_err();
    assert!(bed.truth("dev", ROLE).await.is_some());
}

#[tokio::test]
async fn eks_saying_no_for_good_fails_the_request_in_eks_own_words() {
    let bed = Bed::new().await;
    bed.sim.inject(fault(json!({ "op": "AssociateAccessPolicy", "action": {
        "kind": "error", "status": 400, "code": "InvalidParameterException",
        "message": "The specified policyArn can only be associated with service-linked roles",
    } })));
    let request = bed.granted(view("payments")).await;
    let failed = bed.until(request.id, RequestState::Failed).await.request;
    let error = failed.last_error.unwrap();
    assert_eq!(error.attempts, 1, "the create before it went through, and this is an attempt all the same");
    assert!(!error.retrying && error.aws_message.unwrap().contains("service-linked roles"), "EKS's own words");
    for _ in 0..3 {
        bed.work().await;
        bed.pass(TimeDelta::seconds(30));
    }
    assert!(bed.truth("dev", ROLE).await.is_none(), "half an entry is not left behind");
    let told = bed.timeline("alice", request.id).await;
    let entry: Vec<_> = told.iter().map(|e| e.body.event_type.as_str()).filter(|e| e.starts_with("entry.")).collect();
    assert_eq!(entry, ["entry.created", "entry.write_failed", "entry.deleted"]);
    let refused = &told.iter().find(|event| event.body.event_type == EventType::EntryWriteFailed).unwrap().body.data;
    assert_eq!((&refused["outcome"], &refused["operation"]), (&json!("refused"), &json!("AssociateAccessPolicy")));
    assert!(refused["awsMessage"].as_str().unwrap().contains("service-linked"), "{refused}");
}

#[tokio::test]
async fn every_write_is_in_the_story_once_under_its_aws_request_id_whatever_came_of_it() {
    for action in [
        json!({ "kind": "error", "status": 500, "code": "ServerException", "message": "Internal error", "applied": true }),
        json!({ "kind": "error", "status": 500, "code": "ServerException", "message": "Internal error", "applied": false }),
        json!({ "kind": "error", "status": 429, "code": "TooManyRequestsException", "message": "Too Many Requests" }),
    ] {
        let bed = Bed::new().await;
        for op in ["CreateAccessEntry", "AssociateAccessPolicy", "DeleteAccessEntry"] {
            bed.sim.inject(fault(json!({ "op": op, "times": 1, "action": action })));
        }
        let request = bed.granted(view("payments")).await;
        bed.until(request.id, RequestState::Active).await;
        bed.revoke("bob", request.id).await.unwrap();
        bed.until(request.id, RequestState::Ended).await;
        let is_write = |op: &str| op.contains("Access") && !op.starts_with("Describe") && !op.starts_with("List");
        let made: Vec<_> =
            bed.sim.calls().into_iter().filter(|call| is_write(&call.op)).map(|c| c.request_id).collect();
        let told = bed.timeline("alice", request.id).await;
        let told: Vec<_> = told.iter().filter_map(|event| event.body.data["awsRequestId"].as_str()).collect();
        assert_eq!(told, made, "{action}");
    }
}

#[tokio::test]
async fn a_call_whose_worker_died_is_in_the_story_as_one_of_which_nobody_knows() {
    let bed = Bed::new().await;
    // Held up right before the create, after a look that shows nothing.
    let eks = Halting::new(&bed, 2);
    let zombie = Worker::new(bed.desk.clone(), eks.clone(), pace());
    let request = bed.granted(view("payments")).await;
    let work = tokio::spawn(async move { zombie.turn().await });
    while eks.held_up() == 0 {
        tokio::task::yield_now().await;
    }
    work.abort();
    bed.pass(bed.desk.settings.lease);
    bed.until(request.id, RequestState::Active).await;
    let told = bed.timeline("alice", request.id).await;
    let lost: Vec<_> = told.iter().filter(|event| event.body.event_type == EventType::EntryWriteFailed).collect();
    assert_eq!(lost.len(), 1, "told once");
    let data = &lost[0].body.data;
    assert_eq!((&data["outcome"], &data["operation"]), (&json!("unknown"), &json!("CreateAccessEntry")));
}

#[tokio::test]
async fn reads_that_lag_cause_no_second_write_and_no_false_proof() {
    for lag in [0, 3_000, 12_000, 29_000] {
        let lags =
            Lags { describe: Lag::Fixed(lag), policies: Lag::Fixed(lag), list: Lag::Fixed(lag), ..Lags::default() };
        let bed = Bed::with(World::default().knobs(Knobs { lag: lags, ..Knobs::default() }), |_| {}).await;
        let request = bed.granted(view("payments")).await;
        let active = bed.until(request.id, RequestState::Active).await.request;
        assert_eq!(bed.writes(), ["CreateAccessEntry", "AssociateAccessPolicy"], "lag {lag}");
        // The simulator's clock also runs by itself, which shortens the lag by what the machine takes meanwhile.
        assert!(active.verification.lag_ms.unwrap() + 5_000 >= i64::from(lag), "lag {lag}: {:?}", active.verification);
        bed.revoke("bob", request.id).await.unwrap();
        bed.until(request.id, RequestState::Ended).await;
        assert!(bed.truth("dev", ROLE).await.is_none());
        assert_eq!(bed.writes().len(), 3, "lag {lag}: {:?}", bed.writes());
    }
}

#[tokio::test]
async fn a_revoke_right_after_the_create_takes_away_what_reads_do_not_show_yet() {
    let lags = Lags { describe: Lag::Fixed(20_000), policies: Lag::Fixed(20_000), ..Lags::default() };
    let bed = Bed::with(World::default().knobs(Knobs { lag: lags, ..Knobs::default() }), |_| {}).await;
    let request = bed.granted(view("payments")).await;
    bed.work().await;
    assert!(bed.truth("dev", ROLE).await.is_some());
    bed.revoke("bob", request.id).await.unwrap();
    bed.work().await;
    assert!(bed.truth("dev", ROLE).await.is_none());
    let ended = bed.until(request.id, RequestState::Ended).await.request;
    assert_eq!(ended.end_reason, Some(EndReason::Revoked));
}

#[tokio::test]
async fn throttling_and_broken_answers_are_waited_out() {
    let bed = Bed::new().await;
    bed.sim.inject(fault(json!({
        "op": "*", "probability": 0.4,
        "action": { "kind": "error", "status": 500, "code": "ServerException", "message": "Internal error", "applied": true },
    })));
    let request = bed.granted(policy("AmazonEKSEditPolicy", &["a", "b"])).await;
    bed.until(request.id, RequestState::Active).await;
    bed.relinquish("alice", request.id).await.unwrap();
    bed.until(request.id, RequestState::Ended).await;
    assert!(bed.truth("dev", ROLE).await.is_none());
}

#[tokio::test]
async fn a_hand_edit_is_reported_and_put_right() {
    let bed = Bed::new().await;
    let request = bed.granted(view("payments")).await;
    bed.until(request.id, RequestState::Active).await;
    let proven = bed.truth("dev", ROLE).await.unwrap();
    by_hand(&bed, json!({ "kubernetesGroups": ["sneaked-in"] })).await;
    bed.pass(TimeDelta::minutes(10));
    bed.work().await;
    bed.pass(TimeDelta::seconds(3));
    bed.work().await;
    assert_eq!(bed.truth("dev", ROLE).await.unwrap()["kubernetesGroups"], proven["kubernetesGroups"]);
    bed.until(request.id, RequestState::Active).await;
    let timeline = bed.timeline("bob", request.id).await;
    let types: Vec<_> = timeline.iter().map(|event| event.body.event_type.as_str()).collect();
    assert_eq!(types.iter().filter(|kind| **kind == "request.active").count(), 2, "{types:?}");
}

#[tokio::test]
async fn an_entry_deleted_by_hand_comes_back_only_while_its_grants_live() {
    let bed = Bed::new().await;
    let request = bed.granted(view("payments")).await;
    bed.until(request.id, RequestState::Active).await;
    let url = format!("{}/_sim/entries?cluster=dev&principalArn={ROLE}", bed.sim.endpoint_url());
    let gone = http().delete(url).send().await.unwrap();
    assert!(gone.status().is_success(), "{}", gone.text().await.unwrap());
    bed.pass(TimeDelta::minutes(10));
    bed.work().await;
    bed.pass(TimeDelta::seconds(3));
    bed.work().await;
    assert!(bed.truth("dev", ROLE).await.is_some());
    bed.until(request.id, RequestState::Active).await;
    bed.revoke("bob", request.id).await.unwrap();
    bed.until(request.id, RequestState::Ended).await;
    bed.pass(TimeDelta::hours(1));
    bed.work().await;
    assert!(bed.truth("dev", ROLE).await.is_none());
}

#[tokio::test]
async fn a_call_whose_answer_is_lost_is_looked_up_and_not_repeated() {
    for op in ["CreateAccessEntry", "AssociateAccessPolicy", "DeleteAccessEntry"] {
        let bed = Bed::new().await;
        bed.sim.inject(fault(json!({ "op": op, "times": 1, "action": { "kind": "reset", "applied": true } })));
        let request = bed.granted(view("payments")).await;
        bed.until(request.id, RequestState::Active).await;
        bed.relinquish("alice", request.id).await.unwrap();
        bed.until(request.id, RequestState::Ended).await;
        assert_eq!(bed.writes(), ["CreateAccessEntry", "AssociateAccessPolicy", "DeleteAccessEntry"], "{op}");
    }
}

#[tokio::test]
async fn one_stale_read_does_not_end_a_proven_grant() {
    let bed = Bed::new().await;
    let request = bed.granted(view("payments")).await;
    bed.until(request.id, RequestState::Active).await;
    bed.pass(TimeDelta::minutes(2));
    bed.sim.inject(fault(json!({ "op": "DescribeAccessEntry", "times": 1, "action": {
        "kind": "error", "status": 404, "code": "ResourceNotFoundException",
        "message": "The specified principalArn could not be found. You can view your available access entries with 'list-access-entries'.",
    } })));
    bed.revoke("bob", request.id).await.unwrap();
    bed.work().await;
    assert_eq!(bed.state(request.id).await, RequestState::Revoking, "one read that shows nothing is no proof");
    bed.until(request.id, RequestState::Ended).await;
    assert!(bed.truth("dev", ROLE).await.is_none());
}

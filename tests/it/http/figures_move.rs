//! Figures move when that happens which they are about. What a process counts, other tests count as well meanwhile: of those it is
//! only known that they rise.

use chrono::TimeDelta;
use entryway::domain::states::RequestState;
use entryway::worker::Worker;
use serde_json::{Value, json};
use uuid::Uuid;

use super::bed::{Api, ask, path};
use super::break_glass::with_break_glass;
use super::figures::{figure, read};
use crate::harness::database::number;
use crate::harness::{ROLE, http, pace};
use crate::restarts::Halting;

const WITHOUT_ENTRY: &str = "entryway_grants_without_entry";
const WITHOUT_GRANT: &str = "entryway_entries_without_grant";
const POISON: &str = "entryway_poison_targets";

fn id(at: &str) -> Uuid {
    at.rsplit('/').next().unwrap().parse().unwrap()
}

/// From now on EKS answers `operation` so.
fn spoil(api: &Api, operation: &str, status: u16, code: &str) {
    let action = json!({ "kind": "error", "status": status, "code": code, "message": "No." });
    api.bed.sim.inject(serde_json::from_value(json!({ "op": operation, "action": action })).unwrap());
}

/// Lets the worker come to everything that is due within the next half minute or so.
async fn settle(api: &Api) {
    for _ in 0..12 {
        api.bed.work().await;
        api.bed.pass(TimeDelta::seconds(3));
    }
}

#[tokio::test]
async fn a_repeated_call_and_a_review_of_ones_own_are_counted() {
    let api = Api::new().await;
    let (replays, denied) = ("entryway_idempotency_replays_total", "entryway_self_approval_denied_total");
    let post = || api.post("alice", "/v1/requests").key("k").json(&ask(json!({})));
    let at = path(&post().await.is(201).body);
    let before = figure(&api, replays).await;
    assert!(post().await.is(201).replayed());
    assert!(figure(&api, replays).await > before);

    let before = figure(&api, denied).await;
    let review = api.post("alice", &format!("{at}/reviews")).json(&json!({"decision": "approve"}));
    review.await.fails(403, "self-approval");
    assert!(figure(&api, denied).await > before);
}

#[tokio::test]
async fn the_set_that_decides_shows_by_its_digest() {
    let api = Api::new().await;
    let policies = &api.bed.desk.policies;
    let version = |digest: &str| format!("entryway_policy_version{{digest=\"{digest}\"}}");
    let before = policies.current().digest().to_owned();
    assert_eq!(figure(&api, &version(&before)).await, 1);
    policies.replace(with_break_glass());
    let text = api.get("olga", "/metrics").await.is(200).text;
    assert_eq!(read::<i64>(&text, &version(policies.current().digest())), 1);
    assert!(!text.contains(&before), "one set decides, and not the one before: {text}");
}

#[tokio::test]
async fn the_end_of_the_log_shows_and_how_far_apart_the_clocks_are() {
    let api = Api::new().await;
    let head = "entryway_audit_chain_head_seq";
    assert_eq!(figure(&api, head).await, 0);
    api.granted().await;
    let newest = number(&api.bed.url, "SELECT max(seq) FROM event").await;
    assert!(newest > 0);
    assert_eq!(figure(&api, head).await, newest);

    let offset = async || {
        let text = api.get("olga", "/metrics").await.is(200).text;
        read::<f64>(&text, "entryway_db_clock_offset_seconds")
    };
    // The clock of the database is the test's, and stands still; this process's goes on.
    let before = offset().await;
    api.bed.hands.advance(TimeDelta::hours(1));
    let moved = before - offset().await;
    assert!((3000.0..=3600.0).contains(&moved), "the database's went an hour ahead: {moved}");
    api.bed.hands.set(chrono::Utc::now() - TimeDelta::hours(2));
    let moved = offset().await;
    assert!((7200.0..7800.0).contains(&moved), "ahead of the database: {moved}");
}

#[tokio::test]
async fn a_grant_whose_entry_vanished_shows_until_it_is_proven_to_be_back() {
    let api = Api::new().await;
    let granted = id(&api.granted().await);
    api.bed.until(granted, RequestState::Active).await;
    api.bed.pass(TimeDelta::seconds(61));
    assert_eq!((figure(&api, WITHOUT_ENTRY).await, figure(&api, WITHOUT_GRANT).await), (0, 0));

    let url = format!("{}/_sim/entries?cluster=dev&principalArn={ROLE}", api.bed.sim.endpoint_url());
    assert!(http().delete(url).send().await.unwrap().status().is_success());
    spoil(&api, "CreateAccessEntry", 403, "AccessDeniedException");
    api.bed.pass(TimeDelta::minutes(10));
    settle(&api).await;
    assert_eq!(figure(&api, WITHOUT_ENTRY).await, 1);
    api.bed.sim.heal();
    api.bed.until(granted, RequestState::Active).await;
    assert_eq!(figure(&api, WITHOUT_ENTRY).await, 0);
}

#[tokio::test]
async fn an_entry_that_changed_otherwise_is_not_one_that_is_missing() {
    let api = Api::new().await;
    let granted = id(&api.granted().await);
    api.bed.until(granted, RequestState::Active).await;
    api.bed.pass(TimeDelta::seconds(61));
    let edit = json!({"cluster": "dev", "principalArn": ROLE, "kubernetesGroups": ["intruders"]});
    let url = format!("{}/_sim/entries", api.bed.sim.endpoint_url());
    assert!(http().put(url).json(&edit).send().await.unwrap().status().is_success());
    spoil(&api, "UpdateAccessEntry", 403, "AccessDeniedException");
    api.bed.pass(TimeDelta::minutes(10));
    settle(&api).await;
    assert_eq!((figure(&api, "entryway_entries_drifted").await, figure(&api, WITHOUT_ENTRY).await), (1, 0));
}

#[tokio::test]
async fn what_a_failed_grant_left_behind_shows_until_it_is_gone() {
    let api = Api::new().await;
    spoil(&api, "AssociateAccessPolicy", 400, "InvalidParameterException");
    spoil(&api, "DeleteAccessEntry", 500, "ServerException");
    let granted = id(&api.granted().await);
    api.bed.until(granted, RequestState::Failed).await;
    settle(&api).await;
    assert!(api.bed.truth("dev", ROLE).await.is_some());
    assert_eq!(figure(&api, WITHOUT_GRANT).await, 1);
    api.bed.sim.heal();
    api.bed.pass(TimeDelta::minutes(1));
    settle(&api).await;
    assert_eq!(api.bed.truth("dev", ROLE).await, None::<Value>);
    assert_eq!(figure(&api, WITHOUT_GRANT).await, 0);
}

#[tokio::test]
async fn what_is_tried_again_and_again_in_vain_shows_until_it_gets_through() {
    let api = Api::new().await;
    spoil(&api, "CreateAccessEntry", 500, "ServerException");
    let granted = id(&api.granted().await);
    for attempt in 1..=20 {
        assert_eq!(figure(&api, POISON).await, 0, "before attempt {attempt}");
        api.bed.work().await;
        api.bed.pass(api.bed.next_due().await.unwrap());
    }
    assert_eq!(figure(&api, POISON).await, 1);
    api.bed.sim.heal();
    api.bed.until(granted, RequestState::Active).await;
    assert_eq!(figure(&api, POISON).await, 0);
}

#[tokio::test]
async fn what_a_fence_turns_down_is_counted_as_a_lost_lease() {
    let api = Api::new().await;
    let lost = r#"entryway_leases_lost_total{work="entry"}"#;
    let before = figure(&api, lost).await;
    // Held up right before the create, after a look that shows nothing.
    let eks = Halting::new(&api.bed, 2);
    let zombie = Worker::new(api.bed.desk.clone(), eks.clone(), pace());
    let granted = id(&api.granted().await);
    let work = tokio::spawn(async move { zombie.turn().await });
    while eks.held_up() == 0 {
        tokio::task::yield_now().await;
    }
    api.bed.pass(api.bed.desk.settings.lease);
    api.bed.until(granted, RequestState::Active).await;
    eks.let_go();
    work.await.unwrap().unwrap();
    assert!(figure(&api, lost).await > before);
}

#[tokio::test]
async fn who_waits_for_a_connection_in_vain_shows_by_how_long() {
    let api = Api::new().await;
    let longest = async || {
        let text = api.get("olga", "/metrics").await.is(200).text;
        let count = |name: &str| read::<i64>(&text, &format!("entryway_pool_acquire_seconds_{name}"));
        (count("count"), count("count") - count(r#"bucket{le="2.5"}"#))
    };
    let before = longest().await;
    let mut held = vec![];
    for _ in 0..api.bed.desk.connections().most {
        held.push(api.bed.desk.store.begin().await.unwrap());
    }
    api.get("alice", "/v1/requests").await.fails(503, "unavailable");
    drop(held);
    let after = longest().await;
    assert!(after.0 > before.0 && after.1 > before.1, "{before:?} {after:?}");
}

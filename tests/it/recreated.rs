//! A principal that was deleted and made anew under the same ARN: its entry is dead, the grants say so, and a repair makes the
//! entry anew. Nothing is concluded, let alone deleted, where IAM cannot be asked.

use std::sync::Arc;

use chrono::TimeDelta;
use entryway::domain::cluster::{Cluster, DriftMode, ExistingEntries};
use entryway::domain::identity::Directory;
use entryway::domain::states::{EndReason, RequestState};
use entryway::sandbox::sim::{Lag, Lags, World};
use entryway::workflow::repair::{self, Repair};
use entryway::workflow::{Clusters, Outcome, WorkflowError};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{Bed, ROLE, cluster, database, http, policy, view};
use crate::restarts::die_at;

const DRIFT_LOOK: TimeDelta = TimeDelta::minutes(10);

async fn principal(bed: &Bed, mut change: Value) -> Value {
    change["arn"] = json!(ROLE);
    let url = format!("{}/_sim/principals", bed.sim.endpoint_url());
    let answer = http().put(url).json(&change).send().await.unwrap().error_for_status().unwrap();
    answer.json().await.unwrap()
}

/// Deletes the role and makes it anew, as long after it was given access as anybody's clock is wrong.
async fn recreate(bed: &Bed) {
    bed.pass(TimeDelta::minutes(2));
    principal(bed, json!({ "recreate": true })).await;
}

/// What the cluster lets the role do.
async fn authorized(bed: &Bed) -> Value {
    let url = format!("{}/_sim/authorizer?cluster=dev&principalArn={ROLE}", bed.sim.endpoint_url());
    http().get(url).send().await.unwrap().json().await.unwrap()
}

async fn repair(bed: &Bed, who: &str) -> Result<Vec<Uuid>, WorkflowError> {
    let caller = bed.caller(who);
    let repair = Repair {
        caller: &caller,
        cluster_name: "dev",
        principal_arn: ROLE,
        reason: Some("made anew by Terraform".to_owned()),
        once: None,
    };
    match repair::repair(&bed.desk, repair).await? {
        Outcome::Fresh(details) => Ok(details.into_iter().map(|details| details.request.id).collect()),
        Outcome::Replayed(_) => panic!("nothing was to be replayed"),
    }
}

/// Lets `time` pass, working on whatever becomes due.
async fn live_on(bed: &Bed, time: TimeDelta) {
    let steps = 20;
    for _ in 0..steps {
        bed.work().await;
        bed.pass(time / steps);
    }
    bed.work().await;
}

async fn error_of(bed: &Bed, id: Uuid) -> Option<(String, bool)> {
    bed.get(id).await.request.last_error.map(|error| (error.code, error.retrying))
}

fn dead() -> Option<(String, bool)> {
    Some(("principal-recreated".to_owned(), false))
}

async fn events(bed: &Bed, kind: &str) -> i64 {
    database::number(&bed.url, &format!("SELECT count(*) FROM event WHERE type = '{kind}'")).await
}

fn iam_fails(bed: &Bed) {
    let fault = json!({ "op": "GetRole", "action": {
        "kind": "error", "status": 500, "code": "ServiceFailure", "message": "try again" } });
    bed.sim.inject(serde_json::from_value(fault).unwrap());
}

/// A bed with two proven grants on one entry.
async fn bed() -> (Bed, Uuid, Uuid) {
    in_mode(DriftMode::Repair).await
}

async fn in_mode(drift: DriftMode) -> (Bed, Uuid, Uuid) {
    let bed = Bed::with(World::default(), |desk| {
        let dev = Cluster { drift, ..cluster("dev") };
        desk.clusters = Arc::new([dev].into_iter().collect::<Clusters>());
    })
    .await;
    let first = bed.granted(view("payments")).await.id;
    let mut ask = policy("AmazonEKSEditPolicy", &["orders"]);
    ask.kubernetes_groups = vec!["builders".to_owned()];
    let second = bed.granted(ask).await.id;
    bed.until(first, RequestState::Active).await;
    bed.until(second, RequestState::Active).await;
    (bed, first, second)
}

async fn both_hold(bed: &Bed) {
    let may = authorized(bed).await;
    assert_eq!((&may["authenticated"], &may["kubernetesGroups"]), (&json!(true), &json!(["builders"])), "{may}");
    let policies = may["accessPolicies"].to_string();
    assert!(policies.contains("AmazonEKSViewPolicy") && policies.contains("AmazonEKSEditPolicy"), "{policies}");
}

#[tokio::test]
async fn it_is_reported_and_nothing_is_done_until_somebody_asks_whatever_the_mode() {
    for drift in [DriftMode::Repair, DriftMode::Report] {
        let (bed, first, second) = in_mode(drift).await;
        recreate(&bed).await;
        assert_eq!(authorized(&bed).await["authenticated"], false);
        let writes = bed.writes().len();
        live_on(&bed, DRIFT_LOOK * 3).await;
        for id in [first, second] {
            assert_eq!((error_of(&bed, id).await, bed.state(id).await), (dead(), RequestState::Active));
        }
        assert_eq!(events(&bed, "principal.recreated").await, 1, "told once");
        assert_eq!(bed.writes().len(), writes, "nobody asked for a repair");

        let expiry = bed.get(first).await.request.grant.expires_at;
        assert_eq!(repair(&bed, "bob").await.unwrap(), [first, second]);
        for id in [first, second] {
            bed.until(id, RequestState::Active).await;
            assert_eq!(error_of(&bed, id).await, None);
        }
        both_hold(&bed).await;
        assert_eq!(bed.get(first).await.request.grant.expires_at, expiry, "nobody has access for longer");
        let made = bed.writes().split_off(writes);
        assert_eq!(made[..2], ["DeleteAccessEntry", "CreateAccessEntry"], "{made:?}");
        assert_eq!(made.len(), 4, "{made:?}");
        assert_eq!((events(&bed, "entry.repair_requested").await, events(&bed, "entry.repaired").await), (1, 1));
        live_on(&bed, DRIFT_LOOK * 3).await;
        assert_eq!(bed.writes().len(), writes + 4, "once is enough");
    }
}

#[tokio::test]
async fn a_repair_finds_out_by_itself_and_does_nothing_where_nothing_is_wrong() {
    let (bed, first, _) = bed().await;
    let writes = bed.writes().len();
    repair(&bed, "bob").await.unwrap();
    live_on(&bed, DRIFT_LOOK).await;
    assert_eq!((bed.writes().len(), error_of(&bed, first).await), (writes, None));
    assert_eq!(events(&bed, "entry.repaired").await, 1, "that nothing was wrong is said");

    // Nobody has noticed yet when it is asked for.
    recreate(&bed).await;
    repair(&bed, "bob").await.unwrap();
    live_on(&bed, TimeDelta::minutes(2)).await;
    both_hold(&bed).await;
    assert_eq!((events(&bed, "principal.recreated").await, events(&bed, "entry.repaired").await), (1, 2));
    assert_eq!(database::number(&bed.url, "SELECT count(*) FROM entry WHERE repair_asked_at IS NOT NULL").await, 0);
}

#[tokio::test]
async fn drift_that_is_only_reported_is_put_right_by_a_repair() {
    let (bed, ..) = in_mode(DriftMode::Report).await;
    let url = format!("{}/_sim/entries", bed.sim.endpoint_url());
    let edit = json!({ "cluster": "dev", "principalArn": ROLE, "kubernetesGroups": ["mine"] });
    http().put(url).json(&edit).send().await.unwrap().error_for_status().unwrap();
    live_on(&bed, DRIFT_LOOK * 2).await;
    assert_eq!(authorized(&bed).await["kubernetesGroups"], json!(["mine"]));
    repair(&bed, "bob").await.unwrap();
    live_on(&bed, TimeDelta::minutes(2)).await;
    both_hold(&bed).await;
    assert!(
        bed.writes().iter().all(|op| op != "DeleteAccessEntry"),
        "drift is no reason to delete: {:?}",
        bed.writes()
    );
}

#[tokio::test]
async fn a_grant_signed_off_for_a_dead_entry_says_so_too() {
    let (bed, ..) = bed().await;
    recreate(&bed).await;
    live_on(&bed, DRIFT_LOOK * 2).await;
    let late = bed.granted(policy("AmazonEKSAdminViewPolicy", &[])).await.id;
    bed.until(late, RequestState::Active).await;
    assert_eq!(error_of(&bed, late).await, dead());
}

#[tokio::test]
async fn a_worker_that_dies_anywhere_in_a_repair_makes_the_entry_anew_all_the_same() {
    let mut deaths = 0;
    for at in 0.. {
        let (bed, first, second) = bed().await;
        recreate(&bed).await;
        repair(&bed, "bob").await.unwrap();
        if !die_at(&bed, at).await {
            break;
        }
        deaths += 1;
        for id in [first, second] {
            bed.until(id, RequestState::Active).await;
        }
        both_hold(&bed).await;
        let count = |op: &str| bed.writes().iter().filter(|write| *write == op).count();
        assert_eq!(
            (count("DeleteAccessEntry"), count("CreateAccessEntry")),
            (1, 2),
            "died at {at}: {:?}",
            bed.writes()
        );
        live_on(&bed, DRIFT_LOOK * 2).await;
        assert_eq!((count("CreateAccessEntry"), error_of(&bed, first).await), (2, None), "died at {at}");
    }
    assert!(deaths >= 8, "only {deaths} places to die at");
}

#[tokio::test]
async fn reads_that_lag_show_the_dead_entry_for_a_while_and_delete_nothing_twice() {
    for lag in [3_000, 12_000, 29_000] {
        let (bed, first, second) = bed().await;
        recreate(&bed).await;
        live_on(&bed, DRIFT_LOOK * 2).await;
        let before = bed.truth("dev", ROLE).await.unwrap()["accessEntryArn"].clone();
        bed.sim.configure(|knobs| {
            knobs.lag = Lags { describe: Lag::Fixed(lag), policies: Lag::Fixed(lag), ..Lags::default() };
        });
        repair(&bed, "bob").await.unwrap();
        let anew = bed.until(first, RequestState::Verifying).await.request;
        let active = bed.until(first, RequestState::Active).await.request;
        bed.until(second, RequestState::Active).await;
        let proven_after = active.grant.verified_at.unwrap() - anew.updated_at;
        // The simulator's clock also runs by itself, which shortens the lag by what the machine takes meanwhile.
        assert!(
            proven_after + TimeDelta::seconds(5) >= TimeDelta::milliseconds(lag.into()),
            "lag {lag}: {proven_after}"
        );
        both_hold(&bed).await;
        assert_ne!(bed.truth("dev", ROLE).await.unwrap()["accessEntryArn"], before);
        live_on(&bed, DRIFT_LOOK * 2).await;
        let count = |op: &str| bed.writes().iter().filter(|write| *write == op).count();
        assert_eq!((count("DeleteAccessEntry"), count("CreateAccessEntry")), (1, 2), "lag {lag}: {:?}", bed.writes());
        assert_eq!((error_of(&bed, first).await, events(&bed, "principal.recreated").await), (None, 1), "lag {lag}");
    }
}

#[tokio::test]
async fn where_iam_cannot_be_asked_nothing_is_concluded_and_nothing_deleted() {
    let (bed, first, _) = bed().await;
    recreate(&bed).await;
    iam_fails(&bed);
    live_on(&bed, DRIFT_LOOK * 2).await;
    assert_eq!(error_of(&bed, first).await, None, "nobody knows");
    let writes = bed.writes().len();
    repair(&bed, "bob").await.unwrap();
    live_on(&bed, DRIFT_LOOK * 2).await;
    assert_eq!(bed.writes().len(), writes);

    // Once it is known, a repair that was asked for while IAM is away waits for it.
    bed.sim.heal();
    live_on(&bed, DRIFT_LOOK * 2).await;
    assert_eq!(error_of(&bed, first).await, dead());
    iam_fails(&bed);
    repair(&bed, "bob").await.unwrap();
    live_on(&bed, DRIFT_LOOK).await;
    assert_eq!(bed.writes().len(), writes, "what was known may not be so any more");
    assert_eq!(error_of(&bed, first).await, Some(("principal-recreated".to_owned(), true)), "and says that it waits");
    bed.sim.heal();
    live_on(&bed, TimeDelta::minutes(3)).await;
    both_hold(&bed).await;
}

#[tokio::test]
async fn an_entry_made_while_iam_was_away_is_told_by_its_age() {
    let bed = Bed::new().await;
    iam_fails(&bed);
    let first = bed.granted(view("payments")).await.id;
    bed.until(first, RequestState::Active).await;
    recreate(&bed).await;
    bed.sim.heal();
    live_on(&bed, DRIFT_LOOK * 2).await;
    assert_eq!(error_of(&bed, first).await, dead());
}

#[tokio::test]
async fn a_principal_that_is_gone_is_reported_and_its_access_ends_as_ever() {
    let (bed, first, second) = bed().await;
    principal(&bed, json!({ "exists": false })).await;
    live_on(&bed, DRIFT_LOOK * 2).await;
    assert_eq!(error_of(&bed, first).await, Some(("principal-missing".to_owned(), false)));
    assert_eq!(events(&bed, "principal.missing").await, 1);
    let writes = bed.writes().len();
    repair(&bed, "bob").await.unwrap();
    live_on(&bed, DRIFT_LOOK).await;
    assert_eq!(bed.writes().len(), writes, "there is nobody to make an entry for");
    for id in [first, second] {
        bed.revoke("bob", id).await.unwrap();
        bed.until(id, RequestState::Ended).await;
    }
    assert!(bed.truth("dev", ROLE).await.is_none());
}

#[tokio::test]
async fn ending_goes_first_whatever_iam_does() {
    let (bed, first, second) = bed().await;
    recreate(&bed).await;
    iam_fails(&bed);
    repair(&bed, "bob").await.unwrap();
    let asked = |bed: &Bed| bed.sim.calls().iter().filter(|call| call.service == "iam").count();
    let before = asked(&bed);
    bed.revoke("bob", first).await.unwrap();
    bed.work().await;
    assert_eq!(bed.writes().last().map(String::as_str), Some("DisassociateAccessPolicy"));
    bed.revoke("bob", second).await.unwrap();
    for id in [first, second] {
        bed.until(id, RequestState::Ended).await;
    }
    assert_eq!(asked(&bed), before, "taking away does not wait for IAM");
    assert!(bed.truth("dev", ROLE).await.is_none());
    assert!(matches!(repair(&bed, "bob").await, Err(WorkflowError::NotRepairable(_))), "nothing is live");
}

#[tokio::test]
async fn what_ends_during_a_repair_does_not_come_back() {
    for at in 0.. {
        let (bed, first, second) = bed().await;
        recreate(&bed).await;
        repair(&bed, "bob").await.unwrap();
        if !die_at(&bed, at).await {
            assert!(at >= 8, "only {at} places to die at");
            return;
        }
        bed.revoke("bob", first).await.unwrap();
        bed.until(first, RequestState::Ended).await;
        bed.until(second, RequestState::Active).await;
        live_on(&bed, TimeDelta::minutes(2)).await;
        let may = authorized(&bed).await;
        assert_eq!(may["authenticated"], true, "died at {at}");
        assert!(!may["accessPolicies"].to_string().contains("AmazonEKSViewPolicy"), "died at {at}: {may}");
    }
}

#[tokio::test]
async fn only_what_is_still_signed_off_is_applied_to_the_new_principal() {
    let (mut bed, first, second) = bed().await;
    recreate(&bed).await;
    // Bob, who approved both, is no reviewer any more.
    let mut directory = Directory::default();
    for (person, group) in [("alice", "engineering"), ("bob", "auditors"), ("carol", "sre")] {
        directory.add_member(person, group);
    }
    bed.desk.directory = Arc::new(directory);
    bed.worker = bed.another_worker();
    repair(&bed, "carol").await.unwrap();
    for id in [first, second] {
        let ended = bed.until(id, RequestState::Ended).await.request;
        assert_eq!(ended.end_reason, Some(EndReason::Policy));
    }
    assert!(bed.truth("dev", ROLE).await.is_none());
}

#[tokio::test]
async fn a_dead_entry_of_somebody_elses_is_left_to_them() {
    let bed = Bed::with(World::default(), |desk| {
        let dev = Cluster { existing_entries: ExistingEntries::Layer, ..cluster("dev") };
        desk.clusters = Arc::new([dev].into_iter().collect::<Clusters>());
    })
    .await;
    let theirs = json!({ "cluster": "dev", "principalArn": ROLE, "kubernetesGroups": ["ci"] });
    let url = format!("{}/_sim/entries", bed.sim.endpoint_url());
    http().put(url).json(&theirs).send().await.unwrap().error_for_status().unwrap();
    let request = bed.granted(view("payments")).await.id;
    bed.until(request, RequestState::Active).await;
    recreate(&bed).await;
    // Asked for before anybody has noticed.
    repair(&bed, "bob").await.unwrap();
    live_on(&bed, DRIFT_LOOK * 2).await;
    assert_eq!(error_of(&bed, request).await, dead());
    let detail = bed.get(request).await.request.last_error.unwrap().detail;
    assert!(detail.contains("have its owner delete it"), "{detail}");
    assert!(matches!(repair(&bed, "bob").await, Err(WorkflowError::NotRepairable(_))));
    live_on(&bed, DRIFT_LOOK).await;
    assert!(bed.writes().iter().all(|op| op != "DeleteAccessEntry" && op != "CreateAccessEntry"), "{:?}", bed.writes());
    bed.revoke("bob", request).await.unwrap();
    bed.until(request, RequestState::Ended).await;
    assert_eq!(bed.truth("dev", ROLE).await.unwrap()["kubernetesGroups"], json!(["ci"]));
}

#[tokio::test]
async fn whoever_may_not_administer_repairs_nothing_and_that_is_on_record() {
    let (bed, ..) = bed().await;
    assert!(matches!(repair(&bed, "alice").await, Err(WorkflowError::NotAdministrator(_))));
    assert_eq!(events(&bed, "request.refused").await, 1);
    assert_eq!(database::number(&bed.url, "SELECT count(*) FROM entry WHERE repair_asked_at IS NOT NULL").await, 0);
}

//! What docs/OPERATIONS.md tells operators to do, done.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use chrono::TimeDelta;
use entryway::domain::cluster::{Cluster, DriftMode};
use entryway::domain::review::Decision;
use entryway::domain::states::{EndReason, RequestState};
use entryway::policy::PolicySet;
use entryway::sandbox::sim::World;
use entryway::workflow::{Clusters, WorkflowError};
use uuid::Uuid;

use crate::harness::{Bed, ROLE, cluster, database, view};

const OTHER: &str = "arn:aws:iam::111122223333:role/dev/apps/other";
const LATER: &str = "arn:aws:iam::111122223333:role/dev/apps/later";

/// The starter policies, with the one of the runbook beside them.
fn frozen() -> PolicySet {
    let read = |name: &str| fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap();
    let page = read("docs/OPERATIONS.md");
    let freeze = page.split("```cedar\n").nth(1).unwrap().split("```").next().unwrap();
    let files = [("freeze.cedar", freeze.to_owned()), ("starter.cedar", read("policies/starter.cedar"))];
    PolicySet::parse(&files.map(|(name, text)| (name.to_owned(), text))).unwrap_or_else(|problems| panic!("{problems}"))
}

async fn active(bed: &Bed, principal: &str, namespace: &str) -> Uuid {
    let mut ask = view(namespace);
    principal.clone_into(&mut ask.principal_arn);
    let id = bed.granted(ask).await.id;
    bed.until(id, RequestState::Active).await;
    id
}

#[tokio::test]
async fn the_freeze_of_the_runbook_stops_granting_and_no_ending() {
    let bed = Bed::new().await;
    let revoked = active(&bed, ROLE, "revoked").await;
    let given_back = active(&bed, ROLE, "given-back").await;
    let expiring = active(&bed, ROLE, "expiring").await;
    let waiting = bed.file("alice", view("waiting")).await.id;
    let withdrawn = bed.file("alice", view("withdrawn")).await.id;
    let signed_off = bed.granted(view("signed-off")).await.id;
    let given = |bed: &Bed| {
        let gives =
            |op: &String| matches!(op.as_str(), "CreateAccessEntry" | "AssociateAccessPolicy" | "UpdateAccessEntry");
        bed.writes().into_iter().filter(gives).count()
    };
    let before = given(&bed);

    bed.desk.policies.replace(frozen());
    for refused in [bed.try_file("alice", view("new")).await.err(), bed.extend("alice", revoked, "1h").await.err()] {
        let Some(WorkflowError::RequestNotPermitted(reasons)) = refused else { panic!("{refused:?}") };
        assert!(reasons.iter().any(|reason| reason.contains("granting is stopped")), "{reasons:?}");
    }
    bed.review("bob", waiting, Decision::Approve).await.unwrap();
    bed.until(signed_off, RequestState::Ended).await;
    assert_eq!(bed.get(signed_off).await.request.end_reason, Some(EndReason::Policy));
    for _ in 0..2 {
        bed.pass(TimeDelta::minutes(10));
        bed.work().await;
    }
    assert_eq!(given(&bed), before, "nothing was given");
    assert_eq!(bed.state(waiting).await, RequestState::Pending);
    for held in [revoked, given_back, expiring] {
        assert_eq!(bed.state(held).await, RequestState::Active);
    }

    bed.withdraw("alice", withdrawn).await.unwrap();
    bed.revoke("bob", revoked).await.unwrap();
    bed.until(revoked, RequestState::Ended).await;
    bed.relinquish("alice", given_back).await.unwrap();
    bed.until(given_back, RequestState::Ended).await;
    bed.pass(TimeDelta::hours(8));
    bed.until(expiring, RequestState::Ended).await;
    assert!(bed.truth("dev", ROLE).await.is_none());
}

/// `bed` goes on with the database as it was at `earlier`, by the first two steps of the runbook.
fn restore(bed: &mut Bed, earlier: String) {
    let dev = Cluster { drift: DriftMode::Report, ..cluster("dev") };
    bed.desk.clusters = Arc::new([dev].into_iter().collect::<Clusters>());
    bed.desk.policies.replace(frozen());
    bed.url = earlier;
    go_on(bed);
}

/// `bed` as a new process on the database at its URL.
fn go_on(bed: &mut Bed) {
    bed.desk.store = database::connect(&bed.url, bed.desk.store.clock().clone());
    bed.worker = bed.another_worker();
}

/// A copy of the database of `bed`, as it is now.
async fn backup(bed: &mut Bed) -> String {
    bed.desk.store.close().await;
    let (server, name) = bed.url.rsplit_once('/').unwrap();
    let (name, options) = name.split_once('?').map_or((name, String::new()), |(name, more)| (name, format!("?{more}")));
    database::by_hand(&bed.url, &format!("CREATE DATABASE {name}_earlier TEMPLATE {name}")).await;
    let url = format!("{server}/{name}_earlier{options}");
    go_on(bed);
    url
}

#[tokio::test]
async fn after_a_restore_nothing_comes_back_that_was_taken_and_what_differs_shows() {
    let mut bed = Bed::with(World::default().principal(OTHER).principal(LATER), |_| {}).await;
    let kept = active(&bed, ROLE, "kept").await;
    let taken = active(&bed, OTHER, "taken").await;
    let under_way = bed.granted(view("under-way")).await.id;
    let earlier = backup(&mut bed).await;
    bed.until(under_way, RequestState::Active).await;
    bed.revoke("bob", under_way).await.unwrap();
    bed.until(under_way, RequestState::Ended).await;
    bed.revoke("bob", taken).await.unwrap();
    bed.until(taken, RequestState::Ended).await;
    active(&bed, LATER, "later").await;
    bed.pass(TimeDelta::minutes(5));

    restore(&mut bed, earlier);
    let before = bed.writes();
    for _ in 0..3 {
        bed.pass(TimeDelta::minutes(11));
        bed.work().await;
    }
    bed.until(under_way, RequestState::Ended).await;
    assert_eq!(bed.writes(), before, "nothing is given back, and nothing taken away that nobody looked at");
    assert!(bed.truth("dev", OTHER).await.is_none() && bed.truth("dev", LATER).await.is_some());
    assert_eq!(bed.desk.figures().await.unwrap().entries_drifted, 1, "what was taken");
    bed.revoke("bob", taken).await.unwrap();
    bed.until(taken, RequestState::Ended).await;
    bed.work().await;
    assert_eq!(bed.desk.figures().await.unwrap().entries_drifted, 0);
    assert_eq!(bed.state(kept).await, RequestState::Active);
    assert_eq!(bed.writes(), before);

    // What was granted since is filed anew, and taken over as it is.
    let starter = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    bed.desk.policies.replace(PolicySet::load(&starter).unwrap_or_else(|problems| panic!("{problems}")));
    active(&bed, LATER, "later").await;
    assert_eq!(bed.writes(), before);
}

//! A worker that is held up between two steps: meanwhile somebody revokes, its lease runs out, or another one is at work.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use chrono::TimeDelta;
use entryway::domain::arn::PrincipalArn;
use entryway::domain::cluster::Cluster;
use entryway::domain::entry::{AccessScope, EntryContent, ObservedEntry};
use entryway::domain::inventory::EntryPage;
use entryway::domain::states::RequestState;
use entryway::eks::aws::AwsEks;
use entryway::eks::{ClusterGate, Created, Eks, EksError, ListedPolicy, Reading, Written};
use entryway::worker::Worker;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::harness::{Bed, ROLE, eks, pace, policy, view};

/// The real adapter, with a place before and after each call where the worker can be held up: at the `at`-th that it comes to
/// with an entry.
pub(crate) struct Halting {
    eks: AwsEks,
    at: usize,
    passed: Mutex<BTreeMap<String, usize>>,
    held: AtomicUsize,
    halted: Notify,
    resume: Notify,
}

impl Halting {
    pub(crate) fn new(bed: &Bed, at: usize) -> Arc<Self> {
        let (held, halted, resume) = (AtomicUsize::new(0), Notify::new(), Notify::new());
        Arc::new(Self { eks: eks(&bed.sim), at, passed: Mutex::default(), held, halted, resume })
    }

    /// How many entries the worker is held up with.
    pub(crate) fn held_up(&self) -> usize {
        self.held.load(Ordering::SeqCst)
    }

    /// Lets everything that is held up go on.
    pub(crate) fn let_go(&self) {
        self.resume.notify_waiters();
    }

    async fn point(&self, p: &PrincipalArn) {
        let passed = {
            let mut all = self.passed.lock().unwrap();
            let passed = all.entry(p.to_string()).or_default();
            *passed += 1;
            *passed - 1
        };
        if passed == self.at {
            let go_on = self.resume.notified();
            self.held.fetch_add(1, Ordering::SeqCst);
            self.halted.notify_one();
            go_on.await;
        }
    }

    async fn held<T>(&self, p: &PrincipalArn, call: impl Future<Output = T>) -> T {
        self.point(p).await;
        let answer = call.await;
        self.point(p).await;
        answer
    }
}

impl Eks for Halting {
    async fn glance(&self, c: &Cluster, p: &PrincipalArn) -> Result<Option<ObservedEntry>, EksError> {
        self.point(p).await;
        let answer = self.eks.glance(c, p).await;
        // A look that goes on is held up after its second call.
        if !matches!(&answer, Ok(Some(entry)) if entry.content.entry_type.takes_policies()) {
            self.point(p).await;
        }
        answer
    }
    async fn policies(&self, c: &Cluster, p: &PrincipalArn) -> Result<Option<BTreeMap<String, AccessScope>>, EksError> {
        let answer = self.eks.policies(c, p).await;
        self.point(p).await;
        answer
    }
    async fn create(
        &self,
        c: &Cluster,
        p: &PrincipalArn,
        content: &EntryContent,
        tags: &BTreeMap<String, String>,
        token: &str,
    ) -> Result<Created, EksError> {
        self.held(p, self.eks.create(c, p, content, tags, token)).await
    }
    async fn update(
        &self,
        c: &Cluster,
        p: &PrincipalArn,
        username: &str,
        groups: &BTreeSet<String>,
        token: &str,
    ) -> Result<Written, EksError> {
        self.held(p, self.eks.update(c, p, username, groups, token)).await
    }
    async fn delete(&self, c: &Cluster, p: &PrincipalArn) -> Result<Written, EksError> {
        self.held(p, self.eks.delete(c, p)).await
    }
    async fn associate(&self, c: &Cluster, p: &PrincipalArn, arn: &str, s: &AccessScope) -> Result<Written, EksError> {
        self.held(p, self.eks.associate(c, p, arn, s)).await
    }
    async fn disassociate(&self, c: &Cluster, p: &PrincipalArn, arn: &str) -> Result<Written, EksError> {
        self.held(p, self.eks.disassociate(c, p, arn)).await
    }
    async fn tag(&self, c: &Cluster, arn: &str, tags: &BTreeMap<String, String>) -> Result<Written, EksError> {
        self.eks.tag(c, arn, tags).await
    }
    async fn describe_cluster(&self, c: &Cluster) -> Result<ClusterGate, EksError> {
        self.eks.describe_cluster(c).await
    }
    async fn check_account(&self, c: &Cluster) -> Result<(), EksError> {
        self.eks.check_account(c).await
    }
    async fn probe(&self, c: &Cluster, what: &Reading) -> Result<(), EksError> {
        self.eks.probe(c, what).await
    }
    async fn list_access_policies(&self, c: &Cluster) -> Result<Vec<ListedPolicy>, EksError> {
        self.eks.list_access_policies(c).await
    }
    async fn list_entries(&self, c: &Cluster) -> Result<Vec<String>, EksError> {
        self.eks.list_entries(c).await
    }
    async fn list_page(
        &self,
        c: &Cluster,
        policy: Option<&str>,
        token: Option<&str>,
        most: u8,
    ) -> Result<EntryPage, EksError> {
        self.eks.list_page(c, policy, token, most).await
    }
}

fn worker(bed: &Bed, eks: Arc<Halting>) -> Worker<Halting> {
    Worker::new(bed.desk.clone(), eks, pace())
}

/// Kills a worker at its `at`-th halt while it does what is due; answers whether it got that far.
pub(crate) async fn die_at(bed: &Bed, at: usize) -> bool {
    let eks = Halting::new(bed, at);
    let doomed = worker(bed, eks.clone());
    let work = tokio::spawn(async move { doomed.turn().await });
    let died = tokio::select! {
        () = eks.halted.notified() => true,
        done = async { while !work.is_finished() { tokio::task::yield_now().await } } => { let () = done; false }
    };
    work.abort();
    let _ = work.await;
    // Its lease has to run out before anybody may go on.
    bed.pass(bed.desk.settings.lease);
    died
}

async fn settled_content(bed: &Bed, expected: &[Uuid]) {
    let truth = bed.truth("dev", ROLE).await;
    for id in expected {
        let request = bed.get(*id).await.request;
        let entry = truth.as_ref().unwrap().to_string();
        for policy in request.spec.content.access_policies.keys() {
            assert!(entry.contains(policy), "{policy} is missing from {entry}");
        }
    }
    assert_eq!(truth.is_none(), expected.is_empty());
}

#[tokio::test]
async fn what_a_zombie_finds_out_is_dropped() {
    let bed = Bed::new().await;
    let request = bed.granted(view("payments")).await;
    // 0 and 1 are around the look, 2 is right before the create.
    let eks = Halting::new(&bed, 2);
    let zombie = worker(&bed, eks.clone());
    let work = tokio::spawn(async move { zombie.turn().await });
    eks.halted.notified().await;
    bed.pass(bed.desk.settings.lease);
    let active = bed.until(request.id, RequestState::Active).await.request;
    let events = bed.timeline("bob", request.id).await.len();
    eks.let_go();
    work.await.unwrap().unwrap();
    assert_eq!(bed.get(request.id).await.request, active, "nothing it found out is recorded");
    assert_eq!(bed.timeline("bob", request.id).await.len(), events);
    assert_eq!(bed.writes(), ["CreateAccessEntry", "AssociateAccessPolicy"]);
}

#[tokio::test]
async fn a_zombie_does_nothing_by_the_lease_that_another_worker_holds() {
    let bed = Bed::new().await;
    let request = bed.granted(view("payments")).await;
    // Right after the look, before the guard of the create.
    let (eks, next) = (Halting::new(&bed, 1), Halting::new(&bed, 0));
    let (zombie, heir) = (worker(&bed, eks.clone()), worker(&bed, next.clone()));
    let work = tokio::spawn(async move { zombie.turn().await });
    eks.halted.notified().await;
    bed.pass(bed.desk.settings.lease);
    let inherited = tokio::spawn(async move { heir.turn().await });
    next.halted.notified().await;
    eks.let_go();
    work.await.unwrap().unwrap();
    assert_eq!(bed.writes(), Vec::<String>::new(), "the lease is held, and not by it");
    next.let_go();
    inherited.await.unwrap().unwrap();
    bed.until(request.id, RequestState::Active).await;
    assert_eq!(bed.writes(), ["CreateAccessEntry", "AssociateAccessPolicy"]);
}

#[tokio::test]
async fn a_revoke_between_the_decision_and_the_write_stops_the_write() {
    let bed = Bed::new().await;
    let request = bed.granted(view("payments")).await;
    // Right after the look, before the guard of the create.
    let eks = Halting::new(&bed, 1);
    let held = worker(&bed, eks.clone());
    let work = tokio::spawn(async move { held.turn().await });
    eks.halted.notified().await;
    bed.revoke("bob", request.id).await.unwrap();
    eks.let_go();
    work.await.unwrap().unwrap();
    bed.until(request.id, RequestState::Ended).await;
    assert_eq!(bed.writes(), Vec::<String>::new());
}

#[tokio::test]
async fn two_workers_on_one_entry_never_overlap_their_writes() {
    let bed = Bed::new().await;
    let slow = serde_json::json!({ "op": "*Access*", "action": { "kind": "hang", "ms": 5 } });
    bed.sim.inject(serde_json::from_value(slow).unwrap());
    let (one, two) = (bed.another_worker(), bed.another_worker());
    let mut ids = vec![];
    for (round, namespace) in ["a", "b", "c", "d", "e", "f"].into_iter().enumerate() {
        ids.push(bed.granted(view(namespace)).await.id);
        if round % 2 == 1 {
            bed.revoke("bob", ids[round - 1]).await.unwrap();
        }
        for _ in 0..6 {
            let (a, b) = tokio::join!(one.turn(), two.turn());
            a.unwrap();
            b.unwrap();
            bed.pass(TimeDelta::seconds(1));
        }
    }
    for id in ids.iter().skip(1).step_by(2) {
        bed.until(*id, RequestState::Active).await;
    }
    let writes: Vec<_> = bed.sim.calls().into_iter().filter(|call| call.applied).collect();
    assert!(writes.len() >= 6, "{}", writes.len());
    for pair in writes.windows(2) {
        assert!(pair[1].started_at >= pair[0].finished_at.unwrap(), "{:?} overlaps {:?}", pair[1], pair[0]);
    }
}

#[tokio::test]
async fn a_revoke_during_a_look_at_a_proven_entry_is_not_ended_by_that_look() {
    let bed = Bed::new().await;
    let request = bed.granted(view("payments")).await;
    bed.until(request.id, RequestState::Active).await;
    bed.pass(bed.desk.settings.tempo.drift_interval);
    // Right after the look, before what was seen is recorded.
    let eks = Halting::new(&bed, 1);
    let held = worker(&bed, eks.clone());
    let work = tokio::spawn(async move { held.turn().await });
    eks.halted.notified().await;
    bed.revoke("bob", request.id).await.unwrap();
    eks.let_go();
    work.await.unwrap().unwrap();
    assert_eq!(bed.state(request.id).await, RequestState::Revoking, "what was seen was the grant, not its end");
    bed.until(request.id, RequestState::Ended).await;
    assert!(bed.truth("dev", ROLE).await.is_none());
}

#[tokio::test]
async fn a_grant_approved_during_a_write_for_another_is_not_taken_for_written() {
    let bed = Bed::new().await;
    let first = bed.granted(view("payments")).await;
    // 2 is right before the create, 3 right after it.
    let eks = Halting::new(&bed, 5);
    let held = worker(&bed, eks.clone());
    let work = tokio::spawn(async move { held.turn().await });
    eks.halted.notified().await;
    let second = bed.granted(policy("AmazonEKSEditPolicy", &["orders"])).await;
    eks.let_go();
    work.await.unwrap().unwrap();
    assert_eq!(bed.state(first.id).await, RequestState::Verifying);
    let waiting = bed.get(second.id).await.request;
    assert_eq!((waiting.state, waiting.grant.starts_at), (RequestState::Applying, None), "nothing was written for it");
    bed.until(second.id, RequestState::Active).await;
    settled_content(&bed, &[first.id, second.id]).await;
}

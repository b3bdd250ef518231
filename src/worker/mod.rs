//! The worker: level-triggered, one entry at a time. It takes entries that are due, and for each works out what EKS
//! should hold, looks at what it holds, makes the fewest calls, and reads back. The same path serves the first apply,
//! updates, expiry, recovery after a crash, and drift.

pub mod checkpoints;
pub mod deliver;
mod drift;
mod health;
mod principal;
mod reconcile;
mod retry;
mod rights;
pub mod slack;
pub mod sweep;
mod turns;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::{Id, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::eks::{Eks, EksError, on_behalf_of};
use crate::store::StoreError;
use crate::store::entries::{self, Lease};
use crate::workflow::Desk;
use crate::workflow::reconcile::Run;
use rights::Lacking;

pub use turns::{Turn, Turns, Urgency};

/// How the worker goes about it.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// How many entries of one cluster are worked on at once.
    pub concurrency: usize,
    /// How often to look for work when nobody says that there is some.
    pub poll_interval: Duration,
    /// The most calls per second to EKS, for each account and region, over all replicas.
    pub calls_per_second: u32,
    /// How long an entry may wait for its turn to call EKS; far below the lease.
    pub patience: Duration,
}

/// The worker of one process.
#[derive(Debug)]
pub struct Worker<E> {
    desk: Desk,
    eks: Arc<E>,
    pace: Pace,
    turns: Arc<Turns>,
    /// Clusters that EKS has been seen to have, where configuration says they are.
    known: Arc<Mutex<BTreeSet<String>>>,
    /// What AWS is known not to let Entryway do.
    lacking: Arc<Lacking>,
}

impl<E> Clone for Worker<E> {
    fn clone(&self) -> Self {
        Self {
            desk: self.desk.clone(),
            eks: self.eks.clone(),
            pace: self.pace,
            turns: self.turns.clone(),
            known: self.known.clone(),
            lacking: self.lacking.clone(),
        }
    }
}

impl<E: Eks> Worker<E> {
    /// A worker that reaches EKS through `eks`.
    #[must_use]
    pub fn new(desk: Desk, eks: Arc<E>, pace: Pace) -> Self {
        let turns = Arc::new(Turns::new(desk.store.clone(), pace.calls_per_second, pace.patience));
        Self { desk, eks, pace, turns, known: Arc::default(), lacking: Arc::default() }
    }

    /// Works until `stop`, then finishes what it has begun and takes nothing more.
    pub async fn run(self, stop: CancellationToken) {
        let mut crew = Crew::default();
        while !stop.is_cancelled() {
            crew.dismiss_finished();
            let idle = match self.take(&mut crew).await {
                Ok(idle) => idle,
                Err(error) => {
                    tracing::warn!(%error, "cannot look for work; trying again");
                    self.pace.poll_interval
                }
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = crew.somebody_finished(), if !crew.is_empty() => {}
                () = self.desk.store.hub().work() => {}
                () = tokio::time::sleep(idle) => {}
            }
        }
        crew.finish().await;
    }

    /// Takes what is due now, works on it until all of it is done, and answers how many entries that were.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when there is no looking for work.
    pub async fn turn(&self) -> Result<usize, StoreError> {
        let mut crew = Crew::default();
        self.take(&mut crew).await?;
        let taken = crew.tasks.len();
        crew.finish().await;
        Ok(taken)
    }

    /// Takes as many due entries as there are hands for; answers how long nothing more will be due.
    async fn take(&self, crew: &mut Crew) -> Result<Duration, StoreError> {
        loop {
            let (busy, free) = self.hands(crew);
            if free == 0 {
                return Ok(self.pace.poll_interval);
            }
            let mut tx = self.desk.store.begin().await?;
            let limit = i64::try_from(free).unwrap_or(i64::MAX);
            let leases = entries::claim(&mut tx, self.desk.settings.lease, limit, &busy).await?;
            tx.commit().await?;
            let taken = leases.len();
            for lease in leases {
                let cluster = self.counted_under(&lease.cluster_name);
                let worker = self.clone();
                crew.set_to_work(cluster, async move { worker.reconcile(lease).await });
            }
            if taken < free {
                let due = entries::next_due(&self.desk.store, &busy).await?;
                let due = due.map_or(self.pace.poll_interval, |due| due.to_std().unwrap_or_default());
                return Ok(due.min(self.pace.poll_interval));
            }
        }
    }

    /// The clusters that all hands are at work on, and how many more entries there are hands for on every other: one that
    /// does not answer must not slow the others, those of its account and region included.
    fn hands(&self, crew: &Crew) -> (Vec<String>, usize) {
        let free = |cluster: &str| {
            let taken = crew.hands.get(cluster).copied().unwrap_or_default();
            self.pace.concurrency.saturating_sub(taken)
        };
        let names = self.desk.clusters.names();
        let (busy, open): (Vec<_>, Vec<_>) = names.into_iter().partition(|name| free(name) == 0);
        let least = open.iter().map(|name| free(name)).min();
        // Entries of clusters that are no longer configured are counted together.
        (busy, least.unwrap_or_default().min(free("")).max(usize::from(open.is_empty() && free("") > 0)))
    }

    /// The name that entries of `cluster` count under; clusters that are not configured share one.
    fn counted_under(&self, cluster: &str) -> String {
        self.desk.clusters.get(cluster).map(|cluster| cluster.name.clone()).unwrap_or_default()
    }

    fn is_known(&self, cluster: &str) -> bool {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).contains(cluster)
    }

    fn learn(&self, cluster: &str) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(cluster.to_owned());
    }
}

/// Entries being worked on, and on which cluster.
#[derive(Debug, Default)]
struct Crew {
    tasks: JoinSet<()>,
    cluster_of: BTreeMap<String, String>,
    hands: BTreeMap<String, usize>,
}

impl Crew {
    fn set_to_work(&mut self, cluster: String, work: impl Future<Output = ()> + Send + 'static) {
        let id = self.tasks.spawn(work).id();
        *self.hands.entry(cluster.clone()).or_default() += 1;
        self.cluster_of.insert(id.to_string(), cluster);
    }

    fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    async fn somebody_finished(&mut self) {
        if let Some(done) = self.tasks.join_next_with_id().await {
            self.dismiss(done);
        }
    }

    fn dismiss_finished(&mut self) {
        while let Some(done) = self.tasks.try_join_next_with_id() {
            self.dismiss(done);
        }
    }

    fn dismiss(&mut self, done: Result<(Id, ()), tokio::task::JoinError>) {
        let id = match done {
            Ok((id, ())) => id,
            Err(error) => {
                // The lease ends by itself, and the attempt is counted; the other entries go on.
                tracing::error!(%error, "working on an entry broke off");
                error.id()
            }
        };
        if let Some(cluster) = self.cluster_of.remove(&id.to_string())
            && let Some(taken) = self.hands.get_mut(&cluster)
        {
            *taken -= 1;
        }
    }

    async fn finish(&mut self) {
        while !self.is_empty() {
            self.somebody_finished().await;
        }
    }
}

/// Makes a call in the name of the request that `run` makes it for. That takes credentials of its own, and where these are not
/// to be had, access ends all the same, in nobody's name.
async fn named<T, Call>(run: &Run, call: impl Fn() -> Call) -> Result<T, EksError>
where
    Call: Future<Output = Result<T, EksError>>,
{
    let Some(request) = run.on_behalf_of else { return call().await };
    match on_behalf_of(request, call()).await {
        Err(error) if error.unsent && run.ending => call().await,
        answer => answer,
    }
}

/// A short name for logs.
fn name_of(lease: &Lease) -> String {
    format!("{} on {}", lease.principal_arn, lease.cluster_name)
}

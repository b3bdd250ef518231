//! Whose turn it is to call EKS. All replicas take from one bucket for each account and region ([`crate::domain::pace`]),
//! a small share at a time, so that asking for a turn seldom costs a transaction.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use tokio::time::Instant;

use crate::domain::cluster::Cluster;
use crate::domain::pace::{Demand, Taken};
use crate::store::pace::{self, Lane};
use crate::store::{Store, StoreError};

/// How long a share of turns that was taken and not used is good for.
const GOOD_FOR: Duration = Duration::from_secs(1);

/// How long to wait. Where turns are few, access ends first, and what has been begun is finished before something else is
/// looked at: otherwise looking alone would use up every turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// Somebody wants to see what there is. Joins no queue that others wait in, so that nobody waits for it.
    Idle,
    /// A look for the sake of giving access, or of knowing.
    CanWait,
    /// A look for the sake of taking away.
    Ending,
    /// Whatever comes after the first call about an entry: the rest of the look, and every write.
    Begun,
}

impl Urgency {
    pub(super) const fn of_look(ending: bool) -> Self {
        if ending { Self::Ending } else { Self::CanWait }
    }

    /// How long to wait where what has been begun waits for `longest`.
    fn patience(self, longest: TimeDelta) -> TimeDelta {
        match self {
            Self::Begun => longest,
            Self::Ending => longest / 3 * 2,
            Self::CanWait => longest / 3,
            Self::Idle => longest / 50,
        }
    }
}

/// What came of waiting for a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It has come: call now.
    Come,
    /// The queue is too long to wait in while holding a lease. Come back after this.
    Queue(TimeDelta),
}

/// The turns of one process.
#[derive(Debug)]
pub struct Turns {
    store: Store,
    calls_per_second: f64,
    patience: TimeDelta,
    shares: Mutex<BTreeMap<Lane, Arc<tokio::sync::Mutex<Share>>>>,
}

/// What this process has taken and not used yet.
#[derive(Debug)]
struct Share {
    turns: f64,
    taken_at: Instant,
}

impl Turns {
    /// At most `calls_per_second` for each account and region, over all replicas; nobody waits for longer than `patience`,
    /// which is to be far below the lease.
    #[must_use]
    pub fn new(store: Store, calls_per_second: u32, patience: Duration) -> Self {
        let patience = TimeDelta::from_std(patience).unwrap_or(TimeDelta::MAX);
        Self { store, calls_per_second: f64::from(calls_per_second.max(1)), patience, shares: Mutex::default() }
    }

    /// Waits for the turn to make one call to `cluster`'s account and region.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]: then nothing may be called.
    pub async fn wait(&self, cluster: &Cluster, urgency: Urgency) -> Result<Turn, StoreError> {
        let lane = lane(cluster);
        let mut patience = urgency.patience(self.patience);
        loop {
            let place = match self.take(&lane, patience).await? {
                Err(queue) => return Ok(Turn::Queue(queue)),
                Ok(None) => return Ok(Turn::Come),
                Ok(Some(place)) => place,
            };
            self.store.clock().sleep(place.wait).await;
            // Where AWS has complained to anybody meanwhile, the place in the queue was one in a faster queue than there is now.
            if pace::slowed_at(&self.store, &lane).await? == place.slowed_at {
                return Ok(Turn::Come);
            }
            patience = (patience - place.wait).max(TimeDelta::zero());
        }
    }

    /// One turn: now (`None`), or a place in the queue; how long that would be where it takes more than `patience`.
    async fn take(&self, lane: &Lane, patience: TimeDelta) -> Result<Result<Option<Taken>, TimeDelta>, StoreError> {
        let share = self.share(lane);
        // One task of this process asks the database at a time; the others use what it brings.
        let mut share = share.lock().await;
        if share.taken_at.elapsed() > GOOD_FOR {
            share.turns = 0.0;
        }
        if share.turns >= 1.0 {
            share.turns -= 1.0;
            return Ok(Ok(None));
        }
        let demand = Demand { calls: 1.0 - share.turns, full_rate: self.calls_per_second, patience };
        let taken = match pace::take(&self.store, lane, demand).await? {
            Err(queue) => return Ok(Err(queue)),
            Ok(taken) => taken,
        };
        share.turns += taken.turns - 1.0;
        share.taken_at = Instant::now();
        Ok(Ok(Some(taken).filter(|taken| taken.wait > TimeDelta::zero())))
    }

    /// AWS said that there were too many calls: every replica slows down.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn slow_down(&self, cluster: &Cluster) -> Result<(), StoreError> {
        let lane = lane(cluster);
        self.share(&lane).lock().await.turns = 0.0;
        pace::slow_down(&self.store, &lane, self.calls_per_second).await
    }

    fn share(&self, lane: &Lane) -> Arc<tokio::sync::Mutex<Share>> {
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        let none = || Arc::new(tokio::sync::Mutex::new(Share { turns: 0.0, taken_at: Instant::now() }));
        shares.entry(lane.clone()).or_insert_with(none).clone()
    }
}

fn lane(cluster: &Cluster) -> Lane {
    Lane { account_id: cluster.account_id.clone(), region: cluster.region.clone() }
}

//! Whose turn it is to call EKS. All replicas take from one bucket for each account and region ([`crate::domain::pace`]),
//! a small share at a time, so that asking for a turn seldom costs a transaction.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use tokio::time::Instant;

use crate::domain::cluster::Cluster;
use crate::domain::pace::Demand;
use crate::store::pace::{self, Lane};
use crate::store::{Store, StoreError};

/// How long a share of turns that was taken and not used is good for.
const GOOD_FOR: Duration = Duration::from_secs(1);

/// The queue that work which can wait is ready to join, as a part of the patience of work that cannot.
const LESS_PATIENT: i32 = 3;

/// The same for what only somebody's curiosity waits for.
const LEAST_PATIENT: i32 = 50;

/// How long a queue to join. Where turns are few, access ends first, and what has been looked at is finished before
/// something else is looked at: otherwise looking alone would use up every turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// Somebody wants to see what there is. Joins no queue that others wait in, so that nobody waits for it.
    Idle,
    /// A look for the sake of giving access, or of knowing.
    CanWait,
    /// Taking away, and every write after a look.
    Urgent,
}

impl Urgency {
    pub(super) const fn of_look(ending: bool) -> Self {
        if ending { Self::Urgent } else { Self::CanWait }
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
    /// At most `calls_per_second` for each account and region, over all replicas; nobody waits for much longer than
    /// `patience`, which is to be far below the lease.
    #[must_use]
    pub fn new(store: Store, calls_per_second: u32, patience: Duration) -> Self {
        let patience = TimeDelta::from_std(patience).unwrap_or(TimeDelta::MAX);
        Self { store, calls_per_second: f64::from(calls_per_second.max(1)), patience, shares: Mutex::default() }
    }

    /// Waits for the turn of `calls` calls to `cluster`'s account and region.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]: then nothing may be called.
    pub async fn wait(&self, cluster: &Cluster, calls: u32, urgency: Urgency) -> Result<Turn, StoreError> {
        let lane = lane(cluster);
        let calls = f64::from(calls);
        let wait = {
            let share = self.share(&lane);
            // One task of this process asks the database at a time; the others use what it brings.
            let mut share = share.lock().await;
            if share.taken_at.elapsed() > GOOD_FOR {
                share.turns = 0.0;
            }
            let mut wait = TimeDelta::zero();
            if share.turns < calls {
                let patience = match urgency {
                    Urgency::Urgent => self.patience,
                    Urgency::CanWait => self.patience / LESS_PATIENT,
                    Urgency::Idle => self.patience / LEAST_PATIENT,
                };
                let demand = Demand { calls: calls - share.turns, full_rate: self.calls_per_second, patience };
                match pace::take(&self.store, &lane, demand).await? {
                    Err(queue) => return Ok(Turn::Queue(queue)),
                    Ok(taken) => {
                        share.turns += taken.turns;
                        share.taken_at = Instant::now();
                        wait = taken.wait;
                    }
                }
            }
            share.turns -= calls;
            wait
        };
        tokio::time::sleep(wait.to_std().unwrap_or_default()).await;
        Ok(Turn::Come)
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

//! How fast EKS may be called: so many calls per second for each account and region, fewer as soon as AWS says that it
//! was too many, and gradually more again. What one account and region cannot take does not slow another.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::{Class, ClusterGate, Created, Eks, EksError, ListedPolicy, Written};
use crate::domain::arn::PrincipalArn;
use crate::domain::cluster::Cluster;
use crate::domain::entry::{AccessScope, EntryContent, ObservedEntry};

/// The slowest it gets, in calls per second: access that should end must still end.
const SLOWEST: f64 = 0.5;

/// What a call that was let through gives back, as a share of the full rate: twenty good calls undo a halving.
const RECOVERY: f64 = 0.025;

/// An [`Eks`] that waits for its turn before every call. Whoever would have to wait longer than a call may take is told to
/// come back instead: a worker that waits holds a lease, and must not find it run out when its turn comes.
#[derive(Debug)]
pub struct Paced<E> {
    eks: E,
    calls_per_second: f64,
    patience: Duration,
    buckets: Mutex<BTreeMap<Lane, Arc<Mutex<Bucket>>>>,
}

/// Account and region.
type Lane = (String, String);

/// A token bucket that holds one second's worth.
#[derive(Debug)]
struct Bucket {
    rate: f64,
    tokens: f64,
    filled_at: Instant,
}

impl Bucket {
    /// Takes `calls` tokens, on credit if need be, and answers how long to wait until the credit is paid back; takes none
    /// when that would be longer than `patience`.
    ///
    /// # Errors
    /// How long the wait would have been.
    fn take(&mut self, calls: f64, patience: Duration, now: Instant) -> Result<Duration, Duration> {
        let earned = now.saturating_duration_since(self.filled_at).as_secs_f64() * self.rate;
        self.tokens = (self.tokens + earned).min(self.rate.max(1.0));
        self.filled_at = now;
        let wait = Duration::from_secs_f64(((calls - self.tokens) / self.rate).max(0.0));
        if wait > patience {
            return Err(wait);
        }
        self.tokens -= calls;
        Ok(wait)
    }

    fn learn(&mut self, throttled: bool, full: f64) {
        self.rate =
            if throttled { (self.rate / 2.0).max(SLOWEST.min(full)) } else { (self.rate + full * RECOVERY).min(full) };
    }
}

impl<E: Eks> Paced<E> {
    /// Lets at most `calls_per_second` through for each account and region, each after at most `patience`.
    #[must_use]
    pub fn new(eks: E, calls_per_second: u32, patience: Duration) -> Self {
        Self { eks, calls_per_second: f64::from(calls_per_second.max(1)), patience, buckets: Mutex::default() }
    }

    fn bucket(&self, cluster: &Cluster) -> Arc<Mutex<Bucket>> {
        let lane = (cluster.account_id.clone(), cluster.region.clone());
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let full = self.calls_per_second;
        let fresh = || Arc::new(Mutex::new(Bucket { rate: full, tokens: full, filled_at: Instant::now() }));
        buckets.entry(lane).or_insert_with(fresh).clone()
    }

    async fn paced<T>(
        &self,
        cluster: &Cluster,
        calls: f64,
        call: impl Future<Output = Result<T, EksError>>,
    ) -> Result<T, EksError> {
        let bucket = self.bucket(cluster);
        let turn = bucket.lock().unwrap_or_else(PoisonError::into_inner).take(calls, self.patience, Instant::now());
        match turn {
            Ok(wait) => tokio::time::sleep(wait).await,
            Err(wait) => return Err(EksError { retry_after: Some(wait), ..EksError::of(Class::Throttled) }),
        }
        let answer = call.await;
        let throttled = matches!(&answer, Err(error) if error.class == Class::Throttled);
        bucket.lock().unwrap_or_else(PoisonError::into_inner).learn(throttled, self.calls_per_second);
        answer
    }
}

impl<E: Eks> Eks for Paced<E> {
    async fn observe(&self, cluster: &Cluster, principal: &PrincipalArn) -> Result<Option<ObservedEntry>, EksError> {
        // Describe, and a page of policies.
        self.paced(cluster, 2.0, self.eks.observe(cluster, principal)).await
    }

    async fn create(
        &self,
        cluster: &Cluster,
        principal: &PrincipalArn,
        content: &EntryContent,
        tags: &BTreeMap<String, String>,
        token: &str,
    ) -> Result<Created, EksError> {
        self.paced(cluster, 1.0, self.eks.create(cluster, principal, content, tags, token)).await
    }

    async fn update(
        &self,
        cluster: &Cluster,
        principal: &PrincipalArn,
        username: &str,
        groups: &BTreeSet<String>,
        token: &str,
    ) -> Result<Written, EksError> {
        self.paced(cluster, 1.0, self.eks.update(cluster, principal, username, groups, token)).await
    }

    async fn delete(&self, cluster: &Cluster, principal: &PrincipalArn) -> Result<Written, EksError> {
        self.paced(cluster, 1.0, self.eks.delete(cluster, principal)).await
    }

    async fn associate(
        &self,
        cluster: &Cluster,
        principal: &PrincipalArn,
        policy_arn: &str,
        scope: &AccessScope,
    ) -> Result<Written, EksError> {
        self.paced(cluster, 1.0, self.eks.associate(cluster, principal, policy_arn, scope)).await
    }

    async fn disassociate(
        &self,
        cluster: &Cluster,
        principal: &PrincipalArn,
        policy_arn: &str,
    ) -> Result<Written, EksError> {
        self.paced(cluster, 1.0, self.eks.disassociate(cluster, principal, policy_arn)).await
    }

    async fn describe_cluster(&self, cluster: &Cluster) -> Result<ClusterGate, EksError> {
        self.paced(cluster, 1.0, self.eks.describe_cluster(cluster)).await
    }

    async fn list_access_policies(&self, cluster: &Cluster) -> Result<Vec<ListedPolicy>, EksError> {
        self.paced(cluster, 1.0, self.eks.list_access_policies(cluster)).await
    }

    async fn list_entries(&self, cluster: &Cluster) -> Result<Vec<String>, EksError> {
        self.paced(cluster, 1.0, self.eks.list_entries(cluster)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_of_calls_is_free_and_then_each_waits_its_turn() {
        let start = Instant::now();
        let mut bucket = Bucket { rate: 10.0, tokens: 10.0, filled_at: start };
        let mut take = || bucket.take(1.0, Duration::from_millis(250), start).map(|wait| wait.as_millis());
        let waits: Vec<_> = (0..12).map(|_| take()).collect();
        assert_eq!(waits[..10], [Ok(0); 10]);
        assert_eq!(waits[10..], [Ok(100), Ok(200)]);
        for _ in 0..2 {
            assert_eq!(
                take(),
                Err(Duration::from_millis(300)),
                "nobody waits longer than they can, or is charged for it"
            );
        }
    }

    #[test]
    fn throttling_halves_the_rate_down_to_a_floor_and_good_calls_bring_it_back() {
        let mut bucket = Bucket { rate: 10.0, tokens: 0.0, filled_at: Instant::now() };
        bucket.learn(true, 10.0);
        assert!((bucket.rate - 5.0).abs() < 1e-9);
        for _ in 0..20 {
            bucket.learn(true, 10.0);
        }
        assert!((bucket.rate - SLOWEST).abs() < 1e-9);
        for _ in 0..60 {
            bucket.learn(false, 10.0);
        }
        assert!((bucket.rate - 10.0).abs() < 1e-9);
    }
}

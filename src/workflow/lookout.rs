//! Looking at EKS for somebody who asks. Never for long, never many looks at once on one cluster, and never in a
//! transaction: an EKS that hangs holds up whoever wants to see it, and nobody else.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use super::WorkflowError;
use crate::domain::arn::PrincipalArn;
use crate::domain::cluster::Cluster;
use crate::domain::entry::ObservedEntry;
use crate::domain::inventory::EntryPage;

/// How many looks at one cluster a process has under way. Others wait for their turn to call behind at most so many.
const AT_ONCE: usize = 8;

/// How long a list of access policies is good for. AWS adds some few times a year.
const GOOD_FOR: Duration = Duration::from_secs(600);

/// How long EKS is not asked for them again after it did not answer.
const REST: Duration = Duration::from_secs(60);

/// How long somebody waits for the list of access policies.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the methods of [`Lookout`] give back.
pub type Looking<'a, T> = Pin<Box<dyn Future<Output = Result<T, Blind>> + Send + 'a>>;

/// Why there is nothing to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Blind {
    /// EKS does not take the page token, most likely because it is too old.
    Token,
    /// EKS answered something that Entryway does not understand.
    Strange,
    /// EKS was not reached, or said no; in a sentence or two for people.
    Silent(String),
    /// The cluster has no access entries at all, and asking again changes nothing; what would, for people.
    Without(String),
}

/// Whoever can look at EKS. Every look waits for a turn to call that nobody else needs.
pub trait Lookout: Debug + Send + Sync {
    /// A page of at most `most` principals that have entries, from where `token` says.
    fn page<'a>(&'a self, cluster: &'a Cluster, token: Option<&'a str>, most: u8) -> Looking<'a, EntryPage>;

    /// The entry of `principal`, with its policies or without.
    fn entry<'a>(
        &'a self,
        cluster: &'a Cluster,
        principal: &'a PrincipalArn,
        with_policies: bool,
    ) -> Looking<'a, Option<ObservedEntry>>;

    /// The bare names of the access policies that EKS has in the cluster's region.
    fn policies<'a>(&'a self, cluster: &'a Cluster) -> Looking<'a, Vec<String>>;
}

/// The way to EKS for those who ask. Clones are the same.
#[derive(Debug, Clone)]
pub struct Inventory {
    lookout: Arc<dyn Lookout>,
    hands: Arc<Mutex<BTreeMap<String, Arc<Semaphore>>>>,
    policies: Arc<Mutex<BTreeMap<(String, String), Listed>>>,
}

/// The access policies of one account and region.
#[derive(Debug, Clone, Default)]
struct Listed {
    names: Option<Vec<String>>,
    good_until: Option<Instant>,
}

impl Inventory {
    /// EKS as `lookout` sees it.
    #[must_use]
    pub fn new(lookout: Arc<dyn Lookout>) -> Self {
        Self { lookout, hands: Arc::default(), policies: Arc::default() }
    }

    pub(super) async fn page(
        &self,
        cluster: &Cluster,
        token: Option<&str>,
        most: u8,
        until: Instant,
    ) -> Result<EntryPage, Blind> {
        self.in_time(cluster, until, self.lookout.page(cluster, token, most)).await
    }

    pub(super) async fn entry(
        &self,
        cluster: &Cluster,
        principal: &PrincipalArn,
        with_policies: bool,
        until: Instant,
    ) -> Result<Option<ObservedEntry>, Blind> {
        self.in_time(cluster, until, self.lookout.entry(cluster, principal, with_policies)).await
    }

    /// The access policies that EKS has where `cluster` is; what was known before where it does not answer, and `None`
    /// where it never has.
    pub(super) async fn policies(&self, cluster: &Cluster) -> Option<Vec<String>> {
        self.policies_at(cluster, Instant::now()).await
    }

    async fn policies_at(&self, cluster: &Cluster, now: Instant) -> Option<Vec<String>> {
        let place = (cluster.account_id.clone(), cluster.region.clone());
        let known = self.listed().get(&place).cloned().unwrap_or_default();
        if known.good_until.is_some_and(|until| now < until) {
            return known.names;
        }
        let listed = match self.in_time(cluster, now + PATIENCE, self.lookout.policies(cluster)).await {
            Ok(names) => Listed { names: Some(names), good_until: Some(now + GOOD_FOR) },
            Err(_) => Listed { names: known.names, good_until: Some(now + REST) },
        };
        self.listed().insert(place, listed.clone());
        listed.names
    }

    fn listed(&self) -> std::sync::MutexGuard<'_, BTreeMap<(String, String), Listed>> {
        self.policies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn in_time<T>(&self, cluster: &Cluster, until: Instant, look: Looking<'_, T>) -> Result<T, Blind> {
        let hands = {
            let mut hands = self.hands.lock().unwrap_or_else(PoisonError::into_inner);
            hands.entry(cluster.name.clone()).or_insert_with(|| Arc::new(Semaphore::new(AT_ONCE))).clone()
        };
        let looked = timeout_at(until, async {
            // Never closed, so there is always a permit to be had.
            let _hand = hands.acquire().await;
            look.await
        });
        let late = |_| Blind::Silent(format!("EKS did not answer in time for {}; try again in a while", cluster.name));
        looked.await.map_err(late)?
    }
}

impl Blind {
    pub(super) fn into_error(self, cluster: &Cluster) -> WorkflowError {
        match self {
            Self::Token => WorkflowError::PageGone,
            Self::Strange => WorkflowError::Blind(format!(
                "EKS answered for {} what Entryway does not understand; the log has the details for the operator",
                cluster.name
            )),
            Self::Silent(why) => WorkflowError::Blind(why),
            Self::Without(why) => WorkflowError::NoEntries(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::workflow::desk::no_longer_configured;

    #[derive(Debug, Default)]
    struct Sulking {
        asked: AtomicUsize,
        answers: usize,
    }

    impl Lookout for Sulking {
        fn page<'a>(&'a self, _: &'a Cluster, _: Option<&'a str>, _: u8) -> Looking<'a, EntryPage> {
            Box::pin(std::future::pending())
        }

        fn entry<'a>(&'a self, _: &'a Cluster, _: &'a PrincipalArn, _: bool) -> Looking<'a, Option<ObservedEntry>> {
            Box::pin(std::future::pending())
        }

        fn policies<'a>(&'a self, _: &'a Cluster) -> Looking<'a, Vec<String>> {
            let asked = self.asked.fetch_add(1, Ordering::SeqCst);
            let answer =
                if asked < self.answers { Ok(vec!["AmazonEKSNewPolicy".to_owned()]) } else { Err(Blind::Strange) };
            Box::pin(async { answer })
        }
    }

    #[tokio::test]
    async fn a_list_of_policies_is_asked_for_now_and_then_and_outlives_an_eks_that_does_not_answer() {
        let sulking = Arc::new(Sulking { answers: 1, ..Sulking::default() });
        let inventory = Inventory::new(sulking.clone());
        let (cluster, start) = (no_longer_configured("prod"), Instant::now());
        let known = Some(vec!["AmazonEKSNewPolicy".to_owned()]);
        for (second, asked) in [(0, 1), (599, 1), (600, 2), (659, 2), (660, 3)] {
            let at = start + Duration::from_secs(second);
            assert_eq!(inventory.policies_at(&cluster, at).await, known);
            assert_eq!(sulking.asked.load(Ordering::SeqCst), asked, "after {second} s");
        }
        assert_eq!(Inventory::new(Arc::new(Sulking::default())).policies(&cluster).await, None);
    }

    #[tokio::test]
    async fn nobody_waits_longer_than_they_want_to_however_many_wait() {
        let inventory = Inventory::new(Arc::new(Sulking::default()));
        let cluster = no_longer_configured("prod");
        let until = Instant::now() + Duration::from_millis(20);
        let mut waiting = tokio::task::JoinSet::new();
        for _ in 0..3 * AT_ONCE {
            let (inventory, cluster) = (inventory.clone(), cluster.clone());
            waiting.spawn(async move { inventory.page(&cluster, None, 1, until).await });
        }
        for answer in waiting.join_all().await {
            assert!(matches!(answer, Err(Blind::Silent(why)) if why.contains("prod")));
        }
    }
}

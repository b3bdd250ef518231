//! Entries that are gone, and policies that came or went, found by listing: one call for a hundred entries, where looking at
//! each takes two. What no list shows (groups, usernames, scopes, tags) is found when each entry has its own look, which
//! comes round once in `worker.drift_interval`. Lists lag behind, so whatever they say is only a reason to look now.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::Worker;
use super::rights::of_list;
use super::turns::{Turn, Urgency};
use crate::domain::catalogue::policy_arn;
use crate::domain::cluster::Cluster;
use crate::domain::entry::EntryContent;
use crate::domain::inventory::suspects;
use crate::eks::Eks;
use crate::telemetry::spans;
use crate::workflow::{WorkflowError, reconcile};

/// The longest page that EKS gives.
const PAGE: u8 = 100;

/// More pages than a cluster can have: 3,000 entries at most. A list that goes on is not believed.
const MOST_PAGES: usize = 60;

/// How often one listing waits for its turn before it leaves off until the next.
const MOST_WAITS: usize = 20;

/// What nobody should come by unnoticed, whether or not Entryway ever gave it.
const WORST: [&str; 2] = ["AmazonEKSAdminPolicy", "AmazonEKSClusterAdminPolicy"];

impl<E: Eks> Worker<E> {
    /// Lists the entries of every cluster whose listing is due, all at once, and wakes those that look changed.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn list_clusters(&self) -> Result<(), WorkflowError> {
        let mut listings = JoinSet::new();
        self.start_listings(&mut listings).await?;
        listings.join_all().await;
        Ok(())
    }

    async fn start_listings(&self, listings: &mut JoinSet<()>) -> Result<(), WorkflowError> {
        for name in reconcile::claim_listings(&self.desk).await? {
            let worker = self.clone();
            listings.spawn(async move {
                if let Err(error) = worker.list_cluster(&name).await {
                    tracing::warn!(cluster = name, %error, "the entries could not be listed; trying again later");
                }
            });
        }
        Ok(())
    }

    async fn list_cluster(&self, name: &str) -> Result<(), WorkflowError> {
        let Some(cluster) = self.desk.clusters.get(name) else { return Ok(()) };
        let known = reconcile::proven(&self.desk, name).await?;
        let idle = reconcile::idle(&self.desk, name).await?;
        if known.is_empty() && idle.is_empty() {
            return Ok(());
        }
        self.compare(cluster, &known, &idle).instrument(spans::look("list entries", name)).await
    }

    /// Holds what EKS lists on `cluster` against what is `known` to be there and what is `idle`, and wakes what looks changed.
    async fn compare(
        &self,
        cluster: &Cluster,
        known: &BTreeMap<String, EntryContent>,
        idle: &BTreeSet<String>,
    ) -> Result<(), WorkflowError> {
        let name = cluster.name.as_str();
        let Some(listed) = self.listed(cluster, None).await? else { return Ok(()) };
        let mut arns: BTreeSet<String> = known.values().flat_map(|held| held.access_policies.keys().cloned()).collect();
        arns.extend(WORST.map(|name| policy_arn(cluster.partition(), name)));
        let mut holders = BTreeMap::new();
        // With few entries their own looks cost less, and come round soon enough.
        for arn in arns.into_iter().filter(|_| known.len() > WORST.len()) {
            if let Some(who) = self.listed(cluster, Some(&arn)).await? {
                holders.insert(arn, who);
            }
        }
        let changed = suspects(known, &listed, &holders);
        if !changed.is_empty() {
            tracing::info!(cluster = name, entries = changed.len(), "lists show something else than what was proven");
        }
        let back: Vec<&str> = idle.intersection(&listed).map(String::as_str).collect();
        if !back.is_empty() {
            tracing::debug!(
                cluster = name,
                entries = back.len(),
                "entries that were taken away are listed; looking whose"
            );
        }
        let to_look_at = [changed, back].concat();
        if to_look_at.is_empty() {
            return Ok(());
        }
        reconcile::wake_all(&self.desk, name, &to_look_at).await
    }

    /// The principals that EKS lists, all pages; `None` where it does not show all of them.
    async fn listed(
        &self,
        cluster: &Cluster,
        policy_arn: Option<&str>,
    ) -> Result<Option<BTreeSet<String>>, WorkflowError> {
        let (mut principals, mut token) = (BTreeSet::new(), None);
        for _ in 0..MOST_PAGES {
            if !self.turn_to_list(cluster).await? {
                return Ok(None);
            }
            let page = self.eks.list_page(cluster, policy_arn, token.as_deref(), PAGE).await;
            let page = match self.heed(cluster, of_list, page).await? {
                Ok(page) => page,
                Err(error) => {
                    tracing::warn!(cluster = cluster.name, %error, class = error.class.as_str(), "a list broke off");
                    return Ok(None);
                }
            };
            principals.extend(page.principals);
            token = page.next;
            if token.is_none() {
                return Ok(Some(principals));
            }
        }
        Ok(None)
    }

    async fn turn_to_list(&self, cluster: &Cluster) -> Result<bool, WorkflowError> {
        for _ in 0..MOST_WAITS {
            match self.turns.wait(cluster, Urgency::Idle).await? {
                Turn::Come => return Ok(true),
                Turn::Queue(wait) => tokio::time::sleep(wait.to_std().unwrap_or_default()).await,
            }
        }
        Ok(false)
    }

    /// Lists entries every so often until `stop`, looking every `every` whether it is time.
    pub async fn watch_entries(self, every: Duration, stop: CancellationToken) {
        // A cluster that takes its time keeps none of the others waiting.
        let mut listings = JoinSet::new();
        loop {
            while listings.try_join_next().is_some() {}
            if let Err(error) = self.start_listings(&mut listings).await {
                tracing::warn!(%error, "cannot list the entries of the clusters; trying again");
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(every) => {}
            }
        }
    }
}

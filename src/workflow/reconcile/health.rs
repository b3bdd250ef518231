//! The health of clusters: one replica asks at a time, all of them know.

use chrono::TimeDelta;
use serde_json::json;

use super::super::WorkflowError;
use super::super::desk::Desk;
use crate::domain::cluster::Cluster;
use crate::domain::event::{EventType, NewEvent};
use crate::domain::sightings::GONE;
use crate::store::clusters::{self, Health};
use crate::store::{StoreError, Tx, events};

/// How long what is known of a cluster is good for.
const CHECK_EVERY: TimeDelta = TimeDelta::seconds(30);

/// Whether EKS has a cluster, by its latest answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sighting {
    /// It does.
    Shown,
    /// It says that it does not, to somebody who is in the right account.
    Missing,
    /// It did not say.
    Unsaid,
}

/// Takes on the checks that are due; answers the clusters' names.
///
/// # Errors
/// Those of the store.
pub async fn claim_checks(desk: &Desk) -> Result<Vec<String>, WorkflowError> {
    let mut tx = desk.store.begin().await?;
    let due = clusters::claim_due(&mut tx, &desk.clusters.names(), CHECK_EVERY).await?;
    tx.commit().await?;
    Ok(due)
}

/// Records what EKS said of `cluster`, or in `problems` why it said nothing; a change for better or worse is an event. Once
/// it is certain that the cluster is gone, or that one is back that was, its entries are looked at.
///
/// # Errors
/// Those of the store.
pub async fn record_health(
    desk: &Desk,
    cluster: &Cluster,
    mut health: Health,
    sighting: Sighting,
) -> Result<(), WorkflowError> {
    let mut tx = desk.store.begin().await?;
    let (now, tempo) = (tx.now(), &desk.settings.tempo);
    clusters::one_at_a_time(&mut tx, &cluster.name).await?;
    let before = known(&mut tx, &cluster.name).await?;
    health.sightings.clone_from(&before.sightings);
    health.missing.clone_from(&before.missing);
    let turned = match sighting {
        Sighting::Shown => health.sightings.show(&cluster.arn()),
        Sighting::Missing => health.sightings.miss(&cluster.arn(), now, tempo),
        Sighting::Unsaid => {
            health.sightings.doubt();
            false
        }
    };
    if sighting == Sighting::Shown {
        health.checked_at = Some(now);
    } else {
        // What EKS said last stays known while it says nothing.
        health.checked_at = before.checked_at;
        health.status.clone_from(&before.status);
        health.authentication_mode.clone_from(&before.authentication_mode);
        health.platform_version.clone_from(&before.platform_version);
    }
    let gone = health.sightings.is_gone(&cluster.arn());
    if gone {
        health.status = Some(GONE.to_owned());
        health.checked_at = Some(now);
        health.problems = vec![words_of_gone(cluster)];
    }
    if turned {
        clusters::wake_entries(&mut tx, &cluster.name).await?;
    }
    clusters::record(&mut tx, &health).await?;
    if sighting == Sighting::Missing && !gone && health.sightings.knows(&cluster.arn()) {
        // Soon, to be certain: until then nothing can be done there, and nothing is given up.
        clusters::check_at(&mut tx, &cluster.name, now + tempo.interval.max(TimeDelta::seconds(1))).await?;
    }
    tell(&mut tx, &before, &health, gone && turned).await?;
    Ok(tx.commit().await?)
}

/// What is known of a cluster; nothing, where it was never asked about.
pub(super) async fn known(tx: &mut Tx, name: &str) -> Result<Health, StoreError> {
    let known = clusters::of(tx, &[name.to_owned()]).await?.pop();
    Ok(known.unwrap_or_else(|| Health { cluster_name: name.to_owned(), ..Health::default() }))
}

/// Puts on record that a cluster is worse or better off than `before`; `news` says that it is so in another way.
pub(super) async fn tell(tx: &mut Tx, before: &Health, after: &Health, news: bool) -> Result<(), StoreError> {
    let well = |health: &Health| health.all_problems().next().is_none();
    let event = match (well(before), well(after)) {
        (true, false) => EventType::ClusterUnhealthy,
        (false, true) => EventType::ClusterHealthy,
        _ if news => EventType::ClusterUnhealthy,
        _ => return Ok(()),
    };
    let problems: Vec<_> = after.all_problems().collect();
    let mut event = NewEvent::by_entryway(event, json!({ "status": after.status, "problems": problems }));
    event.cluster_name = Some(after.cluster_name.clone());
    events::append(tx, vec![event]).await
}

fn words_of_gone(cluster: &Cluster) -> String {
    format!(
        "EKS no longer has the cluster {} in account {}, region {}. Its access entries went with it, and the grants on it have \
         ended. Take {} out of the configuration, or create the cluster anew.",
        cluster.eks_name, cluster.account_id, cluster.region, cluster.name
    )
}

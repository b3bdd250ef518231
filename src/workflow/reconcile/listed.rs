//! Lists of entries: one replica lists a cluster at a time, and what looks changed is looked at now.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;

use super::super::WorkflowError;
use super::super::desk::Desk;
use crate::domain::entry::EntryContent;
use crate::store::{clusters, entries};

/// How often the entries of a cluster are listed in one drift interval, so that those who vanish are missed early.
const PER_INTERVAL: i32 = 4;

/// The least time between two listings.
const LEAST: TimeDelta = TimeDelta::seconds(1);

/// Takes on the listings that are due; answers the clusters' names.
///
/// # Errors
/// Those of the store.
pub async fn claim_listings(desk: &Desk) -> Result<Vec<String>, WorkflowError> {
    let every = (desk.settings.tempo.drift_interval / PER_INTERVAL).max(LEAST);
    let mut tx = desk.store.begin().await?;
    let due = clusters::claim_listing(&mut tx, &desk.clusters.names(), every).await?;
    tx.commit().await?;
    Ok(due)
}

/// What was proven of the entries on `cluster` that are there, and must show in lists by now.
///
/// # Errors
/// Those of the store.
pub async fn proven(desk: &Desk, cluster: &str) -> Result<BTreeMap<String, EntryContent>, WorkflowError> {
    let (tempo, now) = (&desk.settings.tempo, desk.now());
    let mut known = BTreeMap::new();
    for record in entries::resting(&desk.store, cluster).await? {
        let shows = record.touched_at.is_none_or(|touched| touched + tempo.visibility <= now);
        if !record.is_proven(tempo) || record.disagreeing_reads > 0 || !shows {
            continue;
        }
        known.extend(record.written.and_then(|written| written.content).map(|held| (record.principal_arn, held)));
    }
    Ok(known)
}

/// Who should show in no list of `cluster`: Entryway wrote for them, and nothing is live for them any more. A write that came very
/// late may have left something behind, or somebody may have made an entry in Entryway's name; whoever has an entry of their
/// own is looked at once in a drift interval for it.
///
/// # Errors
/// Those of the store.
pub async fn idle(desk: &Desk, cluster: &str) -> Result<BTreeSet<String>, WorkflowError> {
    let looked_at = desk.now() - desk.settings.tempo.drift_interval;
    Ok(entries::idle(&desk.store, cluster, looked_at).await?.into_iter().collect())
}

/// Has the entries of `principals` looked at now.
///
/// # Errors
/// Those of the store.
pub async fn wake_all(desk: &Desk, cluster: &str, principals: &[&str]) -> Result<(), WorkflowError> {
    let mut tx = desk.store.begin().await?;
    for principal in principals {
        entries::wake(&mut tx, cluster, principal, false).await?;
    }
    Ok(tx.commit().await?)
}

//! What AWS does not let Entryway do, learnt from its refusals and forgotten when the same is allowed again.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;

use super::super::WorkflowError;
use super::super::desk::Desk;
use super::health::{known, tell};
use crate::domain::arn::PrincipalArn;
use crate::domain::cluster::Cluster;
use crate::store::clusters;

/// How often the permissions that can be tried out are, where nothing is known to be missing.
const PROBE_EVERY: TimeDelta = TimeDelta::minutes(10);

/// What became known about Entryway's permissions on a cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rights {
    /// What was refused, by what it is, with words that say what to allow.
    pub missing: BTreeMap<String, String>,
    /// What was allowed.
    pub granted: Vec<String>,
    /// Whether everything that can be tried out was.
    pub probed: bool,
}

/// That permissions are to be tried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// Whom in the cluster's account IAM may be asked about, where there is somebody.
    pub somebody: Option<PrincipalArn>,
}

/// Whether the permissions on `cluster` are to be tried out now.
///
/// # Errors
/// Those of the store.
pub async fn probe_due(desk: &Desk, cluster: &Cluster) -> Result<Option<Probe>, WorkflowError> {
    let mut tx = desk.store.begin().await?;
    let known = known(&mut tx, &cluster.name).await?;
    let rested = known.probed_at.is_none_or(|probed| tx.now() >= probed + PROBE_EVERY);
    if !rested && known.missing.is_empty() {
        return Ok(None);
    }
    let somebody = clusters::somebody_of(&mut tx, &cluster.name, &cluster.account_id).await?;
    tx.rollback().await?;
    Ok(Some(Probe { somebody: somebody.and_then(|arn| arn.parse().ok()) }))
}

/// Records it; when that makes the cluster worse or better off, it is an event.
///
/// # Errors
/// Those of the store.
pub async fn record_rights(desk: &Desk, cluster: &str, rights: &Rights) -> Result<(), WorkflowError> {
    let mut tx = desk.store.begin().await?;
    clusters::one_at_a_time(&mut tx, cluster).await?;
    let before = known(&mut tx, cluster).await?;
    clusters::record_rights(&mut tx, cluster, &rights.missing, &rights.granted, rights.probed).await?;
    let after = known(&mut tx, cluster).await?;
    tell(&mut tx, &before, &after, false).await?;
    Ok(tx.commit().await?)
}

/// What is known to be missing, by cluster.
///
/// # Errors
/// Those of the store.
pub async fn missing_rights(desk: &Desk) -> Result<BTreeMap<String, BTreeSet<String>>, WorkflowError> {
    let health = desk.health().await?;
    let lacking = health.into_iter().filter(|known| !known.missing.is_empty());
    Ok(lacking.map(|known| (known.cluster_name, known.missing.into_keys().collect())).collect())
}

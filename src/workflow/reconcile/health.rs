//! The health of clusters: one replica asks at a time, all of them know.

use chrono::TimeDelta;
use serde_json::json;

use super::super::WorkflowError;
use super::super::desk::Desk;
use crate::domain::event::{EventType, NewEvent};
use crate::store::clusters::{self, Health};
use crate::store::events;

/// How long what is known of a cluster is good for.
const CHECK_EVERY: TimeDelta = TimeDelta::seconds(30);

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

/// Records what EKS said of a cluster, or in `problems` why it said nothing; a change for better or worse is an event.
///
/// # Errors
/// Those of the store.
pub async fn record_health(desk: &Desk, mut health: Health, answered: bool) -> Result<(), WorkflowError> {
    let mut tx = desk.store.begin().await?;
    let names = [health.cluster_name.clone()];
    let before = clusters::of(&mut tx, &names).await?.pop();
    match &before {
        // What EKS said last stays known while it says nothing.
        Some(known) if !answered => {
            health.checked_at = known.checked_at;
            health.status.clone_from(&known.status);
            health.authentication_mode.clone_from(&known.authentication_mode);
            health.platform_version.clone_from(&known.platform_version);
        }
        _ => health.checked_at = answered.then(|| tx.now()),
    }
    clusters::record(&mut tx, &health).await?;
    let was_well = before.as_ref().is_none_or(|known| known.problems.is_empty());
    let event = match (was_well, health.problems.is_empty()) {
        (true, false) => Some(EventType::ClusterUnhealthy),
        (false, true) => Some(EventType::ClusterHealthy),
        _ => None,
    };
    if let Some(event) = event {
        let data = json!({ "status": health.status, "problems": health.problems });
        let mut event = NewEvent::by_entryway(event, data);
        event.cluster_name = Some(health.cluster_name.clone());
        events::append(&mut tx, vec![event]).await?;
    }
    Ok(tx.commit().await?)
}

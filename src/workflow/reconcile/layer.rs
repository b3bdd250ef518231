//! Grants on top of an entry of somebody else's: what it holds is remembered before anything is written, and follows what
//! its owner does to it meanwhile.

use serde_json::json;

use super::super::WorkflowError;
use super::super::desk::Desk;
use super::begin::{Run, assessed};
use super::events::of_entry;
use crate::domain::baseline::Baseline;
use crate::domain::cluster::DriftMode;
use crate::domain::entry::ObservedEntry;
use crate::domain::event::EventType;
use crate::domain::plan::plan;
use crate::domain::reconcile;
use crate::domain::request::Request;
use crate::store::{entries, requests};

/// Remembers what `entry` holds, and gives the lease back. With the second look in a row that shows the same, it is the
/// baseline that grants are layered on.
///
/// # Errors
/// [`crate::store::StoreError::LeaseLost`], and whatever else keeps Postgres from answering.
pub async fn remember(desk: &Desk, run: &Run, entry: &ObservedEntry) -> Result<(), WorkflowError> {
    let mut tx = desk.store.begin().await?;
    let now = tx.now();
    let mut record = entries::hold(&mut tx, &run.lease, desk.settings.lease).await?;
    let interval = desk.settings.tempo.interval;
    let again = record.last_read_at.is_some_and(|last| now - last >= interval);
    let confirmed = again && record.baseline.as_ref().is_some_and(|known| !known.confirmed && known.is_of(entry));
    record.attempts = 0;
    record.last_read_at = Some(now);
    record.baseline = Some(Baseline { confirmed, ..Baseline::of(entry) });
    // Whatever was written before was written to another entry.
    (record.touched_at, record.unsure, record.doubt_until) = (None, false, None);
    record.access_entry_arn = None;
    record.adopt(Some(entry.content.clone()));
    entries::save(&mut tx, &run.lease, &record).await?;
    entries::postpone(&mut tx, &run.lease, if confirmed { now } else { now + interval }).await?;
    Ok(tx.commit().await?)
}

/// Records that the owner of a layered entry changed it to `seen` (`None`: deleted it), and keeps the lease. Their change is
/// part of the baseline from now on. What they took away of the grants is drift, to be repaired or only reported.
///
/// # Errors
/// [`crate::store::StoreError::LeaseLost`], and whatever else keeps Postgres from answering.
pub async fn rebase(
    desk: &Desk,
    run: &Run,
    mode: DriftMode,
    seen: Option<&ObservedEntry>,
) -> Result<(), WorkflowError> {
    let mut tx = desk.store.begin().await?;
    let mut all = requests::lock_of_entry(&mut tx, &run.lease.cluster_name, &run.lease.principal_arn).await?;
    let mut record = entries::hold(&mut tx, &run.lease, desk.settings.lease).await?;
    let content = seen.map(|entry| &entry.content);
    let before = record.written.as_ref().and_then(|written| written.content.clone());
    record.baseline = reconcile::rebase(&record, run.desired.as_ref(), content, tx.now());
    record.adopt(content.cloned());
    let policies = desk.policies.current();
    let desired = assessed(desk, &policies, &mut tx, &all, &record).await?.desired;
    record.drifted |= !plan(content, desired.as_ref()).is_empty();
    let data = json!({
        "before": before,
        "after": content,
        "baseline": record.layered_on().map(|baseline| &baseline.content),
        "repair": record.drifted && mode == DriftMode::Repair,
    });
    let holds = |request: &Request| run.covers(request) && request.state.is_granting();
    of_entry(&mut tx, &run.lease, &mut all, holds, EventType::EntryDrifted, data).await?;
    entries::save(&mut tx, &run.lease, &record).await?;
    Ok(tx.commit().await?)
}

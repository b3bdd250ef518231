//! An entry of somebody else's, where nothing may be layered on it.

use serde_json::json;

use super::super::WorkflowError;
use super::super::desk::Desk;
use super::super::standing::save;
use super::begin::{Run, fail};
use super::due::due;
use super::events::of_entry;
use crate::domain::event::EventType;
use crate::domain::request::Request;
use crate::domain::trouble::Trouble;
use crate::store::{Tx, entries, requests};

const NOT_OWNED: &str = "this principal has an access entry on the cluster that Entryway did not create, so it was left as it is. Delete that entry (or have its owner do so) and retry.";

/// Fails every grant on the entry, puts the conflict on record, and touches nothing.
///
/// # Errors
/// [`crate::store::StoreError::LeaseLost`], and whatever else keeps Postgres from answering.
pub async fn refuse(desk: &Desk, run: &Run, access_entry_arn: Option<&str>) -> Result<(), WorkflowError> {
    let mut tx = desk.store.begin().await?;
    let now = tx.now();
    let mut all = requests::lock_of_entry(&mut tx, &run.lease.cluster_name, &run.lease.principal_arn).await?;
    let mut record = entries::hold(&mut tx, &run.lease, desk.settings.lease).await?;
    let data = json!({ "accessEntryArn": access_entry_arn });
    let fails = |request: &Request| request.state.is_granting();
    of_entry(&mut tx, &run.lease, &mut all, fails, EventType::EntryConflict, data).await?;
    fail_granting(&mut tx, &mut all, now).await?;
    record.attempts = 0;
    record.written = None;
    record.baseline = None;
    record.binding = None;
    record.repair_asked_at = None;
    record.access_entry_arn = None;
    record.drifted = false;
    record.restart_proof();
    entries::save(&mut tx, &run.lease, &record).await?;
    let due = due(&desk.settings, &all, &record, now, None);
    entries::release(&mut tx, &run.lease, due).await?;
    Ok(tx.commit().await?)
}

async fn fail_granting(
    tx: &mut Tx,
    all: &mut [Request],
    now: chrono::DateTime<chrono::Utc>,
) -> Result<(), WorkflowError> {
    for request in all.iter_mut().filter(|request| request.state.is_granting()) {
        let from = request.state;
        let event = fail(request, now, Trouble::EntryNotOwned, NOT_OWNED.to_owned());
        save(tx, request, from, vec![event]).await?;
    }
    Ok(())
}

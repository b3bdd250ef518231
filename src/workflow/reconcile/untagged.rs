//! Our own entry without our tag: somebody took it off. Its ARN says that it is still the entry that Entryway made.

use std::collections::BTreeMap;

use serde_json::json;

use super::super::WorkflowError;
use super::super::desk::Desk;
use super::begin::Run;
use super::due::due;
use crate::domain::cluster::DriftMode;
use crate::domain::entry::OWNER_TAG;
use crate::domain::event::{EventType, NewEvent};
use crate::store::{entries, events, requests};

/// Records that the tag is missing, once, and keeps the lease. `tags` are those that are there.
///
/// What the entry holds stands as it was proven, and so do its grants: nobody's access is in question.
///
/// # Errors
/// [`crate::store::StoreError::LeaseLost`], and whatever else keeps Postgres from answering.
pub async fn untagged(
    desk: &Desk,
    run: &mut Run,
    mode: DriftMode,
    tags: &BTreeMap<String, String>,
) -> Result<(), WorkflowError> {
    let mut tx = desk.store.begin().await?;
    let mut record = entries::hold(&mut tx, &run.lease, desk.settings.lease).await?;
    if record.note_drift(&json!({ "tags": tags })) {
        let mut before = tags.clone();
        before.insert(OWNER_TAG.to_owned(), desk.settings.installation.clone());
        let data =
            json!({ "before": { "tags": before }, "after": { "tags": tags }, "repair": mode == DriftMode::Repair });
        let event = NewEvent::by_entryway(EventType::EntryDrifted, data);
        events::append(&mut tx, vec![event.on_entry(&run.lease.cluster_name, &run.lease.principal_arn)]).await?;
        entries::save(&mut tx, &run.lease, &record).await?;
    }
    tx.commit().await?;
    run.record = record;
    Ok(())
}

/// Records that the tag was put back, and gives the lease back. Once it shows, the repair is on record as well.
///
/// # Errors
/// [`crate::store::StoreError::LeaseLost`], and whatever else keeps Postgres from answering.
pub async fn tagged(
    desk: &Desk,
    run: &Run,
    access_entry_arn: &str,
    tags: &BTreeMap<String, String>,
    aws_request_id: Option<String>,
) -> Result<(), WorkflowError> {
    let mut tx = desk.store.begin().await?;
    let now = tx.now();
    let all = requests::lock_of_entry(&mut tx, &run.lease.cluster_name, &run.lease.principal_arn).await?;
    let mut record = entries::hold(&mut tx, &run.lease, desk.settings.lease).await?;
    record.attempts = 0;
    record.touched_at = Some(now);
    let data =
        json!({ "tags": tags, "awsRequestId": aws_request_id, "accessEntryArn": access_entry_arn, "requestIds": [] });
    let event = NewEvent::by_entryway(EventType::EntryUpdated, data);
    events::append(&mut tx, vec![event.on_entry(&run.lease.cluster_name, &run.lease.principal_arn)]).await?;
    entries::save(&mut tx, &run.lease, &record).await?;
    let due = due(&desk.settings, &all, &record, now, None);
    entries::release(&mut tx, &run.lease, due).await?;
    Ok(tx.commit().await?)
}

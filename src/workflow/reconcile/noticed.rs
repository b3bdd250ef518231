//! A look that shows what a write did whose answer was lost.

use super::super::WorkflowError;
use super::super::desk::Desk;
use super::super::standing::save;
use super::begin::Run;
use super::takeover::Ends;
use crate::domain::entry::EntryContent;
use crate::domain::request::Request;
use crate::domain::states::RequestState;
use crate::store::{entries, requests};

/// Starts the clock of grants that the entry already gives something of: the write that did so was made when EKS was last
/// told anything, so that nobody has access longer than they asked for, however long the rest takes to be written.
///
/// # Errors
/// [`crate::store::StoreError::LeaseLost`], and whatever else keeps Postgres from answering.
pub async fn noticed(desk: &Desk, run: &Run, seen: Option<&EntryContent>) -> Result<(), WorkflowError> {
    let (Some(seen), Some(touched)) = (seen, run.record.touched_at) else { return Ok(()) };
    let mut tx = desk.store.begin().await?;
    let mut all = requests::lock_of_entry(&mut tx, &run.lease.cluster_name, &run.lease.principal_arn).await?;
    entries::hold(&mut tx, &run.lease, desk.settings.lease).await?;
    let ends = Ends::of(&all);
    let since = |request: &Request| request.applying_since.is_some_and(|since| since <= touched);
    let waits = |request: &Request| request.state == RequestState::Applying && request.grant.starts_at.is_none();
    for request in all.iter_mut().filter(|r| run.covers(r) && waits(r) && since(r) && gives(seen, &r.spec.content)) {
        ends.begin(request, touched);
        save(&mut tx, request, RequestState::Applying, vec![]).await?;
    }
    Ok(tx.commit().await?)
}

/// Whether an entry that holds `seen` gives something of `asked`. That of nodes gives all it has by being there.
fn gives(seen: &EntryContent, asked: &EntryContent) -> bool {
    (asked.entry_type.is_of_nodes() && seen.entry_type == asked.entry_type)
        || !seen.kubernetes_groups.is_disjoint(&asked.kubernetes_groups)
        || seen.access_policies.keys().any(|policy| asked.access_policies.contains_key(policy))
}

//! The last look before a write. Whatever was decided at the start of the run may have changed since: somebody revoked,
//! somebody lost the right to approve, another worker took over.

use super::super::WorkflowError;
use super::super::desk::Desk;
use super::begin::{Run, assessed};
use super::events::is_for;
use crate::domain::plan::Step;
use crate::store::{entries, requests};

/// Whether to go on with a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guarded {
    /// Everything still stands, the lease is prolonged, and it is on record that a write is about to be made.
    Proceed,
    /// Something changed: start the run over.
    Changed,
}

/// Checks, right before `step`, that the lease is held and that the same is still desired, from the review rows.
///
/// # Errors
/// [`crate::store::StoreError::LeaseLost`], and whatever else keeps Postgres from answering: then nothing is written.
pub async fn guard(desk: &Desk, run: &mut Run, step: &Step) -> Result<Guarded, WorkflowError> {
    let policies = desk.policies.current();
    let mut tx = desk.store.begin().await?;
    let all = requests::lock_of_entry(&mut tx, &run.lease.cluster_name, &run.lease.principal_arn).await?;
    let mut record = entries::hold(&mut tx, &run.lease, desk.settings.lease).await?;
    let assessment = assessed(desk, &policies, &mut tx, &all, &record).await?;
    if !assessment.moves.is_empty() || assessment.desired != run.desired {
        return Ok(Guarded::Changed);
    }
    if let (Step::Create(_), Some(binding)) = (step, &mut record.binding) {
        // The entry that was to be made anew is gone. Whatever shows under its ARN from here on is an old read.
        binding.condemned = false;
    }
    record.begin_write(tx.now(), &desk.settings.tempo);
    record.await_answer(step, tx.now());
    entries::save(&mut tx, &run.lease, &record).await?;
    run.now = tx.now();
    let made_for = all.iter().find(|request| run.covers(request) && is_for(step, request));
    run.on_behalf_of = made_for.map(|request| request.id).or(run.on_behalf_of);
    tx.commit().await?;
    Ok(Guarded::Proceed)
}

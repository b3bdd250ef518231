//! A call to EKS that did not go through. What is final fails the grants it is final for; everything else waits, and
//! says for what and until when. Taking away is never given up.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::super::WorkflowError;
use super::super::desk::Desk;
use super::super::standing::{own_event, save};
use super::begin::Run;
use super::due::due;
use super::events::{grants, tell_failed};
use crate::domain::event::EventType;
use crate::domain::plan::Step;
use crate::domain::request::{LastError, Request};
use crate::domain::states::RequestState;
use crate::store::{entries, requests};

/// Whether a grant has failed with the call that was made for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finality {
    /// Asking again may well help.
    Passing,
    /// Final once the grant has been tried for `worker.fresh_principal_grace`.
    AfterGrace,
    /// Somebody has to mend something. A grant that was never applied fails, to be tried again when that is done; one
    /// that holds access already is not given up for the sake of a right or a setting that is missing at the moment.
    UnlessApplied,
    /// Asking again will not change it.
    Final,
}

/// What went wrong, as far as it matters for what to do next.
#[derive(Debug, Clone)]
pub struct Failure {
    /// A code of ours.
    pub code: &'static str,
    /// What it means and what to do about it.
    pub detail: String,
    /// AWS's code.
    pub aws_code: Option<String>,
    /// AWS's own words.
    pub aws_message: Option<String>,
    /// Whether asking again may change it.
    pub finality: Finality,
    /// Waiting rather than failing: it does not count as an attempt.
    pub is_snooze: bool,
    /// The write may have happened all the same.
    pub is_ambiguous: bool,
    /// Nothing was even sent.
    pub is_unsent: bool,
    /// The id under which AWS knows the call.
    pub aws_request_id: Option<String>,
    /// How long to wait before the next attempt.
    pub wait: TimeDelta,
}

/// Records a failed call (`step`; `None` for a look) and gives the lease back.
///
/// # Errors
/// [`crate::store::StoreError::LeaseLost`], and whatever else keeps Postgres from answering.
pub async fn trouble(desk: &Desk, run: &Run, step: Option<&Step>, failure: &Failure) -> Result<(), WorkflowError> {
    let mut tx = desk.store.begin().await?;
    let now = tx.now();
    let mut all = match step {
        Some(_) => requests::lock_of_entry_and_last(&mut tx, &run.lease).await?,
        None => requests::lock_of_entry(&mut tx, &run.lease.cluster_name, &run.lease.principal_arn).await?,
    };
    let mut record = entries::hold(&mut tx, &run.lease, desk.settings.lease).await?;
    // A write that went through before this call has set it back, and this one counts all the same.
    record.attempts = if failure.is_snooze { 0 } else { record.attempts.max(1) };
    if step.is_some() && !failure.is_ambiguous {
        // It is known not to have happened, so what was known before is still so.
        record.touched_at = run.record.touched_at;
        record.unsure = run.record.unsure;
        record.unheard.clone_from(&run.record.unheard);
    }
    if let Some(step) = step.filter(|_| !failure.is_unsent) {
        tell_failed(&mut tx, run, &mut all, step, failure).await?;
        record.unheard.iter_mut().for_each(|call| call.told = true);
    }
    let attempts = record.attempts;
    let error = |retrying| LastError {
        code: failure.code.to_owned(),
        detail: failure.detail.clone(),
        aws_code: failure.aws_code.clone(),
        aws_message: failure.aws_message.clone(),
        at: now,
        attempts,
        retrying,
        next_attempt_at: (retrying && !failure.is_snooze).then(|| now + failure.wait),
    };
    let mut gave_up = false;
    let ours = |request: &Request| run.covers(request) && concerns(step, request);
    // A write that is made for a new grant is not held against one that is already being proven.
    let applying = all.iter().any(|request| request.state == RequestState::Applying && ours(request));
    for request in all.iter_mut().filter(|request| ours(request)) {
        let from = request.state;
        let may_fail = step != Some(&Step::Delete)
            && (from == RequestState::Applying || (from == RequestState::Verifying && !applying && step.is_some()));
        let fails = may_fail && is_final_for(desk, failure, request, now);
        if !fails
            && failure.is_snooze
            && request.last_error.as_ref().is_some_and(|known| known.detail == failure.detail)
        {
            continue;
        }
        gave_up |= fails;
        request.last_error = Some(error(!fails));
        let mut events = vec![];
        if fails {
            request.state = RequestState::Failed;
            events.push(own_event(EventType::RequestFailed, request, json!({ "error": request.last_error })));
        }
        save(&mut tx, request, from, events).await?;
    }
    record.last_error = Some(error(!gave_up));
    entries::save(&mut tx, &run.lease, &record).await?;
    // Once a grant has failed, what is left of the entry is put right at once.
    let not_before = if gave_up { now } else { now + failure.wait };
    let mut due = due(&desk.settings, &all, &record, now, Some(not_before));
    if gave_up {
        (due.next_run_at, due.ends_at) = (Some(now), Some(now));
    }
    entries::release(&mut tx, &run.lease, due).await?;
    Ok(tx.commit().await?)
}

/// Whether the failed call was made for `request`. A failed look concerns everything that is on its way.
fn concerns(step: Option<&Step>, request: &Request) -> bool {
    match request.state {
        RequestState::Applying if step == Some(&Step::Delete) => true,
        RequestState::Applying | RequestState::Verifying => step.is_none_or(|step| grants(step, request)),
        RequestState::Revoking => match step {
            Some(Step::Create(_)) => false,
            // A scope that is made narrower takes away.
            Some(Step::Associate { policy_arn, .. }) => request.spec.content.access_policies.contains_key(policy_arn),
            _ => true,
        },
        _ => false,
    }
}

fn is_final_for(desk: &Desk, failure: &Failure, request: &Request, now: DateTime<Utc>) -> bool {
    match failure.finality {
        Finality::Passing => false,
        Finality::AfterGrace => {
            request.applying_since.is_none_or(|since| now >= since + desk.settings.fresh_principal_grace)
        }
        Finality::UnlessApplied => request.grant.applied_at.is_none(),
        Finality::Final => true,
    }
}

/// Gives the lease back without having found anything out, to be looked at again after `wait`.
///
/// # Errors
/// [`crate::store::StoreError::LeaseLost`], and whatever else keeps Postgres from answering.
pub async fn abandon(desk: &Desk, lease: &entries::Lease, wait: TimeDelta) -> Result<(), WorkflowError> {
    let mut tx = desk.store.begin().await?;
    entries::hold(&mut tx, lease, desk.settings.lease).await?;
    let at = tx.now() + wait;
    entries::postpone(&mut tx, lease, at).await?;
    Ok(tx.commit().await?)
}

/// Gives the lease back because it is not yet this entry's turn, which is no failed attempt.
///
/// # Errors
/// [`crate::store::StoreError::LeaseLost`], and whatever else keeps Postgres from answering.
pub async fn put_off(desk: &Desk, lease: &entries::Lease, wait: TimeDelta) -> Result<(), WorkflowError> {
    let mut tx = desk.store.begin().await?;
    let mut record = entries::hold(&mut tx, lease, desk.settings.lease).await?;
    record.attempts = (record.attempts - 1).max(0);
    entries::save(&mut tx, lease, &record).await?;
    let at = tx.now() + wait;
    entries::postpone(&mut tx, lease, at).await?;
    Ok(tx.commit().await?)
}

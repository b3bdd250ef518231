//! A write that EKS took. What it answered is on record before the next one is made.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::super::WorkflowError;
use super::super::desk::Desk;
use super::super::standing::{own_event, save};
use super::begin::Run;
use super::due::due;
use super::events::{grants, is_for, of_step, told};
use crate::domain::entry::EntryContent;
use crate::domain::event::{EventType, NewEvent};
use crate::domain::plan::Step;
use crate::domain::principal::{Binding, Presence};
use crate::domain::record::Written;
use crate::domain::request::{Grant, Request};
use crate::domain::states::RequestState;
use crate::store::{Tx, entries, events, requests};

/// What came of a write.
#[derive(Debug, Clone)]
pub struct Done {
    /// What was written.
    pub step: Step,
    /// The id AWS knows it by.
    pub aws_request_id: Option<String>,
    /// Whether EKS saw what it was to take away. If not, right after another write, that may not be visible to it yet.
    pub was_there: bool,
    /// The ARN of a created entry.
    pub access_entry_arn: Option<String>,
    /// What IAM said of the principal right before its entry was created.
    pub presence: Option<Presence>,
    /// What EKS holds now.
    pub content: Option<EntryContent>,
    /// Whether nothing is left to write.
    pub last: bool,
}

/// Records a write. Access that it gives begins here; after the last one, what was being applied is to be proven.
///
/// # Errors
/// [`crate::store::StoreError::LeaseLost`], and whatever else keeps Postgres from answering: then the next run finds
/// out by looking.
pub async fn wrote(desk: &Desk, run: &mut Run, done: Done) -> Result<(), WorkflowError> {
    let mut tx = desk.store.begin().await?;
    let now = tx.now();
    let mut all = requests::lock_of_entry(&mut tx, &run.lease.cluster_name, &run.lease.principal_arn).await?;
    let mut record = entries::hold(&mut tx, &run.lease, desk.settings.lease).await?;
    let recent = run.record.touched_at.is_some_and(|at| now < at + desk.settings.tempo.visibility);
    record.touched_at = Some(now);
    record.unsure = !done.was_there && recent;
    record.attempts = 0;
    record.last_error = None;
    record.written = Some(Written { content: done.content.clone() });
    if done.access_entry_arn.is_some() {
        record.access_entry_arn.clone_from(&done.access_entry_arn);
    }
    match (&done.step, &done.access_entry_arn, &done.presence) {
        (Step::Create(_), Some(arn), Some(presence)) => record.binding = Some(Binding::of_new(arn, presence, now)),
        (Step::Create(_) | Step::Delete, ..) => record.binding = None,
        _ => {}
    }
    log(&mut tx, run, &mut all, &done, now).await?;
    if done.last {
        for request in all.iter_mut().filter(|request| request.state == RequestState::Applying && run.covers(request)) {
            applied(&mut tx, request, now).await?;
        }
    }
    entries::save(&mut tx, &run.lease, &record).await?;
    if done.last {
        let due = due(&desk.settings, &all, &record, now, Some(now + desk.settings.tempo.interval));
        entries::release(&mut tx, &run.lease, due).await?;
    }
    tx.commit().await?;
    run.record = record;
    Ok(())
}

/// Every write of a request is done (or none was needed): its proof begins.
pub(super) async fn applied(tx: &mut Tx, request: &mut Request, now: DateTime<Utc>) -> Result<(), WorkflowError> {
    begin_grant(request, now);
    request.grant.applied_at = Some(now);
    request.grant.verified_at = None;
    request.verification = Default::default();
    request.last_error = None;
    request.state = RequestState::Verifying;
    let data = json!({ "startsAt": request.grant.starts_at, "expiresAt": request.grant.expires_at });
    let event = own_event(EventType::RequestVerifying, request, data);
    save(tx, request, RequestState::Applying, vec![event]).await
}

/// The clock of a grant's duration starts at its first successful write, once.
pub(super) fn begin_grant(request: &mut Request, at: DateTime<Utc>) {
    let Grant { starts_at, expires_at, .. } = &mut request.grant;
    if starts_at.is_none() {
        *starts_at = Some(at);
        *expires_at = request.spec.duration.map(|duration| at + duration);
    }
}

/// Puts the write on record with the request it was made for, and starts the clocks of all that it gives access to.
async fn log(
    tx: &mut Tx,
    run: &Run,
    all: &mut [Request],
    done: &Done,
    now: DateTime<Utc>,
) -> Result<(), WorkflowError> {
    let concerned = |request: &Request| run.covers(request) && is_for(&done.step, request);
    let mut data = told(&done.step);
    data["awsRequestId"] = json!(done.aws_request_id);
    data["accessEntryArn"] = json!(done.access_entry_arn.as_ref().or(run.record.access_entry_arn.as_ref()));
    data["requestIds"] = json!(all.iter().filter(|r| concerned(r)).map(|r| r.id).collect::<Vec<_>>());
    let event = of_step(&done.step);
    let mut unlogged = true;
    for request in all.iter_mut().filter(|request| concerned(request)) {
        let logged = unlogged.then(|| own_event(event, request, data.clone()));
        unlogged = false;
        let (state, clock_ran) = (request.state, request.grant.starts_at.is_some());
        let gives = state == RequestState::Applying && grants(&done.step, request);
        if gives {
            begin_grant(request, now);
        }
        if logged.is_some() || (!clock_ran && gives) {
            save(tx, request, state, logged.into_iter().collect()).await?;
        }
    }
    if unlogged {
        let event = NewEvent::by_entryway(event, data).on_entry(&run.lease.cluster_name, &run.lease.principal_arn);
        events::append(tx, vec![event]).await?;
    }
    Ok(())
}

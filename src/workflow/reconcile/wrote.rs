//! A write that EKS took. What it answered is on record before the next one is made.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::super::WorkflowError;
use super::super::desk::Desk;
use super::super::standing::{own_event, save};
use super::begin::Run;
use super::due::due;
use super::events::{concerned, grants, of_entry, of_step, told};
use super::takeover::Ends;
use crate::domain::entry::EntryContent;
use crate::domain::event::EventType;
use crate::domain::plan::Step;
use crate::domain::principal::{Binding, Presence};
use crate::domain::record::Written;
use crate::domain::request::Request;
use crate::domain::states::RequestState;
use crate::store::{Tx, entries, requests};

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
    let mut all = match done.step {
        // What a grant that failed half-way left behind, or a call that came late, is nobody's any more.
        Step::Delete => requests::lock_of_entry_and_last(&mut tx, &run.lease).await?,
        _ => requests::lock_of_entry(&mut tx, &run.lease.cluster_name, &run.lease.principal_arn).await?,
    };
    let mut record = entries::hold(&mut tx, &run.lease, desk.settings.lease).await?;
    // The answer has come. What is left are calls before it.
    record.unheard.clone_from(&run.record.unheard);
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
    let ends = Ends::of(&all);
    log(&mut tx, run, &mut all, &ends, &done, now).await?;
    if done.last {
        for request in all.iter_mut().filter(|request| request.state == RequestState::Applying && run.covers(request)) {
            applied(&mut tx, request, &ends, now).await?;
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
pub(super) async fn applied(
    tx: &mut Tx,
    request: &mut Request,
    ends: &Ends,
    now: DateTime<Utc>,
) -> Result<(), WorkflowError> {
    ends.begin(request, now);
    request.grant.applied_at = Some(now);
    request.grant.verified_at = None;
    request.verification = Default::default();
    request.last_error = None;
    request.state = RequestState::Verifying;
    let data = json!({ "startsAt": request.grant.starts_at, "expiresAt": request.grant.expires_at });
    let event = own_event(EventType::RequestVerifying, request, data);
    save(tx, request, RequestState::Applying, vec![event]).await
}

/// Puts the write on record with the requests it was made for, and starts the clocks of all that it gives access to.
async fn log(
    tx: &mut Tx,
    run: &Run,
    all: &mut [Request],
    ends: &Ends,
    done: &Done,
    now: DateTime<Utc>,
) -> Result<(), WorkflowError> {
    let mut data = told(&done.step);
    data["awsRequestId"] = json!(done.aws_request_id);
    data["accessEntryArn"] = json!(done.access_entry_arn.as_ref().or(run.record.access_entry_arn.as_ref()));
    let ids = concerned(run.covered(), &done.step, all);
    of_entry(tx, &run.lease, all, |request| ids.contains(&request.id), of_step(&done.step), data).await?;
    for request in
        all.iter_mut().filter(|r| r.state == RequestState::Applying && run.covers(r) && grants(&done.step, r))
    {
        if request.grant.starts_at.is_none() {
            ends.begin(request, now);
            save(tx, request, RequestState::Applying, vec![]).await?;
        }
    }
    Ok(())
}

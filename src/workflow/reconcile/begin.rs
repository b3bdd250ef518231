//! The start of a run: what time has brought about is recorded, and what the entry should hold is worked out.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;

use super::super::WorkflowError;
use super::super::desk::Desk;
use super::super::standing::{own_event, save};
use super::assess::{Assessment, Move, assess};
use super::errand::{Errand, UNFINISHED};
use super::events::{misfit, tell_unheard};
use crate::domain::entry::EntryContent;
use crate::domain::event::{EventType, NewEvent};
use crate::domain::record::EntryRecord;
use crate::domain::request::{LastError, Request};
use crate::domain::states::{EndReason, RequestState};
use crate::domain::trouble::Trouble;
use crate::policy::PolicySet;
use crate::store::entries::{self, Lease};
use crate::store::{Tx, requests, reviews};

/// One run on one entry.
#[derive(Debug, Clone)]
pub struct Run {
    /// The right to work on it.
    pub lease: Lease,
    /// What is remembered of it.
    pub record: EntryRecord,
    /// What it should hold.
    pub desired: Option<EntryContent>,
    /// The tags it would be created with.
    pub tags: BTreeMap<String, String>,
    /// Whether a grant waits to be applied. Then the entry is written even where drift is only to be reported.
    pub applying: bool,
    /// Whether there is something to take away.
    pub ending: bool,
    /// The entry of ours that a look has found.
    pub found: Option<String>,
    /// Whether IAM was asked about its principal, whatever came of that.
    pub asked_iam: bool,
    /// The request that calls are made for; `None` for a look that is for none in particular.
    pub on_behalf_of: Option<Uuid>,
    /// Which traces it is part of.
    pub errand: Errand,
    /// The requests this was worked out from. What the run finds out is about no others.
    covered: BTreeSet<Uuid>,
    /// When this was worked out.
    pub now: DateTime<Utc>,
}

impl Run {
    /// The requests that this run was worked out from.
    #[must_use]
    pub const fn covered(&self) -> &BTreeSet<Uuid> {
        &self.covered
    }

    /// Whether `request` is one of those that this run was worked out from.
    pub(super) fn covers(&self, request: &Request) -> bool {
        self.covered.contains(&request.id)
    }
}

/// Records what has become due (starts, expiries, lost quorums, deadlines) and says what the entry should hold now.
///
/// # Errors
/// [`crate::store::StoreError::LeaseLost`], and whatever else keeps Postgres from answering.
pub async fn begin(desk: &Desk, lease: &Lease) -> Result<Run, WorkflowError> {
    let policies = desk.policies.current();
    let mut tx = desk.store.begin().await?;
    let mut all = match lease.attempts {
        ..=1 => requests::lock_of_entry(&mut tx, &lease.cluster_name, &lease.principal_arn).await?,
        // The worker before may have died in the middle of something.
        _ => requests::lock_of_entry_and_last(&mut tx, lease).await?,
    };
    let mut record = entries::hold(&mut tx, lease, desk.settings.lease).await?;
    let Assessment { moves, covered, desired, tags } = assessed(desk, &policies, &mut tx, &all, &record).await?;
    tell_unheard(&mut tx, lease, &mut all, &covered, &mut record).await?;
    let takes_away = moves.iter().any(|(_, due)| *due != Move::Start);
    if takes_away {
        entries::mark_ending(&mut tx, lease).await?;
    }
    for (place, due) in moves {
        carry_out(&policies, &mut tx, &mut all[place], due).await?;
    }
    let first = |state| all.iter().find(|request| request.state == state && covered.contains(&request.id));
    let applying = first(RequestState::Applying).is_some();
    let on_behalf_of = UNFINISHED.into_iter().find_map(first).map(|request| request.id);
    let errand = Errand::of(&all, &covered);
    let now = tx.now();
    tx.commit().await?;
    let ending = lease.ending || takes_away;
    Ok(Run {
        lease: lease.clone(),
        record,
        desired,
        tags,
        applying,
        ending,
        found: None,
        asked_iam: false,
        on_behalf_of,
        errand,
        covered,
        now,
    })
}

/// The entry as it should be, from rows this transaction holds.
pub(super) async fn assessed(
    desk: &Desk,
    policies: &PolicySet,
    tx: &mut Tx,
    all: &[Request],
    record: &EntryRecord,
) -> Result<Assessment, WorkflowError> {
    let ids: Vec<_> = all.iter().map(|request| request.id).collect();
    let given = reviews::of_requests(tx, &ids).await?;
    desk.recall(tx, all, &given).await?;
    Ok(assess(desk, policies, all, &given, record, tx.now()))
}

async fn carry_out(policies: &PolicySet, tx: &mut Tx, request: &mut Request, due: Move) -> Result<(), WorkflowError> {
    let (from, now) = (request.state, tx.now());
    let event = match due {
        Move::Start => {
            request.state = RequestState::Applying;
            request.applying_since = Some(now);
            request.policy_digest = policies.digest().to_owned();
            own_event(
                EventType::RequestApplying,
                request,
                json!({ "why": "its start has come", "policyDigest": policies.digest() }),
            )
        }
        Move::Expire => end(request, EndReason::Expired, json!({ "expiresAt": request.grant.expires_at })),
        Move::LoseQuorum(missing) => {
            request.policy_digest = policies.digest().to_owned();
            end(request, EndReason::Policy, json!({ "missing": missing, "policyDigest": policies.digest() }))
        }
        Move::MissDeadline => {
            let detail = "it could not be applied before worker.apply_deadline; file a new request, or retry";
            fail(request, now, Trouble::ApplyDeadlinePassed, detail.to_owned())
        }
        Move::Misfit(conflict) => {
            let (trouble, detail) = misfit(&conflict);
            fail(request, now, trouble, detail)
        }
    };
    save(tx, request, from, vec![event]).await
}

fn end(request: &mut Request, end_reason: EndReason, mut data: serde_json::Value) -> NewEvent {
    request.state = RequestState::Revoking;
    request.end_reason = Some(end_reason);
    data["endReason"] = json!(end_reason.as_str());
    own_event(EventType::RequestRevoking, request, data)
}

/// Fails a request for a reason of ours; EKS was not asked.
pub(super) fn fail(request: &mut Request, now: DateTime<Utc>, trouble: Trouble, detail: String) -> NewEvent {
    let attempts = request.last_error.as_ref().map_or(0, |error| error.attempts);
    let error = LastError {
        code: trouble.as_str().to_owned(),
        detail,
        aws_code: None,
        aws_message: None,
        at: now,
        attempts,
        retrying: false,
        next_attempt_at: None,
    };
    let data = json!({ "error": error });
    request.state = RequestState::Failed;
    request.last_error = Some(error);
    own_event(EventType::RequestFailed, request, data)
}

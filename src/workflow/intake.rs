//! An ask on its way to being a request: every rule, and what policy says to its being asked. Nothing is read or stored.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::WorkflowError;
use super::desk::{Desk, call_of};
use super::principals::Presences;
use crate::domain::ask::Ask;
use crate::domain::identity::Caller;
use crate::domain::request::{Grant, Request, Verification};
use crate::domain::rules::{self, Accepted, Context, LiveEntry, Violation};
use crate::domain::states::RequestState;
use crate::policy::{Action, PolicySet, Scene};
use crate::store::requests::Beside;
use crate::telemetry::spans;

/// What is part of the entry that `ask` is about.
fn entry(beside: &Beside, ask: &Ask) -> Vec<LiveEntry> {
    let same = |request: &&Request| {
        request.spec.cluster_name == ask.cluster_name
            && request.spec.principal.to_string() == ask.principal_arn
            && request.state != RequestState::Revoking
    };
    let live = beside.live.iter().filter(same).map(|request| LiveEntry {
        request_id: request.id,
        entry_type: request.spec.content.entry_type,
        username: request.spec.content.username.clone(),
    });
    live.collect()
}

/// Checks every rule.
///
/// # Errors
/// Everything that is wrong.
pub(super) fn check(
    desk: &Desk,
    ask: &Ask,
    now: DateTime<Utc>,
    beside: &Beside,
    presences: &Presences,
) -> Result<Accepted, Vec<Violation>> {
    let gate = beside.gates.iter().find(|(name, _)| *name == ask.cluster_name).map(|(_, gate)| gate);
    let context = Context {
        cluster: desk.clusters.get(&ask.cluster_name),
        known_clusters: &desk.clusters.names(),
        gate,
        presence: &presences.of(ask),
        limits: &desk.settings.limits,
        now,
        catalogue: &desk.catalogue.current(),
        live: &entry(beside, ask),
    };
    rules::check(ask, &context)
}

/// Makes the request out of what was asked; `reach` is that of an extension. It waits for people.
pub(super) fn draft(
    desk: &Desk,
    policies: &PolicySet,
    caller: &Caller,
    accepted: Accepted,
    reach: Option<TimeDelta>,
    now: DateTime<Utc>,
) -> Request {
    Request {
        id: Uuid::now_v7(),
        state: RequestState::Pending,
        end_reason: None,
        version: 1,
        spec_digest: accepted.spec.digest(),
        spec: accepted.spec,
        requester: caller.user().to_owned(),
        submitted_by: caller.submitted_by.clone(),
        warnings: accepted.warnings,
        policy_digest: policies.digest().to_owned(),
        grant: Grant::default(),
        verification: Verification::default(),
        last_error: None,
        lapses_at: now + desk.settings.pending_ttl,
        applying_since: None,
        remind_at: None,
        owes_review: false,
        reach,
        trace_parent: spans::here(),
        chain_head: String::new(),
        created_at: now,
        updated_at: now,
    }
}

/// Whether policy lets the caller ask for the request of `scene`.
///
/// # Errors
/// [`WorkflowError::RequestNotPermitted`].
pub(super) fn permit(
    policies: &PolicySet,
    caller: &Caller,
    scene: &Scene<'_>,
    now: DateTime<Utc>,
) -> Result<(), WorkflowError> {
    let decision = policies.authorize_in(scene, &caller.identity, Action::Request, &call_of(caller, now));
    if decision.allowed { Ok(()) } else { Err(WorkflowError::RequestNotPermitted(decision.reasons)) }
}

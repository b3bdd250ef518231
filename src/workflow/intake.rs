//! An ask on its way to being a request: every rule, and what policy says to its being asked. Nothing is read or stored.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::WorkflowError;
use super::desk::{Desk, call_of};
use super::principals::Presences;
use crate::domain::ask::Ask;
use crate::domain::identity::Caller;
use crate::domain::request::{Grant, Request, Verification};
use crate::domain::rules::{self, Accepted, ClusterGate, Context, LiveEntry, Violation};
use crate::domain::states::RequestState;
use crate::policy::{Action, PolicySet};
use crate::store::clusters::Health;

/// What is stored beside an ask.
#[derive(Debug, Default)]
pub(super) struct Beside {
    /// Requests that are live for any of the principals on any of the clusters.
    pub(super) live: Vec<Request>,
    /// What EKS last said of the clusters.
    pub(super) health: Vec<Health>,
}

impl Beside {
    /// What is part of the entry that `ask` is about.
    fn entry(&self, ask: &Ask) -> Vec<LiveEntry> {
        let same = |request: &&Request| {
            request.spec.cluster_name == ask.cluster_name
                && request.spec.principal.to_string() == ask.principal_arn
                && request.state != RequestState::Revoking
        };
        let live = self.live.iter().filter(same).map(|request| LiveEntry {
            request_id: request.id,
            entry_type: request.spec.content.entry_type,
            username: request.spec.content.username.clone(),
        });
        live.collect()
    }

    fn gate(&self, ask: &Ask) -> Option<ClusterGate> {
        let known = self.health.iter().find(|known| known.cluster_name == ask.cluster_name)?;
        let authentication_mode = known.authentication_mode.clone();
        known.status.clone().map(|status| ClusterGate { status, authentication_mode })
    }
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
    let gate = beside.gate(ask);
    let context = Context {
        cluster: desk.clusters.get(&ask.cluster_name),
        known_clusters: &desk.clusters.names(),
        gate: gate.as_ref(),
        presence: &presences.of(ask),
        limits: &desk.settings.limits,
        now,
        catalogue: &desk.catalogue.current(),
        live: &beside.entry(ask),
    };
    rules::check(ask, &context)
}

/// Makes the request out of what was asked, if policy lets the caller ask for it. It waits for people.
///
/// # Errors
/// [`WorkflowError::RequestNotPermitted`].
pub(super) fn permit(
    desk: &Desk,
    policies: &PolicySet,
    caller: &Caller,
    accepted: Accepted,
    now: DateTime<Utc>,
) -> Result<Request, WorkflowError> {
    let request = Request {
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
        chain_head: String::new(),
        created_at: now,
        updated_at: now,
    };
    let case = desk.case(&request);
    let decision = policies.authorize(&caller.identity, Action::Request, &case.facts(&request), &call_of(caller, now));
    if !decision.allowed {
        return Err(WorkflowError::RequestNotPermitted(decision.reasons));
    }
    Ok(request)
}

//! More time for access that somebody has: a request of its own, checked and signed off anew like any other. Once it is
//! proven it takes over, and the one it extends ends; the entry is never taken away between the two.

use chrono::{DateTime, TimeDelta, Utc};

use super::desk::Desk;
use super::once::{Outcome, conclude, recall};
use super::principals::Presences;
use super::standing::{Act, Details};
use super::{WorkflowError, submit};
use crate::domain::ask::{Ask, AskedPolicy};
use crate::domain::duration::to_iso8601;
use crate::domain::entry::AccessScope;
use crate::domain::request::Request;
use crate::domain::rules::Violation;
use crate::domain::states::{EndReason, RequestState};
use crate::policy::PolicySet;
use crate::store::{Tx, requests};

/// Files a request for the same access, for `duration` more.
///
/// # Errors
/// [`WorkflowError::IllegalState`] when there is nothing to extend, or it is being extended already;
/// [`WorkflowError::Forbidden`] for anybody else's access; those of [`submit::submit`].
pub async fn extend(desk: &Desk, act: Act<'_>, duration: Option<String>) -> Result<Outcome, WorkflowError> {
    let policies = desk.policies.current();
    let known = requests::find(&desk.store, act.target.id).await?.ok_or(WorkflowError::NotFound)?;
    if !known.is_own_of(act.caller.user()) && !desk.may_view(act.caller, &known) {
        return Err(WorkflowError::NotFound);
    }
    match file(desk, &policies, &act, asked(&known, duration, act.reason.clone())).await {
        Ok(outcome) => Ok(outcome),
        Err(error) => Err(desk.note_refusal(act.caller, "extend", Some(&known), error).await),
    }
}

async fn file(desk: &Desk, policies: &PolicySet, act: &Act<'_>, ask: Ask) -> Result<Outcome, WorkflowError> {
    desk.learn_policies(std::slice::from_ref(&ask)).await;
    let presences = desk.look_up(policies, act.caller, std::slice::from_ref(&ask)).await;
    let mut tx = desk.store.begin().await?;
    if let Some(outcome) = recall(&mut tx, act.once.as_ref()).await? {
        return Ok(outcome);
    }
    let mut extensions = match prepare(desk, &mut tx, policies, act, ask, &presences).await {
        Ok(prepared) => prepared,
        Err(refusal) => {
            // Before the answer, so that the corrected call finds its Idempotency-Key free.
            tx.rollback().await?;
            return Err(refusal);
        }
    };
    submit::store(desk, &mut tx, policies, act.caller, &mut extensions).await?;
    conclude(tx, act.once.as_ref(), extensions).await
}

/// Checks everything, with the request that is extended locked: nobody ends or extends it meanwhile.
async fn prepare(
    desk: &Desk,
    tx: &mut Tx,
    policies: &PolicySet,
    act: &Act<'_>,
    ask: Ask,
    presences: &Presences,
) -> Result<Vec<Details>, WorkflowError> {
    let extended = desk.open(tx, policies, act.caller, &act.target).await?;
    if extended.requester != act.caller.user() {
        let reasons = vec!["only whoever asked for access extends it; file a request of your own".to_owned()];
        return Err(WorkflowError::Forbidden { action: "extend", reasons });
    }
    check(&extended, tx.now())?;
    let others = requests::lock_extensions(tx, &[extended.id]).await?;
    // What has failed is under way no more.
    if let Some(other) = others.iter().find(|other| other.state != RequestState::Failed) {
        let advice = format!("request {} is to extend it already; have that one decided or withdrawn", other.id);
        return Err(WorkflowError::IllegalState { state: extended.state, advice });
    }
    if ask.duration.is_none() {
        return Err(WorkflowError::InvalidField {
            pointer: "/duration",
            code: "duration-required",
            detail: "say for how much longer, such as 2h; access that is to have no end is asked for anew".to_owned(),
        });
    }
    let prepared = submit::prepare(desk, tx, policies, act.caller, &[ask], presences).await;
    let (extensions, _) = prepared.map_err(in_this_body)?;
    keep_in_reach(&extensions, desk.settings.limits.max_duration)?;
    Ok(extensions)
}

/// However often it is extended, access never reaches farther ahead than one request may: whoever signs off, or the policy
/// that asks for nobody, is to be asked again by then. Policies see the same reach as the duration, and limit it further.
fn keep_in_reach(extensions: &[Details], most: TimeDelta) -> Result<(), WorkflowError> {
    if extensions.iter().all(|extension| extension.request.reach.is_none_or(|reach| reach <= most)) {
        return Ok(());
    }
    let detail = format!(
        "it would end more than {} from now, which is the most there may be; ask for less, or nearer to the end",
        to_iso8601(most)
    );
    Err(WorkflowError::InvalidField { pointer: "/duration", code: "duration-too-long", detail })
}

/// Whether the time of `request` can be extended at `now`.
pub(super) fn is_extendable(request: &Request, now: DateTime<Utc>) -> bool {
    request.state.is_granting() && request.grant.expires_at.is_some_and(|end| end > now)
}

fn check(request: &Request, now: DateTime<Utc>) -> Result<(), WorkflowError> {
    if is_extendable(request, now) {
        return Ok(());
    }
    let advice = match request.state {
        RequestState::Pending | RequestState::Scheduled => "its time has not begun; file a request for longer instead",
        _ if request.state.is_granting() && request.spec.duration.is_none() => "it has no end that could be put off",
        _ if request.state.is_granting() && request.grant.starts_at.is_none() => {
            "its time has not begun; extend it once it has"
        }
        _ if request.end_reason == Some(EndReason::Superseded) => {
            "another request has taken its place; extend that one"
        }
        _ => "its time is over; file a new request",
    };
    Err(WorkflowError::IllegalState { state: request.state, advice: advice.to_owned() })
}

/// The same as was asked before, for another time and another reason. It does not break the glass, whatever the one before
/// did: there is time to ask now.
fn asked(before: &Request, duration: Option<String>, reason: Option<String>) -> Ask {
    let spec = &before.spec;
    let policy = |(arn, scope): (&String, &AccessScope)| {
        let (scope_type, namespaces) = match scope {
            AccessScope::Cluster => ("cluster", None),
            AccessScope::Namespace { namespaces } => ("namespace", Some(namespaces.iter().cloned().collect())),
        };
        AskedPolicy { policy_arn: arn.clone(), scope_type: Some(scope_type.to_owned()), namespaces }
    };
    Ask {
        cluster_name: spec.cluster_name.clone(),
        principal_arn: spec.principal.to_string(),
        entry_type: Some(spec.content.entry_type.as_str().to_owned()),
        username: spec.content.username.clone(),
        kubernetes_groups: spec.content.kubernetes_groups.iter().cloned().collect(),
        access_policies: spec.content.access_policies.iter().map(policy).collect(),
        tags: spec.tags.clone(),
        reason,
        ticket: spec.ticket.clone(),
        duration,
        start_at: None,
        break_glass: false,
        extends: Some(before.id),
    }
}

/// Points at the whole body where what is wrong was asked for before, and is wrong only by now.
fn in_this_body(error: WorkflowError) -> WorkflowError {
    match error {
        WorkflowError::Invalid(violations) => {
            let moved = violations.into_iter().map(|violation| match violation.pointer.as_str() {
                "/duration" | "/reason" => violation,
                _ => Violation { pointer: String::new(), ..violation },
            });
            WorkflowError::Invalid(moved.collect())
        }
        other => other,
    }
}

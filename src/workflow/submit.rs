//! Filing requests: ask IAM, check every rule, ask the policy, store. All of them or none.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::desk::{Desk, call_of, own_call};
use super::intake;
use super::once::{Once, Outcome, conclude, recall};
use super::principals::Presences;
use super::standing::Details;
use super::{WorkflowError, standing};
use crate::domain::ask::Ask;
use crate::domain::event::{EventType, NewEvent};
use crate::domain::identity::Caller;
use crate::domain::request::{Request, Warning};
use crate::domain::rules::{Accepted, Violation};
use crate::domain::states::RequestState;
use crate::policy::{PolicySet, Scene};
use crate::store::{Tx, requests};
use crate::telemetry::spans;

pub use super::preview::{Preview, dry_run};

/// Files one request for each ask.
///
/// # Errors
/// [`WorkflowError::Invalid`] with everything that is wrong with any of them; [`WorkflowError::RequestNotPermitted`];
/// [`WorkflowError::TooManyPending`]; those of idempotency and of the store.
pub async fn submit(
    desk: &Desk,
    caller: &Caller,
    asks: Vec<Ask>,
    once: Option<Once<'_>>,
) -> Result<Outcome, WorkflowError> {
    let policies = desk.policies.current();
    match file(desk, &policies, caller, asks, once.as_ref()).await {
        Ok(outcome) => Ok(outcome),
        Err(error) => Err(desk.note_refusal(caller, "request", None, error).await),
    }
}

async fn file(
    desk: &Desk,
    policies: &PolicySet,
    caller: &Caller,
    asks: Vec<Ask>,
    once: Option<&Once<'_>>,
) -> Result<Outcome, WorkflowError> {
    desk.learn_policies(&asks).await;
    let presences = desk.look_up(policies, caller, &asks).await;
    let mut tx = desk.store.begin().await?;
    if let Some(outcome) = recall(&mut tx, once).await? {
        return Ok(outcome);
    }
    let (mut filed, _) = match prepare(desk, &mut tx, policies, caller, &asks, &presences).await {
        Ok(prepared) => prepared,
        Err(refusal) => {
            // Before the answer, so that the corrected call finds its Idempotency-Key free.
            tx.rollback().await?;
            return Err(refusal);
        }
    };
    store(desk, &mut tx, policies, caller, &mut filed).await?;
    conclude(tx, once, filed).await
}

/// Stores requests that are checked, with what is told of their filing.
pub(super) async fn store(
    desk: &Desk,
    tx: &mut Tx,
    policies: &PolicySet,
    caller: &Caller,
    filed: &mut [Details],
) -> Result<(), WorkflowError> {
    spans::files(&filed.iter().map(|details| details.request.id).collect::<Vec<_>>());
    // Each insert holds its entry's row until the commit: in one order, so that two submits never wait for each other.
    let mut in_order: Vec<_> = filed.iter_mut().map(|details| &mut details.request).collect();
    in_order.sort_by_key(|request| (request.spec.cluster_name.clone(), request.spec.principal.to_string()));
    for request in in_order {
        let events = first_events(desk, policies, caller, request, tx.now());
        requests::insert(tx, request, events).await?;
    }
    Ok(())
}

/// Checks everything about `asks` and answers the requests to be, with all that is told of them, and what is live beside them.
pub(super) async fn prepare(
    desk: &Desk,
    tx: &mut Tx,
    policies: &PolicySet,
    caller: &Caller,
    asks: &[Ask],
    presences: &Presences,
) -> Result<(Vec<Details>, Vec<Request>), WorkflowError> {
    let names: Vec<_> = asks.iter().map(|ask| ask.cluster_name.clone()).collect();
    let principals: Vec<_> = asks.iter().map(|ask| ask.principal_arn.clone()).collect();
    let most = desk.settings.max_pending_per_requester;
    let beside = requests::beside(tx, caller.user(), most, &names, &principals).await?;
    let mut violations: Vec<Violation> = Vec::new();
    let mut specs = Vec::new();
    for (place, ask) in asks.iter().enumerate() {
        match intake::check(desk, ask, tx.now(), &beside, presences) {
            Ok(accepted) => specs.push(accepted),
            Err(found) => {
                for mut violation in found {
                    if asks.len() > 1 && violation.pointer == "/clusterName" {
                        violation.pointer = format!("/clusterNames/{place}");
                    }
                    if !violations.contains(&violation) {
                        violations.push(violation);
                    }
                }
            }
        }
    }
    if !violations.is_empty() {
        return Err(WorkflowError::Invalid(violations));
    }
    let reach = |accepted: &Accepted| {
        let extended = beside.live.iter().find(|live| Some(live.id) == accepted.spec.extends)?;
        let left = (extended.grant.expires_at? - tx.now()).max(TimeDelta::zero());
        Some(left + accepted.spec.duration?)
    };
    let drafts = specs
        .into_iter()
        .map(|accepted| decide(desk, tx, policies, caller, (reach(&accepted), accepted)))
        .collect::<Result<Vec<_>, _>>()?;
    keep_to_limit(desk, tx, caller, &drafts, beside.pending).await?;
    Ok((drafts, beside.live))
}

/// How many asks of one person may be under way at once, on all replicas together.
const AT_ONCE: i64 = 100;

/// Whether `drafts` are within what one person may have undecided, `pending` of which were counted before. Near the limit
/// the asks of one person wait for each other, so that many at once do not all count the same.
async fn keep_to_limit(
    desk: &Desk,
    tx: &mut Tx,
    caller: &Caller,
    drafts: &[Details],
    pending: i64,
) -> Result<(), WorkflowError> {
    let undecided = drafts.iter().filter(|draft| draft.request.state == RequestState::Pending).count();
    let undecided = i64::try_from(undecided).unwrap_or(i64::MAX);
    let limit = desk.settings.max_pending_per_requester;
    let room = |pending: i64| limit.saturating_sub(pending.saturating_add(undecided));
    if undecided == 0 || room(pending) >= AT_ONCE {
        return Ok(());
    }
    requests::one_at_a_time(tx, caller.user()).await?;
    if room(requests::pending_of(tx, caller.user(), limit).await?) < 0 {
        return Err(WorkflowError::TooManyPending { requester: caller.user().to_owned(), limit });
    }
    Ok(())
}

/// Asks the policy, and puts the request where it belongs: waiting for people, or on its way. Everything is asked in one scene:
/// making that costs more than the questions do.
fn decide(
    desk: &Desk,
    tx: &Tx,
    policies: &PolicySet,
    caller: &Caller,
    (reach, accepted): (Option<TimeDelta>, Accepted),
) -> Result<Details, WorkflowError> {
    let (now, call) = (tx.now(), call_of(caller, tx.now()));
    let asked = intake::draft(desk, policies, caller, accepted, reach, now);
    let case = desk.case(&asked);
    let scene = Scene::new(&case.facts(&asked), now);
    intake::permit(policies, caller, &scene, now)?;
    let standing = policies.standing_in(&scene, &[], &desk.directory, &call);
    let mut request = asked.clone();
    if standing.quorum.satisfied {
        standing::sign_off(&mut request, now);
        request.owes_review = request.spec.break_glass;
    } else if request.spec.break_glass {
        request.warnings.push(Warning {
            code: "break-glass-waits".to_owned(),
            detail: "policy does not let this be applied without a sign-off; it waits for one like any other"
                .to_owned(),
        });
    }
    let allowed = desk.allowed(policies, caller, &scene, &call, &request, &[]);
    Ok(Details { request, reviews: vec![], standing, allowed, required_reads: desk.settings.tempo.reads })
}

fn first_events(
    desk: &Desk,
    policies: &PolicySet,
    caller: &Caller,
    request: &Request,
    now: DateTime<Utc>,
) -> Vec<NewEvent> {
    let submitted = json!({
        "specDigest": request.spec_digest,
        "entry": request.spec.content,
        "reason": request.spec.reason,
        "ticket": request.spec.ticket,
        "durationMs": request.spec.duration.map(|duration| duration.num_milliseconds()),
        "startAt": request.spec.start_at,
        "extends": request.spec.extends,
        "reachMs": request.reach.map(|reach| reach.num_milliseconds()),
        "policyDigest": request.policy_digest,
    });
    let mut events = vec![standing::event_by(caller, EventType::RequestSubmitted, request, submitted)];
    if request.owes_review {
        // Loud, and by name: all of those who could have been asked are to know, and one of them is to look at it.
        let case = desk.case(request);
        let reviewers = policies.could_sign_off(&case.facts(request), &desk.directory, &own_call(now));
        let data = json!({ "reason": request.spec.reason, "ticket": request.spec.ticket, "reviewers": reviewers });
        events.push(standing::event_by(caller, EventType::RequestBreakGlass, request, data));
    }
    if let Some(event) = standing::signed_off_event(request) {
        let data = json!({ "why": "policy asks for nobody's approval" });
        events.push(standing::own_event(event, request, data));
    }
    events
}

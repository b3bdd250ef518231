//! Filing requests: check every rule, ask the policy, store. All of them or none.

use serde_json::json;
use uuid::Uuid;

use super::desk::{Desk, call_of, own_call};
use super::once::{Once, Outcome, conclude, recall};
use super::standing::Details;
use super::{WorkflowError, standing};
use crate::domain::ask::Ask;
use crate::domain::entry::EntryContent;
use crate::domain::event::{EventType, NewEvent};
use crate::domain::identity::Caller;
use crate::domain::merge::{Contribution, merge};
use crate::domain::plan::{Step, plan};
use crate::domain::request::{Grant, Request, Verification};
use crate::domain::rules::{self, ClusterGate, Context, LiveEntry, Violation};
use crate::domain::states::RequestState;
use crate::policy::{Action, PolicySet, Scene};
use crate::store::clusters::{self, Health};
use crate::store::{Tx, requests};

/// What would come of an ask, without filing it.
#[derive(Debug)]
pub struct Preview {
    /// The request as it would be filed.
    pub details: Details,
    /// Who could sign it off, as far as the directory knows.
    pub could_sign_off: Vec<String>,
    /// What the entry is made up of now.
    pub before: Option<EntryContent>,
    /// What it would be.
    pub after: Option<EntryContent>,
    /// The calls from one to the other.
    pub steps: Vec<Step>,
}

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
    let mut tx = desk.store.begin().await?;
    if let Some(outcome) = recall(&mut tx, once).await? {
        return Ok(outcome);
    }
    let (mut requests, _) = prepare(desk, &mut tx, policies, caller, &asks).await?;
    for request in &mut requests {
        let events = first_events(caller, request);
        requests::insert(&mut tx, request, events).await?;
    }
    let details = desk.after_filing(policies, caller, requests, tx.now());
    conclude(tx, once, details).await
}

/// Says what would come of `asks`. Nothing is stored.
///
/// # Errors
/// As [`submit`].
pub async fn dry_run(desk: &Desk, caller: &Caller, asks: Vec<Ask>) -> Result<Vec<Preview>, WorkflowError> {
    let policies = desk.policies.current();
    let mut tx = desk.store.begin().await?;
    let (requests, live) = prepare(desk, &mut tx, &policies, caller, &asks).await?;
    let now = tx.now();
    tx.rollback().await?;
    let previews = requests.into_iter().map(|request| {
        let beside = of_entry(&live, &request);
        let content_of = |request: &Request| (request.id, request.spec.content.clone());
        let mut contents: Vec<_> = beside.iter().map(|r| content_of(r)).collect();
        let before = union(&contents);
        contents.push(content_of(&request));
        let after = union(&contents);
        let steps = plan(before.as_ref(), after.as_ref()).unwrap_or_default();
        let case = desk.case(&request);
        let could_sign_off = policies.could_sign_off(&case.facts(&request), &desk.directory, &own_call(now));
        let details = desk.after_filing(&policies, caller, vec![request], now).remove(0);
        Preview { details, could_sign_off, before, after, steps }
    });
    Ok(previews.collect())
}

fn union(contents: &[(Uuid, EntryContent)]) -> Option<EntryContent> {
    let grants: Vec<_> = contents.iter().map(|(id, content)| Contribution { id: *id, content }).collect();
    merge(None, &grants).desired
}

/// Live requests on the same entry as `request`.
fn of_entry<'a>(live: &'a [Request], request: &Request) -> Vec<&'a Request> {
    let same = |other: &&Request| {
        other.spec.cluster_name == request.spec.cluster_name
            && other.spec.principal == request.spec.principal
            && other.state != RequestState::Revoking
    };
    live.iter().filter(same).collect()
}

/// Checks everything about `asks` and answers the requests to be, with what is live beside them.
async fn prepare(
    desk: &Desk,
    tx: &mut Tx,
    policies: &PolicySet,
    caller: &Caller,
    asks: &[Ask],
) -> Result<(Vec<Request>, Vec<Request>), WorkflowError> {
    let names: Vec<_> = asks.iter().map(|ask| ask.cluster_name.clone()).collect();
    let principals: Vec<_> = asks.iter().map(|ask| ask.principal_arn.clone()).collect();
    let (pending, live) = requests::beside(tx, caller.user(), &names, &principals).await?;
    let health = clusters::of(tx, &names).await?;
    let mut violations: Vec<Violation> = Vec::new();
    let mut specs = Vec::new();
    for (place, ask) in asks.iter().enumerate() {
        match check(desk, tx, ask, &live, &health) {
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
    let requests = specs
        .into_iter()
        .map(|accepted| decide(desk, tx, policies, caller, accepted))
        .collect::<Result<Vec<_>, _>>()?;
    let undecided = requests.iter().filter(|request| request.state == RequestState::Pending).count();
    let limit = desk.settings.max_pending_per_requester;
    if undecided > 0 && pending.saturating_add(i64::try_from(undecided).unwrap_or(i64::MAX)) > limit {
        return Err(WorkflowError::TooManyPending { requester: caller.user().to_owned(), limit });
    }
    Ok((requests, live))
}

fn check(
    desk: &Desk,
    tx: &Tx,
    ask: &Ask,
    live: &[Request],
    health: &[Health],
) -> Result<rules::Accepted, Vec<Violation>> {
    let gate = health.iter().find(|known| known.cluster_name == ask.cluster_name).and_then(|known| {
        let authentication_mode = known.authentication_mode.clone();
        known.status.clone().map(|status| ClusterGate { status, authentication_mode })
    });
    let beside: Vec<_> = live
        .iter()
        .filter(|request| {
            request.spec.cluster_name == ask.cluster_name
                && request.spec.principal.to_string() == ask.principal_arn
                && request.state != RequestState::Revoking
        })
        .map(|request| LiveEntry {
            request_id: request.id,
            entry_type: request.spec.content.entry_type,
            username: request.spec.content.username.clone(),
        })
        .collect();
    let context = Context {
        cluster: desk.clusters.get(&ask.cluster_name),
        known_clusters: &desk.clusters.names(),
        gate: gate.as_ref(),
        limits: &desk.settings.limits,
        now: tx.now(),
        catalogue: &desk.catalogue,
        live: &beside,
    };
    rules::check(ask, &context)
}

/// Asks the policy, and puts the request where it belongs: waiting for people, or on its way.
fn decide(
    desk: &Desk,
    tx: &Tx,
    policies: &PolicySet,
    caller: &Caller,
    accepted: rules::Accepted,
) -> Result<Request, WorkflowError> {
    let now = tx.now();
    let mut request = Request {
        id: Uuid::now_v7(),
        state: RequestState::Pending,
        end_reason: None,
        version: 1,
        spec_digest: accepted.spec.digest(),
        spec: accepted.spec,
        requester: caller.user().to_owned(),
        submitted_by: caller.submitted_by.clone(),
        extends: None,
        warnings: accepted.warnings,
        policy_digest: policies.digest().to_owned(),
        grant: Grant::default(),
        verification: Verification::default(),
        last_error: None,
        lapses_at: now + desk.settings.pending_ttl,
        applying_since: None,
        chain_head: String::new(),
        created_at: now,
        updated_at: now,
    };
    let (case, call) = (desk.case(&request), call_of(caller, now));
    let scene = Scene::new(&case.facts(&request), now);
    let decision = policies.authorize_in(&scene, &caller.identity, Action::Request, &call);
    if !decision.allowed {
        return Err(WorkflowError::RequestNotPermitted(decision.reasons));
    }
    if policies.standing_in(&scene, &[], &desk.directory, &call).quorum.satisfied {
        standing::sign_off(&mut request, now);
    }
    Ok(request)
}

fn first_events(caller: &Caller, request: &Request) -> Vec<NewEvent> {
    let submitted = json!({
        "specDigest": request.spec_digest,
        "entry": request.spec.content,
        "reason": request.spec.reason,
        "ticket": request.spec.ticket,
        "durationMs": request.spec.duration.map(|duration| duration.num_milliseconds()),
        "policyDigest": request.policy_digest,
    });
    let mut events = vec![standing::event_by(caller, EventType::RequestSubmitted, request, submitted)];
    if let Some(event) = standing::signed_off_event(request) {
        let data = json!({ "why": "policy asks for nobody's approval" });
        events.push(standing::own_event(event, request, data));
    }
    events
}

impl Desk {
    fn after_filing(
        &self,
        policies: &PolicySet,
        caller: &Caller,
        requests: Vec<Request>,
        now: chrono::DateTime<chrono::Utc>,
    ) -> Vec<Details> {
        requests.into_iter().map(|request| self.details_for_actor(policies, caller, request, vec![], now)).collect()
    }
}

//! An incident: everything that somebody has, that a principal has, or that there is on a cluster, ends at once. One
//! transaction, so that it is all or none of it, and is answered once.

use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;

use super::WorkflowError;
use super::desk::{Desk, call_of};
use super::extensions::end_extensions;
use super::once::{Once, Outcome, conclude, recall};
use super::standing::event_by;
use crate::domain::event::{EventType, NewEvent};
use crate::domain::identity::Caller;
use crate::domain::request::Request;
use crate::domain::rules::Code;
use crate::domain::states::{EndReason, RequestState};
use crate::policy::{Action, PolicySet, Scene};
use crate::store::requests::Ending;
use crate::store::{Tx, entries, events, requests};

pub use crate::store::requests::Matching;

/// How many requests one refusal names.
const MOST_NAMED: usize = 100;

/// What came of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// Its access is being taken away.
    Revoked,
    /// It was not signed off yet, and will not be.
    Denied,
    /// Policy does not let the caller revoke it; the reasons.
    Refused(Vec<String>),
}

/// What came of an incident.
#[derive(Debug)]
pub struct Incident {
    /// Names it in the audit log.
    pub id: Uuid,
    /// Everything that matched and that the caller may see, oldest first, as it is now.
    pub items: Vec<(Request, Fate)>,
}

/// Ends everything that matches and that the caller may revoke. What they may not see is left alone and not told of.
///
/// # Errors
/// Those of idempotency and of the store.
pub async fn end(
    desk: &Desk,
    caller: &Caller,
    matching: &Matching,
    reason: &str,
    once: Option<Once<'_, Incident>>,
) -> Result<Outcome<Incident>, WorkflowError> {
    let policies = desk.policies.current();
    let mut tx = desk.store.begin().await?;
    if let Some(outcome) = recall(&mut tx, once.as_ref()).await? {
        return Ok(outcome);
    }
    let now = tx.now();
    let found = requests::matching(&mut tx, matching).await?;
    check_cluster(desk, matching, &found)?;
    let (mut refused, theirs): (Vec<_>, Vec<_>) =
        decide(desk, &policies, caller, found, now).into_iter().partition(|(_, fate)| matches!(fate, Fate::Refused(_)));
    // Only what the caller may end is locked, and then decided on as it is by now: nobody holds up what they may not touch.
    let ids: Vec<_> = theirs.iter().map(|(request, _)| request.id).collect();
    let locked = requests::lock_all(&mut tx, &ids).await?;
    refused.extend(decide(desk, &policies, caller, locked, now));
    let mut incident = Incident { id: Uuid::now_v7(), items: refused };
    carry_out(&policies, &mut tx, caller, reason, &mut incident).await?;
    conclude(tx, once.as_ref(), incident).await
}

/// Says what would end. Nothing is changed.
///
/// # Errors
/// Those of the store.
pub async fn preview(desk: &Desk, caller: &Caller, matching: &Matching) -> Result<Incident, WorkflowError> {
    let policies = desk.policies.current();
    let mut tx = desk.store.begin().await?;
    let found = requests::matching(&mut tx, matching).await?;
    check_cluster(desk, matching, &found)?;
    let now = tx.now();
    tx.rollback().await?;
    Ok(Incident { id: Uuid::nil(), items: decide(desk, &policies, caller, found, now) })
}

/// A name that is misspelt must not pass for a cluster on which nothing is left to end.
fn check_cluster(desk: &Desk, matching: &Matching, found: &[Request]) -> Result<(), WorkflowError> {
    match &matching.cluster_name {
        Some(name) if found.is_empty() && desk.clusters.get(name).is_none() => Err(WorkflowError::InvalidField {
            pointer: "/clusterName",
            code: Code::ClusterUnknown.as_str(),
            detail: format!("there is no cluster {name:?}; GET /v1/clusters lists those there are"),
        }),
        _ => Ok(()),
    }
}

fn decide(
    desk: &Desk,
    policies: &PolicySet,
    caller: &Caller,
    found: Vec<Request>,
    now: DateTime<Utc>,
) -> Vec<(Request, Fate)> {
    let call = call_of(caller, now);
    let mut items = Vec::new();
    for request in found {
        // Nobody will decide on it any more; it lapses.
        if request.is_overdue(now) {
            continue;
        }
        let case = desk.case(&request);
        let facts = case.facts(&request);
        let scene = Scene::new(&facts, now);
        let may = |action| policies.authorize_in(&scene, &caller.identity, action, &call);
        if !request.is_own_of(caller.user()) && !may(Action::View).allowed {
            continue;
        }
        let decision = may(Action::Revoke);
        let fate = match request.state {
            _ if !decision.allowed => Fate::Refused(decision.reasons),
            RequestState::Pending => Fate::Denied,
            _ => match desk.permit_removal(policies, caller, Action::Revoke, &request, now) {
                Ok(()) => Fate::Revoked,
                Err(WorkflowError::Forbidden { reasons, .. }) => Fate::Refused(reasons),
                Err(other) => Fate::Refused(vec![other.to_string()]),
            },
        };
        items.push((request, fate));
    }
    items
}

async fn carry_out(
    policies: &PolicySet,
    tx: &mut Tx,
    caller: &Caller,
    reason: &str,
    incident: &mut Incident,
) -> Result<(), WorkflowError> {
    let id = incident.id;
    let (mut endings, mut fates, mut refused) = (Vec::new(), Vec::new(), Vec::new());
    for (request, fate) in std::mem::take(&mut incident.items) {
        if matches!(fate, Fate::Refused(_)) {
            refused.push((request, fate));
        } else {
            endings.push(ending(policies, caller, id, reason, request));
            fates.push(fate);
        }
    }
    requests::save_endings(tx, &mut endings).await?;
    let ended = || endings.iter().map(|ending| &ending.request);
    let woken = || ended().filter(|request| request.state == RequestState::Revoking);
    let clusters: Vec<_> = woken().map(|request| request.spec.cluster_name.clone()).collect();
    let principals: Vec<_> = woken().map(|request| request.spec.principal.to_string()).collect();
    entries::wake_all(tx, &clusters, &principals).await?;
    if !refused.is_empty() {
        let named: Vec<_> = refused.iter().take(MOST_NAMED).map(|(request, _)| request.id).collect();
        let data = json!({ "action": "revoke", "code": "forbidden", "revocationId": id, "count": refused.len(), "requestIds": named, "policyDigest": policies.digest() });
        events::append(tx, vec![NewEvent::by(caller, EventType::RequestRefused, data)]).await?;
    }
    let revoked = endings.iter().filter(|ending| ending.request.state == RequestState::Revoking);
    let revoked: Vec<_> = revoked.map(|ending| ending.request.id).collect();
    let with_them = end_extensions(tx, caller, revoked, EndReason::Revoked, Some(reason)).await?;
    // Extensions go with what they extend, whoever may revoke them, and those that were filed a moment ago as well.
    refused.retain(|(request, _)| with_them.iter().all(|ended| ended.id != request.id));
    let with_them = with_them.into_iter().map(|request| {
        let fate = if request.state == RequestState::Revoking { Fate::Revoked } else { Fate::Denied };
        (request, fate)
    });
    let ended = endings.into_iter().map(|ending| ending.request).zip(fates);
    incident.items = ended.chain(with_them).chain(refused).collect();
    incident.items.sort_by_key(|(request, _)| request.id);
    Ok(())
}

/// `request` as it ends, with what is put on record of it.
fn ending(policies: &PolicySet, caller: &Caller, incident: Uuid, reason: &str, mut request: Request) -> Ending {
    let from = request.state;
    let event = if from == RequestState::Pending {
        request.state = RequestState::Denied;
        let data = json!({ "comment": reason, "revocationId": incident, "policyDigest": policies.digest() });
        event_by(caller, EventType::RequestDenied, &request, data)
    } else {
        request.state = RequestState::Revoking;
        request.end_reason = Some(EndReason::Revoked);
        let data = json!({
            "endReason": EndReason::Revoked.as_str(),
            "reason": reason,
            "revocationId": incident,
            "policyDigest": policies.digest(),
        });
        event_by(caller, EventType::RequestRevoking, &request, data)
    };
    Ending { request, from, events: vec![event] }
}

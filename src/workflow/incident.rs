//! An incident: everything that somebody has, that a principal has, or that there is on a cluster, ends at once. A batch at a
//! time, so that however many there are, no transaction holds up others for long or is itself given up; what has ended stays
//! ended, and whoever asks again ends the rest.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::json;
use tokio::time::Instant;
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
use crate::store::{StoreError, Tx, entries, events, requests};

pub use crate::store::requests::Matching;

/// How many requests one refusal names.
const MOST_NAMED: usize = 100;

/// How many requests one transaction ends.
const AT_ONCE: i64 = 1_000;

/// How often all in all a transaction that somebody got in the way of is tried again.
const TRIES: usize = 3;

/// How long to go on before answering with what is left, well before the caller is given up.
const LONGEST: Duration = Duration::from_secs(20);

/// What came of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// Its access is being taken away.
    Revoked,
    /// It was not signed off yet, and will not be.
    Denied,
    /// Policy does not let the caller revoke it; the reasons.
    Refused(Vec<String>),
    /// It was not come to any more. Whoever asks again ends it.
    Left,
}

/// What came of an incident.
#[derive(Debug)]
pub struct Incident {
    /// Names it in the audit log.
    pub id: Uuid,
    /// Everything that matched and that the caller may see, oldest first, as it is now.
    pub items: Vec<(Request, Fate)>,
    /// Whether all of it was come to. Where Postgres failed on the way, or it took too long, the rest is [`Fate::Left`], as far
    /// as that could still be found out.
    pub complete: bool,
}

/// How far an incident has come.
enum Progress {
    /// To its end.
    Over,
    /// Up to this request.
    UpTo(Uuid),
}

/// Ends everything that matches and that the caller may revoke. What they may not see is left alone and not told of.
///
/// An answer that is not complete is not kept for the caller's key: the same call once more goes on with the rest.
///
/// # Errors
/// Those of idempotency and of the store, as long as nothing has ended.
pub async fn end(
    desk: &Desk,
    caller: &Caller,
    matching: &Matching,
    reason: &str,
    once: Option<Once<'_, Incident>>,
) -> Result<Outcome<Incident>, WorkflowError> {
    let began = Instant::now();
    let mut incident = Incident { id: Uuid::now_v7(), items: vec![], complete: false };
    let (mut after, mut failed) = (None, 0);
    loop {
        let batch = async {
            let mut tx = desk.store.begin().await?;
            // In each transaction, so that nobody else does the same meanwhile.
            if let Some(outcome) = recall(&mut tx, once.as_ref()).await? {
                return Ok(Err(outcome));
            }
            let (items, progress) = end_batch(desk, &mut tx, caller, matching, reason, after, &incident).await?;
            Ok(Ok((tx, items, progress)))
        };
        let (tx, mut items, progress) = match batch.await {
            Ok(Ok(ended)) => ended,
            Ok(Err(outcome)) => return Ok(outcome),
            Err(WorkflowError::Store(error)) if error.is_passing() && failed < TRIES && began.elapsed() < LONGEST => {
                tracing::warn!(incident = %incident.id, %error, "a part of an incident is tried again");
                failed += 1;
                continue;
            }
            Err(error) if after.is_none() => return Err(error),
            Err(error) => return Ok(Outcome::Fresh(broken_off(desk, caller, matching, after, incident, &error).await)),
        };
        let in_batch: BTreeSet<_> = items.iter().map(|(request, _)| request.id).collect();
        incident.items.append(&mut items);
        let saved = match progress {
            Progress::Over => {
                incident.complete = true;
                incident.items.sort_by_key(|(request, _)| request.id);
                conclude(tx, once.as_ref(), &incident).await.map(drop)
            }
            Progress::UpTo(_) => tx.commit().await.map_err(WorkflowError::from),
        };
        match (saved, progress) {
            (Ok(()), Progress::Over) => return Ok(Outcome::Fresh(incident)),
            (Ok(()), Progress::UpTo(last)) => after = Some(last),
            (Err(error), _) if after.is_none() => return Err(error),
            (Err(error), _) => {
                // What is left of these is looked up with the rest.
                incident.complete = false;
                incident.items.retain(|(request, _)| !in_batch.contains(&request.id));
                return Ok(Outcome::Fresh(broken_off(desk, caller, matching, after, incident, &error).await));
            }
        }
        if began.elapsed() > LONGEST {
            let error = StoreError::Interrupted.into();
            return Ok(Outcome::Fresh(broken_off(desk, caller, matching, after, incident, &error).await));
        }
    }
}

/// One transaction of an incident.
async fn end_batch(
    desk: &Desk,
    tx: &mut Tx,
    caller: &Caller,
    matching: &Matching,
    reason: &str,
    after: Option<Uuid>,
    incident: &Incident,
) -> Result<(Vec<(Request, Fate)>, Progress), WorkflowError> {
    let policies = desk.policies.current();
    let now = tx.now();
    let (found, next) = requests::matching(tx, matching, after, AT_ONCE).await?;
    if after.is_none() {
        check_cluster(desk, matching, &found)?;
    }
    let (mut refused, theirs): (Vec<_>, Vec<_>) =
        decide(desk, &policies, caller, found, now).into_iter().partition(|(_, fate)| matches!(fate, Fate::Refused(_)));
    // Only what the caller may end is locked, and then decided on as it is by now: nobody holds up what they may not touch.
    let ids: Vec<_> = theirs.iter().map(|(request, _)| request.id).collect();
    let locked = requests::lock_all(tx, &ids).await?;
    refused.extend(decide(desk, &policies, caller, locked, now));
    let items = carry_out(&policies, tx, caller, reason, incident, refused).await?;
    Ok((items, next.map_or(Progress::Over, Progress::UpTo)))
}

/// An incident that could not be finished: what has ended so far, and what is left as far as it can be told.
async fn broken_off(
    desk: &Desk,
    caller: &Caller,
    matching: &Matching,
    after: Option<Uuid>,
    mut incident: Incident,
    error: &WorkflowError,
) -> Incident {
    tracing::error!(incident = %incident.id, %error, ended = incident.items.len(), "an incident was not finished");
    let ended: BTreeSet<_> = incident.items.iter().map(|(request, _)| request.id).collect();
    match look(desk, caller, matching, after).await {
        Ok(rest) => {
            let rest = rest.into_iter().filter(|(request, _)| !ended.contains(&request.id));
            incident.items.extend(rest.map(|(request, fate)| match fate {
                Fate::Refused(_) => (request, fate),
                _ => (request, Fate::Left),
            }));
        }
        Err(error) => tracing::error!(incident = %incident.id, %error, "what is left of it is not known"),
    }
    incident.items.sort_by_key(|(request, _)| request.id);
    incident
}

/// Says what would end. Nothing is changed.
///
/// # Errors
/// Those of the store.
pub async fn preview(desk: &Desk, caller: &Caller, matching: &Matching) -> Result<Incident, WorkflowError> {
    Ok(Incident { id: Uuid::nil(), items: look(desk, caller, matching, None).await?, complete: true })
}

/// What would become of everything that matches, from after `after` on.
async fn look(
    desk: &Desk,
    caller: &Caller,
    matching: &Matching,
    mut after: Option<Uuid>,
) -> Result<Vec<(Request, Fate)>, WorkflowError> {
    let policies = desk.policies.current();
    let mut items = Vec::new();
    loop {
        let mut tx = desk.store.begin().await?;
        let (found, next) = requests::matching(&mut tx, matching, after, AT_ONCE).await?;
        let now = tx.now();
        tx.rollback().await?;
        if after.is_none() {
            check_cluster(desk, matching, &found)?;
        }
        items.extend(decide(desk, &policies, caller, found, now));
        if next.is_none() {
            return Ok(items);
        }
        after = next;
    }
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
    incident: &Incident,
    items: Vec<(Request, Fate)>,
) -> Result<Vec<(Request, Fate)>, WorkflowError> {
    let id = incident.id;
    let (mut endings, mut fates, mut refused) = (Vec::new(), Vec::new(), Vec::new());
    for (request, fate) in items {
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
    Ok(ended.chain(with_them).chain(refused).collect())
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

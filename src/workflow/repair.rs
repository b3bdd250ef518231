//! Putting an entry right because an operator says so: drift, whatever the cluster's `drift` says, and an entry whose principal
//! was deleted and made anew. The worker does it, once it has found out what is wrong.

use serde_json::json;
use uuid::Uuid;

use super::WorkflowError;
use super::desk::{Desk, call_of};
use super::once::{Once, Outcome, conclude, recall};
use super::standing::{event_by, save};
use crate::domain::event::{EventType, NewEvent};
use crate::domain::identity::Caller;
use crate::domain::principal::Standing;
use crate::domain::record::EntryRecord;
use crate::policy::ServiceAction;
use crate::store::{entries, requests};

/// Which entry is to be repaired, and who says so.
pub struct Repair<'a> {
    /// Who asks for it.
    pub caller: &'a Caller,
    /// Entryway's name for the cluster.
    pub cluster_name: &'a str,
    /// Whose entry it is.
    pub principal_arn: &'a str,
    /// Why, where they say.
    pub reason: Option<String>,
    /// Whether to do it once.
    pub once: Option<Once<'a>>,
}

/// Has the worker look at the entry now and put right whatever is wrong with it. Answers the grants that make it up.
///
/// # Errors
/// [`WorkflowError::NotAdministrator`]; [`WorkflowError::NoSuchEntry`]; [`WorkflowError::NotRepairable`] when nothing is live
/// on it, or when it is dead and somebody else's.
pub async fn repair(desk: &Desk, repair: Repair<'_>) -> Result<Outcome, WorkflowError> {
    let Repair { caller, cluster_name, principal_arn, ref reason, ref once } = repair;
    let policies = desk.policies.current();
    let mut tx = desk.store.begin().await?;
    if let Some(outcome) = recall(&mut tx, once.as_ref()).await? {
        return Ok(outcome);
    }
    let decision = policies.authorize_service(&caller.identity, ServiceAction::Administer, &call_of(caller, tx.now()));
    if !decision.allowed {
        tx.rollback().await?;
        return Err(note_refusal(desk, &repair, decision.reasons).await);
    }
    if desk.clusters.get(cluster_name).is_none() {
        return Err(WorkflowError::NoSuchEntry("there is no such cluster; GET /v1/clusters lists them"));
    }
    let mut live = requests::lock_of_entry(&mut tx, cluster_name, principal_arn).await?;
    let Some(record) = entries::ask_repair(&mut tx, cluster_name, principal_arn).await? else {
        return Err(WorkflowError::NoSuchEntry("nobody ever asked Entryway for access for this principal there"));
    };
    live.retain(|request| request.state.is_granting());
    let ids: Vec<Uuid> = live.iter().map(|request| request.id).collect();
    let Some(first) = live.first_mut() else {
        let advice =
            "nothing is live on this entry, so there is nothing to put right; entries of others are never repaired";
        return Err(WorkflowError::NotRepairable(advice.to_owned()));
    };
    refuse_what_is_theirs(&record)?;
    let data = json!({ "reason": reason, "requestIds": ids });
    let (state, event) = (first.state, event_by(caller, EventType::EntryRepairRequested, first, data));
    save(&mut tx, first, state, vec![event]).await?;
    let details = desk.after(&mut tx, &policies, caller, live).await?;
    conclude(tx, once.as_ref(), details).await
}

/// An entry of somebody else's is never deleted, dead or not.
fn refuse_what_is_theirs(record: &EntryRecord) -> Result<(), WorkflowError> {
    let dead = record.binding.as_ref().is_some_and(|binding| binding.standing == Standing::Recreated);
    if dead && !record.can_be_made_anew() {
        return Err(WorkflowError::NotRepairable(
            "the entry is somebody else's, so it is not deleted; have its owner delete it and make it anew, and the \
             grants are put on top again"
                .to_owned(),
        ));
    }
    Ok(())
}

/// Puts on record that somebody tried who may not.
async fn note_refusal(desk: &Desk, repair: &Repair<'_>, reasons: Vec<String>) -> WorkflowError {
    let error = WorkflowError::NotAdministrator(reasons);
    let data = json!({
        "action": "repair",
        "code": error.refusal(),
        "policyDigest": desk.policies.current().digest(),
    });
    let event = NewEvent::by(repair.caller, EventType::RequestRefused, data);
    let event = match desk.clusters.get(repair.cluster_name) {
        // What no configuration names may be anything.
        None => event,
        Some(cluster) => event.on_entry(&cluster.name, repair.principal_arn),
    };
    match desk.record_alone(event).await {
        Ok(()) => error,
        Err(failure) => failure.into(),
    }
}

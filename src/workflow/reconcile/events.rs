//! What is put on record about entries and the writes to them.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use uuid::Uuid;

use super::super::WorkflowError;
use super::super::standing::{own_event, put_on_record};
use super::begin::Run;
use super::trouble::Failure;
use crate::domain::event::{EventType, NewEvent};
use crate::domain::merge::Conflict;
use crate::domain::plan::Step;
use crate::domain::record::EntryRecord;
use crate::domain::request::Request;
use crate::domain::states::RequestState;
use crate::domain::trouble::Trouble;
use crate::store::entries::Lease;
use crate::store::{Tx, entries, events};

/// The event that tells of `step`.
pub(super) const fn of_step(step: &Step) -> EventType {
    match step {
        Step::Create(_) => EventType::EntryCreated,
        Step::Update { .. } => EventType::EntryUpdated,
        Step::Associate { .. } => EventType::EntryPolicyAssociated,
        Step::Disassociate { .. } => EventType::EntryPolicyDisassociated,
        Step::Delete => EventType::EntryDeleted,
    }
}

/// What EKS was told.
pub(super) fn told(step: &Step) -> Value {
    match step {
        Step::Create(content) => json!({ "entry": content }),
        Step::Update { username, groups } => json!({ "username": username, "kubernetesGroups": groups }),
        Step::Associate { policy_arn, scope } => json!({ "policyArn": policy_arn, "accessScope": scope }),
        Step::Disassociate { policy_arn } => json!({ "policyArn": policy_arn }),
        Step::Delete => json!({}),
    }
}

/// Puts an event about an entry on record. It is in the chain of the first request that it concerns, and names all of them:
/// the timeline of each tells of it. What concerns none is about the entry alone.
pub(super) async fn of_entry(
    tx: &mut Tx,
    lease: &Lease,
    all: &mut [Request],
    concerns: impl Fn(&Request) -> bool,
    event: EventType,
    mut data: Value,
) -> Result<(), WorkflowError> {
    let ids: Vec<_> = all.iter().filter(|request| concerns(request)).map(|request| request.id).collect();
    data["requestIds"] = json!(ids);
    match all.iter_mut().find(|request| concerns(request)) {
        Some(request) => {
            let event = own_event(event, request, data);
            put_on_record(tx, request, vec![event]).await
        }
        None => {
            let event = NewEvent::by_entryway(event, data).on_entry(&lease.cluster_name, &lease.principal_arn);
            Ok(events::append(tx, vec![event]).await?)
        }
    }
}

/// Whether `step` gives what `request` asks for.
pub(super) fn grants(step: &Step, request: &Request) -> bool {
    let content = &request.spec.content;
    match step {
        Step::Create(_) => true,
        Step::Update { .. } => !content.kubernetes_groups.is_empty() || content.username.is_some(),
        Step::Associate { policy_arn, .. } => content.access_policies.contains_key(policy_arn),
        Step::Disassociate { .. } | Step::Delete => false,
    }
}

/// Whether `step` is made for `request`: it gives what that waits for, takes away what it gave, or makes room for it.
pub(super) fn is_for(step: &Step, request: &Request) -> bool {
    match (request.state, step) {
        (RequestState::Applying, _) => grants(step, request) || *step == Step::Delete,
        (RequestState::Revoking, Step::Create(_)) => false,
        // A scope that is made narrower takes away.
        (RequestState::Revoking, Step::Associate { policy_arn, .. }) => {
            request.spec.content.access_policies.contains_key(policy_arn)
        }
        (RequestState::Revoking, _) => true,
        _ => false,
    }
}

/// With which of the requests `all` a write is on record: those that it is made for. What somebody did by hand is undone for the
/// sake of everybody who holds the entry, and what nobody is to have any more was somebody's who had it last.
pub(super) fn concerned(covered: &BTreeSet<Uuid>, step: &Step, all: &[Request]) -> BTreeSet<Uuid> {
    let live = || all.iter().filter(|request| covered.contains(&request.id));
    let made_for: BTreeSet<_> = live().filter(|request| is_for(step, request)).map(|request| request.id).collect();
    if !made_for.is_empty() {
        return made_for;
    }
    let holders: BTreeSet<_> = live().filter(|r| r.state.is_granting()).map(|request| request.id).collect();
    if !holders.is_empty() {
        return holders;
    }
    all.iter()
        .filter(|request| matches!(request.state, RequestState::Failed | RequestState::Ended))
        .map(|request| request.id)
        .collect()
}

/// Puts a write on record that EKS did not take, or of which nobody knows whether it did.
pub(super) async fn tell_failed(
    tx: &mut Tx,
    run: &Run,
    all: &mut [Request],
    step: &Step,
    failure: &Failure,
) -> Result<(), WorkflowError> {
    let mut data = failed(step, if failure.is_ambiguous { "unknown" } else { "refused" });
    data["awsRequestId"] = json!(failure.aws_request_id);
    data["code"] = json!(failure.code);
    data["detail"] = json!(failure.detail);
    data["awsCode"] = json!(failure.aws_code);
    data["awsMessage"] = json!(failure.aws_message);
    let ids = concerned(run.covered(), step, all);
    of_entry(tx, &run.lease, all, |request| ids.contains(&request.id), EventType::EntryWriteFailed, data).await
}

/// Puts the calls on record of which nobody has heard because the worker that made them died, or could not record it.
pub(super) async fn tell_unheard(
    tx: &mut Tx,
    lease: &Lease,
    all: &mut [Request],
    covered: &BTreeSet<Uuid>,
    record: &mut EntryRecord,
) -> Result<(), WorkflowError> {
    let mut news = false;
    for call in record.unheard.iter_mut().filter(|call| !call.told) {
        let mut data = failed(&call.step, "unknown");
        data["madeAt"] = json!(call.at);
        data["detail"] = json!("no answer was recorded; Entryway looks at the entry to find out what came of it");
        let ids = concerned(covered, &call.step, all);
        of_entry(tx, lease, all, |request| ids.contains(&request.id), EventType::EntryWriteFailed, data).await?;
        (call.told, news) = (true, true);
    }
    if news { Ok(entries::save(tx, lease, record).await?) } else { Ok(()) }
}

fn failed(step: &Step, outcome: &str) -> Value {
    let mut data = told(step);
    data["operation"] = json!(step.operation());
    data["outcome"] = json!(outcome);
    data
}

/// The code and the sentence of a grant that does not fit beside what is live.
pub(super) fn misfit(conflict: &Conflict) -> (Trouble, String) {
    match conflict {
        Conflict::Type { live, asked } => (
            Trouble::TypeConflict,
            format!(
                "the entry is of type {} and this asks for {}; an entry's type never changes. Retry once the grants on it have ended.",
                live.as_str(),
                asked.as_str()
            ),
        ),
        Conflict::Username { live, asked } => (
            Trouble::UsernameConflict,
            format!(
                "the entry has the username {live:?} and this asks for {asked:?}; an entry has one. Retry once the grants on it have ended."
            ),
        ),
    }
}

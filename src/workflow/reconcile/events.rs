//! What is put on record about entries and the writes to them.

use serde_json::{Value, json};

use super::super::WorkflowError;
use super::super::standing::{own_event, put_on_record};
use crate::domain::event::{EventType, NewEvent};
use crate::domain::merge::Conflict;
use crate::domain::plan::Step;
use crate::domain::request::Request;
use crate::domain::states::RequestState;
use crate::domain::trouble::Trouble;
use crate::store::entries::Lease;
use crate::store::{Tx, events};

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

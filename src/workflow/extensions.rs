//! What becomes of extensions when what they extend is taken back: nobody gets back by a sign-off, asked for before, what was
//! taken away since.

use serde_json::json;
use uuid::Uuid;

use super::WorkflowError;
use super::standing::{event_by, save};
use crate::domain::event::EventType;
use crate::domain::identity::Caller;
use crate::domain::request::Request;
use crate::domain::states::{EndReason, RequestState};
use crate::store::{Tx, entries, requests};

/// Ends with the requests `ended`, which this transaction holds locked, whatever was to prolong them and has not taken over
/// yet, and what was to prolong that. Answers what has ended so.
pub(super) async fn end_extensions(
    tx: &mut Tx,
    caller: &Caller,
    mut ended: Vec<Uuid>,
    end_reason: EndReason,
    reason: Option<&str>,
) -> Result<Vec<Request>, WorkflowError> {
    let mut with_it = Vec::new();
    while !ended.is_empty() {
        let extensions = requests::lock_extensions(tx, &ended).await?;
        ended.clear();
        // What is active has taken over, and stands by itself.
        for mut extension in extensions.into_iter().filter(|extension| extension.state != RequestState::Active) {
            end_one(tx, caller, &mut extension, end_reason, reason).await?;
            ended.push(extension.id);
            with_it.push(extension);
        }
    }
    Ok(with_it)
}

async fn end_one(
    tx: &mut Tx,
    caller: &Caller,
    extension: &mut Request,
    end_reason: EndReason,
    reason: Option<&str>,
) -> Result<(), WorkflowError> {
    let (from, with) = (extension.state, extension.spec.extends);
    let undecided = json!({ "reason": reason, "comment": reason, "endedWith": with });
    let event = match from {
        RequestState::Pending if extension.requester == caller.user() => {
            extension.state = RequestState::Withdrawn;
            event_by(caller, EventType::RequestWithdrawn, extension, undecided)
        }
        RequestState::Pending => {
            extension.state = RequestState::Denied;
            event_by(caller, EventType::RequestDenied, extension, undecided)
        }
        _ => {
            extension.state = RequestState::Revoking;
            extension.end_reason = Some(end_reason);
            let data = json!({ "endReason": end_reason.as_str(), "reason": reason, "endedWith": with });
            event_by(caller, EventType::RequestRevoking, extension, data)
        }
    };
    save(tx, extension, from, vec![event]).await?;
    if extension.state == RequestState::Revoking {
        entries::wake(tx, &extension.spec.cluster_name, &extension.spec.principal.to_string(), true).await?;
    }
    Ok(())
}

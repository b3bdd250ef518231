//! The requester gives access back before its time. No policy can keep them from it; only nodes are not cut off without
//! the right to administer.

use serde_json::json;

use super::WorkflowError;
use super::desk::Desk;
use super::extensions::end_extensions;
use super::once::{Outcome, conclude, recall};
use super::standing::{Act, ENDABLE, event_by, save};
use crate::domain::event::EventType;
use crate::domain::states::{EndReason, RequestState};
use crate::policy::Action;
use crate::store::entries;

/// Gives a grant back.
///
/// # Errors
/// [`WorkflowError::IllegalState`] when there is nothing to give back; [`WorkflowError::Forbidden`] for anybody else's.
pub async fn relinquish(desk: &Desk, act: Act<'_>) -> Result<Outcome, WorkflowError> {
    desk.end(act, Action::Relinquish, EndReason::Relinquished).await
}

impl Desk {
    /// Ends a grant because a person says so: the state moves now, and the worker takes the access away next.
    pub(super) async fn end(
        &self,
        act: Act<'_>,
        action: Action,
        end_reason: EndReason,
    ) -> Result<Outcome, WorkflowError> {
        let policies = self.policies.current();
        let mut tx = self.store.begin().await?;
        if let Some(outcome) = recall(&mut tx, act.once.as_ref()).await? {
            return Ok(outcome);
        }
        let mut request = self.open(&mut tx, &policies, act.caller, &act.target).await?;
        let permitted = self
            .permit(&policies, act.caller, action, &request, tx.now())
            .and_then(|()| self.permit_removal(&policies, act.caller, action, &request, tx.now()));
        if let Err(error) = permitted {
            tx.rollback().await?;
            return Err(self.note_refusal(act.caller, action.as_str(), Some(&request), error).await);
        }
        if !ENDABLE.contains(&request.state) {
            let advice = match request.state {
                RequestState::Pending => "it was not signed off yet: deny it, or let its requester withdraw it",
                RequestState::Revoking | RequestState::Ended if request.end_reason == Some(EndReason::Superseded) => {
                    "another request has taken its place; end that one"
                }
                RequestState::Revoking => "its access is being taken away already",
                _ => "it holds no access",
            };
            return Err(WorkflowError::IllegalState { state: request.state, advice: advice.to_owned() });
        }
        let from = request.state;
        request.state = RequestState::Revoking;
        request.end_reason = Some(end_reason);
        let data = json!({ "endReason": end_reason.as_str(), "reason": act.reason, "policyDigest": policies.digest() });
        let event = event_by(act.caller, EventType::RequestRevoking, &request, data);
        save(&mut tx, &mut request, from, vec![event]).await?;
        end_extensions(&mut tx, act.caller, vec![request.id], end_reason, act.reason.as_deref()).await?;
        entries::wake(&mut tx, &request.spec.cluster_name, &request.spec.principal.to_string(), true).await?;
        let details = self.after(&mut tx, &policies, act.caller, vec![request]).await?;
        conclude(tx, act.once.as_ref(), details).await
    }
}

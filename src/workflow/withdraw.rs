//! The requester takes an undecided request back. No policy can keep them from it.

use serde_json::json;

use super::WorkflowError;
use super::desk::Desk;
use super::once::{Outcome, conclude, recall};
use super::standing::{Act, event_by, save};
use crate::domain::event::EventType;
use crate::domain::states::RequestState;
use crate::policy::Action;

/// Withdraws a pending request.
///
/// # Errors
/// [`WorkflowError::NotPending`]; [`WorkflowError::Forbidden`] for anybody else's request.
pub async fn withdraw(desk: &Desk, act: Act<'_>) -> Result<Outcome, WorkflowError> {
    let policies = desk.policies.current();
    let mut tx = desk.store.begin().await?;
    if let Some(outcome) = recall(&mut tx, act.once.as_ref()).await? {
        return Ok(outcome);
    }
    let mut request = desk.open(&mut tx, &policies, act.caller, &act.target).await?;
    if let Err(error) = desk.permit(&policies, act.caller, Action::Withdraw, &request, tx.now()) {
        tx.rollback().await?;
        return Err(desk.note_refusal(act.caller, "withdraw", Some(&request), error).await);
    }
    if request.state != RequestState::Pending {
        let advice = "access that was signed off is given back with relinquish";
        return Err(WorkflowError::NotPending { state: request.state, advice });
    }
    request.state = RequestState::Withdrawn;
    let data = json!({ "reason": act.reason, "policyDigest": policies.digest() });
    let event = event_by(act.caller, EventType::RequestWithdrawn, &request, data);
    save(&mut tx, &mut request, RequestState::Pending, vec![event]).await?;
    let details = desk.after(&mut tx, &policies, act.caller, vec![request]).await?;
    conclude(tx, act.once.as_ref(), details).await
}

//! A reviewer takes access back before its time.

use super::WorkflowError;
use super::desk::Desk;
use super::once::Outcome;
use super::standing::Act;
use crate::domain::states::EndReason;
use crate::policy::Action;

/// Revokes a grant, whatever the worker is doing with it right now.
///
/// # Errors
/// [`WorkflowError::InvalidField`] without a reason; [`WorkflowError::IllegalState`] when there is nothing to revoke;
/// [`WorkflowError::Forbidden`].
pub async fn revoke(desk: &Desk, act: Act<'_>) -> Result<Outcome, WorkflowError> {
    if act.reason.as_deref().is_none_or(|reason| reason.trim().is_empty()) {
        return Err(WorkflowError::InvalidField {
            pointer: "/reason",
            code: "reason-required",
            detail: "say why the access is taken back; the requester will read it".to_owned(),
        });
    }
    desk.end(act, Action::Revoke, EndReason::Revoked).await
}

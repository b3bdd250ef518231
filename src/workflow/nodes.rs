//! Taking the entry of nodes away, which takes more than what ending access otherwise takes.

use chrono::{DateTime, Utc};

use super::WorkflowError;
use super::desk::{Desk, call_of};
use crate::domain::identity::Caller;
use crate::domain::request::Request;
use crate::domain::states::RequestState;
use crate::policy::{Action, PolicySet, ServiceAction};

impl Desk {
    /// Whether `caller` may end `request` before its time, as far as that is a matter of nodes: without their entry the
    /// nodes of a role can no longer join or report to the cluster, so whoever takes it away must be somebody who may
    /// `administer` Entryway. Its natural end needs nobody, and what was not begun has no nodes yet.
    pub(super) fn may_remove(
        &self,
        policies: &PolicySet,
        caller: &Caller,
        request: &Request,
        now: DateTime<Utc>,
    ) -> bool {
        let begun = request.grant.starts_at.is_some() || request.state == RequestState::Applying;
        let removes = request.spec.content.entry_type.is_of_nodes() && begun;
        let may =
            || policies.authorize_service(&caller.identity, ServiceAction::Administer, &call_of(caller, now)).allowed;
        !removes || may()
    }

    /// The refusal of whoever may not; it says what the removal would do.
    ///
    /// # Errors
    /// [`WorkflowError::Forbidden`].
    pub(super) fn permit_removal(
        &self,
        policies: &PolicySet,
        caller: &Caller,
        action: Action,
        request: &Request,
        now: DateTime<Utc>,
    ) -> Result<(), WorkflowError> {
        if self.may_remove(policies, caller, request, now) {
            return Ok(());
        }
        let warning = format!(
            "this is the entry of nodes ({}), and once it is removed, the nodes of {} can no longer join or report to {}, \
             so it also takes the administer right; drain the nodes and ask somebody who has it",
            request.spec.content.entry_type.as_str(),
            request.spec.principal.name(),
            request.spec.cluster_name,
        );
        Err(WorkflowError::Forbidden { action: action.as_str(), reasons: vec![warning] })
    }
}

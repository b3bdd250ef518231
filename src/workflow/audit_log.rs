//! Reading the log of events over all requests, in an order in which nothing turns up behind whoever reads on.

use serde_json::json;

use super::WorkflowError;
use super::desk::{Desk, call_of};
use crate::domain::event::{EventType, NewEvent};
use crate::domain::identity::Caller;
use crate::policy::ServiceAction;
use crate::store::{self, audit};

pub use crate::store::audit::{LogFilter, Page as LogPage, Stretch};

impl Desk {
    /// Whether policy lets `caller` read the log and what else auditors see. A refusal is put on record.
    ///
    /// # Errors
    /// [`WorkflowError::NotAuditor`]; those of the store.
    pub async fn permit_audit(&self, caller: &Caller, what: &'static str) -> Result<(), WorkflowError> {
        let policies = self.policies.current();
        let call = call_of(caller, self.store.clock().approximate());
        let decision = policies.authorize_service(&caller.identity, ServiceAction::Audit, &call);
        if decision.allowed {
            return Ok(());
        }
        let error = WorkflowError::NotAuditor(decision.reasons);
        self.record_alone(refused(caller, what, error.refusal(), policies.digest())).await?;
        Err(error)
    }

    /// Puts on record that `caller` may not see `what`.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn note_unseen(&self, caller: &Caller, what: &'static str) -> Result<(), WorkflowError> {
        let digest = self.policies.current().digest().to_owned();
        Ok(self.record_alone(refused(caller, what, Some("forbidden"), &digest)).await?)
    }

    /// How far the log can be read without anything turning up later below.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn log_end(&self) -> Result<i64, WorkflowError> {
        Ok(store::settled(&self.store).await?)
    }

    /// At most `limit` events that `filter` asks for, above `after` and up to `through`, oldest first.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn log_page(
        &self,
        filter: &LogFilter,
        after: i64,
        through: i64,
        limit: usize,
    ) -> Result<LogPage, WorkflowError> {
        Ok(audit::page(&self.store, filter, after, through, limit).await?)
    }
}

fn refused(caller: &Caller, what: &str, code: Option<&str>, policy_digest: &str) -> NewEvent {
    let data = json!({ "action": what, "code": code, "policyDigest": policy_digest });
    NewEvent::by(caller, EventType::RequestRefused, data)
}

//! What is followed as it happens: the log while it grows, and where requests are. Readers of many people's behalf ask once for
//! all of them; what each may see of it is decided for each.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;
use uuid::Uuid;

use super::WorkflowError;
use super::desk::Desk;
use crate::domain::event::Event;
use crate::domain::identity::Caller;
use crate::domain::request::Request;
use crate::domain::states::RequestState;
use crate::policy::{Action, PolicySet, ServiceAction};
use crate::store::audit::{self, LogFilter, Stretch};
use crate::store::{self, requests};

/// What somebody can see of the log at all, by the policies in force when it was asked for.
#[derive(Debug, Clone)]
pub struct Sight {
    /// Whether they may read the whole log.
    pub everything: bool,
    /// Whether there may be requests of others that they may see.
    pub others: bool,
    policies: Arc<PolicySet>,
}

/// The requests that an event is about: its own, and those that share what happened to an entry.
#[must_use]
pub fn about(event: &Event) -> Vec<Uuid> {
    let named = event.body.data["requestIds"].as_array().into_iter().flatten();
    let named = named.filter_map(Value::as_str).filter_map(|id| id.parse().ok());
    let all: BTreeSet<_> = event.body.request_id.into_iter().chain(named).collect();
    all.into_iter().collect()
}

impl Desk {
    /// What `caller` can see of the log.
    #[must_use]
    pub fn sight(&self, caller: &Caller) -> Sight {
        let policies = self.policies.current();
        let others = policies.could_let(&caller.identity, Action::View);
        Sight { everything: self.may(caller, ServiceAction::Audit), others, policies }
    }

    /// Whether the policies in force are still those by which `sight` was found.
    #[must_use]
    pub fn is_current(&self, sight: &Sight) -> bool {
        Arc::ptr_eq(&self.policies.current(), &sight.policies)
    }

    /// Whether `caller`, who has this `sight`, may see `request` now: as in its timeline.
    #[must_use]
    pub fn sees(&self, caller: &Caller, sight: &Sight, request: &Request) -> bool {
        // Asking policy costs far more than this, and there may be very many events of very many people.
        (sight.others || request.requester == caller.user()) && self.may_view(caller, request)
    }

    /// Where the request `id` is, and no more: what there is to know before waiting for it, at a small part of what it costs to
    /// look at it as a whole.
    ///
    /// # Errors
    /// [`WorkflowError::NotFound`], also for what the caller may not see.
    pub async fn glance(&self, caller: &Caller, id: Uuid) -> Result<RequestState, WorkflowError> {
        let request = requests::find(&self.store, id).await?.ok_or(WorkflowError::NotFound)?;
        if self.may_view(caller, &request) { Ok(request.state) } else { Err(WorkflowError::NotFound) }
    }

    /// The next events that `filter` asks for, above `after` and up to `through`: at most `limit`.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn log_stretch(
        &self,
        filter: &LogFilter,
        after: i64,
        through: i64,
        limit: usize,
    ) -> Result<Stretch, WorkflowError> {
        Ok(audit::stretch(&self.store, filter, after, through, limit).await?)
    }

    /// The highest `seq` there is, whether or not some below it may still turn up.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn log_newest(&self) -> Result<i64, WorkflowError> {
        Ok(store::newest(&self.store).await?)
    }

    /// The requests that `events` are about.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn requests_of(&self, events: &[Event]) -> Result<Vec<Request>, WorkflowError> {
        let ids: BTreeSet<_> = events.iter().flat_map(about).collect();
        if ids.is_empty() {
            return Ok(vec![]);
        }
        Ok(requests::all_of(&self.store, &ids.into_iter().collect::<Vec<_>>()).await?)
    }

    /// The states that the requests `ids` are in.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn states(&self, ids: &[Uuid]) -> Result<Vec<(Uuid, RequestState)>, WorkflowError> {
        Ok(requests::states(&self.store, ids).await?)
    }

    /// Waits until there may be more in the log. For one reader in each process.
    pub async fn logged(&self) {
        self.store.hub().logged().await;
    }
}

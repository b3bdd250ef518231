//! Looking, which needs no transaction: what is shown may be a moment old.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::WorkflowError;
use super::audit_log::LogPage;
use super::desk::{Desk, call_of};
use super::standing::{Details, EXTEND};
use crate::domain::identity::Caller;
use crate::domain::request::Request;
use crate::policy::{Action, Call, ServiceAction};
use crate::store::clusters::{self, Health};
use crate::store::figures::{Connections, Figures, clock_offset, connections, figures};
use crate::store::requests::Batch;
use crate::store::{Notice, StoreError, events, keys, requests, reviews};
use tokio::sync::broadcast::Receiver;

pub use crate::store::Filter;

/// How many rows one list looks at before it answers with what it has found, when the caller may see few of them.
const MOST_ROWS: usize = 2000;

/// How far this machine's clock may be from the database's before that is worth a word.
const MOST_OFFSET: TimeDelta = TimeDelta::seconds(2);

/// A page of a list.
#[derive(Debug)]
pub struct Page {
    /// What the caller may see.
    pub items: Vec<Details>,
    /// Where the next page starts; `None` at the end.
    pub next: Option<Uuid>,
}

impl Desk {
    /// One request.
    ///
    /// # Errors
    /// [`WorkflowError::NotFound`], also for what the caller may not see.
    pub async fn get(&self, caller: &Caller, id: Uuid) -> Result<Details, WorkflowError> {
        let (request, given) = requests::find_reviewed(&self.store, id).await?.ok_or(WorkflowError::NotFound)?;
        let policies = self.policies.current();
        let now = self.store.clock().approximate();
        let mut details = self.details(&policies, caller, request, given, now).ok_or(WorkflowError::NotFound)?;
        self.forbid_second_extensions(std::slice::from_mut(&mut details)).await?;
        Ok(details)
    }

    /// What the caller may see among what `filter` asks for, newest first. `reviewable` keeps only what they could
    /// review now.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn list(
        &self,
        caller: &Caller,
        mut filter: Filter,
        reviewable: bool,
        mut before: Option<Uuid>,
        limit: usize,
    ) -> Result<Page, WorkflowError> {
        if reviewable {
            return self.to_review(caller, &filter, before, limit).await;
        }
        let policies = self.policies.current();
        // Whom no policy could show what others ask for does not have all of it looked through.
        if !policies.could_let(&caller.identity, Action::View) {
            let own = filter.requester.get_or_insert_with(|| caller.user().to_owned());
            if own != caller.user() {
                return Ok(Page { items: vec![], next: None });
            }
        }
        let mut items: Vec<Details> = Vec::new();
        let mut looked_at = 0;
        loop {
            let now = self.store.clock().approximate();
            let batch = i64::try_from(limit + 1).unwrap_or(i64::MAX);
            let Batch { requests, next } = requests::list(&self.store, &filter, before, batch).await?;
            looked_at += limit + 1;
            let ids: Vec<_> = requests.iter().map(|request| request.id).collect();
            let given = reviews::read(&self.store, &ids).await?;
            for request in requests {
                if items.len() == limit {
                    self.forbid_second_extensions(&mut items).await?;
                    return Ok(Page { next: items.last().map(|last| last.request.id), items });
                }
                let own = given.iter().filter(|review| review.request_id == request.id).cloned().collect();
                items.extend(self.details(&policies, caller, request, own, now));
            }
            if next.is_none() || looked_at >= MOST_ROWS {
                self.forbid_second_extensions(&mut items).await?;
                return Ok(Page { items, next });
            }
            before = next;
        }
    }

    /// The timeline of a request, oldest first: up to `limit` events above the `seq` `after`.
    ///
    /// # Errors
    /// [`WorkflowError::NotFound`], also for what the caller may not see.
    pub async fn events(&self, caller: &Caller, id: Uuid, after: i64, limit: usize) -> Result<LogPage, WorkflowError> {
        let request = requests::find(&self.store, id).await?.ok_or(WorkflowError::NotFound)?;
        if !self.may_view(caller, &request) {
            return Err(WorkflowError::NotFound);
        }
        Ok(events::of_request(&self.store, id, after, limit).await?)
    }

    /// What is being extended already cannot be extended once more.
    async fn forbid_second_extensions(&self, shown: &mut [Details]) -> Result<(), WorkflowError> {
        let offered = shown.iter().filter(|details| details.allowed.contains(&EXTEND));
        let ids: Vec<_> = offered.map(|details| details.request.id).collect();
        if !ids.is_empty() {
            let extended = requests::being_extended(&self.store, &ids).await?;
            for details in shown.iter_mut().filter(|details| extended.contains(&details.request.id)) {
                details.allowed.retain(|action| *action != EXTEND);
            }
        }
        Ok(())
    }

    pub(super) fn may_view(&self, caller: &Caller, request: &Request) -> bool {
        let (case, call) = (self.case(request), self.call(caller));
        self.policies.current().authorize(&caller.identity, Action::View, &case.facts(request), &call).allowed
    }

    /// What EKS last said about the configured clusters.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn health(&self) -> Result<Vec<Health>, WorkflowError> {
        let mut tx = self.store.begin().await?;
        let health = clusters::of(&mut tx, &self.clusters.names()).await?;
        tx.rollback().await?;
        Ok(health)
    }

    /// Whether every configured cluster has been asked about at least once, by whichever replica.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn knows_all_clusters(&self) -> Result<bool, WorkflowError> {
        Ok(clusters::all_known(&self.store, &self.clusters.names()).await?)
    }

    /// Whether policy lets `caller` do `action` on Entryway itself.
    #[must_use]
    pub fn may(&self, caller: &Caller, action: ServiceAction) -> bool {
        self.policies.current().authorize_service(&caller.identity, action, &self.call(caller)).allowed
    }

    fn call(&self, caller: &Caller) -> Call {
        call_of(caller, self.store.clock().approximate())
    }

    /// The time for deciding what to show, good to a few milliseconds; what is stored is decided by the database's.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.store.clock().approximate()
    }

    /// Notices of changed requests from now on.
    #[must_use]
    pub fn notices(&self) -> Receiver<Notice> {
        self.store.hub().subscribe()
    }

    /// What operators watch.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn figures(&self) -> Result<Figures, WorkflowError> {
        Ok(figures(&self.store, &self.clusters.names()).await?)
    }

    /// By how much this machine's clock is ahead of the database's.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn clock_offset(&self) -> Result<TimeDelta, WorkflowError> {
        Ok(clock_offset(&self.store).await?)
    }

    /// Says in the log when this machine's clock and the database's are apart.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn check_clock(&self) -> Result<(), WorkflowError> {
        let offset = self.clock_offset().await?;
        if offset.abs() > MOST_OFFSET {
            let seconds = offset.as_seconds_f64();
            tracing::warn!(seconds, "this machine's clock and Postgres' are apart; have both set by NTP");
        }
        Ok(())
    }

    /// How this process stands with Postgres.
    #[must_use]
    pub fn connections(&self) -> Connections {
        connections(&self.store)
    }

    /// Whether Postgres takes writes and has this build's schema.
    ///
    /// # Errors
    /// Says what is missing.
    pub async fn ready(&self) -> Result<(), StoreError> {
        self.store.ready().await
    }

    /// The key that page tokens are signed with, the same on every replica.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn page_key(&self) -> Result<String, WorkflowError> {
        Ok(keys::page_token(&self.store).await?)
    }
}

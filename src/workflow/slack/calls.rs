//! Calls of Slack's are taken once. What is taken is on record before it is worked on, so that what a process leaves undone when it
//! dies is found by another.

use chrono::TimeDelta;
use serde_json::json;

use super::super::WorkflowError;
use super::super::desk::Desk;
use crate::domain::event::{EventType, NewEvent};
use crate::domain::identity::Via;
use crate::store::slack;

pub use crate::store::slack::Lost;

/// How long a signature is remembered: longer than it is good for, five minutes to either side.
pub const SIGNATURES_LAST: TimeDelta = TimeDelta::hours(1);

/// After so long a call that is not done will not be: its process has been stopped, or killed.
const GIVEN_UP: TimeDelta = TimeDelta::seconds(90);

/// After so long a call whose author cannot be told is not worth telling of any more.
const STALE: TimeDelta = TimeDelta::days(1);

impl Desk {
    /// Takes a call of the Slack user `user_id`, which is `what` in words, by the hash of its signature. False where it was taken
    /// before: then it is a replay, which is put on record.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn take_slack_call(&self, signature: &[u8], user_id: &str, what: &str) -> Result<bool, WorkflowError> {
        let mut tx = self.store.begin().await?;
        let first = slack::take(&mut tx, signature, user_id, what).await?;
        tx.commit().await?;
        if !first {
            let data = json!({ "code": "slack-replayed", "count": 1, "user": null, "slackUser": user_id });
            let event = NewEvent { via: Via::Slack, ..NewEvent::by_entryway(EventType::AuthFailed, data) };
            self.record_alone(event).await?;
        }
        Ok(first)
    }

    /// A call is done, its author told.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn finish_slack_call(&self, signature: &[u8]) -> Result<(), WorkflowError> {
        let mut tx = self.store.begin().await?;
        slack::done(&mut tx, signature).await?;
        Ok(tx.commit().await?)
    }

    /// The oldest call whose process died before it was done, if there is one. Whoever gets it tells its author; nobody else gets it.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn lost_slack_call(&self) -> Result<Option<Lost>, WorkflowError> {
        let mut tx = self.store.begin().await?;
        let before = tx.now() - GIVEN_UP;
        let lost = slack::lost(&mut tx, before).await?;
        tx.commit().await?;
        Ok(lost)
    }

    /// The author of a lost call could not be told: somebody is to try again.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn slack_call_is_still_lost(&self, lost: &Lost) -> Result<(), WorkflowError> {
        let mut tx = self.store.begin().await?;
        let oldest = tx.now() - STALE;
        slack::reopen(&mut tx, &lost.signature, oldest).await?;
        Ok(tx.commit().await?)
    }

    /// Forgets calls whose signatures are good for nothing any more, and links whose time is over.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn forget_slack_calls(&self) -> Result<(), WorkflowError> {
        let mut tx = self.store.begin().await?;
        slack::forget_calls(&mut tx, SIGNATURES_LAST).await?;
        slack::forget_links(&mut tx).await?;
        Ok(tx.commit().await?)
    }
}

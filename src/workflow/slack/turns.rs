//! When something may be said in Slack: one message a second in each place, nothing while Slack wants to be left alone, and nothing twice
//! in a hurry that may have been heard already.

use chrono::TimeDelta;
use uuid::Uuid;

use super::super::WorkflowError;
use super::super::desk::Desk;
use super::Message;
use crate::domain::delivery::doubt;
use crate::store::slack;

/// How far ahead turns are taken. Whoever has one waits for it; everybody else comes again.
const AHEAD: TimeDelta = TimeDelta::seconds(10);

/// Whether something may be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// After so long.
    After(TimeDelta),
    /// Not within so long; then one asks again.
    NotWithin(TimeDelta),
}

impl Desk {
    /// When `place` may be written to by `method`, and that it is about to be, where it is about a request and its message there. What is
    /// on record then holds also where this process does not live to hear of it.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn slack_turn(
        &self,
        place: &str,
        method: &str,
        about: Option<(Uuid, &Message)>,
    ) -> Result<Turn, WorkflowError> {
        let mut tx = self.store.begin().await?;
        let now = tx.now();
        let turn = slack::turn(&mut tx, place, method, now + AHEAD).await?;
        if let (slack::Turn::At(at), Some((id, message))) = (turn, about) {
            slack::posting(&mut tx, id, place, at + doubt(message.post.attempts + 1)).await?;
        }
        tx.commit().await?;
        Ok(match turn {
            slack::Turn::At(at) => Turn::After(at - now),
            slack::Turn::NotBefore(at) => Turn::NotWithin(at - now),
        })
    }

    /// How long `method` is to be left alone yet; nothing where it is not.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn slack_pause(&self, method: &str) -> Result<Option<TimeDelta>, WorkflowError> {
        let mut tx = self.store.begin().await?;
        let until = slack::paused(&mut tx, method).await?;
        let now = tx.now();
        tx.rollback().await?;
        Ok(until.map(|until| until - now))
    }

    /// Slack wants `method` to be left alone for `time`, by everybody.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn pause_slack(&self, method: &str, time: TimeDelta) -> Result<(), WorkflowError> {
        let mut tx = self.store.begin().await?;
        let until = tx.now() + time;
        slack::pause(&mut tx, method, until).await?;
        Ok(tx.commit().await?)
    }

    /// A message was not posted, and nobody need wonder. The next may be after `wait`, or at any time.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn not_posted_in_slack(
        &self,
        id: Uuid,
        target: &str,
        wait: Option<TimeDelta>,
    ) -> Result<(), WorkflowError> {
        let mut tx = self.store.begin().await?;
        let not_before = wait.map(|wait| tx.now() + wait);
        slack::unposted(&mut tx, id, target, not_before).await?;
        Ok(tx.commit().await?)
    }

    /// A message could not be changed; for how long that goes on is kept.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn slack_fails(&self, id: Uuid, target: &str) -> Result<(), WorkflowError> {
        let mut tx = self.store.begin().await?;
        slack::fails(&mut tx, id, target).await?;
        Ok(tx.commit().await?)
    }
}

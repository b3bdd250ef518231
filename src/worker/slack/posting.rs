//! Posting, which cannot be taken back and not be asked about: in turn, and seldom again where nobody knows whether it has arrived.

use chrono::TimeDelta;
use uuid::Uuid;

use super::SlackChannel;
use super::refusals::{self, Trouble};
use crate::domain::delivery::{RETRY_FOR, as_long_again, doubt};
use crate::slack::{POST, SlackBlock, SlackError, UPDATE};
use crate::workflow::slack::{Followed, Message, Turn};

/// What came of changing a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// It shows it now.
    Made,
    /// Slack changes that message no more, or has it no more.
    Impossible,
    /// Slack does not take it for now; the next event tries again.
    GivenUp,
}

impl SlackChannel {
    /// Posts a message about a request; answers where it stands, or nothing where it is given up for now.
    pub(super) async fn post_about(
        &self,
        followed: &Followed,
        message: &Message,
        said: &str,
        blocks: &[SlackBlock],
    ) -> Result<Option<(String, String)>, Trouble> {
        let (id, target, post) = (followed.request.id, message.target.as_str(), &message.post);
        let is_over = is_over(followed, message);
        if let Some(left) = post.not_before.map(|at| at - followed.now).filter(|left| *left > TimeDelta::zero()) {
            if is_over {
                return Ok(None);
            }
            let why = format!("a message for {target} did not arrive, or Slack did not say whether; the log has why");
            return Err(Trouble::Failed(why, Some(left)));
        }
        self.in_turn(target, Some((id, message))).await?;
        let error = match self.client.post(target, said, blocks).await {
            Ok(posted) => return Ok(Some(posted)),
            Err(error) => error,
        };
        match error {
            SlackError::RateLimited(asked) => {
                self.desk.not_posted_in_slack(id, target, None).await?;
                Err(self.leave_alone(POST, SlackError::RateLimited(asked)).await?)
            }
            // What was written down before holds.
            error if refusals::is_in_doubt(&error) => {
                let why = format!("{target}: {error}");
                if is_over {
                    tracing::warn!(why, "whether Slack took a message is not known, and it is not tried again");
                    return Ok(None);
                }
                Err(Trouble::Failed(why, Some(doubt(post.attempts.saturating_add(1)))))
            }
            error if is_over || !refusals::is_mendable(&error, target) => {
                refusals::report(&error, target);
                self.desk.not_posted_in_slack(id, target, None).await?;
                Ok(None)
            }
            error => {
                if refusals::is_mendable(&error, target) && !refusals::is_passing(&error) {
                    refusals::report(&error, target);
                }
                let again = as_long_again(post.first_tried_at.map(|first| followed.now - first));
                self.desk.not_posted_in_slack(id, target, Some(again)).await?;
                Err(Trouble::Failed(format!("{target}: {error}"), Some(again)))
            }
        }
    }

    /// Says something about an event in a channel, and remembers that it is said.
    pub(super) async fn post_alone(
        &self,
        (event, attempt): (Uuid, i32),
        channel: &str,
        said: &str,
    ) -> Result<(), Trouble> {
        match self.write_to(channel, said).await {
            Ok(()) => {}
            Err(Trouble::Slack(error)) if refusals::is_in_doubt(&error) => {
                return Err(Trouble::Failed(error.to_string(), Some(doubt(attempt))));
            }
            Err(trouble) => refusals::told_of(trouble, channel)?,
        }
        self.told.note(event, channel);
        Ok(())
    }

    /// Says something in its turn, to a channel or to somebody, and forgets it.
    pub(super) async fn write_to(&self, target: &str, said: &str) -> Result<(), Trouble> {
        self.in_turn(target, None).await?;
        match self.client.post(target, said, &[]).await {
            Ok(_) => Ok(()),
            Err(error @ SlackError::RateLimited(_)) => Err(self.leave_alone(POST, error).await?),
            Err(error) => Err(Trouble::Slack(error)),
        }
    }

    /// Changes a message about a request.
    pub(super) async fn update(
        &self,
        (followed, message): (&Followed, &Message),
        at: (&str, &str),
        said: &str,
        blocks: &[SlackBlock],
    ) -> Result<Change, Trouble> {
        if let Some(left) = self.desk.slack_pause(UPDATE).await? {
            return Err(Trouble::Later(left));
        }
        match self.client.update(at, said, blocks).await {
            Ok(()) => Ok(Change::Made),
            Err(error) if refusals::is_beyond_change(&error) => Ok(Change::Impossible),
            Err(error @ SlackError::RateLimited(_)) => Err(self.leave_alone(UPDATE, error).await?),
            Err(error) if is_over(followed, message) || !refusals::is_mendable(&error, &message.target) => {
                refusals::report(&error, &message.target);
                Ok(Change::GivenUp)
            }
            Err(error) => {
                self.desk.slack_fails(followed.request.id, &message.target).await?;
                Err(Trouble::Slack(error))
            }
        }
    }

    /// Waits for the turn to post to `target`, if it is near.
    async fn in_turn(&self, target: &str, about: Option<(Uuid, &Message)>) -> Result<(), Trouble> {
        let left = match self.desk.slack_turn(target, POST, about).await? {
            Turn::After(left) if left > TimeDelta::zero() => left,
            Turn::After(_) => return Ok(()),
            Turn::NotWithin(left) => return Err(Trouble::Later(left)),
        };
        self.desk.store.clock().sleep(left).await;
        // What Slack has said meanwhile holds for this one too.
        let Some(left) = self.desk.slack_pause(POST).await? else { return Ok(()) };
        if let Some((id, _)) = about {
            self.desk.not_posted_in_slack(id, target, None).await?;
        }
        Err(Trouble::Later(left))
    }

    /// Has everybody leave `method` alone for as long as Slack says.
    async fn leave_alone(&self, method: &str, error: SlackError) -> Result<Trouble, Trouble> {
        if let SlackError::RateLimited(asked) = error {
            self.desk.pause_slack(method, TimeDelta::from_std(asked).unwrap_or(TimeDelta::hours(1))).await?;
        }
        Ok(Trouble::Slack(error))
    }
}

/// Whether a place has failed for so long that it holds up the others no more. Longer than one event is tried, which is given up and
/// counted first.
fn is_over(followed: &Followed, message: &Message) -> bool {
    message.post.first_tried_at.is_some_and(|first| first + RETRY_FOR + TimeDelta::hours(1) <= followed.now)
}

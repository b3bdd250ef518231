//! Messages that somebody clicks on. Slack may have taken one and never said so, or its process died before it was remembered: then it
//! turns up when somebody uses it.

use uuid::Uuid;

use super::super::WorkflowError;
use super::super::desk::{Desk, own_call};
use super::Message;
use crate::domain::request::{Request, TakenBack};
use crate::domain::review::Review;
use crate::policy::Quorum;
use crate::store::{outbox, requests, slack};

/// A message that was clicked on, and what it should show.
#[derive(Debug, Clone)]
pub struct Clicked {
    /// The request.
    pub request: Request,
    /// Its reviews.
    pub reviews: Vec<Review>,
    /// What policy says to them.
    pub quorum: Quorum,
    /// Who takes access back, where somebody does.
    pub taken_back: Option<TakenBack>,
    /// The message, where it is the one that follows the request; `None` for a copy of it.
    pub known: Option<Message>,
    /// Whether something is still to be told of the request, with which its messages are brought up to date anyway.
    pub is_behind: bool,
}

impl Desk {
    /// Takes the message at `at`, on which `user_id` clicks, for the one that follows the request in that channel, or with that user,
    /// where none is known.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn adopt_in_slack(&self, id: Uuid, user_id: &str, at: (&str, &str)) -> Result<(), WorkflowError> {
        // In a conversation with one user, a message stands elsewhere than it was sent to.
        let target = if at.0.starts_with('D') { user_id } else { at.0 };
        let mut tx = self.store.begin().await?;
        slack::adopt(&mut tx, id, target, at).await?;
        Ok(tx.commit().await?)
    }

    /// The message at `at` about a request, and what it should show. `None` where there is no such request.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn clicked_in_slack(
        &self,
        id: Uuid,
        destination: &str,
        at: (&str, &str),
    ) -> Result<Option<Clicked>, WorkflowError> {
        let Some((request, reviews)) = requests::find_reviewed(&self.store, id).await? else { return Ok(None) };
        let mut tx = self.store.begin().await?;
        self.recall(&mut tx, std::slice::from_ref(&request), &reviews).await?;
        let (case, call) = (self.case(&request), own_call(tx.now()));
        let policies = self.policies.current();
        let quorum = policies.standing(&case.facts(&request), &reviews, &self.directory, &call).quorum;
        let is_at = |message: &Message| {
            message.posted.as_ref().is_some_and(|(channel, ts)| (channel.as_str(), ts.as_str()) == at)
        };
        let known = slack::messages(&mut tx, id).await?.into_iter().find(is_at);
        let is_behind = outbox::waits(&mut tx, destination, &format!("request/{id}")).await?;
        let taken_back = slack::taken_back(&mut tx, id).await?;
        tx.rollback().await?;
        Ok(Some(Clicked { request, reviews, quorum, taken_back, known, is_behind }))
    }
}

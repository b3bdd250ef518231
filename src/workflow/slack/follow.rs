//! What messages show of a request, and who is to have one. Worked out anew each time from what stands in the database, so that it does
//! not matter which event, which replica or which attempt asks.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::super::WorkflowError;
use super::super::desk::{Desk, own_call};
use crate::domain::delivery::RETRY_FOR;
use crate::domain::request::{Request, TakenBack};
use crate::domain::review::Review;
use crate::domain::states::RequestState;
use crate::policy::Quorum;
use crate::store::{requests, slack};

pub use crate::store::slack::Message;

/// The most people who are written to about one request. Where more could sign it off, channels are the way to tell them.
const MOST_PEOPLE: usize = 25;

/// A request as messages show it, to nobody in particular.
#[derive(Debug, Clone)]
pub struct Followed {
    /// The request.
    pub request: Request,
    /// Its reviews, in the order given.
    pub reviews: Vec<Review>,
    /// What policy says to them.
    pub quorum: Quorum,
    /// Who takes access back, where somebody does.
    pub taken_back: Option<TakenBack>,
    /// The messages there are, and are to be.
    pub messages: Vec<Message>,
    /// Those of Slack's users, among the targets of messages, who are asked to decide.
    pub asked: Vec<String>,
    /// Which of them is the requester, who is told once it is decided.
    pub requester: Option<String>,
    /// When it was so.
    pub now: DateTime<Utc>,
}

impl Desk {
    /// What messages show of a request now, for `channels`, for the users of `team_id` who could sign it off, for whoever asked for it
    /// once that is decided, and wherever one stands already. `None` where there is no such request.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn follow_in_slack(
        &self,
        id: Uuid,
        team_id: &str,
        channels: &[String],
    ) -> Result<Option<Followed>, WorkflowError> {
        let Some((request, reviews)) = requests::find_reviewed(&self.store, id).await? else { return Ok(None) };
        let policies = self.policies.current();
        let mut tx = self.store.begin().await?;
        self.recall(&mut tx, std::slice::from_ref(&request), &reviews).await?;
        let (case, call) = (self.case(&request), own_call(tx.now()));
        let quorum = policies.standing(&case.facts(&request), &reviews, &self.directory, &call).quorum;
        let waits = request.state == RequestState::Pending || request.owes_review;
        let could = if waits { policies.could_sign_off(&case.facts(&request), &self.directory, &call) } else { vec![] };
        let asked = slack::users_of(&mut tx, team_id, &could).await?;
        let asked: Vec<_> = asked.into_iter().map(|(_, user_id)| user_id).take(MOST_PEOPLE).collect();
        // They know what they asked for, and what they withdrew; and nobody wants to hear of what was long ago because it is told once more.
        let is_told = !matches!(request.state, RequestState::Pending | RequestState::Withdrawn)
            && request.updated_at + RETRY_FOR > tx.now();
        let told = is_told.then(|| request.requester.clone());
        let requester = slack::users_of(&mut tx, team_id, told.as_slice()).await?;
        let requester = requester.into_iter().map(|(_, user_id)| user_id).next();
        let targets: Vec<_> = channels.iter().chain(&asked).chain(&requester).cloned().collect();
        slack::address(&mut tx, id, &targets).await?;
        let messages = slack::messages(&mut tx, id).await?;
        let taken_back = slack::taken_back(&mut tx, id).await?;
        let now = tx.now();
        tx.commit().await?;
        Ok(Some(Followed { request, reviews, quorum, taken_back, messages, asked, requester, now }))
    }

    /// Remembers where the message for `target` stands, and what it shows.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn shown_in_slack(
        &self,
        id: Uuid,
        target: &str,
        at: (&str, &str),
        shows: &str,
    ) -> Result<(), WorkflowError> {
        let mut tx = self.store.begin().await?;
        slack::shown(&mut tx, id, target, at, shows).await?;
        Ok(tx.commit().await?)
    }
}

//! What is special about Slack: its users are tied to people, its calls come once, and its messages follow requests. Filing and
//! reviewing are the same use cases as everywhere.

mod calls;
mod choices;
mod copies;
mod follow;
mod link;
mod turns;

pub use calls::{Lost, SIGNATURES_LAST};
pub use choices::{Choices, PERMANENT};
pub use copies::Clicked;
pub use follow::{Followed, Message};
pub use link::{LINK_LASTS, Offer};
pub use turns::Turn;

use super::WorkflowError;
use super::desk::Desk;
use crate::domain::identity::{Caller, Via};
use crate::store::slack;

pub use crate::store::slack::SlackUser;

impl Desk {
    /// Who calls when a Slack user does: the person tied to them, with the rights they have now. `None` where nobody is.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn slack_caller(&self, who: &SlackUser) -> Result<Option<Caller>, WorkflowError> {
        let mut tx = self.store.begin().await?;
        let Some(user) = slack::person(&mut tx, who).await? else {
            tx.rollback().await?;
            return Ok(None);
        };
        self.recall_those(&mut tx, std::slice::from_ref(&user)).await?;
        tx.rollback().await?;
        let identity = self.directory.identity(&user);
        Ok(Some(Caller { identity, submitted_by: None, via: Via::Slack, source_ip: None }))
    }
}

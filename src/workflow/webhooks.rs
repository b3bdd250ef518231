//! Webhooks, as operators see them: how things stand, and telling a receiver again.

use serde_json::json;

use super::WorkflowError;
use super::desk::{Desk, call_of};
use super::once::{Once, Outcome, conclude, recall};
use crate::domain::event::{EventType, NewEvent};
use crate::domain::identity::Caller;
use crate::policy::ServiceAction;
use crate::store::{events, outbox, settled};

pub use crate::store::outbox::{GivenUp, Standing};

/// How many of what was given up is shown of one destination.
const MOST_SHOWN: i64 = 100;

/// Who is to be told again of what.
pub struct Replay<'a> {
    /// Who asks for it.
    pub caller: &'a Caller,
    /// The webhook's name; `None` where none of that name is configured.
    pub name: Option<&'a str>,
    /// Its destination.
    pub destination: &'a str,
    /// The seq after which to start.
    pub after: i64,
    /// Whether to do it once.
    pub once: Option<Once<'a, Replayed>>,
}

/// What is told again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replayed {
    /// The webhook.
    pub name: String,
    /// Everything above this seq that the webhook wants.
    pub after: i64,
    /// What had been read when it was asked for: only up to here anything comes a second time.
    pub through: i64,
}

/// Has a receiver be told again of everything above `after`, in order; also of what was given up, and also where it had said
/// that it is gone.
///
/// # Errors
/// [`WorkflowError::NotAdministrator`]; [`WorkflowError::NoSuchWebhook`]; [`WorkflowError::InvalidField`] where `after` lies
/// beyond the end of the log.
pub async fn replay(desk: &Desk, replay: Replay<'_>) -> Result<Outcome<Replayed>, WorkflowError> {
    let Replay { caller, name, destination, after, ref once } = replay;
    let policies = desk.policies.current();
    let end = settled(&desk.store).await?;
    let mut tx = desk.store.begin().await?;
    if let Some(outcome) = recall(&mut tx, once.as_ref()).await? {
        return Ok(outcome);
    }
    let decision = policies.authorize_service(&caller.identity, ServiceAction::Administer, &call_of(caller, tx.now()));
    if !decision.allowed {
        tx.rollback().await?;
        let error = WorkflowError::NotAdministrator(decision.reasons);
        let data = json!({ "action": "replayWebhook", "code": error.refusal(), "policyDigest": policies.digest() });
        desk.record_alone(NewEvent::by(caller, EventType::RequestRefused, data)).await?;
        return Err(error);
    }
    let Some(name) = name else { return Err(WorkflowError::NoSuchWebhook) };
    if !(0..=end).contains(&after) {
        return Err(WorkflowError::InvalidField {
            pointer: "/after",
            code: "after-invalid",
            detail: format!("the log ends at {end}; send the seq of the last event that arrived, or 0 for everything"),
        });
    }
    // Where no worker has seen the webhook yet, there is nothing to go back to, and all of it is to be told.
    let position = match outbox::replay(&mut tx, destination, after).await? {
        Some(position) => position,
        None => outbox::open_at(&mut tx, destination, after).await?,
    };
    let through = position.max(after);
    let data = json!({ "destination": destination, "after": after, "through": through });
    events::append(&mut tx, vec![NewEvent::by(caller, EventType::DestinationReplayed, data)]).await?;
    conclude(tx, once.as_ref(), Replayed { name: name.to_owned(), after, through }).await
}

impl Desk {
    /// How things stand with every destination that was ever told of anything.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn destinations(&self) -> Result<Vec<Standing>, WorkflowError> {
        Ok(outbox::standing(&self.store).await?)
    }

    /// The oldest events that were given up for `destination`.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn given_up(&self, destination: &str) -> Result<Vec<GivenUp>, WorkflowError> {
        Ok(outbox::given_up(&self.store, destination, MOST_SHOWN).await?)
    }
}

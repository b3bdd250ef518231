//! Who a Slack user is: a link is handed out to the user in Slack, and a person who is signed in here ties the two. Nothing is ever
//! concluded from names or e-mail addresses, which people can change.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use rand::TryRngCore as _;
use rand::rngs::OsRng;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::super::WorkflowError;
use super::super::desk::Desk;
use crate::domain::event::{EventType, NewEvent};
use crate::domain::identity::Caller;
use crate::store::slack::SlackUser;
use crate::store::{StoreError, slack};

pub use crate::store::slack::Offer;

/// How long a link is good for.
pub const LINK_LASTS: TimeDelta = TimeDelta::minutes(10);

/// Bytes of the secret in a link.
const SECRET: usize = 32;

impl Desk {
    /// Makes a link for a Slack user, in place of those they were given before; answers the secret in it, of which only a hash is
    /// kept.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn offer_slack_link(&self, offer: &Offer) -> Result<String, WorkflowError> {
        let mut secret = [0; SECRET];
        OsRng.try_fill_bytes(&mut secret).map_err(|_| StoreError::Interrupted)?;
        let token = BASE64_URL_SAFE_NO_PAD.encode(secret);
        let mut tx = self.store.begin().await?;
        let expires_at = tx.now() + LINK_LASTS;
        slack::offer(&mut tx, &hash(&token), offer, expires_at).await?;
        tx.commit().await?;
        Ok(token)
    }

    /// Whom a link ties, for the person to look at first. Changes nothing.
    ///
    /// # Errors
    /// [`WorkflowError::NoSuchLink`]; [`WorkflowError::NotOneself`] for services and whoever they speak for.
    pub async fn slack_link(&self, caller: &Caller, token: &str) -> Result<Offer, WorkflowError> {
        in_person(caller)?;
        let mut tx = self.store.begin().await?;
        let offer = slack::offered(&mut tx, &hash(token)).await?;
        tx.rollback().await?;
        offer.ok_or(WorkflowError::NoSuchLink)
    }

    /// Ties the Slack user of a link to the caller, and uses the link up.
    ///
    /// # Errors
    /// [`WorkflowError::NoSuchLink`]; [`WorkflowError::AlreadyTied`]; [`WorkflowError::NotOneself`] for services and whoever they
    /// speak for.
    pub async fn link_slack_user(&self, caller: &Caller, token: &str) -> Result<Offer, WorkflowError> {
        in_person(caller)?;
        let mut tx = self.store.begin().await?;
        let offer = slack::redeem(&mut tx, &hash(token)).await?.ok_or(WorkflowError::NoSuchLink)?;
        if let Err(error) = slack::tie(&mut tx, &offer.who, caller.user()).await {
            return Err(tied_before(error, caller));
        }
        let data = about(&offer.who, Some(&offer.display_name));
        crate::store::events::append(&mut tx, vec![NewEvent::by(caller, EventType::IdentityLinked, data)]).await?;
        tx.commit().await?;
        Ok(offer)
    }

    /// Takes the caller's tie to a Slack user of `team_id` back; answers the user it was, or `None` where there was none.
    ///
    /// # Errors
    /// [`WorkflowError::NotOneself`] for services and whoever they speak for.
    pub async fn unlink_slack_user(&self, caller: &Caller, team_id: &str) -> Result<Option<SlackUser>, WorkflowError> {
        in_person(caller)?;
        let mut tx = self.store.begin().await?;
        let Some(user_id) = slack::untie(&mut tx, team_id, caller.user()).await? else {
            tx.rollback().await?;
            return Ok(None);
        };
        let who = SlackUser { team_id: team_id.to_owned(), user_id };
        let event = NewEvent::by(caller, EventType::IdentityUnlinked, about(&who, None));
        crate::store::events::append(&mut tx, vec![event]).await?;
        tx.commit().await?;
        Ok(Some(who))
    }
}

/// Nobody else ties anybody to a Slack user, and services have none.
fn in_person(caller: &Caller) -> Result<(), WorkflowError> {
    if caller.identity.service || caller.submitted_by.is_some() {
        return Err(WorkflowError::NotOneself("a Slack user is tied by the person themselves; sign in as yourself"));
    }
    Ok(())
}

fn tied_before(error: StoreError, caller: &Caller) -> WorkflowError {
    match error {
        StoreError::Duplicate { constraint } if constraint == "slack_user_person" => {
            WorkflowError::AlreadyTied(format!(
                "{} is tied to another Slack user; take that back first: POST /slack/unlink, or /eks-access unlink as that user",
                caller.user()
            ))
        }
        StoreError::Duplicate { .. } => WorkflowError::AlreadyTied(
            "this Slack user is tied to somebody already; have them say /eks-access unlink first".to_owned(),
        ),
        other => other.into(),
    }
}

fn about(who: &SlackUser, display_name: Option<&str>) -> serde_json::Value {
    json!({ "system": "slack", "slackTeam": who.team_id, "slackUser": who.user_id, "displayName": display_name })
}

fn hash(token: &str) -> Vec<u8> {
    Sha256::digest(token).to_vec()
}

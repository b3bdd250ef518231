//! What is kept about Slack: who its users are, and links that were handed out; calls that were taken, and messages that show
//! requests.

mod calls;
mod messages;
mod turns;

use chrono::{DateTime, Utc};

use super::{StoreError, Tx};

pub use calls::{Lost, done, forget_calls, lost, reopen, take};
pub use messages::{Message, Post, address, adopt, fails, messages, posting, shown, taken_back, unposted};
pub use turns::{Turn, pause, paused, turn};

/// A Slack user: who it is in which workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlackUser {
    /// The workspace.
    pub team_id: String,
    /// The user's id there, which stays whatever they call themselves.
    pub user_id: String,
}

/// A link that waits for a signed-in person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Whom it ties.
    pub who: SlackUser,
    /// How Slack called them when the link was handed out.
    pub display_name: String,
}

/// A row as it is read for [`Offer`].
struct OfferRow {
    team_id: String,
    user_id: String,
    display_name: String,
}

impl From<OfferRow> for Offer {
    fn from(row: OfferRow) -> Self {
        Self { who: SlackUser { team_id: row.team_id, user_id: row.user_id }, display_name: row.display_name }
    }
}

/// Who a Slack user is tied to.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn person(tx: &mut Tx, who: &SlackUser) -> Result<Option<String>, StoreError> {
    Ok(sqlx::query_scalar!(
        "-- slack.person
        SELECT user_name FROM slack_user WHERE team_id = $1 AND user_id = $2",
        who.team_id,
        who.user_id,
    )
    .fetch_optional(&mut *tx.inner)
    .await?)
}

/// The Slack users of those of `users` who are tied to one, as (person, user id).
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn users_of(tx: &mut Tx, team_id: &str, users: &[String]) -> Result<Vec<(String, String)>, StoreError> {
    let rows = sqlx::query!(
        "-- slack.users_of
        SELECT user_name, user_id FROM slack_user WHERE team_id = $1 AND user_name = ANY($2) ORDER BY user_name",
        team_id,
        users,
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    Ok(rows.into_iter().map(|row| (row.user_name, row.user_id)).collect())
}

/// Ties a Slack user to a person.
///
/// # Errors
/// [`StoreError::Duplicate`] when either of them is tied already.
pub async fn tie(tx: &mut Tx, who: &SlackUser, user: &str) -> Result<(), StoreError> {
    sqlx::query!(
        "-- slack.tie
        INSERT INTO slack_user (team_id, user_id, user_name, linked_at) VALUES ($1, $2, $3, $4)",
        who.team_id,
        who.user_id,
        user,
        tx.now,
    )
    .execute(&mut *tx.inner)
    .await?;
    Ok(())
}

/// Unties whoever is tied to `user` in a workspace; answers the Slack user it was.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn untie(tx: &mut Tx, team_id: &str, user: &str) -> Result<Option<String>, StoreError> {
    Ok(sqlx::query_scalar!(
        "-- slack.untie
        DELETE FROM slack_user WHERE team_id = $1 AND user_name = $2 RETURNING user_id",
        team_id,
        user,
    )
    .fetch_optional(&mut *tx.inner)
    .await?)
}

/// Keeps a link by the hash of its secret, in place of those that the same Slack user was given before.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn offer(tx: &mut Tx, token: &[u8], offer: &Offer, expires_at: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!(
        "-- slack.withdraw_offers
        DELETE FROM slack_link WHERE team_id = $1 AND user_id = $2",
        offer.who.team_id,
        offer.who.user_id,
    )
    .execute(&mut *tx.inner)
    .await?;
    sqlx::query!(
        "-- slack.offer
        INSERT INTO slack_link (token_sha256, team_id, user_id, display_name, expires_at) VALUES ($1, $2, $3, $4, $5)",
        token,
        offer.who.team_id,
        offer.who.user_id,
        offer.display_name,
        expires_at,
    )
    .execute(&mut *tx.inner)
    .await?;
    Ok(())
}

/// The link with this hash, if its time is not over.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn offered(tx: &mut Tx, token: &[u8]) -> Result<Option<Offer>, StoreError> {
    let row = sqlx::query_as!(
        OfferRow,
        "-- slack.offered
        SELECT team_id, user_id, display_name FROM slack_link WHERE token_sha256 = $1 AND expires_at > $2",
        token,
        tx.now,
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    Ok(row.map(Offer::from))
}

/// Uses a link up; `None` where somebody has done so before, or its time is over.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn redeem(tx: &mut Tx, token: &[u8]) -> Result<Option<Offer>, StoreError> {
    let row = sqlx::query_as!(
        OfferRow,
        "-- slack.redeem
        DELETE FROM slack_link WHERE token_sha256 = $1 AND expires_at > $2
        RETURNING team_id, user_id, display_name",
        token,
        tx.now,
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    Ok(row.map(Offer::from))
}

/// Forgets links whose time is over.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn forget_links(tx: &mut Tx) -> Result<(), StoreError> {
    sqlx::query!(
        "-- slack.forget_links
        DELETE FROM slack_link WHERE expires_at <= $1",
        tx.now,
    )
    .execute(&mut *tx.inner)
    .await?;
    Ok(())
}

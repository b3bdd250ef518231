//! What is kept about Slack: who its users are, links that were handed out, calls that were taken, and messages that show requests.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{StoreError, Tx};

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

/// A call whose process died before it was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// Whose it was: a Slack user's id.
    pub user_id: String,
    /// What it was, in words.
    pub what: String,
}

/// A message that shows a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Where it was meant to go: a channel, or a user.
    pub target: String,
    /// Where it stands, and Slack's id of it there; `None` before it is posted.
    pub posted: Option<(String, String)>,
    /// The hash of what it shows.
    pub shows: Option<String>,
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
    let row = sqlx::query!(
        "-- slack.offered
        SELECT team_id, user_id, display_name FROM slack_link WHERE token_sha256 = $1 AND expires_at > $2",
        token,
        tx.now,
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    Ok(row.map(|row| Offer {
        who: SlackUser { team_id: row.team_id, user_id: row.user_id },
        display_name: row.display_name,
    }))
}

/// Uses a link up; `None` where somebody has done so before, or its time is over.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn redeem(tx: &mut Tx, token: &[u8]) -> Result<Option<Offer>, StoreError> {
    let row = sqlx::query!(
        "-- slack.redeem
        DELETE FROM slack_link WHERE token_sha256 = $1 AND expires_at > $2
        RETURNING team_id, user_id, display_name",
        token,
        tx.now,
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    Ok(row.map(|row| Offer {
        who: SlackUser { team_id: row.team_id, user_id: row.user_id },
        display_name: row.display_name,
    }))
}

/// Takes a call, by the hash of its signature; false where it was taken before.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn take(tx: &mut Tx, signature: &[u8], user_id: &str, what: &str) -> Result<bool, StoreError> {
    let taken = sqlx::query!(
        "-- slack.take
        INSERT INTO slack_call (signature_sha256, user_id, what, taken_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        signature,
        user_id,
        what,
        tx.now,
    )
    .execute(&mut *tx.inner)
    .await?;
    Ok(taken.rows_affected() == 1)
}

/// A call that was taken is done.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn done(tx: &mut Tx, signature: &[u8]) -> Result<(), StoreError> {
    sqlx::query!(
        "-- slack.done
        UPDATE slack_call SET done_at = $2 WHERE signature_sha256 = $1 AND done_at IS NULL",
        signature,
        tx.now,
    )
    .execute(&mut *tx.inner)
    .await?;
    Ok(())
}

/// Calls that were taken `before` and are not done, which are then this transaction's to tell about; other replicas skip them.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn lost(tx: &mut Tx, before: DateTime<Utc>, limit: i64) -> Result<Vec<Lost>, StoreError> {
    let rows = sqlx::query!(
        "-- slack.lost
        UPDATE slack_call SET done_at = $3
         WHERE signature_sha256 IN (SELECT signature_sha256 FROM slack_call WHERE done_at IS NULL AND taken_at < $1
                              ORDER BY taken_at LIMIT $2 FOR UPDATE SKIP LOCKED)
        RETURNING user_id, what",
        before,
        limit,
        tx.now,
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    Ok(rows.into_iter().map(|row| Lost { user_id: row.user_id, what: row.what }).collect())
}

/// Forgets calls that are older than `age`, which no signature is good for any more, and links whose time is over.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn forget(tx: &mut Tx, age: TimeDelta) -> Result<(), StoreError> {
    sqlx::query!(
        "-- slack.forget_calls
        DELETE FROM slack_call WHERE taken_at < $1 AND done_at IS NOT NULL",
        tx.now - age,
    )
    .execute(&mut *tx.inner)
    .await?;
    sqlx::query!(
        "-- slack.forget_links
        DELETE FROM slack_link WHERE expires_at <= $1",
        tx.now,
    )
    .execute(&mut *tx.inner)
    .await?;
    Ok(())
}

/// The messages that show a request.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn messages(tx: &mut Tx, request_id: Uuid) -> Result<Vec<Message>, StoreError> {
    let rows = sqlx::query!(
        "-- slack.messages
        SELECT target, channel, ts, shows FROM slack_message WHERE request_id = $1 ORDER BY target",
        request_id,
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    let posted = |channel: Option<String>, ts: Option<String>| channel.zip(ts);
    Ok(rows
        .into_iter()
        .map(|row| Message { target: row.target, posted: posted(row.channel, row.ts), shows: row.shows })
        .collect())
}

/// Says that `target` is to hear of a request, unless that is known.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn address(tx: &mut Tx, request_id: Uuid, targets: &[String]) -> Result<(), StoreError> {
    sqlx::query!(
        "-- slack.address
        INSERT INTO slack_message (request_id, target, shown_at)
        SELECT $1, target, $3 FROM unnest($2::text[]) AS target ON CONFLICT DO NOTHING",
        request_id,
        targets,
        tx.now,
    )
    .execute(&mut *tx.inner)
    .await?;
    Ok(())
}

/// Remembers where the message for `target` stands, and what it shows.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn shown(
    tx: &mut Tx,
    request_id: Uuid,
    target: &str,
    (channel, ts): (&str, &str),
    shows: &str,
) -> Result<(), StoreError> {
    sqlx::query!(
        "-- slack.shown
        UPDATE slack_message SET channel = $3, ts = $4, shows = $5, shown_at = $6
         WHERE request_id = $1 AND target = $2",
        request_id,
        target,
        channel,
        ts,
        shows,
        tx.now,
    )
    .execute(&mut *tx.inner)
    .await?;
    Ok(())
}

//! Messages that show requests.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::super::{StoreError, Tx};
use crate::domain::request::TakenBack;

/// A message that shows a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Where it was meant to go: a channel, or a user.
    pub target: String,
    /// Where it stands, and Slack's id of it there; `None` before it is posted.
    pub posted: Option<(String, String)>,
    /// The hash of what it shows.
    pub shows: Option<String>,
    /// What is known of posts that have not arrived, or of which nobody knows.
    pub post: Post,
}

/// What has been tried in vain, or nobody knows whether in vain, since something was last shown there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Post {
    /// How many posts there were of which nobody knows.
    pub attempts: i32,
    /// When the first attempt was, at posting or changing.
    pub first_tried_at: Option<DateTime<Utc>>,
    /// When the next post may be, at the earliest.
    pub not_before: Option<DateTime<Utc>>,
}

/// The messages that show a request.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn messages(tx: &mut Tx, request_id: Uuid) -> Result<Vec<Message>, StoreError> {
    let rows = sqlx::query!(
        "-- slack.messages
        SELECT target, channel, ts, shows, attempts, first_tried_at, next_post_at
          FROM slack_message WHERE request_id = $1 ORDER BY target",
        request_id,
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Message {
            target: row.target,
            posted: row.channel.zip(row.ts),
            shows: row.shows,
            post: Post { attempts: row.attempts, first_tried_at: row.first_tried_at, not_before: row.next_post_at },
        })
        .collect())
}

/// Who takes the access of a request back; `None` where nobody has begun to.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn taken_back(tx: &mut Tx, request_id: Uuid) -> Result<Option<TakenBack>, StoreError> {
    Ok(sqlx::query_as!(
        TakenBack,
        "-- slack.taken_back
        SELECT actor, data ->> 'reason' AS reason FROM event
         WHERE request_id = $1 AND type = 'request.revoking' ORDER BY seq DESC LIMIT 1",
        request_id,
    )
    .fetch_optional(&mut *tx.inner)
    .await?)
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

/// A message for `target` is about to be posted. Should nothing be heard of it, there is to be no other before `not_before`.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn posting(tx: &mut Tx, request_id: Uuid, target: &str, not_before: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!(
        "-- slack.posting
        UPDATE slack_message
           SET attempts = attempts + 1, first_tried_at = coalesce(first_tried_at, $4), next_post_at = $3
         WHERE request_id = $1 AND target = $2",
        request_id,
        target,
        not_before,
        tx.now,
    )
    .execute(&mut *tx.inner)
    .await?;
    Ok(())
}

/// The message for `target` was not posted, as Slack says itself, or never heard of it: it may be tried again at `not_before`, or at any
/// time.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn unposted(
    tx: &mut Tx,
    request_id: Uuid,
    target: &str,
    not_before: Option<DateTime<Utc>>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "-- slack.unposted
        UPDATE slack_message SET next_post_at = $3, attempts = attempts - 1 WHERE request_id = $1 AND target = $2",
        request_id,
        target,
        not_before,
    )
    .execute(&mut *tx.inner)
    .await?;
    Ok(())
}

/// The message for `target` could not be changed; when that began is kept until it can.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn fails(tx: &mut Tx, request_id: Uuid, target: &str) -> Result<(), StoreError> {
    sqlx::query!(
        "-- slack.fails
        UPDATE slack_message SET first_tried_at = coalesce(first_tried_at, $3) WHERE request_id = $1 AND target = $2",
        request_id,
        target,
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
        UPDATE slack_message
           SET channel = $3, ts = $4, shows = $5, shown_at = $6, attempts = 0, first_tried_at = NULL, next_post_at = NULL
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

/// Takes a message that turned up for the one for `target`, if none is known; what it shows is not.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn adopt(tx: &mut Tx, request_id: Uuid, target: &str, (channel, ts): (&str, &str)) -> Result<(), StoreError> {
    sqlx::query!(
        "-- slack.adopt
        UPDATE slack_message
           SET channel = $3, ts = $4, shows = '', shown_at = $5, attempts = 0, first_tried_at = NULL, next_post_at = NULL
         WHERE request_id = $1 AND target = $2 AND ts IS NULL",
        request_id,
        target,
        channel,
        ts,
        tx.now,
    )
    .execute(&mut *tx.inner)
    .await?;
    Ok(())
}

//! Messages that show requests.

use uuid::Uuid;

use super::super::{StoreError, Tx};

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
    Ok(rows
        .into_iter()
        .map(|row| Message { target: row.target, posted: row.channel.zip(row.ts), shows: row.shows })
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

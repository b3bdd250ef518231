//! Whose turn it is to write where, for all replicas together.

use chrono::{DateTime, TimeDelta, Utc};

use super::super::{StoreError, Tx};

/// Whether something may be posted to a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Then; nobody else has the same turn.
    At(DateTime<Utc>),
    /// Not before then, at which time one asks again.
    NotBefore(DateTime<Utc>),
}

/// Takes the next turn for `place`, if there is one until `latest`: a second after the last, and none while `method` pauses.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn turn(tx: &mut Tx, place: &str, method: &str, latest: DateTime<Utc>) -> Result<Turn, StoreError> {
    let taken = sqlx::query_scalar!(
        "-- slack.turn
        INSERT INTO slack_turn AS t (place, next_at)
        SELECT $1, at + interval '1 second'
          FROM (SELECT greatest($3::timestamptz, (SELECT next_at FROM slack_turn WHERE place = $2)) AS at) AS free
         WHERE at <= $4
        ON CONFLICT (place) DO UPDATE SET next_at = greatest(t.next_at + interval '1 second', excluded.next_at)
         WHERE t.next_at <= $4
        RETURNING next_at",
        place,
        method,
        tx.now,
        latest,
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    if let Some(next_at) = taken {
        return Ok(Turn::At(next_at - TimeDelta::seconds(1)));
    }
    let next = sqlx::query_scalar!(
        "-- slack.next_turn
        SELECT max(next_at) FROM slack_turn WHERE place IN ($1, $2)",
        place,
        method,
    )
    .fetch_one(&mut *tx.inner)
    .await?;
    Ok(Turn::NotBefore(next.unwrap_or(latest)))
}

/// Slack said that `method` was called too often, and takes no call until `until`.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn pause(tx: &mut Tx, method: &str, until: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!(
        "-- slack.pause
        INSERT INTO slack_turn AS t (place, next_at) VALUES ($1, $2)
        ON CONFLICT (place) DO UPDATE SET next_at = greatest(t.next_at, $2)",
        method,
        until,
    )
    .execute(&mut *tx.inner)
    .await?;
    Ok(())
}

/// Until when `method` pauses, if it does.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn paused(tx: &mut Tx, method: &str) -> Result<Option<DateTime<Utc>>, StoreError> {
    Ok(sqlx::query_scalar!(
        "-- slack.paused
        SELECT next_at FROM slack_turn WHERE place = $1 AND next_at > $2",
        method,
        tx.now,
    )
    .fetch_optional(&mut *tx.inner)
    .await?)
}

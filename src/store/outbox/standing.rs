//! How things stand with deliveries, and starting over.

use chrono::{DateTime, Utc};

use super::{Store, StoreError, Tx};

/// How things stand with one destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Its name.
    pub destination: String,
    /// The seq up to which it has read the log.
    pub position: i64,
    /// When it said that it is gone for good.
    pub gone_at: Option<DateTime<Utc>>,
    /// Where it led to then.
    pub gone_address: Option<String>,
    /// Events that are still to be delivered, of those it has read.
    pub waiting: i64,
    /// When the oldest event that it has not been told of happened, read or not.
    pub oldest_at: Option<DateTime<Utc>>,
    /// Whole seconds since then; 0 where nothing waits.
    pub oldest_seconds: i64,
    /// Lanes whose first event has failed at least once.
    pub failing: i64,
    /// What the latest of those failures was.
    pub last_error: Option<String>,
    /// Events that were given up.
    pub given_up: i64,
}

/// How things stand with every destination there ever was.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn standing(store: &Store) -> Result<Vec<Standing>, StoreError> {
    Ok(sqlx::query_as!(
        Standing,
        r#"-- outbox.standing
        SELECT d.name AS destination, d.position, d.gone_at, d.gone_address,
               coalesce(l.waiting, 0)::bigint AS "waiting!", e.at AS "oldest_at?",
               coalesce(extract(epoch FROM greatest(coalesce($1::timestamptz, now()) - e.at, interval '0')), 0)::bigint
                   AS "oldest_seconds!",
               coalesce(l.failing, 0) AS "failing!",
               (SELECT last_error FROM delivery_lane f WHERE f.destination = d.name AND f.last_error IS NOT NULL
                 ORDER BY f.next_attempt_at DESC LIMIT 1) AS last_error,
               (SELECT count(*) FROM delivery_given_up g WHERE g.destination = d.name) AS "given_up!"
          FROM destination d
          LEFT JOIN (SELECT destination, sum(cardinality(queue)) AS waiting, min(queue[1]) AS oldest,
                            count(*) FILTER (WHERE last_error IS NOT NULL) AS failing
                       FROM delivery_lane GROUP BY destination) l ON l.destination = d.name
          LEFT JOIN event e ON e.seq = least(l.oldest, (SELECT min(seq) FROM event WHERE seq > d.position))
         ORDER BY d.name COLLATE "C""#,
        store.clock.sql()
    )
    .fetch_all(&mut *store.connection().await?)
    .await?)
}

/// An event that was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenUp {
    /// Its place in the log.
    pub seq: i64,
    /// How often it was tried.
    pub attempts: i32,
    /// When it was tried first.
    pub first_tried_at: DateTime<Utc>,
    /// When it was given up.
    pub given_up_at: DateTime<Utc>,
    /// What the last failure was.
    pub last_error: String,
}

/// The `limit` oldest events that were given up for `destination`.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn given_up(store: &Store, destination: &str, limit: i64) -> Result<Vec<GivenUp>, StoreError> {
    Ok(sqlx::query_as!(
        GivenUp,
        "-- outbox.given_up
        SELECT seq, attempts, first_tried_at, given_up_at, last_error FROM delivery_given_up
         WHERE destination = $1 ORDER BY seq LIMIT $2",
        destination,
        limit
    )
    .fetch_all(&mut *store.connection().await?)
    .await?)
}

/// Has `destination` be told again of everything above `after`, in order, also where it was given up or the destination was
/// gone; what waits below is tried now. Never skips anything. Answers how far it had read; `None` where it is not known.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn replay(tx: &mut Tx, destination: &str, after: i64) -> Result<Option<i64>, StoreError> {
    let position = sqlx::query_scalar!(
        "-- outbox.lock_for_replay
        SELECT position FROM destination WHERE name = $1 FOR NO KEY UPDATE",
        destination
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    let Some(position) = position else { return Ok(None) };
    // Whoever is delivering what is put back finds its lease lost.
    for statement in [
        sqlx::query!(
            "-- outbox.put_back
            DELETE FROM delivery_lane WHERE destination = $1 AND queue[1] > $2",
            destination,
            after
        ),
        sqlx::query!(
            "-- outbox.forget_given_up
            DELETE FROM delivery_given_up WHERE destination = $1 AND seq > $2",
            destination,
            after
        ),
    ] {
        statement.execute(&mut *tx.inner).await?;
    }
    sqlx::query!(
        "-- outbox.try_now
        UPDATE delivery_lane
           SET queue = ARRAY (SELECT seq FROM unnest(queue) AS q (seq) WHERE seq <= $2 ORDER BY seq), next_attempt_at = $3,
               attempts = 0, first_tried_at = NULL
         WHERE destination = $1",
        destination,
        after,
        tx.now,
    )
    .execute(&mut *tx.inner)
    .await?;
    sqlx::query!(
        "-- outbox.rewind
        UPDATE destination SET position = least(position, $2), gone_at = NULL, gone_address = NULL WHERE name = $1",
        destination,
        after,
    )
    .execute(&mut *tx.inner)
    .await?;
    Ok(Some(position))
}

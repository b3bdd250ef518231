//! Deliveries: how far each destination has read the log of events, and the lanes of what it is still to be told. A claim
//! gives a lease with a token, as with entries: whatever is recorded afterwards carries the token, and 0 rows mean that
//! the lease is lost.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::rows::EventRow;
use super::{Store, StoreError, Tx};
use crate::domain::delivery::Brief;
use crate::domain::event::Event;

mod intake;
mod standing;

pub use intake::{PAGE, open, open_at, take_in};
pub use standing::{GivenUp, Standing, given_up, replay, standing};

/// The right to deliver the first of a lane, until somebody else may.
#[derive(Debug, Clone, PartialEq)]
pub struct Lease {
    /// The destination.
    pub destination: String,
    /// The lane.
    pub lane: String,
    /// The place of the event in the log.
    pub seq: i64,
    /// The event; `None` where this build does not know its type, because a newer one has written it.
    pub event: Option<Event>,
    /// The attempts at this event, this one included.
    pub attempts: i32,
    /// When the first of them began.
    pub first_tried_at: DateTime<Utc>,
    /// When this one began.
    pub claimed_at: DateTime<Utc>,
    /// How many events were in the lane then.
    queued: i32,
    token: Uuid,
}

impl Lease {
    fn is_about_a_request(&self) -> bool {
        self.lane.starts_with("request/")
    }
}

/// Takes up to `limit` lanes of `destination` that are due and that nobody holds. Nothing while it is gone from `address`.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn claim(
    tx: &mut Tx,
    destination: &str,
    address: &str,
    lease: TimeDelta,
    limit: i64,
) -> Result<Vec<Lease>, StoreError> {
    let token = Uuid::new_v4();
    let now = tx.now;
    let rows = sqlx::query!(
        r#"-- outbox.claim
        WITH due AS (
            SELECT destination, lane FROM delivery_lane
             WHERE destination = $1 AND next_attempt_at <= $2 AND (lease_until IS NULL OR lease_until <= $2)
               AND EXISTS (SELECT FROM destination WHERE name = $1 AND gone_address IS DISTINCT FROM $6)
             ORDER BY next_attempt_at LIMIT $5 FOR UPDATE SKIP LOCKED
        )
        UPDATE delivery_lane l
           SET lease_token = $3, lease_until = $4, attempts = l.attempts + 1,
               first_tried_at = coalesce(l.first_tried_at, $2)
          FROM due WHERE l.destination = due.destination AND l.lane = due.lane
        RETURNING l.lane, l.queue[1] AS "seq!", l.attempts, l.first_tried_at AS "first_tried_at!",
                  cardinality(l.queue) AS "queued!""#,
        destination,
        now,
        token,
        now + lease,
        limit,
        address,
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    let seqs: Vec<i64> = rows.iter().map(|row| row.seq).collect();
    let mut events = events(tx, &seqs).await?;
    let leases = rows.into_iter().map(|row| Lease {
        destination: destination.to_owned(),
        event: events.iter().position(|event| event.seq == row.seq).map(|place| events.swap_remove(place)),
        lane: row.lane,
        seq: row.seq,
        attempts: row.attempts,
        first_tried_at: row.first_tried_at,
        claimed_at: now,
        queued: row.queued,
        token,
    });
    Ok(leases.collect())
}

async fn events(tx: &mut Tx, seqs: &[i64]) -> Result<Vec<Event>, StoreError> {
    let rows = sqlx::query_as!(
        EventRow,
        r#"-- outbox.events
        SELECT seq, id, type, at, actor, submitted_by, via, request_id, cluster_name, principal_arn,
               data::text AS "data!", prev_hash, hash
          FROM event WHERE seq = ANY ($1)"#,
        seqs
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    let mut events: Vec<Event> = super::rows::sound(rows);
    // A channel that says in words what happened has none for these; the newer build that wrote them has.
    events.retain(|event| event.body.event_type.is_known());
    Ok(events)
}

/// How long until the next lane of `destination` is due, leased ones by the end of their lease.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn next_due(store: &Store, destination: &str, address: &str) -> Result<Option<TimeDelta>, StoreError> {
    let millis = sqlx::query_scalar!(
        "-- outbox.next_due
        SELECT (1000 * extract(epoch FROM min(greatest(next_attempt_at, lease_until)) - coalesce($2::timestamptz, now())))::bigint
          FROM delivery_lane
         WHERE destination = $1
           AND EXISTS (SELECT FROM destination WHERE name = $1 AND gone_address IS DISTINCT FROM $3)",
        destination,
        store.clock.sql(),
        address,
    )
    .fetch_one(&mut *store.connection().await?)
    .await?;
    Ok(millis.map(TimeDelta::milliseconds))
}

/// What `lease` is for has been delivered: the next of its lane is due, since it happened. So whatever has waited longest comes first,
/// whichever request it is about, and the end of a long story does not have to wait for the first word of all the others.
///
/// # Errors
/// [`StoreError::LeaseLost`]; [`StoreError::Unavailable`].
pub async fn delivered(tx: &mut Tx, lease: &Lease) -> Result<(), StoreError> {
    let left = sqlx::query_scalar!(
        r#"-- outbox.delivered
        UPDATE delivery_lane
           SET queue = queue[2:], attempts = 0, first_tried_at = NULL, last_error = NULL, lease_token = NULL, lease_until = NULL,
               next_attempt_at = coalesce((SELECT least(at, $4) FROM event WHERE seq = queue[2]), $4)
         WHERE destination = $1 AND lane = $2 AND lease_token = $3
        RETURNING cardinality(queue) AS "left!""#,
        lease.destination,
        lease.lane,
        lease.token,
        tx.now,
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    match left {
        None => Err(StoreError::LeaseLost),
        Some(0) => {
            sqlx::query!(
                "-- outbox.close_lane
                DELETE FROM delivery_lane WHERE destination = $1 AND lane = $2 AND cardinality(queue) = 0",
                lease.destination,
                lease.lane,
            )
            .execute(&mut *tx.inner)
            .await?;
            Ok(())
        }
        Some(_) => Ok(()),
    }
}

/// Gives `lease` back, to be tried again at `at`; at once where it is `eager` and there has been news meanwhile.
///
/// # Errors
/// [`StoreError::LeaseLost`]; [`StoreError::Unavailable`].
pub async fn postpone(tx: &mut Tx, lease: &Lease, at: DateTime<Utc>, eager: bool, why: &str) -> Result<(), StoreError> {
    let postponed = sqlx::query!(
        "-- outbox.postpone
        UPDATE delivery_lane
           SET next_attempt_at = CASE WHEN $6 AND cardinality(queue) > $7 THEN least($4::timestamptz, $8) ELSE $4 END,
               last_error = $5, lease_token = NULL, lease_until = NULL
         WHERE destination = $1 AND lane = $2 AND lease_token = $3",
        lease.destination,
        lease.lane,
        lease.token,
        at,
        why,
        eager && lease.is_about_a_request(),
        lease.queued,
        tx.now,
    )
    .execute(&mut *tx.inner)
    .await?;
    if postponed.rows_affected() == 0 { Err(StoreError::LeaseLost) } else { Ok(()) }
}

/// Gives `lease` back without an attempt: it was nobody's turn yet. It is taken up again at `at`; at once where it is `eager` and
/// there has been news meanwhile.
///
/// # Errors
/// [`StoreError::LeaseLost`]; [`StoreError::Unavailable`].
pub async fn put_off(tx: &mut Tx, lease: &Lease, at: DateTime<Utc>, eager: bool) -> Result<(), StoreError> {
    let put_off = sqlx::query!(
        "-- outbox.put_off
        UPDATE delivery_lane
           SET next_attempt_at = CASE WHEN $5 AND cardinality(queue) > $6 THEN least($4::timestamptz, $7) ELSE $4 END,
               lease_token = NULL, lease_until = NULL, attempts = attempts - 1,
               first_tried_at = CASE WHEN attempts = 1 THEN NULL ELSE first_tried_at END
         WHERE destination = $1 AND lane = $2 AND lease_token = $3",
        lease.destination,
        lease.lane,
        lease.token,
        at,
        eager && lease.is_about_a_request(),
        lease.queued,
        tx.now,
    )
    .execute(&mut *tx.inner)
    .await?;
    if put_off.rows_affected() == 0 { Err(StoreError::LeaseLost) } else { Ok(()) }
}

/// Whether anything of `lane` is still to be delivered to `destination`, of what it has read.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn waits(tx: &mut Tx, destination: &str, lane: &str) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"-- outbox.waits
        SELECT EXISTS (SELECT FROM delivery_lane WHERE destination = $1 AND lane = $2) AS "waits!""#,
        destination,
        lane,
    )
    .fetch_one(&mut *tx.inner)
    .await?)
}

/// Gives up what `lease` is for, and keeps that on record; the next of its lane is due.
///
/// # Errors
/// [`StoreError::LeaseLost`]; [`StoreError::Unavailable`].
pub async fn give_up(tx: &mut Tx, lease: &Lease, why: &str) -> Result<(), StoreError> {
    delivered(tx, lease).await?;
    sqlx::query!(
        "-- outbox.give_up
        INSERT INTO delivery_given_up AS g (destination, seq, attempts, first_tried_at, given_up_at, last_error)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (destination, seq) DO UPDATE SET attempts = g.attempts + $3, given_up_at = $5, last_error = $6",
        lease.destination,
        lease.seq,
        lease.attempts,
        lease.first_tried_at,
        tx.now,
        why,
    )
    .execute(&mut *tx.inner)
    .await?;
    Ok(())
}

/// The destination of `lease` is gone from `address`: nothing more goes there. What waits for it stays. Answers whether that
/// is news.
///
/// # Errors
/// [`StoreError::LeaseLost`]; [`StoreError::Unavailable`].
pub async fn gone(tx: &mut Tx, lease: &Lease, address: &str, why: &str) -> Result<bool, StoreError> {
    // The destination before the lane, as whoever reads the log or replays locks them.
    let news = sqlx::query!(
        "-- outbox.gone
        UPDATE destination SET gone_at = $3, gone_address = $2 WHERE name = $1 AND gone_address IS DISTINCT FROM $2",
        lease.destination,
        address,
        tx.now,
    )
    .execute(&mut *tx.inner)
    .await?;
    postpone(tx, lease, tx.now, false, why).await?;
    // The days it is gone do not count as tried.
    sqlx::query!(
        "-- outbox.start_over
        UPDATE delivery_lane SET attempts = 0, first_tried_at = NULL WHERE destination = $1 AND lease_token IS NULL",
        lease.destination,
    )
    .execute(&mut *tx.inner)
    .await?;
    Ok(news.rows_affected() > 0)
}

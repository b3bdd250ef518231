//! From the log of events into lanes.

use super::{Brief, Store, StoreError, Tx};
use crate::store::settled;

/// How many events are read at once.
pub const PAGE: i64 = 500;

/// Makes `destination` known, if it is not: it is told of what happens from now on.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn open(store: &Store, destination: &str) -> Result<(), StoreError> {
    let end = settled(store).await?;
    sqlx::query!(
        "-- outbox.open
        INSERT INTO destination (name, position) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING",
        destination,
        end
    )
    .execute(&mut *store.connection().await?)
    .await?;
    Ok(())
}

/// As [`open`], told of everything above `after`; answers where that is.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn open_at(tx: &mut Tx, destination: &str, after: i64) -> Result<i64, StoreError> {
    sqlx::query!(
        "-- outbox.open_at
        INSERT INTO destination (name, position) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET position = $2",
        destination,
        after
    )
    .execute(&mut *tx.inner)
    .await?;
    Ok(after)
}

/// Reads on in the log, up to where it is final, and puts what `wants` says into lanes. Answers whether there is more to
/// read. Nothing happens while somebody else is at it, or while the destination is gone from `address`. What is `eager` does not let
/// news of a request wait for the next attempt at what has failed before.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn take_in(
    store: &Store,
    destination: &str,
    address: &str,
    eager: bool,
    wants: impl Fn(&Brief) -> bool + Send,
) -> Result<bool, StoreError> {
    let end = settled(store).await?;
    if !is_behind(store, destination, end).await? {
        return Ok(false);
    }
    let mut tx = store.begin().await?;
    let Some(position) = lock(&mut tx, destination, address).await? else {
        tx.rollback().await?;
        return Ok(false);
    };
    let briefs = briefs(&mut tx, position, end).await?;
    let full = i64::try_from(briefs.len()).is_ok_and(|count| count >= PAGE);
    let through = briefs.last().filter(|_| full).map_or(end, |last| last.seq);
    enqueue(&mut tx, destination, eager, briefs.into_iter().filter(wants).collect()).await?;
    advance(&mut tx, destination, through.max(position)).await?;
    tx.commit().await?;
    Ok(full)
}

async fn is_behind(store: &Store, destination: &str, end: i64) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"-- outbox.is_behind
        SELECT EXISTS (SELECT FROM destination WHERE name = $1 AND position < $2) AS "behind!""#,
        destination,
        end
    )
    .fetch_one(&mut *store.connection().await?)
    .await?)
}

/// Where `destination` has read to, for reading on. A lock that lets rows refer to it meanwhile.
async fn lock(tx: &mut Tx, destination: &str, address: &str) -> Result<Option<i64>, StoreError> {
    Ok(sqlx::query_scalar!(
        "-- outbox.lock
        SELECT position FROM destination
         WHERE name = $1 AND gone_address IS DISTINCT FROM $2 FOR NO KEY UPDATE SKIP LOCKED",
        destination,
        address
    )
    .fetch_optional(&mut *tx.inner)
    .await?)
}

async fn briefs(tx: &mut Tx, after: i64, through: i64) -> Result<Vec<Brief>, StoreError> {
    Ok(sqlx::query_as!(
        Brief,
        "-- outbox.briefs
        SELECT seq, id, type AS event_type, request_id, cluster_name, principal_arn FROM event
         WHERE seq > $1 AND seq <= $2 ORDER BY seq LIMIT $3",
        after,
        through,
        PAGE
    )
    .fetch_all(&mut *tx.inner)
    .await?)
}

/// Appends to lanes, in the order of the log. Whoever records a delivery holds one lane and asks for no other, so that nobody
/// waits in a circle.
async fn enqueue(tx: &mut Tx, destination: &str, eager: bool, briefs: Vec<Brief>) -> Result<(), StoreError> {
    if briefs.is_empty() {
        return Ok(());
    }
    let (lanes, seqs): (Vec<String>, Vec<i64>) = briefs.iter().map(|brief| (brief.lane(), brief.seq)).unzip();
    sqlx::query!(
        "-- outbox.enqueue
        INSERT INTO delivery_lane AS l (destination, lane, queue, next_attempt_at)
        SELECT $1, lane, array_agg(seq ORDER BY seq), least(min(at), $4)
          FROM unnest($2::text[], $3::bigint[]) AS e (lane, seq) JOIN event USING (seq)
         GROUP BY lane ORDER BY lane COLLATE \"C\"
        ON CONFLICT (destination, lane) DO UPDATE
           SET queue = l.queue || excluded.queue,
               next_attempt_at = CASE WHEN $5 AND l.lane LIKE 'request/%'
                                      THEN least(l.next_attempt_at, excluded.next_attempt_at) ELSE l.next_attempt_at END",
        destination,
        &lanes,
        &seqs,
        tx.now,
        eager,
    )
    .execute(&mut *tx.inner)
    .await?;
    Ok(())
}

/// Notes how far it was read. Whoever reads has found that the destination is not gone from where it leads now ([`lock`]); where it led
/// before is forgotten, so that nobody is told that it is gone.
async fn advance(tx: &mut Tx, destination: &str, through: i64) -> Result<(), StoreError> {
    sqlx::query!(
        "-- outbox.advance
        UPDATE destination SET position = $2, gone_at = NULL, gone_address = NULL WHERE name = $1",
        destination,
        through
    )
    .execute(&mut *tx.inner)
    .await?;
    Ok(())
}

//! How far the log of events is whole. `seq` is drawn before the commit, so that a reader who has seen 6 may yet meet a 5.
//!
//! Whoever is about to draw a `seq` holds a lock on the table from before the draw until the commit shows. So: take the
//! highest `seq` that shows; then take down who holds that lock; once all of those have ended, everything up to that `seq`
//! shows, and what does not show was rolled back. That needs no transaction ids, which say nothing about the order of `seq`,
//! and waits only for whoever writes events, not for whatever else goes on in the same Postgres.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use sqlx::PgConnection;
use tokio::time::{Instant, sleep};

use super::{Store, StoreError};

/// How long to wait for writers to end before what was known before has to do.
const PATIENCE: Duration = Duration::from_millis(500);

/// How long to wait before looking again; a writer's transaction takes a few milliseconds.
const AGAIN: Duration = Duration::from_millis(3);

/// The highest `seq` known to be final in this process. It only rises.
#[derive(Debug, Default)]
pub(super) struct Settled(AtomicI64);

/// The `seq` up to which no event can appear any more: almost always the newest there is; lower while somebody is slow to
/// commit.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn settled(store: &Store) -> Result<i64, StoreError> {
    let known = &store.settled.0;
    let mut connection = store.connection().await?;
    let newest = highest(&mut connection).await?;
    if newest <= known.load(Ordering::Acquire) {
        return Ok(newest);
    }
    let writers = writers(&mut connection).await?;
    let until = Instant::now() + PATIENCE;
    while still_writing(&mut connection, &writers).await? {
        if Instant::now() >= until {
            let checkpointed = checkpointed(&mut connection).await?;
            return Ok(known.fetch_max(checkpointed, Ordering::AcqRel).max(checkpointed));
        }
        sleep(AGAIN).await;
    }
    Ok(known.fetch_max(newest, Ordering::AcqRel).max(newest))
}

/// The highest `seq` that shows, final or not.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn newest(store: &Store) -> Result<i64, StoreError> {
    highest(&mut *store.connection().await?).await
}

async fn highest(connection: &mut PgConnection) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"-- settled.newest
        SELECT coalesce(max(seq), 0) AS "newest!" FROM event"#
    )
    .fetch_one(connection)
    .await?)
}

/// Everybody who may have drawn a `seq` without having committed.
async fn writers(connection: &mut PgConnection) -> Result<Vec<String>, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"-- settled.writers
        SELECT virtualtransaction AS "writer!" FROM pg_locks
         WHERE locktype = 'relation' AND relation = 'event'::regclass AND mode = 'RowExclusiveLock' AND granted
           AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"#
    )
    .fetch_all(connection)
    .await?)
}

async fn still_writing(connection: &mut PgConnection, writers: &[String]) -> Result<bool, StoreError> {
    if writers.is_empty() {
        return Ok(false);
    }
    Ok(sqlx::query_scalar!(
        r#"-- settled.still_writing
        SELECT EXISTS (
            SELECT FROM pg_locks
             WHERE locktype = 'relation' AND relation = 'event'::regclass AND mode = 'RowExclusiveLock' AND granted
               AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
               AND virtualtransaction = ANY ($1)) AS "still!""#,
        writers
    )
    .fetch_one(connection)
    .await?)
}

/// What the last checkpoint counts through is final, whoever found that out.
async fn checkpointed(connection: &mut PgConnection) -> Result<i64, StoreError> {
    let through = sqlx::query_scalar!(
        r#"-- settled.checkpointed
        SELECT (data ->> 'through')::bigint AS through FROM event
         WHERE type = 'audit.checkpoint' ORDER BY seq DESC LIMIT 1"#
    )
    .fetch_optional(connection)
    .await?;
    Ok(through.flatten().unwrap_or_default())
}

//! The log of events as a whole: read page by page, counted by checkpoints, walked by whoever verifies it.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use super::events::Columns;
use super::rows::{EventRow, sound};
use super::{Store, StoreError, Tx};
use crate::domain::event::{Event, NewEvent};

mod snapshot;

pub use snapshot::{Link, Snapshot};

/// What is asked for of the log. Nothing set asks for everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogFilter {
    /// About this request, also where others are concerned as well.
    pub request_id: Option<Uuid>,
    /// Done by this person or service.
    pub actor: Option<String>,
    /// Of one of these types.
    pub types: Vec<String>,
    /// About this cluster.
    pub cluster_name: Option<String>,
    /// About requests that this person asked for.
    pub requester: Option<String>,
}

/// A stretch of the log.
#[derive(Debug)]
pub struct Stretch {
    /// The events, oldest first. What makes no sense is left out.
    pub events: Vec<Event>,
    /// Where the next stretch starts: everything up to here was looked at.
    pub through: i64,
}

/// A page of events.
#[derive(Debug)]
pub struct Page {
    /// The events, oldest first. What makes no sense is left out.
    pub events: Vec<Event>,
    /// The `seq` after which the next page starts; `None` where this was the last.
    pub next: Option<i64>,
}

impl Page {
    /// The first `limit` of `rows`, one more of which was asked for to see whether there are any. Rows are counted before they
    /// are read: one that makes no sense is not the end of the list.
    pub(super) fn of(mut rows: Vec<EventRow>, limit: usize) -> Self {
        let more = rows.len() > limit;
        rows.truncate(limit);
        Self { next: rows.last().filter(|_| more).map(|last| last.seq), events: sound(rows) }
    }
}

/// How many rows to ask for, to have a page of `limit` and know whether there is another.
pub(super) fn and_one(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1)
}

/// As [`page`], for reading on from where it ends, whatever is in between.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn stretch(
    store: &Store,
    filter: &LogFilter,
    after: i64,
    through: i64,
    limit: usize,
) -> Result<Stretch, StoreError> {
    let most = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = rows(&mut *store.connection().await?, filter, after, through, most).await?;
    let through = rows.last().filter(|_| rows.len() >= limit).map_or(through, |last| last.seq);
    Ok(Stretch { events: sound(rows), through })
}

/// At most `limit` of the events that `filter` asks for, above `after` and up to `through`, oldest first.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn page(
    store: &Store,
    filter: &LogFilter,
    after: i64,
    through: i64,
    limit: usize,
) -> Result<Page, StoreError> {
    let mut connection = store.connection().await?;
    Ok(Page::of(rows(&mut connection, filter, after, through, and_one(limit)).await?, limit))
}

async fn rows(
    connection: &mut PgConnection,
    filter: &LogFilter,
    after: i64,
    through: i64,
    limit: i64,
) -> Result<Vec<EventRow>, StoreError> {
    Ok(sqlx::query_as!(
        EventRow,
        r#"-- audit.page
        SELECT seq, id, type, at, actor, submitted_by, via, request_id, cluster_name, principal_arn,
               data::text AS "data!", prev_hash, hash
          FROM event
         WHERE seq > $1 AND seq <= $2
           AND ($3::uuid IS NULL OR request_id = $3 OR data ? 'requestIds' AND data -> 'requestIds' @> $4)
           AND ($5::text IS NULL OR actor = $5)
           AND ($6::text IS NULL OR cluster_name = $6)
           AND (cardinality($7::text[]) = 0 OR type = ANY ($7))
           AND ($8::text IS NULL
                OR EXISTS (SELECT FROM request r WHERE r.id = event.request_id AND r.requester = $8)
                OR data ? 'requestIds'
                   AND EXISTS (SELECT FROM jsonb_array_elements_text(data -> 'requestIds') named (id)
                                 JOIN request r ON r.id = named.id::uuid WHERE r.requester = $8))
         ORDER BY seq LIMIT $9"#,
        after,
        through,
        filter.request_id,
        filter.request_id.map_or(Value::Null, |id| json!([id])),
        filter.actor,
        filter.cluster_name,
        &filter.types,
        filter.requester,
        limit,
    )
    .fetch_all(connection)
    .await?)
}

/// How things stand with checkpoints.
#[derive(Debug)]
pub struct Pulse {
    /// The newest event that is no checkpoint. It may lie below the last checkpoint and yet not be counted by it: whatever
    /// drew its `seq` first and was committed later.
    pub newest: i64,
    /// The time.
    pub now: DateTime<Utc>,
    /// The last checkpoint.
    pub last: Option<Event>,
}

/// How things stand with checkpoints, without keeping anybody from making one.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
pub async fn pulse(store: &Store) -> Result<Pulse, StoreError> {
    let mut connection = store.connection().await?;
    let row = sqlx::query!(
        r#"-- audit.pulse
        SELECT coalesce((SELECT seq FROM event WHERE type <> 'audit.checkpoint' ORDER BY seq DESC LIMIT 1), 0) AS "newest!",
               coalesce($1::timestamptz, now()) AS "now!""#,
        store.clock.sql()
    )
    .fetch_one(&mut *connection)
    .await?;
    Ok(Pulse { newest: row.newest, now: row.now, last: last_checkpoint(&mut *connection).await? })
}

/// Makes this transaction the one that makes checkpoints, unless another is; answers whether it is now.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn take_turn(tx: &mut Tx) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"-- audit.take_turn
        SELECT pg_try_advisory_xact_lock(hashtextextended('audit checkpoint', 0)) AS "taken!""#
    )
    .fetch_one(&mut *tx.inner)
    .await?)
}

/// The last checkpoint, for following on from.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
pub async fn last(tx: &mut Tx) -> Result<Option<Event>, StoreError> {
    last_checkpoint(&mut *tx.inner).await
}

async fn last_checkpoint(executor: impl PgExecutor<'_>) -> Result<Option<Event>, StoreError> {
    let row = sqlx::query_as!(
        EventRow,
        r#"-- audit.last_checkpoint
        SELECT seq, id, type, at, actor, submitted_by, via, request_id, cluster_name, principal_arn,
               data::text AS "data!", prev_hash, hash
          FROM event WHERE type = 'audit.checkpoint' ORDER BY seq DESC LIMIT 1"#
    )
    .fetch_optional(executor)
    .await?;
    row.map(Event::try_from).transpose()
}

/// An event as checkpoints count it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// Its place.
    pub seq: i64,
    /// Its hash.
    pub hash: String,
    /// Whether it is a checkpoint itself: no news by itself.
    pub is_checkpoint: bool,
}

/// The first `limit` events above `after`, up to `through`.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn counted(tx: &mut Tx, after: i64, through: i64, limit: i64) -> Result<Vec<Counted>, StoreError> {
    Ok(sqlx::query_as!(
        Counted,
        r#"-- audit.counted
        SELECT seq, hash, type = 'audit.checkpoint' AS "is_checkpoint!" FROM event
         WHERE seq > $1 AND seq <= $2 ORDER BY seq LIMIT $3"#,
        after,
        through,
        limit
    )
    .fetch_all(&mut *tx.inner)
    .await?)
}

/// Writes a checkpoint that follows on from the one with the hash `previous`; answers its own hash.
///
/// # Errors
/// [`StoreError::Duplicate`] when another follows on from that already; [`StoreError::Unavailable`].
pub async fn append(tx: &mut Tx, checkpoint: NewEvent, previous: Option<String>) -> Result<String, StoreError> {
    let mut columns = Columns::default();
    let hash = columns.push(checkpoint, tx.now, previous);
    columns.insert(tx).await?;
    Ok(hash)
}

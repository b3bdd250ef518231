//! What is to be looked at without anybody's asking, a stretch at a time: reminders that are to be given, what is to lapse because
//! nobody decided on it, and what waits although somebody has signed off on it.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::super::rows::{RequestRow, sound};
use super::super::{StoreError, Tx};
use crate::domain::request::Request;

/// The last row of a stretch of a list by time, whether it decoded or not: the next stretch begins after it, so that rows that do
/// not decode, which nobody takes out of the list, are in nobody's way.
pub type Passed = (DateTime<Utc>, Uuid);

/// Some of them, for changing.
#[derive(Debug)]
pub struct Stretch {
    /// The requests, those first whose time came or comes first. Rows that do not decode are left out.
    pub requests: Vec<Request>,
    /// Where to go on; `None` at the end.
    pub passed: Option<Passed>,
}

impl Stretch {
    fn new(rows: Vec<RequestRow>, limit: i64, due: impl Fn(&RequestRow) -> Option<DateTime<Utc>>) -> Self {
        let full = i64::try_from(rows.len()).is_ok_and(|count| count == limit);
        let passed = rows.last().filter(|_| full).and_then(|row| Some((due(row)?, row.id)));
        Self { requests: sound(rows), passed }
    }
}

/// Access that ends soon and of which nobody was told since that became so, for putting on record, from after `passed` on; other
/// replicas skip it meanwhile.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn lock_to_remind(tx: &mut Tx, passed: Option<Passed>, limit: i64) -> Result<Stretch, StoreError> {
    let (at, id) = passed.unzip();
    let rows = sqlx::query_as!(
        RequestRow,
        "-- requests.lock_to_remind
        SELECT * FROM request
         WHERE remind_at <= $1 AND state IN ('applying', 'verifying', 'active')
           AND ($2::timestamptz IS NULL OR (remind_at, id) > ($2, $3::uuid))
         ORDER BY remind_at, id LIMIT $4 FOR UPDATE SKIP LOCKED",
        tx.now,
        at,
        id,
        limit
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    Ok(Stretch::new(rows, limit, |row| row.remind_at))
}

/// Undecided requests whose time to be decided is over, for changing, from after `passed` on; other replicas skip them meanwhile.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn lock_overdue(tx: &mut Tx, passed: Option<Passed>, limit: i64) -> Result<Stretch, StoreError> {
    let (at, id) = passed.unzip();
    let rows = sqlx::query_as!(
        RequestRow,
        "-- requests.lock_overdue
        SELECT * FROM request
         WHERE state = 'pending' AND lapses_at <= $1
           AND ($2::timestamptz IS NULL OR (lapses_at, id) > ($2, $3::uuid))
         ORDER BY lapses_at, id LIMIT $4 FOR UPDATE SKIP LOCKED",
        tx.now,
        at,
        id,
        limit
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    Ok(Stretch::new(rows, limit, |row| Some(row.lapses_at)))
}

/// Undecided requests that somebody has approved and whose time to be decided is not over, for changing, from after `passed` on;
/// other replicas skip them meanwhile.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn lock_approved(tx: &mut Tx, passed: Option<Passed>, limit: i64) -> Result<Stretch, StoreError> {
    let (at, id) = passed.unzip();
    let rows = sqlx::query_as!(
        RequestRow,
        "-- requests.lock_approved
        SELECT r.* FROM request r
         WHERE r.state = 'pending' AND r.lapses_at > $1
           AND ($2::timestamptz IS NULL OR (r.lapses_at, r.id) > ($2, $3::uuid))
           AND EXISTS (SELECT FROM review WHERE review.request_id = r.id AND review.decision = 'approve')
         ORDER BY r.lapses_at, r.id LIMIT $4 FOR UPDATE OF r SKIP LOCKED",
        tx.now,
        at,
        id,
        limit
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    Ok(Stretch::new(rows, limit, |row| Some(row.lapses_at)))
}

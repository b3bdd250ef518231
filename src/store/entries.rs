//! Entries: the work of the worker. A claim gives a lease with a token; everything recorded afterwards carries the
//! token, and 0 rows mean that the lease, and with it the right to say anything, is lost.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use uuid::Uuid;

use super::{Store, StoreError, Tx};
use crate::domain::record::EntryRecord;

mod row;
mod show;
mod wake;

use row::{EntryRow, entry_rows};
pub use show::{idle, of, resting};
pub use wake::{wake, wake_all, wake_at};

/// The right to work on one entry, until somebody else may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Entryway's name for the cluster.
    pub cluster_name: String,
    /// Whose entry it is.
    pub principal_arn: String,
    /// Whether there was something to take away when it was claimed.
    pub ending: bool,
    /// The attempts in a row that did not get through, this one included.
    pub attempts: i32,
    token: Uuid,
    /// What the entry's wakes were when it was claimed: whatever has woken it since calls for another look.
    wakes: i64,
}

/// When to look at an entry again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Due {
    /// The next look; `None` is never.
    pub next_run_at: Option<DateTime<Utc>>,
    /// The next time there is something to take away.
    pub ends_at: Option<DateTime<Utc>>,
}

/// Takes up to `limit` due entries that nobody holds, those with something to take away first, leaving out the
/// clusters in `busy`. The attempt is counted here, so that one that kills its worker counts as well.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn claim(tx: &mut Tx, lease: TimeDelta, limit: i64, busy: &[String]) -> Result<Vec<Lease>, StoreError> {
    let token = Uuid::new_v4();
    let rows = sqlx::query!(
        r#"-- entries.claim
        WITH ending AS (
            SELECT cluster_name, principal_arn FROM entry
             WHERE ends_at <= $1 AND next_run_at <= $1 AND (lease_until IS NULL OR lease_until <= $1)
               AND cluster_name <> ALL ($5)
             ORDER BY ends_at LIMIT $4 FOR UPDATE SKIP LOCKED
        ), other AS (
            SELECT cluster_name, principal_arn FROM entry
             WHERE next_run_at <= $1 AND (ends_at IS NULL OR ends_at > $1) AND (lease_until IS NULL OR lease_until <= $1)
               AND cluster_name <> ALL ($5)
             ORDER BY next_run_at LIMIT $4 - (SELECT count(*) FROM ending) FOR UPDATE SKIP LOCKED
        )
        UPDATE entry e SET lease_token = $2, lease_until = $3, attempts = e.attempts + 1
          FROM (SELECT * FROM ending UNION ALL SELECT * FROM other) AS due
         WHERE e.cluster_name = due.cluster_name AND e.principal_arn = due.principal_arn
        RETURNING e.cluster_name, e.principal_arn, e.wakes, e.attempts, coalesce(e.ends_at <= $1, false) AS "ending!""#,
        tx.now,
        token,
        tx.now + lease,
        limit,
        busy,
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    let leases = rows.into_iter().map(|row| Lease {
        cluster_name: row.cluster_name,
        principal_arn: row.principal_arn,
        ending: row.ending,
        attempts: row.attempts,
        token,
        wakes: row.wakes,
    });
    Ok(leases.collect())
}

/// When the next entry is due, leased ones and those on `busy` clusters left out.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn next_due(store: &Store, busy: &[String]) -> Result<Option<TimeDelta>, StoreError> {
    let millis = sqlx::query_scalar!(
        "-- entries.next_due
        SELECT (1000 * extract(epoch FROM next_run_at - coalesce($1::timestamptz, now())))::bigint
          FROM entry
         WHERE next_run_at IS NOT NULL AND lease_until IS NULL AND cluster_name <> ALL ($2)
         ORDER BY next_run_at LIMIT 1",
        store.clock.sql(),
        busy
    )
    .fetch_optional(&mut *store.connection().await?)
    .await?;
    Ok(millis.flatten().map(TimeDelta::milliseconds))
}

/// Makes sure the lease is still ours, prolongs it, and keeps it until this transaction ends.
///
/// # Errors
/// [`StoreError::LeaseLost`]; [`StoreError::Unavailable`]; [`StoreError::Corrupt`].
pub async fn hold(tx: &mut Tx, lease: &Lease, until: TimeDelta) -> Result<EntryRecord, StoreError> {
    let row = entry_rows!(
        "hold",
        "UPDATE entry SET lease_until = $4
         WHERE cluster_name = $1 AND principal_arn = $2 AND lease_token = $3 AND lease_until > $5
        RETURNING",
        "",
        lease.cluster_name,
        lease.principal_arn,
        lease.token,
        tx.now + until,
        tx.now,
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    row.ok_or(StoreError::LeaseLost)?.try_into()
}

/// Records what is known of the entry now, and goes on holding it.
///
/// # Errors
/// [`StoreError::LeaseLost`]; [`StoreError::Unavailable`].
pub async fn save(tx: &mut Tx, lease: &Lease, record: &EntryRecord) -> Result<(), StoreError> {
    let saved = sqlx::query!(
        "-- entries.save
        UPDATE entry
           SET written = $4, touched_at = $5, unsure = $6, agreeing_reads = $7, agreeing_since = $8,
               disagreeing_reads = $9, last_read_at = $10, access_entry_arn = $11, last_error = $12, drifted = $13,
               overdue_reported = $14, attempts = $15, proof_of = $16, doubt_until = $17,
               baseline = $18, recheck_at = $19, drifted_to = $20, binding = $21, repair_asked_at = $22,
               unheard = $23
         WHERE cluster_name = $1 AND principal_arn = $2 AND lease_token = $3",
        lease.cluster_name,
        lease.principal_arn,
        lease.token,
        record.written.as_ref().map(|written| json!(written)),
        record.touched_at,
        record.unsure,
        record.agreeing_reads,
        record.agreeing_since,
        record.disagreeing_reads,
        record.last_read_at,
        record.access_entry_arn,
        record.last_error.as_ref().map(|error| json!(error)),
        record.drifted,
        record.overdue_reported,
        record.attempts,
        record.proof_of,
        record.doubt_until,
        record.baseline.as_ref().map(|baseline| json!(baseline)),
        record.recheck_at,
        record.drifted_to,
        record.binding.as_ref().map(|binding| json!(binding)),
        record.repair_asked_at,
        (!record.unheard.is_empty()).then(|| json!(record.unheard)),
    )
    .execute(&mut *tx.inner)
    .await?;
    if saved.rows_affected() == 0 { Err(StoreError::LeaseLost) } else { Ok(()) }
}

/// Puts on record that somebody wants whatever is wrong with the entry put right, and makes it due now. Answers what is
/// remembered of it; `None` where there is no such entry.
///
/// # Errors
/// [`StoreError::Unavailable`]; [`StoreError::Corrupt`].
pub async fn ask_repair(tx: &mut Tx, cluster: &str, principal: &str) -> Result<Option<EntryRecord>, StoreError> {
    let row = entry_rows!(
        "ask_repair",
        "UPDATE entry SET repair_asked_at = $3, next_run_at = least(next_run_at, $3), wakes = wakes + 1
         WHERE cluster_name = $1 AND principal_arn = $2
        RETURNING",
        "",
        cluster,
        principal,
        tx.now,
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    tx.work |= row.is_some();
    row.map(EntryRecord::try_from).transpose()
}

/// Says that there is something to take away, which goes before anything that grants, also when this worker dies now.
///
/// # Errors
/// [`StoreError::LeaseLost`]; [`StoreError::Unavailable`].
pub async fn mark_ending(tx: &mut Tx, lease: &Lease) -> Result<(), StoreError> {
    let marked = sqlx::query!(
        "-- entries.mark_ending
        UPDATE entry SET ends_at = least(ends_at, $4)
         WHERE cluster_name = $1 AND principal_arn = $2 AND lease_token = $3",
        lease.cluster_name,
        lease.principal_arn,
        lease.token,
        tx.now,
    )
    .execute(&mut *tx.inner)
    .await?;
    if marked.rows_affected() == 0 { Err(StoreError::LeaseLost) } else { Ok(()) }
}

/// Gives the lease back with nothing found out, to be looked at again at `at`: sooner when something has to be taken away
/// before that, and now if somebody asked for a look since the claim.
///
/// # Errors
/// [`StoreError::LeaseLost`]; [`StoreError::Unavailable`].
pub async fn postpone(tx: &mut Tx, lease: &Lease, at: DateTime<Utc>) -> Result<(), StoreError> {
    let postponed = sqlx::query!(
        "-- entries.postpone
        UPDATE entry
           SET lease_token = NULL, lease_until = NULL,
               next_run_at = CASE WHEN wakes <> $4 THEN $6::timestamptz WHEN ends_at > $6 THEN least(ends_at, $5) ELSE $5 END
         WHERE cluster_name = $1 AND principal_arn = $2 AND lease_token = $3",
        lease.cluster_name,
        lease.principal_arn,
        lease.token,
        lease.wakes,
        at,
        tx.now,
    )
    .execute(&mut *tx.inner)
    .await?;
    if postponed.rows_affected() == 0 { Err(StoreError::LeaseLost) } else { Ok(()) }
}

/// Makes entries due whose requests are not done and that nothing would ever look at: rows that somebody deleted, or that a
/// restore lost. Answers how many.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn rescue(tx: &mut Tx) -> Result<u64, StoreError> {
    let rescued = sqlx::query!(
        "-- entries.rescue
        INSERT INTO entry AS e (cluster_name, principal_arn, next_run_at)
        SELECT cluster_name, principal_arn, $1::timestamptz FROM request r
         WHERE state IN ('scheduled', 'applying', 'verifying', 'active', 'revoking')
           AND NOT EXISTS (SELECT 1 FROM entry k WHERE k.cluster_name = r.cluster_name
                              AND k.principal_arn = r.principal_arn AND (k.next_run_at IS NOT NULL OR k.lease_until IS NOT NULL))
         GROUP BY cluster_name, principal_arn
         ORDER BY cluster_name COLLATE \"C\", principal_arn COLLATE \"C\"
        ON CONFLICT (cluster_name, principal_arn) DO UPDATE SET next_run_at = $1, wakes = e.wakes + 1",
        tx.now
    )
    .execute(&mut *tx.inner)
    .await?
    .rows_affected();
    tx.work |= rescued > 0;
    Ok(rescued)
}

/// Gives the lease back and says when to look next. If somebody asked for a look since the claim, that is now.
///
/// # Errors
/// [`StoreError::LeaseLost`]; [`StoreError::Unavailable`].
pub async fn release(tx: &mut Tx, lease: &Lease, due: Due) -> Result<(), StoreError> {
    let released = sqlx::query!(
        "-- entries.release
        UPDATE entry
           SET lease_token = NULL, lease_until = NULL,
               next_run_at = CASE WHEN wakes = $4 THEN $5 ELSE $7::timestamptz END,
               ends_at = CASE WHEN wakes = $4 THEN $6 ELSE least(ends_at, $6) END
         WHERE cluster_name = $1 AND principal_arn = $2 AND lease_token = $3",
        lease.cluster_name,
        lease.principal_arn,
        lease.token,
        lease.wakes,
        due.next_run_at,
        due.ends_at,
        tx.now,
    )
    .execute(&mut *tx.inner)
    .await?;
    if released.rows_affected() == 0 { Err(StoreError::LeaseLost) } else { Ok(()) }
}

//! What is remembered of entries, for looking at: nothing is held, and nothing decided by it.

use chrono::{DateTime, Utc};

use super::super::rows::sound;
use super::super::{Store, StoreError};
use super::row::{EntryRow, entry_rows};
use crate::domain::record::EntryRecord;

/// What is remembered of the entries of `principals`, for showing. One whose row does not decode is left out.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn of(store: &Store, cluster: &str, principals: &[String]) -> Result<Vec<EntryRecord>, StoreError> {
    let rows = entry_rows!(
        "of",
        "SELECT",
        "FROM entry WHERE cluster_name = $1 AND principal_arn = ANY ($2)",
        cluster,
        principals
    )
    .fetch_all(&mut *store.connection().await?)
    .await?;
    Ok(sound(rows))
}

/// What is remembered of the entries on `cluster` that Entryway last wrote something into and that nobody is at work on.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn resting(store: &Store, cluster: &str) -> Result<Vec<EntryRecord>, StoreError> {
    let rows = entry_rows!(
        "resting",
        "SELECT",
        "FROM entry
         WHERE cluster_name = $1 AND written->'content' <> 'null' AND lease_until IS NULL AND NOT drifted",
        cluster
    )
    .fetch_all(&mut *store.connection().await?)
    .await?;
    Ok(sound(rows))
}

/// Whose entry on `cluster` Entryway once wrote or tried to, is to be there no more, and was last looked at before `looked_at`.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn idle(store: &Store, cluster: &str, looked_at: DateTime<Utc>) -> Result<Vec<String>, StoreError> {
    Ok(sqlx::query_scalar!(
        "-- entries.idle
        SELECT principal_arn FROM entry
         WHERE cluster_name = $1 AND touched_at IS NOT NULL AND coalesce(written->'content', 'null') = 'null'
           AND next_run_at IS NULL AND lease_until IS NULL AND coalesce(last_read_at, '-infinity') < $2",
        cluster,
        looked_at
    )
    .fetch_all(&mut *store.connection().await?)
    .await?)
}

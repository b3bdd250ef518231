//! The buckets of turns to call EKS, one for each account and region, which all replicas take from.

use chrono::{DateTime, Utc};

use super::{Store, StoreError, Tx};
use crate::domain::pace::{Bucket, Demand, Taken};

/// Whose calls AWS counts together.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lane {
    /// The 12-digit account.
    pub account_id: String,
    /// The region.
    pub region: String,
}

struct BucketRow {
    rate: f64,
    turns: f64,
    filled_at: DateTime<Utc>,
    slowed_at: Option<DateTime<Utc>>,
}

/// Takes what `demand` needs from the bucket of `lane`, or says how long its queue is.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn take(store: &Store, lane: &Lane, demand: Demand) -> Result<Result<Taken, chrono::TimeDelta>, StoreError> {
    let mut tx = store.begin().await?;
    let mut bucket = lock(&mut tx, lane, demand.full_rate).await?;
    let taken = bucket.take(demand, tx.now);
    save(&mut tx, lane, bucket).await?;
    tx.commit().await?;
    Ok(taken)
}

/// Slows `lane` down for every replica: AWS said that there were too many calls.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn slow_down(store: &Store, lane: &Lane, full_rate: f64) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    let mut bucket = lock(&mut tx, lane, full_rate).await?;
    bucket.slow_down(full_rate, tx.now);
    save(&mut tx, lane, bucket).await?;
    tx.commit().await
}

/// When AWS last said that `lane` was called too often.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn slowed_at(store: &Store, lane: &Lane) -> Result<Option<DateTime<Utc>>, StoreError> {
    let at = sqlx::query_scalar!(
        "-- pace.slowed_at
        SELECT slowed_at FROM eks_pace WHERE account_id = $1 AND region = $2",
        lane.account_id,
        lane.region,
    )
    .fetch_optional(&mut *store.connection().await?)
    .await?;
    Ok(at.flatten())
}

/// The bucket as it is, for changing; a full one where there is none yet. Losing a few turns in a crash of the database is
/// harmless, so its commit need not wait for the disk.
async fn lock(tx: &mut Tx, lane: &Lane, full_rate: f64) -> Result<Bucket, StoreError> {
    let row = sqlx::query_as!(
        BucketRow,
        "-- pace.lock
        WITH light AS (SELECT set_config('synchronous_commit', 'off', true))
        SELECT rate, turns, filled_at, slowed_at FROM eks_pace, light
         WHERE account_id = $1 AND region = $2 FOR UPDATE OF eks_pace",
        lane.account_id,
        lane.region,
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    Ok(row.map_or_else(
        || Bucket::full(full_rate, tx.now),
        |row| Bucket { rate: row.rate, turns: row.turns, filled_at: row.filled_at, slowed_at: row.slowed_at },
    ))
}

async fn save(tx: &mut Tx, lane: &Lane, bucket: Bucket) -> Result<(), StoreError> {
    sqlx::query!(
        "-- pace.save
        INSERT INTO eks_pace (account_id, region, rate, turns, filled_at, slowed_at) VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (account_id, region) DO UPDATE SET rate = $3, turns = $4, filled_at = $5, slowed_at = $6",
        lane.account_id,
        lane.region,
        bucket.rate,
        bucket.turns,
        bucket.filled_at,
        bucket.slowed_at,
    )
    .execute(&mut *tx.inner)
    .await?;
    Ok(())
}

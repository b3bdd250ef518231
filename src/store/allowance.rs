//! How often callers have called, as far as the replicas told one another of it.

use chrono::TimeDelta;

use super::{Store, StoreError};

/// Adds `cost`, the time that some calls of `caller` take to be earned back; answers what all replicas together have added
/// and time has not taken off again. One statement, which waits for no disk.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn spend(store: &Store, caller: &[u8; 32], cost: TimeDelta) -> Result<TimeDelta, StoreError> {
    let owed = sqlx::query_scalar!(
        r#"-- allowance.spend
        INSERT INTO call_allowance AS known (caller, full_at)
        VALUES ($1, coalesce($3::timestamptz, now()) + $2::bigint * interval '1 microsecond')
        ON CONFLICT (caller) DO UPDATE
           SET full_at = greatest(known.full_at, coalesce($3, now())) + $2 * interval '1 microsecond'
        RETURNING (extract(epoch FROM full_at - coalesce($3, now())) * 1000000)::bigint AS "owed!""#,
        caller.as_slice(),
        cost.num_microseconds().unwrap_or(i64::MAX),
        store.clock.sql(),
    )
    .fetch_one(&mut *store.connection().await?)
    .await?;
    Ok(TimeDelta::microseconds(owed))
}

/// Forgets callers who have earned everything back.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn forget_idle(store: &Store) -> Result<(), StoreError> {
    sqlx::query!(
        "-- allowance.forget_idle
        DELETE FROM call_allowance WHERE full_at <= coalesce($1::timestamptz, now())",
        store.clock.sql(),
    )
    .execute(&mut *store.connection().await?)
    .await?;
    Ok(())
}

//! Calls of Slack's that were taken.

use chrono::{DateTime, TimeDelta, Utc};

use super::super::{StoreError, Tx};

/// How long it takes at most to tell of a call that was lost.
const TOLD_WITHIN: TimeDelta = TimeDelta::minutes(10);

/// A call whose process died before it was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// The hash of its signature.
    pub signature: Vec<u8>,
    /// Whose it was: a Slack user's id.
    pub user_id: String,
    /// What it was, in words.
    pub what: String,
}

/// Takes a call, by the hash of its signature; false where it was taken before.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn take(tx: &mut Tx, signature: &[u8], user_id: &str, what: &str) -> Result<bool, StoreError> {
    let taken = sqlx::query!(
        "-- slack.take
        INSERT INTO slack_call (signature_sha256, user_id, what, taken_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        signature,
        user_id,
        what,
        tx.now,
    )
    .execute(&mut *tx.inner)
    .await?;
    Ok(taken.rows_affected() == 1)
}

/// A call that was taken is done.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn done(tx: &mut Tx, signature: &[u8]) -> Result<(), StoreError> {
    sqlx::query!(
        "-- slack.done
        UPDATE slack_call SET done_at = $2 WHERE signature_sha256 = $1 AND done_at IS NULL",
        signature,
        tx.now,
    )
    .execute(&mut *tx.inner)
    .await?;
    Ok(())
}

/// The oldest call that was taken `before` and is not done, which is then this transaction's to tell about; other replicas skip it.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn lost(tx: &mut Tx, before: DateTime<Utc>) -> Result<Option<Lost>, StoreError> {
    Ok(sqlx::query_as!(
        Lost,
        "-- slack.lost
        UPDATE slack_call SET done_at = $2
         WHERE signature_sha256 = (SELECT signature_sha256 FROM slack_call WHERE done_at IS NULL AND taken_at < $1
                                    ORDER BY taken_at LIMIT 1 FOR UPDATE SKIP LOCKED)
        RETURNING signature_sha256 AS signature, user_id, what",
        before,
        tx.now,
    )
    .fetch_optional(&mut *tx.inner)
    .await?)
}

/// A call's author could not be told after all, and is to be told later, unless it was taken before `oldest`.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn reopen(tx: &mut Tx, signature: &[u8], oldest: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!(
        "-- slack.reopen
        UPDATE slack_call SET done_at = NULL WHERE signature_sha256 = $1 AND taken_at >= $2",
        signature,
        oldest,
    )
    .execute(&mut *tx.inner)
    .await?;
    Ok(())
}

/// Forgets calls that are older than `age`, which no signature is good for any more; but not what somebody may be telling of just now.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn forget_calls(tx: &mut Tx, age: TimeDelta) -> Result<(), StoreError> {
    sqlx::query!(
        "-- slack.forget_calls
        DELETE FROM slack_call WHERE taken_at < $1 AND done_at < $2",
        tx.now - age,
        tx.now - TOLD_WITHIN,
    )
    .execute(&mut *tx.inner)
    .await?;
    Ok(())
}

//! First answers, kept to be given again.

use chrono::TimeDelta;
use serde_json::Value;

use super::{StoreError, Tx};

/// How long an answer is kept: 24 hours, as the API promises.
pub const KEPT: TimeDelta = TimeDelta::hours(24);

/// How many answers are forgotten at once.
pub const BATCH: u64 = 1000;

/// Whose call it was, and which.
#[derive(Debug, Clone)]
pub struct Key {
    /// The caller; keys of different callers have nothing to do with each other.
    pub caller: String,
    /// Method and route template.
    pub route: String,
    /// `Idempotency-Key`.
    pub key: String,
    /// SHA-256 of path and body.
    pub fingerprint: Vec<u8>,
}

/// An answer as it went over the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: i16,
    /// Headers that belong to it (`Location`, `ETag`).
    pub headers: Vec<(String, String)>,
    /// The body, byte for byte.
    pub body: Vec<u8>,
}

/// What is known of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recall {
    /// Nothing: do it. Until this transaction ends, whoever comes with the same key hears `InFlight`.
    Unseen,
    /// It was answered before.
    Answered(Answer),
    /// It was answered before, for another call.
    Reused,
    /// It is being done by somebody else right now.
    InFlight,
}

/// Looks the key up and holds it for this transaction.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn recall(tx: &mut Tx, key: &Key) -> Result<Recall, StoreError> {
    let row = sqlx::query!(
        r#"-- idempotency.recall
        SELECT pg_try_advisory_xact_lock(hashtextextended(concat_ws(E'\x1f', $1::text, $2::text, $3::text), 0)) AS "held!",
               a.fingerprint AS "fingerprint?", a.status AS "status?", a.headers AS "headers?", a.body AS "body?"
          FROM (SELECT 1) AS one
          LEFT JOIN idempotent_answer a ON a.caller = $1 AND a.route = $2 AND a.key = $3 AND a.created_at > $4"#,
        key.caller,
        key.route,
        key.key,
        tx.now - KEPT,
    )
    .fetch_one(&mut *tx.inner)
    .await?;
    let (Some(fingerprint), Some(status), Some(headers), Some(body)) =
        (row.fingerprint, row.status, row.headers, row.body)
    else {
        return Ok(if row.held { Recall::Unseen } else { Recall::InFlight });
    };
    if fingerprint != key.fingerprint {
        return Ok(Recall::Reused);
    }
    let headers =
        serde_json::from_value(headers).map_err(|_| StoreError::corrupt("idempotent_answer", "headers", &key.key))?;
    Ok(Recall::Answered(Answer { status, headers, body }))
}

/// Keeps the answer, in the transaction of what it tells of.
///
/// # Errors
/// [`StoreError::Duplicate`] when the same key was answered between the look-up and now.
pub async fn remember(tx: &mut Tx, key: &Key, answer: &Answer) -> Result<(), StoreError> {
    let headers = Value::from_iter(answer.headers.iter().map(|(name, value)| vec![name.clone(), value.clone()]));
    sqlx::query!(
        "-- idempotency.remember
        INSERT INTO idempotent_answer AS a (caller, route, key, fingerprint, status, headers, body, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (caller, route, key) DO UPDATE
           SET fingerprint = $4, status = $5, headers = $6, body = $7, created_at = $8
         WHERE a.created_at <= $9",
        key.caller,
        key.route,
        key.key,
        key.fingerprint,
        answer.status,
        headers,
        answer.body,
        tx.now,
        tx.now - KEPT,
    )
    .execute(&mut *tx.inner)
    .await
    .map_err(StoreError::from)
    .and_then(|done| match done.rows_affected() {
        1 => Ok(()),
        _ => Err(StoreError::Duplicate { constraint: "idempotent_answer_pkey".to_owned() }),
    })
}

/// Forgets some of what is older than [`KEPT`]; answers how many. Call it again until it answers less than [`BATCH`].
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn forget_old(tx: &mut Tx) -> Result<u64, StoreError> {
    Ok(sqlx::query!(
        "-- idempotency.forget_old
        DELETE FROM idempotent_answer
         WHERE ctid = ANY (ARRAY(SELECT ctid FROM idempotent_answer WHERE created_at <= $1 LIMIT $2))",
        tx.now - KEPT,
        i64::try_from(BATCH).unwrap_or(i64::MAX),
    )
    .execute(&mut *tx.inner)
    .await?
    .rows_affected())
}

//! Reviews. They are inserted and read, never changed.

use sqlx::PgConnection;
use uuid::Uuid;

use super::rows::{ReviewRow, sound};
use super::{Store, StoreError, Tx};
use crate::domain::review::Review;

/// Records a review.
///
/// # Errors
/// [`StoreError::Duplicate`] (`review_once_per_person`) when this person has reviewed this request before.
pub async fn insert(tx: &mut Tx, review: &Review) -> Result<(), StoreError> {
    sqlx::query!(
        "-- reviews.insert
        INSERT INTO review (id, request_id, reviewer, decision, comment, via, submitted_by, spec_digest, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        review.id,
        review.request_id,
        review.reviewer,
        review.decision.as_str(),
        review.comment,
        review.via.as_str(),
        review.submitted_by,
        review.spec_digest,
        review.created_at,
    )
    .execute(&mut *tx.inner)
    .await?;
    Ok(())
}

/// The reviews of several requests, in the order they were given, as this transaction sees them.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn of_requests(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Review>, StoreError> {
    if ids.is_empty() {
        return Ok(vec![]);
    }
    let rows = sqlx::query_as!(
        ReviewRow,
        "-- reviews.of_requests
        SELECT * FROM review WHERE request_id = ANY($1) ORDER BY created_at, id",
        ids
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    Ok(sound(rows))
}

/// The same outside a transaction, for answers that only show them.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn read(store: &Store, ids: &[Uuid]) -> Result<Vec<Review>, StoreError> {
    if ids.is_empty() {
        return Ok(vec![]);
    }
    read_on(&mut *store.connection().await?, ids).await
}

/// [`read`] on a connection that is at hand.
pub(super) async fn read_on(connection: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<Review>, StoreError> {
    let rows = sqlx::query_as!(
        ReviewRow,
        "-- reviews.read
        SELECT * FROM review WHERE request_id = ANY($1) ORDER BY created_at, id",
        ids
    )
    .fetch_all(connection)
    .await?;
    Ok(sound(rows))
}

//! Keys that every replica shares.

use super::{Store, StoreError};

/// The key that page tokens are signed with.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn page_token(store: &Store) -> Result<String, StoreError> {
    Ok(sqlx::query_scalar!(
        "-- keys.page_token
        SELECT value FROM shared_key WHERE name = 'page-token'"
    )
    .fetch_one(&mut *store.connection().await?)
    .await?)
}

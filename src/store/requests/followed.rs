//! Many requests at once, for whoever follows what becomes of them.

use uuid::Uuid;

use super::super::rows::{RequestRow, sound};
use super::super::{Store, StoreError};
use crate::domain::request::Request;
use crate::domain::states::RequestState;

/// Those of the requests `ids` that there are, for showing. Rows that do not decode are left out.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn all_of(store: &Store, ids: &[Uuid]) -> Result<Vec<Request>, StoreError> {
    let rows = sqlx::query_as!(
        RequestRow,
        "-- requests.all_of
        SELECT * FROM request WHERE id = ANY ($1)",
        ids
    )
    .fetch_all(&mut *store.connection().await?)
    .await?;
    Ok(sound(rows))
}

/// The states that the requests `ids` are in. One that this build does not know is left out.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn states(store: &Store, ids: &[Uuid]) -> Result<Vec<(Uuid, RequestState)>, StoreError> {
    let rows = sqlx::query!(
        "-- requests.states
        SELECT id, state FROM request WHERE id = ANY ($1)",
        ids
    )
    .fetch_all(&mut *store.connection().await?)
    .await?;
    Ok(rows.into_iter().filter_map(|row| Some((row.id, RequestState::parse(&row.state)?))).collect())
}

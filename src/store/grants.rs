//! The rights of a role that serves without owning anything.

use sqlx::{AssertSqlSafe, Connection};

use super::{Store, StoreError};

/// The statements, with `:"role"` for the role, as psql wants them.
pub const GRANTS: &str = include_str!("grants.sql");

/// Gives `role`, which has to exist, what the service needs. Runs as the owner of the tables.
///
/// # Errors
/// [`StoreError::Refused`] when there is no such role, or the connection may not give rights.
pub async fn grant_to(store: &Store, role: &str) -> Result<(), StoreError> {
    let quoted = format!("\"{}\"", role.replace('"', "\"\""));
    let mut connection = store.connection().await?;
    let mut tx = connection.begin().await?;
    sqlx::raw_sql(AssertSqlSafe(format!("-- grants.grant_to\n{}", GRANTS.replace(":\"role\"", &quoted))))
        .execute(&mut *tx)
        .await?;
    Ok(tx.commit().await?)
}

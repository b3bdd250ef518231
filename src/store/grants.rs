//! The rights of a role that serves without owning anything.

use sqlx::{AssertSqlSafe, Connection};

use super::{Store, StoreError};

/// The statements, with `:"role"` for the role, as psql wants them.
pub const GRANTS: &str = include_str!("grants.sql");

/// Gives `role`, which has to exist, what the service needs. Runs as the owner of the tables.
///
/// # Errors
/// [`StoreError::NoSuchRole`]; [`StoreError::Refused`] when the connection may not give rights.
pub async fn grant_to(store: &Store, role: &str) -> Result<(), StoreError> {
    let quoted = format!("\"{}\"", role.replace('"', "\"\""));
    let mut connection = store.connection().await?;
    let mut tx = connection.begin().await?;
    sqlx::raw_sql(AssertSqlSafe(format!("-- grants.grant_to\n{}", GRANTS.replace(":\"role\"", &quoted))))
        .execute(&mut *tx)
        .await
        .map_err(|error| match error.as_database_error().and_then(|db| db.code()).as_deref() {
            // 42704: undefined_object. Tables that are not there have a code of their own.
            Some("42704") => StoreError::NoSuchRole(quoted.clone()),
            _ => error.into(),
        })?;
    Ok(tx.commit().await?)
}

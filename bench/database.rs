//! A database of the stand.

use entryway::clock::Clock;
use entryway::store::Store;
use secrecy::SecretString;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::Result;

/// Where a database is.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    /// Its URL, password included.
    pub(crate) url: String,
}

impl Database {
    pub(crate) fn new(url: String) -> Self {
        Self { url }
    }

    /// A connection of one's own.
    pub(crate) async fn connect(&self) -> Result<PgConnection> {
        Ok(PgConnection::connect(&self.url).await?)
    }

    /// Runs statements that no code of ours would.
    pub(crate) async fn run(&self, statements: &str) -> Result<()> {
        let mut connection = self.connect().await?;
        sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(&mut connection).await?;
        Ok(connection.close().await?)
    }

    /// A single number that a query answers.
    pub(crate) async fn number(&self, query: &str) -> Result<i64> {
        let mut connection = self.connect().await?;
        let number = sqlx::query_scalar(AssertSqlSafe(query.to_owned())).fetch_one(&mut connection).await?;
        connection.close().await?;
        Ok(number)
    }

    /// The same database as the program sees it.
    pub(crate) fn store(&self) -> Result<Store> {
        Ok(Store::connect(&SecretString::from(self.url.as_str()), 2, Clock::database())?)
    }
}

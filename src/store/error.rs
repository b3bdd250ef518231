//! What can go wrong with Postgres, by what the caller can do about it.

use thiserror::Error;
use uuid::Uuid;

/// A failure of the store.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Postgres cannot be reached, is too busy, or broke off. Trying again may help.
    #[error("Postgres is not available: {0}")]
    Unavailable(#[source] sqlx::Error),
    /// Postgres answers but takes no writes (a standby, or a database in recovery).
    #[error("Postgres is read-only; point database.url at the writer")]
    ReadOnly,
    /// Postgres understood a statement and will not do it, however often it is asked.
    #[error("Postgres refused a statement: {0}")]
    Refused(#[source] sqlx::Error),
    /// A unique constraint says that it is there already.
    #[error("{constraint} is violated")]
    Duplicate {
        /// The constraint's name.
        constraint: String,
    },
    /// A row that no code of ours can have written, or that somebody changed by hand.
    #[error("{table}.{column} of {key} does not decode: the row was changed by other means than Entryway")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row's key.
        key: String,
    },
    /// A value of the database's that no value here can hold, in a row that somebody changed by hand.
    #[error("a row holds what nothing of Entryway's can hold: the row was changed by other means ({0})")]
    Unreadable(#[source] sqlx::Error),
    /// The lease on an entry is no longer ours: whatever was found out is somebody else's to record.
    #[error("the lease was lost")]
    LeaseLost,
    /// A row changed since it was read. Reading again and starting over helps.
    #[error("{0} was changed by somebody else meanwhile")]
    Stale(Uuid),
    /// There is no role of this name in the database.
    #[error(
        "there is no role {0} in the database; create it first, and run this again: CREATE ROLE {0} LOGIN PASSWORD '…'"
    )]
    NoSuchRole(String),
    /// A migration failed.
    #[error("migrating the database failed: {0}")]
    Migration(String),
    /// The process is shutting down.
    #[error("the work was interrupted")]
    Interrupted,
    /// The URL is not one of Postgres.
    #[error("database.url is not a Postgres URL (postgres://user:password@host:port/database)")]
    BadUrl,
}

impl StoreError {
    pub(super) fn corrupt(table: &'static str, column: &'static str, key: impl ToString) -> Self {
        Self::Corrupt { table, column, key: key.to_string() }
    }

    /// Whether doing the same again may succeed without anybody mending anything.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::ReadOnly | Self::Stale(_) | Self::Interrupted)
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        // Asking again would bring the same.
        if matches!(error, sqlx::Error::ColumnDecode { .. }) {
            return Self::Unreadable(error);
        }
        match error.as_database_error() {
            Some(db) if db.is_unique_violation() => {
                Self::Duplicate { constraint: db.constraint().unwrap_or_default().to_owned() }
            }
            // 25006: read_only_sql_transaction, as after a failover that left this connection on the old writer.
            Some(db) if db.code().as_deref() == Some("25006") => Self::ReadOnly,
            // Data that does not fit (22), a constraint (23), a statement or a right that is wrong (42).
            Some(db)
                if db.code().is_some_and(|code| ["22", "23", "42"].iter().any(|class| code.starts_with(class))) =>
            {
                Self::Refused(error)
            }
            _ => Self::Unavailable(error),
        }
    }
}

//! The only module with SQL. Everything that writes takes a [`Tx`], so that nothing can slip out of its
//! transaction; only [`Store::begin`] makes one.

pub mod allowance;
pub mod audit;
pub mod clusters;
pub mod entries;
mod error;
pub mod events;
pub mod figures;
mod grants;
pub mod idempotency;
pub mod keys;
pub mod outbox;
pub mod pace;
pub mod people;
pub mod requests;
pub mod reviews;
mod rows;
mod settled;
pub mod slack;
mod wake;

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection, PgPool, Postgres, Transaction};
use uuid::Uuid;

use crate::clock::Clock;

pub use error::StoreError;
pub use grants::{GRANTS, grant_to};
pub use requests::{Cas, Filter};
pub use settled::{newest, settled};
pub use wake::{Hub, Notice, listen};

/// The schema's history, compiled in.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!();

/// How long a caller waits for a connection before it is told to come back later.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);

/// How long a connection that nobody used is taken to be alive. sqlx would ask Postgres each time, and asks once more
/// when a connection is given back: a look at one request would be four journeys to Postgres instead of two.
const TRUSTED_FOR: Duration = Duration::from_secs(1);

/// Postgres, as Entryway sees it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    pool: PgPool,
    clock: Clock,
    hub: Hub,
    settled: Arc<settled::Settled>,
    over: Arc<figures::Over>,
}

/// One transaction. Dropped without [`Tx::commit`], it is rolled back.
#[derive(Debug)]
pub struct Tx {
    inner: Transaction<'static, Postgres>,
    now: DateTime<Utc>,
    hub: Hub,
    changed: Vec<Uuid>,
    work: bool,
    logged: bool,
}

impl Store {
    /// Prepares a pool of at most `max_connections`. Connects when it is first used.
    ///
    /// # Errors
    /// [`StoreError::BadUrl`] when `url` is not a Postgres URL.
    pub fn connect(url: &SecretString, max_connections: u32, clock: Clock) -> Result<Self, StoreError> {
        let options: PgConnectOptions = url.expose_secret().parse().map_err(|_| StoreError::BadUrl)?;
        // A transaction left open by a caller that vanished, a lock nobody gives back, a query gone astray: each
        // ends by itself, well before the lease of a worker does.
        let options = options.application_name("entryway").options([
            ("idle_in_transaction_session_timeout", "15s"),
            ("lock_timeout", "3s"),
            ("statement_timeout", "10s"),
        ]);
        let pool = PgPoolOptions::new()
            .max_connections(max_connections)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .test_before_acquire(false)
            .before_acquire(|connection, idle| {
                Box::pin(async move {
                    if idle.idle_for > TRUSTED_FOR {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect_lazy_with(options);
        Ok(Self { pool, clock, hub: Hub::default(), settled: Arc::default(), over: Arc::default() })
    }

    /// Brings the schema up to date. Replicas that start together take turns.
    ///
    /// # Errors
    /// [`StoreError::Migration`] when a migration fails or the database is ahead of this build.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let mut connection = self.connection().await?.detach();
        // A migration may take its time, and replicas wait for one another; the limits are for everyday work.
        sqlx::raw_sql("-- store.unlimited\nSET statement_timeout = 0; SET lock_timeout = 0")
            .execute(&mut connection)
            .await?;
        MIGRATIONS.run(&mut connection).await.map_err(|error| StoreError::Migration(error.to_string()))
    }

    /// Opens a transaction and takes the time from the database. Safe to cancel: sqlx up to 0.9.0 hands a connection back
    /// to the pool *inside* an open transaction when `Pool::begin` is dropped half-way (transact-rs/sqlx#4393), and
    /// HTTP handlers are dropped whenever a client hangs up. A task of its own cannot be dropped half-way.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when no connection can be had.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        let clock = self.clock.sql();
        // Waiting for a connection can be dropped at any time, and has to be: tasks that wait for callers who have hung up
        // would pile up while Postgres is slow.
        let connection = self.connection().await?;
        #[expect(
            clippy::disallowed_methods,
            reason = "the home of begin; the task ends by itself and owns nothing else"
        )]
        let begun = tokio::spawn(async move {
            let mut inner = Transaction::begin(connection, None).await?;
            let now = sqlx::query_scalar!(
                r#"-- store.now
                SELECT coalesce($1::timestamptz, now()) AS "now!""#,
                clock
            )
            .fetch_one(&mut *inner)
            .await?;
            Ok::<_, sqlx::Error>((inner, now))
        });
        let (inner, now) = begun.await.map_err(|_| StoreError::Interrupted)??;
        Ok(Tx { inner, now, hub: self.hub.clone(), changed: Vec::new(), work: false, logged: false })
    }

    /// Whether Postgres takes writes and has the schema this build needs.
    ///
    /// # Errors
    /// Says which of the two is missing.
    pub async fn ready(&self) -> Result<(), StoreError> {
        let row = sqlx::query!(
            r#"-- store.ready
            SELECT pg_is_in_recovery() OR current_setting('default_transaction_read_only')::boolean AS "read_only!",
                   (SELECT max(version) FROM _sqlx_migrations WHERE success) AS version"#
        )
        .fetch_one(&mut *self.connection().await?)
        .await?;
        let newest = MIGRATIONS.iter().map(|migration| migration.version).max();
        if row.read_only {
            return Err(StoreError::ReadOnly);
        }
        if row.version < newest {
            return Err(StoreError::Migration(
                "the schema is older than this build; run `entryway migrate`".to_owned(),
            ));
        }
        Ok(())
    }

    /// A connection, as soon as there is one to be had. All statements get theirs here, so that how long they wait for one
    /// shows, also where they waited in vain.
    async fn connection(&self) -> Result<PoolConnection<Postgres>, sqlx::Error> {
        let begun = Instant::now();
        let connection = self.pool.acquire().await;
        metrics::histogram!("entryway_pool_acquire_seconds").record(begun.elapsed());
        connection
    }

    /// The clock that decides.
    #[must_use]
    pub const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Where changes are announced, once they are committed.
    #[must_use]
    pub const fn hub(&self) -> &Hub {
        &self.hub
    }

    /// Waits for connections to be given back, and closes them.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

impl Tx {
    /// The time of this transaction, by the database's clock. Every decision in it uses this one instant.
    #[must_use]
    pub const fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// Makes it durable, then tells whoever waits for it. Telling comes after, because `NOTIFY` inside a transaction
    /// takes a lock on the whole database until the commit is on disk.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]: the outcome is unknown; reading again tells.
    pub async fn commit(self) -> Result<(), StoreError> {
        self.inner.commit().await?;
        self.hub.announce(wake::Told { changed: self.changed, work: self.work, logged: self.logged });
        Ok(())
    }

    /// Undoes it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; the transaction is undone all the same.
    pub async fn rollback(self) -> Result<(), StoreError> {
        Ok(self.inner.rollback().await?)
    }
}

//! A private Postgres for the sandbox and the tests: found on the machine, set up once, started on a free
//! port of the loopback address, and gone when its owner is gone.
//!
//! What can go wrong on other people's machines is the reason for most of this code: root may not run
//! Postgres, data directories outlive a `kill -9`, ports are taken, versions differ, and a server that is
//! left behind keeps its data directory locked. [`Postgres::start`] copes with all of it or says in one
//! sentence what to do.

mod account;
mod data_dir;
mod error;
mod postmaster;
mod programs;
mod server;
mod verifier;

use std::path::{Path, PathBuf};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use self::data_dir::DataDir;
pub use self::error::PostgresError;
pub use self::programs::Search;
use self::server::Server;

/// The superuser of the private server, made by `initdb`.
const SUPERUSER: &str = "entryway";

/// What may stand unescaped as the path of a database URL.
const URL_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'_').remove(b'-');

/// How much a crash of the machine may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Postgres' own promise: what was committed is on the disk.
    Safe,
    /// Nothing is flushed. Survives a crash of Postgres, not one of the machine: for tests.
    TestFast,
}

/// How a private Postgres is to be run.
#[derive(Debug, Clone)]
pub struct PostgresOptions {
    /// Where the data lives. Its password, lock and log are kept beside it, as `<data_dir>.password` and so on.
    pub data_dir: PathBuf,
    /// How much a crash of the machine may cost.
    pub durability: Durability,
    /// Connections that the server admits, those of all pools and all tests together.
    pub max_connections: u16,
    /// Where to look for `initdb` and `postgres`.
    pub search: Search,
    /// Whether [`PostgresOptions::temporary`] made this: the directory goes when the server goes.
    temporary: bool,
}

impl PostgresOptions {
    /// A durable server that keeps its data in `data_dir`, with 100 connections.
    #[must_use]
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            durability: Durability::Safe,
            max_connections: 100,
            search: Search::of_this_machine(),
            temporary: false,
        }
    }

    /// A fast server in a fresh directory of its own, removed when the server stops, however it stops.
    #[must_use]
    pub fn temporary() -> Self {
        let data_dir = data_dir::fresh_temporary();
        Self { durability: Durability::TestFast, temporary: true, ..Self::new(data_dir) }
    }
}

/// Where the sandbox keeps its state unless told otherwise: `/var/lib/entryway/sandbox` for root, whose home no
/// other user may enter, else `~/.local/share/entryway/sandbox`.
///
/// # Errors
/// [`PostgresError::NoAccount`] when the machine does not say who is running this.
pub async fn default_state_dir() -> Result<PathBuf, PostgresError> {
    data_dir::default_state_dir().await
}

/// A running private Postgres.
///
/// It stops with [`Postgres::stop`]. When this value is dropped, forgotten, or the whole process is killed, the
/// server is stopped all the same by the shell that watches over it (see `server.rs`).
#[derive(Debug)]
pub struct Postgres {
    // The order is the order of dropping: the server is told to stop before the lock on its data is let go.
    server: Server,
    data: DataDir,
}

impl Postgres {
    /// Finds Postgres' programs, sets the data directory up if it is new, and starts the server. Returns when it
    /// takes connections: in about a second the first time, at once later. It has the port that it had before, where that is free.
    ///
    /// A server that an earlier, killed owner left behind on this data directory is stopped first.
    ///
    /// # Errors
    /// See [`PostgresError`]; every message says what to do.
    pub async fn start(options: PostgresOptions) -> Result<Self, PostgresError> {
        let started = Self::start_in(&options).await;
        if started.is_err() && options.temporary {
            data_dir::remove_temporary(&options.data_dir);
        }
        started
    }

    async fn start_in(options: &PostgresOptions) -> Result<Self, PostgresError> {
        let (data, programs) = DataDir::prepare(options).await?;
        postmaster::clear(data.path()).await?;
        let server = Server::start(&programs, &data, options).await?;
        tracing::debug!(port = server.port(), data_dir = %data.path().display(), "the private Postgres is up");
        Ok(Self { server, data })
    }

    /// The address of a database on this server, password included: for sqlx, never for a log.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        let database = utf8_percent_encode(database, URL_PATH);
        let (password, port) = (self.data.password(), self.server.port());
        format!("postgres://{SUPERUSER}:{password}@127.0.0.1:{port}/{database}?sslmode=disable")
    }

    /// The port on 127.0.0.1.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.server.port()
    }

    /// The directory the data lives in, as an absolute path.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        self.data.path()
    }

    /// Stops the server: open transactions are rolled back, the data is written out. Returns when it is down.
    ///
    /// # Errors
    /// [`PostgresError::WouldNotStop`] when not even an immediate shutdown ended it in time.
    pub async fn stop(self) -> Result<(), PostgresError> {
        self.server.stop(self.data.path()).await
    }
}

//! Why a private Postgres could not be had. Each message is one sentence that says what to do.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// The oldest Postgres whose SQL Entryway uses.
pub(super) const OLDEST_MAJOR: u32 = 15;

/// Why the private Postgres did not start or stop.
#[derive(Debug, Error)]
pub enum PostgresError {
    /// No directory of the search holds programs that run and are new enough.
    #[error(
        "Postgres' programs (initdb and postgres, version {OLDEST_MAJOR} or newer) were not found; run `make setup`, \
         or install postgresql, or set ENTRYWAY_PG_BIN to the directory they are in"
    )]
    NotFound,
    /// `ENTRYWAY_PG_BIN` was set to a place that does not serve.
    #[error(
        "ENTRYWAY_PG_BIN is {}, but initdb and postgres, version {OLDEST_MAJOR} or newer, cannot be run from there \
         by the user {user}; correct it or unset it", .dir.display()
    )]
    BadExplicit {
        /// What the variable says.
        dir: PathBuf,
        /// Who would run them.
        user: String,
    },
    /// The data was written by another major version, and Postgres reads only its own.
    #[error(
        "the data in {} was written by Postgres {written_by}, but the programs found are {found}; install Postgres \
         {written_by}, or choose another --data-dir, or remove that directory to start afresh", .data_dir.display()
    )]
    WrongMajor {
        /// The data directory.
        data_dir: PathBuf,
        /// What its `PG_VERSION` says.
        written_by: String,
        /// The versions at hand, such as `15` or `15 and 17`.
        found: String,
    },
    /// Root runs Postgres as somebody else, and there is nobody else.
    #[error("Postgres does not run as root, and {0}; run this as an ordinary user, or add a user `postgres`")]
    NoAccount(String),
    /// A directory on the way to the data is closed to the user that the server runs as.
    #[error(
        "{} cannot be reached by the user {user}, which Postgres runs as; choose a --data-dir outside of home \
         directories, such as /var/lib/entryway", .dir.display()
    )]
    Unreachable {
        /// Where the data is to live.
        dir: PathBuf,
        /// Who cannot get there.
        user: String,
    },
    /// The lock beside the data directory is held by a living process.
    #[error("another Entryway is running on {}; stop it, or choose another --data-dir", .0.display())]
    InUse(PathBuf),
    /// There is something in the data directory, but not a database.
    #[error("{} is not empty and holds no Postgres data; choose another --data-dir", .0.display())]
    NotADataDir(PathBuf),
    /// The database is there, its password is not.
    #[error(
        "the password file {} is gone, so nobody can log in to the data beside it; put it back, or remove the data \
         directory to start afresh", .0.display()
    )]
    PasswordLost(PathBuf),
    /// `initdb` failed.
    #[error("initdb could not set up {}: {said}", .data_dir.display())]
    Initdb {
        /// Where.
        data_dir: PathBuf,
        /// The last line it said.
        said: String,
    },
    /// The server went down again while it started, or was not ready in time.
    #[error("Postgres did not start: {said}; its log is {}", .log.display())]
    DidNotStart {
        /// The last line of its log that tells.
        said: String,
        /// The whole log.
        log: PathBuf,
    },
    /// A server outlived everything that should have ended it.
    #[error("Postgres (process {pid}) on {} does not stop; end that process by hand", .data_dir.display())]
    WouldNotStop {
        /// The postmaster.
        pid: u32,
        /// Its data.
        data_dir: PathBuf,
    },
    /// A file or a process could not be dealt with.
    #[error("{doing}: {source}")]
    Io {
        /// What was being done, as in "cannot write /x/y".
        doing: String,
        /// What the system said.
        source: io::Error,
    },
}

/// Names what was being done when the system said no.
pub(super) trait Doing<T> {
    /// Turns an I/O error into [`PostgresError::Io`]. `doing` is only asked for when there is an error.
    fn doing(self, doing: impl FnOnce() -> String) -> Result<T, PostgresError>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, doing: impl FnOnce() -> String) -> Result<T, PostgresError> {
        self.map_err(|source| PostgresError::Io { doing: doing(), source })
    }
}

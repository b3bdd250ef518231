//! Where `initdb` and `postgres` are on this machine.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use super::account::Account;
use super::error::{OLDEST_MAJOR, PostgresError};

/// Where `scripts/setup-postgres.sh` unpacks Postgres when root runs it; for others, in their home directory.
const ROOT_CACHE: &str = "/var/lib/entryway/pg/postgresql/";
const USER_CACHE: &str = ".cache/entryway/pg/postgresql/";

/// Families of directories `<this><version>/bin`: Debian, Red Hat, Homebrew on either kind of Mac, Postgres.app.
const VERSIONED: [&str; 5] = [
    "/usr/lib/postgresql/",
    "/usr/pgsql-",
    "/opt/homebrew/opt/postgresql@",
    "/usr/local/opt/postgresql@",
    "/Applications/Postgres.app/Contents/Versions/",
];

/// The directories to look for Postgres' programs in.
#[derive(Debug, Clone)]
pub struct Search {
    explicit: Option<PathBuf>,
    places: Vec<PathBuf>,
}

impl Search {
    /// `ENTRYWAY_PG_BIN` and nothing else where it is set; otherwise what `pg_config` says, the places of Linux
    /// distributions (newest version first), Homebrew, Postgres.app, `PATH`, and what `make setup` unpacked.
    #[must_use]
    pub fn of_this_machine() -> Self {
        let explicit = environment("ENTRYWAY_PG_BIN").filter(|dir| !dir.is_empty()).map(PathBuf::from);
        let mut places = Vec::new();
        places.extend(pg_config_bindir());
        places.extend(VERSIONED.iter().flat_map(|before| newest_first(before)));
        places.extend(environment("PATH").iter().flat_map(std::env::split_paths));
        places.extend(newest_first(ROOT_CACHE));
        places.extend(environment("HOME").iter().flat_map(|home| newest_first(&format!("{home}/{USER_CACHE}"))));
        Self { explicit, places }
    }

    /// Exactly these directories, in this order.
    #[must_use]
    pub const fn only(places: Vec<PathBuf>) -> Self {
        Self { explicit: None, places }
    }

    /// The first programs that `account` can run and that can read data written by `wanted` (any, for new data).
    pub(super) async fn find(
        &self,
        account: &Account,
        data_dir: &Path,
        wanted: Option<&str>,
    ) -> Result<Programs, PostgresError> {
        let places = self.explicit.as_ref().map_or(self.places.as_slice(), std::slice::from_ref);
        let mut others: Vec<u32> = Vec::new();
        for dir in places {
            match Programs::probe(dir, account).await {
                Some(programs) if wanted.is_none_or(|wanted| wanted == programs.major.to_string()) => {
                    return Ok(programs);
                }
                Some(programs) => others.push(programs.major),
                None => {}
            }
        }
        others.sort_unstable();
        others.dedup();
        Err(match (wanted, &self.explicit) {
            (Some(written_by), _) if !others.is_empty() => PostgresError::WrongMajor {
                data_dir: data_dir.to_owned(),
                written_by: written_by.to_owned(),
                found: others.iter().map(u32::to_string).collect::<Vec<_>>().join(" and "),
            },
            (_, Some(dir)) => PostgresError::BadExplicit { dir: dir.clone(), user: account.name().to_owned() },
            _ => PostgresError::NotFound,
        })
    }
}

/// The two programs, known to run.
#[derive(Debug)]
pub(super) struct Programs {
    pub(super) initdb: PathBuf,
    pub(super) postgres: PathBuf,
    major: u32,
}

impl Programs {
    /// Runs `postgres --version` as the user who will run it for real: a directory that only we can read, a build
    /// for another machine and a missing library all show here.
    async fn probe(dir: &Path, account: &Account) -> Option<Self> {
        let (initdb, postgres) = (dir.join("initdb"), dir.join("postgres"));
        if !initdb.is_file() || !postgres.is_file() {
            return None;
        }
        let version = account.command(&postgres).arg("--version").output().await.ok()?;
        let major = major_of(std::str::from_utf8(&version.stdout).ok()?)?;
        (version.status.success() && major >= OLDEST_MAJOR).then_some(Self { initdb, postgres, major })
    }
}

/// `postgres (PostgreSQL) 15.18 (Debian …)` → 15; `17beta2` → 17.
fn major_of(version: &str) -> Option<u32> {
    let (_, number) = version.split_once("(PostgreSQL) ")?;
    number.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
}

/// What the distribution's own `pg_config` says, where there is one.
fn pg_config_bindir() -> Option<PathBuf> {
    let said = std::process::Command::new("pg_config").arg("--bindir").output().ok()?;
    let dir = std::str::from_utf8(&said.stdout).ok()?.trim();
    (said.status.success() && !dir.is_empty()).then(|| PathBuf::from(dir))
}

/// The directories `<before><version>/bin`, the highest version first.
fn newest_first(before: &str) -> Vec<PathBuf> {
    let (parent, prefix) = before.rsplit_once('/').unwrap_or((".", before));
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    let version = |name: &OsStr| name.to_str()?.strip_prefix(prefix)?.parse::<u32>().ok();
    let mut versions: Vec<u32> = entries.filter_map(|entry| version(&entry.file_name())).collect();
    versions.sort_unstable_by(|left, right| right.cmp(left));
    versions.iter().map(|version| PathBuf::from(format!("{before}{version}/bin"))).collect()
}

/// The one place of the sandbox that reads the environment: what is asked for here describes the machine, and is
/// no setting of Entryway.
#[expect(clippy::disallowed_methods, reason = "where programs live is the machine's business, not configuration")]
pub(super) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_version_that_builds_print() {
        assert_eq!(major_of("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), Some(15));
        assert_eq!(major_of("postgres (PostgreSQL) 18beta1\n"), Some(18));
        assert_eq!(major_of("sh: postgres: not found"), None);
    }
}

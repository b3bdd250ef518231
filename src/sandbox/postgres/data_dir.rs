//! The data directory: whose it is, who may use it now, and how it comes to be.
//!
//! Beside `<dir>` stand `<dir>.password` (mode 0600), `<dir>.lock` (held while a server is in use) and
//! `<dir>.log`. A new database is made in `<dir>.new` and renamed, so that `<dir>` is whole or not there.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rand::distr::{Alphanumeric, SampleString};

use super::account::Account;
use super::error::{Doing, PostgresError};
use super::programs::{Programs, environment};
use super::{Durability, PostgresOptions, SUPERUSER, verifier};

/// A data directory that is ours alone until this value is dropped.
#[derive(Debug)]
pub(super) struct DataDir {
    path: PathBuf,
    account: Account,
    password: String,
    lock: File,
}

impl Drop for DataDir {
    fn drop(&mut self) {
        // Closing the file is not enough: a child that is just being forked elsewhere in this process still holds
        // a copy of it, and a restart would find the lock taken. Failing means that it is free already.
        let _ = self.lock.unlock();
    }
}

impl DataDir {
    /// Takes the directory for this process and makes the database in it, unless it is there.
    pub(super) async fn prepare(options: &PostgresOptions) -> Result<(Self, Programs), PostgresError> {
        let path =
            std::path::absolute(&options.data_dir).doing(|| format!("cannot use {}", options.data_dir.display()))?;
        let account = Account::choose(&path).await?;
        let parent = path.parent().unwrap_or(&path);
        if options.temporary {
            // Its own, so that the shell that watches over the server may remove it when we cannot.
            DirBuilder::new().mode(0o700).create(parent).doing(|| format!("cannot create {}", parent.display()))?;
            account.own(parent)?;
        } else {
            create_open_to_all(parent)?;
        }
        let lock = lock(&path)?;
        if !account.reaches(parent).await? {
            return Err(PostgresError::Unreachable { dir: path, user: account.name().to_owned() });
        }
        let version = written_by(&path)?;
        let programs = options.search.find(&account, &path, version.as_deref()).await?;
        let password = if version.is_some() { read_password(&path)? } else { new_password(&path, &account)? };
        let data = Self { path, account, password, lock };
        if version.is_none() {
            data.initdb(&programs, options.durability).await?;
        }
        Ok((data, programs))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) const fn account(&self) -> &Account {
        &self.account
    }

    pub(super) fn password(&self) -> &str {
        &self.password
    }

    /// `<dir>.log`
    pub(super) fn log(&self) -> PathBuf {
        beside(&self.path, "log")
    }

    /// Makes the database: passwords over the network and locally, because on a shared machine everybody can
    /// connect to 127.0.0.1; UTF-8 and the C locale, because sorting must be the same on every machine.
    async fn initdb(&self, programs: &Programs, durability: Durability) -> Result<(), PostgresError> {
        let new = beside(&self.path, "new");
        match fs::remove_dir_all(&new) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(error).doing(|| format!("cannot remove the unfinished {}", new.display()));
            }
            _ => {}
        }
        DirBuilder::new().mode(0o700).create(&new).doing(|| format!("cannot create {}", new.display()))?;
        self.account.own(&new)?;
        let mut initdb = self.account.command(&programs.initdb);
        initdb.args(["--username", SUPERUSER, "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C"]);
        let file = beside(&self.path, "verifier");
        let text = verifier::of(&self.password, rand::random(), verifier::ITERATIONS);
        write_secret(&file, &text, &self.account)?;
        initdb.arg("--pwfile").arg(&file).arg("--pgdata").arg(&new).kill_on_drop(true);
        if durability == Durability::TestFast {
            initdb.arg("--no-sync");
        }
        let done = initdb.output().await.doing(|| format!("cannot run {}", programs.initdb.display()))?;
        fs::remove_file(&file).doing(|| format!("cannot remove {}", file.display()))?;
        if !done.status.success() {
            let said = last_line(&String::from_utf8_lossy(&done.stderr));
            return Err(PostgresError::Initdb { data_dir: self.path.clone(), said });
        }
        fs::rename(&new, &self.path).doing(|| format!("cannot rename {} to {}", new.display(), self.path.display()))
    }
}

/// See [`super::default_state_dir`].
pub(super) async fn default_state_dir() -> Result<PathBuf, PostgresError> {
    if super::account::running_as_root().await? {
        return Ok(PathBuf::from("/var/lib/entryway/sandbox"));
    }
    let home = environment("HOME").filter(|home| !home.is_empty());
    Ok(home.map_or_else(std::env::temp_dir, PathBuf::from).join(".local/share/entryway/sandbox"))
}

/// A directory that is not there yet, in one that is not there yet either.
pub(super) fn fresh_temporary() -> PathBuf {
    let name = format!("entryway-pg-{}", Alphanumeric.sample_string(&mut rand::rng(), 12));
    std::env::temp_dir().join(name).join("data")
}

/// Removes what [`fresh_temporary`] named, as far as it goes: this is tidying up after an error that is reported.
pub(super) fn remove_temporary(data_dir: &Path) {
    if let Some(parent) = data_dir.parent() {
        let _ = fs::remove_dir_all(parent);
    }
}

/// The last line that says something.
pub(super) fn last_line(text: &str) -> String {
    text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it said nothing").trim().to_owned()
}

fn beside(data_dir: &Path, what: &str) -> PathBuf {
    let mut path = data_dir.as_os_str().to_owned();
    path.push(".");
    path.push(what);
    PathBuf::from(path)
}

/// Creates what is missing of `dir`, each step open to the server's user whatever our umask says. The secrets
/// are not in these directories' names: the data is 0700, the password 0600.
fn create_open_to_all(dir: &Path) -> Result<(), PostgresError> {
    if dir.is_dir() {
        return Ok(());
    }
    if let Some(parent) = dir.parent() {
        create_open_to_all(parent)?;
    }
    fs::create_dir(dir)
        .and_then(|()| fs::set_permissions(dir, Permissions::from_mode(0o755)))
        .doing(|| format!("cannot create {}", dir.display()))
}

/// Takes the lock beside the data. The system lets it go when this process ends, however it ends.
fn lock(data_dir: &Path) -> Result<File, PostgresError> {
    let path = beside(data_dir, "lock");
    let cannot = || format!("cannot lock {}", path.display());
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path).doing(cannot)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(PostgresError::InUse(data_dir.to_owned())),
        Err(TryLockError::Error(error)) => Err(error).doing(cannot),
    }
}

/// The major version that wrote the data; `None` when there is no data yet.
fn written_by(data_dir: &Path) -> Result<Option<String>, PostgresError> {
    match fs::read_to_string(data_dir.join("PG_VERSION")) {
        Ok(version) => Ok(Some(version.trim().to_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let holds_something = fs::read_dir(data_dir).is_ok_and(|mut entries| entries.next().is_some());
            if holds_something { Err(PostgresError::NotADataDir(data_dir.to_owned())) } else { Ok(None) }
        }
        Err(error) => Err(error).doing(|| format!("cannot read {}/PG_VERSION", data_dir.display())),
    }
}

fn read_password(data_dir: &Path) -> Result<String, PostgresError> {
    let path = beside(data_dir, "password");
    match fs::read_to_string(&path) {
        Ok(password) => Ok(password.trim().to_owned()),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(PostgresError::PasswordLost(path)),
        Err(error) => Err(error).doing(|| format!("cannot read {}", path.display())),
    }
}

/// A new password, in its file.
fn new_password(data_dir: &Path, account: &Account) -> Result<String, PostgresError> {
    let password = Alphanumeric.sample_string(&mut rand::rng(), 32);
    write_secret(&beside(data_dir, "password"), &password, account)?;
    Ok(password)
}

/// Writes `text` anew to where only the server's user (and root) can read it.
fn write_secret(path: &Path, text: &str, account: &Account) -> Result<(), PostgresError> {
    let cannot = || format!("cannot write {}", path.display());
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error).doing(cannot),
        _ => {}
    }
    let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(path).doing(cannot)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).doing(cannot)?;
    account.own(path)
}

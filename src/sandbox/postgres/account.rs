//! Who runs the server. Postgres refuses to run as root, so root lends it to an unprivileged user.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;

use tokio::process::Command;

use super::error::{Doing, PostgresError};

/// Whom root lends the server to, in this order; `_postgres` is the name on macOS.
const UNPRIVILEGED: [&str; 3] = ["postgres", "_postgres", "nobody"];

/// The user that the server's processes and files belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    name: String,
    /// The ids to switch to; `None` when we run as an ordinary user, and the server as the same.
    switch: Option<(u32, u32)>,
}

impl Account {
    /// Ourselves, unless that is root. Data that is there already stays with the user it belongs to: the choice
    /// must not change when, say, a `postgres` user is added to the machine later.
    pub(super) async fn choose(data_dir: &Path) -> Result<Self, PostgresError> {
        if !running_as_root().await? {
            return Ok(Self { name: "running this".to_owned(), switch: None });
        }
        let passwd = fs::read_to_string("/etc/passwd").doing(|| "cannot read /etc/passwd".to_owned())?;
        let owner = fs::metadata(data_dir).ok().map(|found| found.uid()).filter(|uid| *uid != 0);
        Self::among(&passwd, owner).ok_or_else(|| {
            PostgresError::NoAccount(match owner {
                Some(uid) => {
                    format!("{} belongs to user id {uid}, which /etc/passwd does not know", data_dir.display())
                }
                None => "/etc/passwd has neither a `postgres` nor a `nobody`".to_owned(),
            })
        })
    }

    /// Picks the user `owner`, or else the first of [`UNPRIVILEGED`], out of the text of `/etc/passwd`.
    fn among(passwd: &str, owner: Option<u32>) -> Option<Self> {
        let users: Vec<(&str, u32, u32)> = passwd.lines().filter_map(user_of_line).collect();
        let chosen = match owner {
            Some(owner) => users.iter().find(|(_, uid, _)| *uid == owner),
            None => {
                UNPRIVILEGED.iter().find_map(|wanted| users.iter().find(|(name, uid, _)| name == wanted && *uid != 0))
            }
        };
        chosen.map(|&(name, uid, gid)| Self { name: name.to_owned(), switch: Some((uid, gid)) })
    }

    /// For messages.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// A command that this user will run, away from our own directory and environment: the user may not be
    /// allowed to enter the one, and the other may hold secrets or `PG…` variables meant for another server.
    ///
    /// Supplementary groups are dropped by the standard library along with the user id.
    pub(super) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("LC_ALL", "C").env("TZ", "UTC").current_dir("/");
        if let Some(path) = super::programs::environment("PATH") {
            command.env("PATH", path);
        }
        if let Some((uid, gid)) = self.switch {
            command.uid(uid).gid(gid);
        }
        command
    }

    /// Gives a file or directory to this user.
    pub(super) fn own(&self, path: &Path) -> Result<(), PostgresError> {
        let Some((uid, gid)) = self.switch else { return Ok(()) };
        chown(path, Some(uid), Some(gid)).doing(|| format!("cannot give {} to {}", path.display(), self.name))
    }

    /// Whether this user gets as far as into `dir`.
    pub(super) async fn reaches(&self, dir: &Path) -> Result<bool, PostgresError> {
        let mut test = self.command("/bin/sh");
        test.args(["-c", "test -x \"$1\"", "sh"]).arg(dir);
        Ok(test.status().await.doing(|| "cannot run /bin/sh".to_owned())?.success())
    }
}

/// Asks `id`: the standard library does not tell the user id, and nothing else here needs a crate for it.
pub(super) async fn running_as_root() -> Result<bool, PostgresError> {
    let id = Command::new("id").arg("-u").output().await.doing(|| "cannot run `id -u`".to_owned())?;
    Ok(id.stdout.trim_ascii() == b"0")
}

/// `name:password:uid:gid:…`
fn user_of_line(line: &str) -> Option<(&str, u32, u32)> {
    let mut fields = line.split(':');
    let name = fields.next()?;
    let uid = fields.nth(1)?.parse().ok()?;
    let gid = fields.next()?.parse().ok()?;
    Some((name, uid, gid))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str =
        "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65533::/:/sbin/nologin\npostgres:x:101:104::/:/bin/sh\n";

    #[test]
    fn prefers_postgres_over_nobody() {
        let account = Account::among(PASSWD, None).unwrap();
        assert_eq!((account.name(), account.switch), ("postgres", Some((101, 104))));
    }

    #[test]
    fn stays_with_the_owner_of_the_data() {
        let account = Account::among(PASSWD, Some(65534)).unwrap();
        assert_eq!((account.name(), account.switch), ("nobody", Some((65534, 65533))));
    }

    #[test]
    fn never_takes_a_user_that_is_root_by_another_name() {
        assert_eq!(Account::among("postgres:x:0:0::/:/bin/sh\n", None), None);
        assert_eq!(Account::among(PASSWD, Some(4242)), None);
    }
}

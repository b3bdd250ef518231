//! The configuration that the sandbox runs with: a file like any other, so that it can be looked at and tried with
//! `entryway config check`, and a directory of policies that can be edited while it runs.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::people::PEOPLE;
use super::sim::{Knobs, Lag, Lags, World};

/// The policies that every sandbox starts with.
const STARTER_POLICIES: &str = include_str!("../../policies/starter.cedar");

/// Everything but the addresses and the people. Short times make a demo lively; their proportions are those of
/// production.
const SETTINGS: &str = r#"
[[clusters]]
name = "dev"
region = "eu-central-1"
account_id = "111122223333"
environment = "dev"

[[clusters]]
name = "prod"
region = "eu-central-1"
account_id = "111122223333"
environment = "prod"
protected_principals = ["arn:aws:iam::111122223333:role/break-glass"]

# Its authentication mode takes no access entries, as requests for it are told.
[[clusters]]
name = "legacy"
region = "eu-central-1"
account_id = "111122223333"
environment = "legacy"

[verify]
reads = 3
interval = "300ms"
settle = "1s"
deadline = "1m"
visibility = "5s"

[worker]
poll_interval = "1s"
drift_interval = "15s"
operation_timeout = "5s"
lease = "20s"
eks_calls_per_second = 50

[policy]
dir = "policies"
reload = "1s"

[audit]
checkpoint_interval = "5s"
"#;

/// The role of the examples to paste.
const EXAMPLE_ROLE: &str = "arn:aws:iam::111122223333:role/dev/apps/my-role";

/// What there is to say of any other: the simulated IAM finds principals by their full ARN only, which it has not seen yet.
pub const UNHEARD_OF: &str = "the sandbox's IAM knows arn:aws:iam::111122223333:role/dev/apps/my-role, and any other role or user \
    from the moment that access is applied for it";

/// The simulated AWS that these clusters are in. As with the real one, what was written shows only after a while,
/// to each kind of read at another moment.
#[must_use]
pub fn world() -> World {
    let between = |min_ms, max_ms| Lag::Range { min_ms, max_ms };
    let (soon, later) = (between(100, 600), between(200, 900));
    let lag = Lags { describe: soon, list: soon, policies: soon, index: later, authorizer: later, ..Lags::default() };
    World::default().principal(EXAMPLE_ROLE).knobs(Knobs { lag, ..Knobs::default() })
}

/// What differs from one start to the next.
#[derive(Debug, Clone, Copy)]
pub struct SandboxConfig<'a> {
    /// Where the API listens.
    pub listen: SocketAddr,
    /// The private Postgres, password included.
    pub database_url: &'a str,
    /// The simulated AWS.
    pub sim_url: &'a str,
}

impl SandboxConfig<'_> {
    /// The configuration as TOML.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let Self { listen, database_url, sim_url } = self;
        let mut text = format!(
            "# Written by `entryway sandbox` at every start; the policies beside it are yours to edit.\n\
             installation = \"sandbox\"\n\n\
             [server]\nlisten = \"{listen}\"\npublic_url = \"http://{listen}\"\n\n\
             [database]\nurl = {}\n\n\
             [eks]\nendpoint_url = {}\n{SETTINGS}",
            quoted(database_url),
            quoted(sim_url)
        );
        let mut groups: Vec<(&str, Vec<String>)> = Vec::new();
        for person in PEOPLE {
            let (user, sha256) = (quoted(person.user), person.token_sha256());
            let _ = write!(text, "\n[[auth.tokens]] # {}\nuser = {user}\nsha256 = \"{sha256}\"\n", person.token);
            if person.service {
                text.push_str("service = true\n");
            }
            for group in person.groups {
                match groups.iter_mut().find(|(name, _)| name == group) {
                    Some((_, members)) => members.push(quoted(person.user)),
                    None => groups.push((group, vec![quoted(person.user)])),
                }
            }
        }
        text.push_str("\n[directory.groups]\n");
        for (group, members) in groups {
            let _ = writeln!(text, "{group} = [{}]", members.join(", "));
        }
        text
    }

    /// Writes `entryway.toml` (mode 0600: the database's password is in it) and, where there is none yet, the
    /// starter policies into `dir`. Returns the path of the configuration.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write(&self, dir: &Path) -> io::Result<PathBuf> {
        let policies = dir.join("policies");
        fs::create_dir_all(&policies)?;
        let starter = policies.join("starter.cedar");
        if !starter.exists() {
            fs::write(starter, STARTER_POLICIES)?;
        }
        let (path, new) = (dir.join("entryway.toml"), dir.join("entryway.toml.new"));
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&new)?;
        file.write_all(self.to_toml().as_bytes())?;
        fs::rename(new, &path)?;
        Ok(path)
    }
}

/// A TOML string.
fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

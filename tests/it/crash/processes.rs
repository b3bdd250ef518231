//! The API and two workers, each a process of its own, started again whenever it was killed.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Everybody who has a token; it is `<name>-of-the-crash-test`.
const PEOPLE: [&str; 4] = ["alice", "dan", "bob", "carol"];

/// Short times, in the proportions of production.
const SETTINGS: &str = r#"
installation = "tests"
[verify]
reads = 3
interval = "200ms"
settle = "500ms"
visibility = "2s"
[worker]
lease = "4s"
operation_timeout = "1s"
poll_interval = "500ms"
drift_interval = "5s"
eks_calls_per_second = 1000
[requests]
max_pending_per_requester = 100000
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
[directory.groups]
engineering = ["alice", "dan"]
sre = ["bob", "carol"]
security = ["carol"]
"#;

pub(super) fn token(user: &str) -> String {
    format!("{user}-of-the-crash-test")
}

struct Process {
    role: &'static str,
    child: Child,
    kills: usize,
}

pub(super) struct Processes {
    pub(super) base: String,
    folder: PathBuf,
    database: String,
    listen: String,
    all: Vec<Process>,
}

impl Processes {
    pub(super) fn start(database: &str, sim: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("entryway-crash-{}", Uuid::new_v4()));
        fs::create_dir_all(&folder).unwrap();
        let mut config = SETTINGS.to_owned();
        config +=
            &format!("[eks]\nendpoint_url = \"{sim}\"\n[policy]\ndir = \"{}/policies\"\n", env!("CARGO_MANIFEST_DIR"));
        for user in PEOPLE {
            let sha256: String = Sha256::digest(token(user)).iter().map(|byte| format!("{byte:02x}")).collect();
            config += &format!("[[auth.tokens]]\nuser = \"{user}\"\nsha256 = \"{sha256}\"\n");
        }
        fs::write(folder.join("entryway.toml"), config).unwrap();
        // The API comes back where it was: a port that was free a moment ago, and that nobody else is told of.
        let listen = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let mut processes =
            Self { base: format!("http://{listen}"), folder, database: database.to_owned(), listen, all: vec![] };
        for role in ["api", "worker", "worker"] {
            let child = processes.spawn(role);
            processes.all.push(Process { role, child, kills: 0 });
        }
        processes
    }

    fn spawn(&self, role: &str) -> Child {
        let log = |folder: &Path| File::options().create(true).append(true).open(folder.join(format!("{role}.log")));
        let mut command = Command::new(env!("CARGO_BIN_EXE_entryway"));
        command.args(["serve", "--only", role, "--config"]).arg(self.folder.join("entryway.toml")).env_clear();
        let listen = if role == "api" { &self.listen } else { "127.0.0.1:0" };
        command.env("ENTRYWAY__SERVER__LISTEN", listen);
        command.env("DATABASE_URL", &self.database).env("AWS_EC2_METADATA_DISABLED", "true");
        command.env("AWS_ACCESS_KEY_ID", "AKIATESTTESTTESTTEST").env("AWS_SECRET_ACCESS_KEY", "not-a-secret");
        command.stdout(Stdio::null()).stderr(log(&self.folder).unwrap()).spawn().unwrap()
    }

    /// `kill -9`, and another one in its place.
    pub(super) fn kill(&mut self, which: usize) {
        let role = self.all[which].role;
        let ended = self.all[which].child.try_wait().unwrap();
        assert!(ended.is_none(), "the {role} ended by itself ({ended:?}); its log is in {}", self.folder.display());
        self.all[which].child.kill().unwrap();
        self.all[which].child.wait().unwrap();
        self.all[which].child = self.spawn(role);
        self.all[which].kills += 1;
    }

    pub(super) fn count(&self) -> usize {
        self.all.len()
    }

    pub(super) fn kills(&self) -> usize {
        self.all.iter().map(|process| process.kills).sum()
    }

    pub(super) fn told(&self) -> String {
        let each = self.all.iter().map(|process| format!("{} {}", process.role, process.kills));
        each.collect::<Vec<_>>().join(", ")
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        for process in &mut self.all {
            let _ = process.child.kill();
            let _ = process.child.wait();
        }
        // Where something went wrong, their logs tell of it.
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

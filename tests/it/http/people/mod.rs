//! The commands for people and pipelines: the program itself, as a process, against a served API whose worker runs in real time
//! on the simulated EKS.

mod asking;
mod deciding;
mod ending;
mod pages;
mod signing_in;

use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use entryway::clock::Clock;
use entryway::sandbox::config::world;
use entryway::sandbox::sim::Sim;
use entryway::worker::{Pace, Worker};
use serde_json::Value;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::bed;
use crate::harness::{self, ROLE, database};

/// The longest that anything here takes.
const SOON: Duration = Duration::from_secs(60);

/// A service at the sandbox's pace, and a home for those who call it.
struct Office {
    url: String,
    sim: Sim,
    home: Home,
    stop: CancellationToken,
    _tasks: JoinSet<()>,
}

/// A home directory of its own, gone after the test.
struct Home(PathBuf);

impl Drop for Home {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Office {
    async fn new() -> Self {
        let sim = Sim::start(SocketAddr::from(([127, 0, 0, 1], 0)), world()).await.unwrap();
        let mut desk = harness::desk(database::connect(&database::fresh().await, Clock::database()), &sim);
        let mut settings = harness::settings();
        settings.tempo.interval = TimeDelta::milliseconds(100);
        settings.tempo.settle = TimeDelta::milliseconds(300);
        desk.settings = Arc::new(settings);
        let pace = Pace { poll_interval: Duration::from_millis(100), ..harness::pace() };
        let worker = Worker::new(desk.clone(), Arc::new(harness::eks(&sim)), pace);
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        tasks.spawn(worker.clone().watch_clusters(Duration::from_secs(1), stop.clone()));
        tasks.spawn(worker.run(stop.clone()));
        let url = bed::serve_all(bed::state(&desk, &stop)).await;
        let home = Home(std::env::temp_dir().join(format!("entryway-people-{}", Uuid::new_v4())));
        fs::create_dir_all(&home.0).unwrap();
        Self { url, sim, home, stop, _tasks: tasks }
    }

    /// `who` types `arguments`, with the service and the token in the environment.
    async fn types(&self, who: &str, arguments: &[&str]) -> Said {
        self.begins(who, arguments).await.unwrap()
    }

    /// As [`Office::types`], to go on meanwhile.
    fn begins(&self, who: &str, arguments: &[&str]) -> JoinHandle<Said> {
        let token = format!("{who}-token");
        let environment = [("ENTRYWAY_URL", self.url.as_str()), ("ENTRYWAY_TOKEN", token.as_str())];
        spawned(&self.home.0, &environment, arguments, "")
    }

    /// Types `arguments` with nothing in the environment but a home, and `input` on stdin.
    async fn types_alone(&self, arguments: &[&str], input: &str) -> Said {
        spawned(&self.home.0, &[], arguments, input).await.unwrap()
    }

    /// `alice` files an ask for `prod` that needs one approval; answers its id.
    async fn filed(&self) -> String {
        let said = self.types("alice", &ask("prod", &["--quiet"])).await.ends(0);
        said.out.trim().to_owned()
    }

    /// What the API says of a request.
    async fn request(&self, id: &str) -> Value {
        self.types("bob", &["show", id, "--json"]).await.ends(0).json()
    }

    /// The only request there is, once it is there.
    async fn only_request(&self) -> String {
        let deadline = Instant::now() + SOON;
        while Instant::now() < deadline {
            let said = self.types("bob", &["list", "--quiet"]).await.ends(0);
            if let Some(id) = said.out.lines().next() {
                return id.to_owned();
            }
        }
        panic!("nothing was filed");
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// The usual ask for `cluster`.
fn ask<'a>(cluster: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut all = vec!["request", "--cluster", cluster, "--principal", ROLE, "--policy", "AmazonEKSViewPolicy"];
    all.extend(["--namespace", "payments", "--duration", "4h", "--reason", "a test needs it"]);
    all.extend(more);
    all
}

fn spawned(home: &Path, environment: &[(&str, &str)], arguments: &[&str], input: &str) -> JoinHandle<Said> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_entryway"));
    command.args(arguments).env_clear().env("HOME", home).envs(environment.iter().copied());
    let input = input.to_owned();
    tokio::task::spawn_blocking(move || {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // Whoever reads no token has closed it already.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap().into()
    })
}

/// What a command said before it ended.
#[derive(Debug)]
struct Said {
    code: i32,
    out: String,
    err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let said = Self { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) };
        assert!(!said.out.contains('\x1b') && !said.err.contains('\x1b'), "no colours away from a terminal: {said:?}");
        assert!(!said.err.contains("panick"), "{said:?}");
        said
    }
}

impl Said {
    fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        self
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Whether stderr tells of each of `words`.
    fn tells(self, words: &[&str]) -> Self {
        for word in words {
            assert!(self.err.contains(word), "no word of {word:?}: {self:?}");
        }
        self
    }

    /// Whether stdout shows each of `words`.
    fn shows(self, words: &[&str]) -> Self {
        for word in words {
            assert!(self.out.contains(word), "no {word:?}: {self:?}");
        }
        self
    }
}

//! The program itself, serving people with tokens on a database and a simulated EKS of a test.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::harness::{Bed, http};

/// Far longer than anything here takes.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// A running program, its folder, and what it logs.
pub(super) struct Program {
    child: Child,
    folder: PathBuf,
    log: mpsc::UnboundedReceiver<Value>,
    /// All that it has logged so far, as far as somebody waited for it.
    pub(super) logged: Vec<Value>,
    pub(super) base: String,
}

impl Program {
    /// Starts it with `environment`; answers once its API does.
    pub(super) async fn start(bed: &Bed, environment: &[(&str, &str)]) -> Self {
        let folder = folder();
        let mut child = command(&folder, bed, environment).stdout(Stdio::null()).spawn().unwrap();
        let (tell, log) = mpsc::unbounded_channel();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let _ = tell.send(serde_json::from_str(&line).unwrap_or(Value::String(line)));
            }
        });
        let mut program = Self { child, folder, log, logged: vec![], base: String::new() };
        let listens = program.says("the API listens").await;
        program.base = format!("http://{}", listens["addr"].as_str().unwrap());
        program
    }

    /// Runs it to its end, which is to come soon.
    pub(super) async fn fails(bed: &Bed, environment: &[(&str, &str)]) -> Output {
        let folder = folder();
        let child = command(&folder, bed, environment).stdout(Stdio::piped()).spawn().unwrap();
        let ended = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
        fs::remove_dir_all(folder).unwrap();
        ended
    }

    /// Waits for a line that says `message`.
    pub(super) async fn says(&mut self, message: &str) -> Value {
        let found = async {
            while let Some(line) = self.log.recv().await {
                self.logged.push(line.clone());
                if line["message"] == message {
                    return Some(line);
                }
            }
            None
        };
        let found = tokio::time::timeout(PATIENCE, found).await.unwrap_or_default();
        found.unwrap_or_else(|| panic!("it never said {message:?}: {:?}", self.logged))
    }

    /// A call by `who`.
    pub(super) fn call(&self, who: &str, method: Method, path: &str) -> RequestBuilder {
        http().request(method, format!("{}{path}", self.base)).bearer_auth(token(who))
    }

    /// Sends SIGTERM, and waits for it to end well.
    pub(super) async fn stop(&mut self) {
        assert!(Command::new("kill").arg(self.child.id().to_string()).status().unwrap().success());
        // Its log ends when it does.
        let ended = async {
            while let Some(line) = self.log.recv().await {
                self.logged.push(line);
            }
        };
        tokio::time::timeout(PATIENCE, ended).await.expect("it stops");
        assert!(self.child.wait().unwrap().success(), "{:?}", self.logged);
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// What `who` shows, which is to be seen nowhere.
pub(super) fn token(who: &str) -> String {
    format!("{who}-pl4nted")
}

fn folder() -> PathBuf {
    let folder = std::env::temp_dir().join(format!("entryway-traces-{}", Uuid::new_v4()));
    fs::create_dir(&folder).unwrap();
    folder
}

fn command(folder: &std::path::Path, bed: &Bed, environment: &[(&str, &str)]) -> Command {
    let mut config = format!(
        "installation = \"tests\"\n[server]\nlisten = \"127.0.0.1:0\"\n[eks]\nendpoint_url = \"{}\"\n\
         [policy]\ndir = \"{}/policies\"\n[verify]\nreads = 1\ninterval = \"1s\"\nsettle = \"0s\"\n\
         [[clusters]]\nname = \"dev\"\nregion = \"eu-central-1\"\naccount_id = \"111122223333\"\nenvironment = \"dev\"\n\
         [directory.groups]\nengineering = [\"alice\"]\nsre = [\"bob\"]\n",
        bed.sim.endpoint_url(),
        env!("CARGO_MANIFEST_DIR")
    );
    for who in ["alice", "bob"] {
        let sha256: String = Sha256::digest(token(who)).iter().map(|byte| format!("{byte:02x}")).collect();
        config.push_str(&format!("[[auth.tokens]]\nuser = \"{who}\"\nsha256 = \"{sha256}\"\n"));
    }
    let file = folder.join("entryway.toml");
    fs::write(&file, config).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_entryway"));
    command.args(["serve", "--config"]).arg(&file).env_clear().stderr(Stdio::piped());
    command.env("DATABASE_URL", &bed.url).env("AWS_EC2_METADATA_DISABLED", "true");
    command.env("AWS_ACCESS_KEY_ID", "AKIATESTTESTTESTTEST").env("AWS_SECRET_ACCESS_KEY", "aws-pl4nted");
    command.envs(environment.iter().copied());
    command
}

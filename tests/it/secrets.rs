//! Secrets that are planted wherever one may stand, or be put by mistake, and never seen again: not in the log at its most
//! talkative, not in an answer, not in what the command line says.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::harness::{Bed, http};

/// What each planted secret has in it.
const PLANTED: &str = "pl4nted";

const PATIENCE: Duration = Duration::from_secs(60);

struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("entryway-secrets-{}", Uuid::new_v4()));
        fs::create_dir(&folder).unwrap();
        Self(folder)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn entryway(arguments: &[&str], config: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_entryway"));
    command.args(arguments).arg("--config").arg(config).env_clear().env("ENTRYWAY_LOG", "trace");
    command.env("AWS_EC2_METADATA_DISABLED", "true").env("AWS_ACCESS_KEY_ID", "AKIATESTTESTTESTTEST");
    command.env("AWS_SECRET_ACCESS_KEY", format!("aws-{PLANTED}"));
    command
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn config(endpoint: &str, more: &str) -> String {
    let sha256: String = Sha256::digest(format!("bob-{PLANTED}")).iter().map(|byte| format!("{byte:02x}")).collect();
    format!(
        "installation = \"tests\"\n{more}[server]\nlisten = \"127.0.0.1:0\"\n[eks]\nendpoint_url = \"{endpoint}\"\n\
         [policy]\ndir = \"{}/policies\"\n[[auth.tokens]]\nuser = \"bob\"\nsha256 = \"{sha256}\"\n\
         [[clusters]]\nname = \"dev\"\nregion = \"eu-central-1\"\naccount_id = \"111122223333\"\nenvironment = \"dev\"\n\
         [directory.groups]\nsre = [\"bob\"]\n",
        env!("CARGO_MANIFEST_DIR")
    )
}

#[tokio::test]
async fn planted_secrets_are_in_nothing_that_the_program_says() {
    let (bed, folder) = (Bed::new().await, Folder::new());
    let password =
        bed.url.split_once("://").unwrap().1.split_once('@').unwrap().0.split_once(':').unwrap().1.to_owned();
    assert!(password.len() > 8, "the database of the test has a password");
    let file = folder.write("entryway.toml", &config(&bed.sim.endpoint_url(), ""));
    let mut child = entryway(&["serve"], &file)
        .env("DATABASE_URL", &bed.url)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (tell, told) = mpsc::channel();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let log = std::thread::spawn(move || {
        let mut log = String::new();
        for line in lines.map_while(Result::ok) {
            let line_of: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
            if line_of["message"] == "the API listens" {
                let _ = tell.send(line_of["addr"].as_str().unwrap().to_owned());
            }
            log.push_str(&line);
            log.push('\n');
        }
        log
    });
    let base = format!("http://{}", told.recv_timeout(PATIENCE).expect("it starts"));

    let mut answers = String::new();
    let right = format!("Bearer bob-{PLANTED}");
    let headers = [
        right.clone(),
        format!("bearer wrong-{PLANTED}"),
        format!("Basic {PLANTED}"),
        format!("bob-{PLANTED}"),
        format!("Bearer bob-{PLANTED} bob-{PLANTED}"),
    ];
    for header in &headers {
        for path in ["/v1/me", "/v1/requests", "/metrics", "/nothing", "/openapi.json", "/readyz"] {
            let answer = http().get(format!("{base}{path}")).header("authorization", header).send().await.unwrap();
            answers.push_str(&format!("{:?}\n{}\n", answer.headers().clone(), answer.text().await.unwrap()));
        }
    }
    let body =
        json!({"clusterName": "dev", "principalArn": crate::harness::ROLE, "duration": "1h", "reason": "a test"});
    let filed =
        http().post(format!("{base}/v1/requests")).header("authorization", &right).json(&body).send().await.unwrap();
    assert_eq!(filed.status(), 201);
    answers.push_str(&filed.text().await.unwrap());
    // A worker that calls EKS signs its calls with the secret.
    let mut calls = bed.sim.calls().len();
    let asked = async {
        while calls == 0 {
            tokio::task::yield_now().await;
            calls = bed.sim.calls().len();
        }
    };
    tokio::time::timeout(PATIENCE, asked).await.expect("the worker asks EKS");
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    let log = tokio::task::spawn_blocking(move || log.join().unwrap()).await.unwrap();
    let mut printed = String::new();
    child.stdout.take().unwrap().read_to_string(&mut printed).unwrap();
    assert!(child.wait().unwrap().success());
    assert!(log.lines().count() > 50 && log.contains("\"TRACE\""), "the log says what it can");
    for (what, text) in [("the log", &log), ("the answers", &answers), ("stdout", &printed)] {
        for secret in [PLANTED, password.as_str()] {
            let line = text.lines().find(|line| line.contains(secret));
            assert!(line.is_none(), "{what}: {}", line.unwrap());
        }
    }
}

#[tokio::test]
async fn nor_in_what_it_says_of_a_configuration_or_of_a_database_it_cannot_reach() {
    let folder = Folder::new();
    let misplaced = format!("[database]\nurl = \"postgres://u:{PLANTED}@127.0.0.1:1/db?sslpassword={PLANTED}\"\n");
    let swapped = config("http://127.0.0.1:1", &misplaced).replace("sha256 = \"", &format!("sha256 = \"{PLANTED}-"));
    let slack = format!("{misplaced}[slack]\nsigning_secrets = [\"{PLANTED}\"]\nbot_token = \"xoxb-{PLANTED}\"\n");
    let unknown =
        format!("{misplaced}[[webhooks]]\nname = \"x\"\nurl = \"https://x.example\"\nsecret = \"{PLANTED}\"\n");
    let texts = [
        config("http://127.0.0.1:1", &misplaced),
        swapped,
        config("http://127.0.0.1:1", &slack),
        config("http://127.0.0.1:1", &unknown),
        config("http://127.0.0.1:1", &format!("[database]\nurl = \"not-a-url-{PLANTED}\"\n")),
        config("http://127.0.0.1:1", &format!("[database]\nurl = {PLANTED}\n")),
    ];
    for (place, text) in texts.iter().enumerate() {
        let file = folder.write(&format!("{place}.toml"), text);
        for arguments in [&["config", "check"][..], &["serve"], &["migrate"]] {
            let output = entryway(arguments, &file).output().unwrap();
            let said = said(&output);
            assert!(!said.contains(PLANTED), "{place} {arguments:?}: {said}");
            assert!(
                !said.trim().is_empty() && (arguments[0] == "config" || !output.status.success()),
                "{place}: {said}"
            );
        }
    }
}

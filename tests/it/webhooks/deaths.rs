//! Whole processes: one is killed in the middle of a delivery, two others take over.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use entryway::sandbox::sim::{Sim, World};
use reqwest::Client;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::SECRET;
use super::receiver::{Answer, Receiver};
use crate::harness::{ROLE, database, http};

const SETTINGS: &str = r#"
installation = "tests"
[verify]
reads = 2
interval = "200ms"
settle = "500ms"
visibility = "2s"
[worker]
lease = "3s"
operation_timeout = "1s"
poll_interval = "200ms"
[[clusters]]
name = "dev"
region = "eu-central-1"
account_id = "111122223333"
environment = "dev"
[directory.groups]
engineering = ["alice"]
sre = ["bob"]
"#;

fn token(user: &str) -> String {
    format!("{user}-of-the-webhooks-test")
}

/// Processes on one database, and the folder of their configuration.
struct Fleet {
    folder: PathBuf,
    database: String,
    all: Vec<Child>,
    http: Client,
}

impl Fleet {
    fn new(database: &str, sim: &str, receiver: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("entryway-webhooks-{}", Uuid::new_v4()));
        fs::create_dir_all(&folder).unwrap();
        let mut config = SETTINGS.to_owned();
        config +=
            &format!("[eks]\nendpoint_url = \"{sim}\"\n[policy]\ndir = \"{}/policies\"\n", env!("CARGO_MANIFEST_DIR"));
        for user in ["alice", "bob"] {
            let sha256: String = Sha256::digest(token(user)).iter().map(|byte| format!("{byte:02x}")).collect();
            config += &format!("[[auth.tokens]]\nuser = \"{user}\"\nsha256 = \"{sha256}\"\n");
        }
        fs::write(folder.join("secrets"), format!("{SECRET}\n")).unwrap();
        config += &format!(
            "[[webhooks]]\nname = \"siem\"\nurl = \"{receiver}\"\nsecrets_file = \"secrets\"\nevents = [\"request.*\"]\n\
             allow_private = true\n"
        );
        fs::write(folder.join("entryway.toml"), config).unwrap();
        Self { folder, database: database.to_owned(), all: vec![], http: http() }
    }

    /// Starts another process; answers where it is once it is ready.
    async fn start(&mut self) -> String {
        let listen = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let mut command = Command::new(env!("CARGO_BIN_EXE_entryway"));
        command.args(["serve", "--config"]).arg(self.folder.join("entryway.toml")).env_clear();
        command.env("ENTRYWAY__SERVER__LISTEN", &listen).env("DATABASE_URL", &self.database);
        command.env("AWS_EC2_METADATA_DISABLED", "true");
        command.env("AWS_ACCESS_KEY_ID", "AKIATESTTESTTESTTEST").env("AWS_SECRET_ACCESS_KEY", "not-a-secret");
        self.all.push(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        let base = format!("http://{listen}");
        until("ready", async || self.http.get(format!("{base}/readyz")).send().await.is_ok_and(|a| a.status() == 200))
            .await;
        base
    }

    async fn post(&self, url: &str, who: &str, body: &Value) -> Value {
        let call = self.http.post(url).header("authorization", format!("Bearer {}", token(who))).json(body);
        let answer = call.send().await.unwrap();
        assert_eq!(answer.status(), 201, "{answer:?}");
        answer.json().await.unwrap()
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        for child in &mut self.all {
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..1200 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("never {what}");
}

#[tokio::test]
async fn a_process_killed_in_the_middle_of_a_delivery_is_followed_by_two_and_nothing_is_lost() {
    let receiver = Receiver::start(|nth| if nth == 0 { Answer::Hang } else { Answer::status(200) }).await;
    let sim = Sim::start(SocketAddr::from(([127, 0, 0, 1], 0)), World::default().principal(ROLE)).await.unwrap();
    let mut fleet = Fleet::new(&database::fresh().await, &sim.endpoint_url(), &receiver.url());
    let base = fleet.start().await;
    let ask = json!({
        "clusterName": "dev", "principalArn": ROLE, "reason": "a test needs it", "duration": "481m",
        "accessPolicies": [{"policyArn": "AmazonEKSViewPolicy",
                            "accessScope": {"type": "namespace", "namespaces": ["payments"]}}],
    });
    // The webhook counts from when a worker first sees it.
    until("known", async || database::number(&fleet.database, "SELECT count(*) FROM destination").await == 1).await;
    let request = fleet.post(&format!("{base}/v1/requests"), "alice", &ask).await;
    until("it hangs", async || receiver.heard().len() == 1).await;
    fleet.all[0].kill().unwrap();
    fleet.all[0].wait().unwrap();

    fleet.start().await;
    let base = fleet.start().await;
    let reviews = format!("{base}/v1/requests/{}/reviews", request["id"].as_str().unwrap());
    fleet.post(&reviews, "bob", &json!({"decision": "approve"})).await;
    until("it is told that the access is proven", async || {
        receiver.heard().iter().any(|message| message.json()["type"] == "request.active")
    })
    .await;

    let heard = receiver.heard();
    assert_eq!(heard[0].headers["webhook-id"], heard[1].headers["webhook-id"], "the first comes again first");
    let mut seqs: Vec<_> = heard[1..].iter().map(|message| message.json()["seq"].as_i64().unwrap()).collect();
    assert!(seqs.is_sorted(), "in order, whichever process it came from: {seqs:?}");
    seqs.dedup();
    let last = seqs.last().unwrap();
    let there = format!("SELECT count(*) FROM event WHERE type LIKE 'request.%' AND seq <= {last}");
    assert_eq!(database::number(&fleet.database, &there).await, i64::try_from(seqs.len()).unwrap(), "and all of it");
    for message in &heard {
        standardwebhooks::Webhook::new(SECRET).unwrap().verify(&message.body, &message.headers).unwrap();
    }
}

//! `serve --only worker`, the program itself: it has no API, and answers its probes all the same.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use reqwest::Method;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::bed::Api;

/// Far longer than starting and stopping take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running program, its folder, and what it logs.
struct Program {
    child: Child,
    folder: PathBuf,
    log: mpsc::UnboundedReceiver<Value>,
}

impl Program {
    fn start(api: &Api) -> Self {
        let folder = std::env::temp_dir().join(format!("entryway-worker-{}", Uuid::new_v4()));
        fs::create_dir_all(&folder).unwrap();
        let sha256: String = Sha256::digest("a token").iter().map(|byte| format!("{byte:02x}")).collect();
        let config = format!(
            "installation = \"tests\"\n[server]\nlisten = \"127.0.0.1:0\"\nmetrics_listen = \"127.0.0.1:0\"\n\
             [eks]\nendpoint_url = \"{}\"\n[policy]\ndir = \"{}/policies\"\n\
             [[clusters]]\nname = \"dev\"\nregion = \"eu-central-1\"\naccount_id = \"111122223333\"\nenvironment = \"dev\"\n\
             [[auth.tokens]]\nuser = \"bob\"\nsha256 = \"{sha256}\"\n[directory.groups]\nsre = [\"bob\"]\n",
            api.bed.sim.endpoint_url(),
            env!("CARGO_MANIFEST_DIR")
        );
        let file = folder.join("entryway.toml");
        fs::write(&file, config).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_entryway"));
        command.args(["serve", "--only", "worker", "--config"]).arg(&file).env_clear();
        command.env("DATABASE_URL", &api.bed.url).env("AWS_EC2_METADATA_DISABLED", "true");
        command.env("AWS_ACCESS_KEY_ID", "AKIATESTTESTTESTTEST").env("AWS_SECRET_ACCESS_KEY", "not-a-secret");
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let (tell, log) = mpsc::unbounded_channel();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let _ = tell.send(serde_json::from_str(&line).unwrap_or(Value::String(line)));
            }
        });
        Self { child, folder, log }
    }

    /// The address in the line that says `message`.
    async fn address(&mut self, message: &str) -> String {
        let mut seen = vec![];
        let found = async {
            while let Some(line) = self.log.recv().await {
                if line["message"] == message {
                    return Some(format!("http://{}", line["addr"].as_str().unwrap()));
                }
                seen.push(line);
            }
            None
        };
        let found = tokio::time::timeout(PATIENCE, found).await.expect("it starts");
        found.unwrap_or_else(|| panic!("it never said {message:?}: {seen:?}"))
    }

    /// Sends SIGTERM; answers whether it ended well.
    async fn stop(&mut self) -> bool {
        assert!(Command::new("kill").arg(self.child.id().to_string()).status().unwrap().success());
        // Its log ends when it does.
        let ended = async { while self.log.recv().await.is_some() {} };
        tokio::time::timeout(PATIENCE, ended).await.expect("it stops");
        self.child.wait().unwrap().success()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[tokio::test]
async fn a_worker_alone_answers_its_probes_and_nothing_else() {
    let api = Api::new().await;
    let mut program = Program::start(&api);
    let figures = program.address("the figures listen").await;
    let base = program.address("the probes listen").await;
    let bob = |url: String| api.call(Method::GET, &url).header("authorization", "Bearer a token");

    api.call(Method::GET, &format!("{base}/livez")).await.is(200);
    api.call(Method::GET, &format!("{base}/readyz")).await.is(200);
    api.call(Method::GET, &format!("{base}/metrics")).await.fails(401, "unauthenticated");
    assert!(bob(format!("{base}/metrics")).await.is(200).text.contains("entryway_requests"));
    for path in ["/", "/v1/requests", "/v1/me", "/docs/", "/openapi.json", "/problems"] {
        bob(format!("{base}{path}")).await.fails(404, "not-found");
    }
    let own = api.call(Method::GET, &format!("{figures}/metrics")).await.is(200);
    assert!(own.text.contains("entryway_requests"), "on its own listener it is for whoever reaches it");
    for path in ["/", "/livez", "/v1/me"] {
        bob(format!("{figures}{path}")).await.fails(404, "not-found");
    }
    assert!(program.stop().await);
}

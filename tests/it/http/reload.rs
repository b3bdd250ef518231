//! Policies that change while the service runs: a sound set takes over by itself, a broken one never does.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use entryway::app::{Roles, Service, Simulated};
use entryway::config::{Config, Origin};
use entryway::eks::aws::StaticCredentials;
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::bed::{Api, ask};
use crate::harness::database::number;

const TWO: &str = r#"@id("two-always") @reason("needs 2 approvals by now")
forbid (principal, action == Entryway::Action::"activate", resource) unless { context.approvals >= 2 };"#;

/// A whole service on the database and the EKS of `api`, with policy files of its own.
struct Running {
    api: Api,
    base: String,
    folder: PathBuf,
    service: Service,
}

impl Running {
    async fn start(reload: &str) -> Self {
        let api = Api::new().await;
        let folder = std::env::temp_dir().join(format!("entryway-reload-{}", Uuid::new_v4()));
        fs::create_dir_all(folder.join("policies")).unwrap();
        let starter = concat!(env!("CARGO_MANIFEST_DIR"), "/policies/starter.cedar");
        fs::copy(starter, folder.join("policies/starter.cedar")).unwrap();
        let mut config = format!(
            "installation = \"tests\"\n[server]\nlisten = \"127.0.0.1:0\"\n[eks]\nendpoint_url = \"{}\"\n\
             [policy]\nreload = \"{reload}\"\n[directory.groups]\nengineering = [\"alice\"]\nsre = [\"bob\", \"carol\"]\n\
             [[clusters]]\nname = \"dev\"\nregion = \"eu-central-1\"\naccount_id = \"111122223333\"\nenvironment = \"dev\"\n",
            api.bed.sim.endpoint_url()
        );
        for user in ["alice", "bob", "carol"] {
            let sha256: String =
                Sha256::digest(format!("{user}-token")).iter().map(|byte| format!("{byte:02x}")).collect();
            config.push_str(&format!("[[auth.tokens]]\nuser = \"{user}\"\nsha256 = \"{sha256}\"\n"));
        }
        let file = folder.join("entryway.toml");
        fs::write(&file, config).unwrap();
        let env = [("DATABASE_URL".to_owned(), api.bed.url.clone())];
        let config = Config::load(Some(&file), env, Origin::Sandbox).unwrap_or_else(|errors| panic!("{errors}"));
        let credentials = StaticCredentials {
            access_key_id: "AKIATESTTESTTESTTEST".to_owned(),
            secret_access_key: "not-a-secret".into(),
        };
        let roles = Roles { api: true, worker: true };
        let service =
            Service::start(&config, Some(Simulated { credentials, unheard_of: "nobody says" }), roles).await.unwrap();
        Self { base: format!("http://{}", service.addr), api, folder, service }
    }

    fn write(&self, text: &str) {
        fs::write(self.folder.join("policies/more.cedar"), text).unwrap();
    }

    async fn preview(&self) -> Value {
        let url = format!("{}/v1/requests?dryRun=true", self.base);
        self.api.call(Method::POST, &url).by("alice").json(&ask(json!({}))).await.is(200).body
    }

    async fn digest(&self) -> String {
        self.preview().await["approval"]["policyDigest"].as_str().unwrap().to_owned()
    }

    async fn refuses(&self) -> bool {
        let figures = self.api.get("bob", &format!("{}/metrics", self.base)).await.is(200).text;
        figures.contains("entryway_policy_set_refused 1\n")
    }

    async fn events(&self, event: &str) -> i64 {
        number(&self.api.bed.url, &format!("SELECT count(*) FROM event WHERE type = '{event}'")).await
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.service.stopper()();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let wait = async { while !holds().await {} };
    tokio::time::timeout(Duration::from_secs(60), wait).await.unwrap_or_else(|_| panic!("never {what}"));
}

#[tokio::test]
async fn a_sound_set_takes_over_by_itself_and_a_broken_one_never_does() {
    let running = Running::start("100ms").await;
    let first = running.digest().await;
    let later = (chrono::Utc::now() + chrono::TimeDelta::hours(2)).to_rfc3339();
    let url = format!("{}/v1/requests", running.base);
    let filed =
        running.api.call(Method::POST, &url).by("alice").json(&ask(json!({"startAt": later}))).await.is(201).body;
    let at = format!("{url}/{}", filed["id"].as_str().unwrap());
    let review = async |who: &str| {
        let url = format!("{at}/reviews");
        running.api.call(Method::POST, &url).by(who).json(&json!({"decision": "approve"})).await.is(201).body
    };
    assert_eq!(review("bob").await["state"], "scheduled");

    running.write(TWO);
    until("in force", async || running.digest().await != first).await;
    let second = running.digest().await;
    let preview = running.preview().await;
    assert_eq!(preview["approval"]["missing"], json!(["needs 2 approvals by now"]));
    assert_eq!(preview["policies"], json!({"request": ["engineers-ask"], "quorum": ["two-always"]}));
    assert_eq!(preview["couldSignOff"], json!(["bob", "carol"]));
    // What was signed off before stands no longer.
    let now = running.api.get("bob", &at).await.is(200).body;
    assert_eq!(now["approval"]["status"], "waiting");
    assert_eq!((&now["approval"]["approvals"], &now["reviews"][0]["counts"]), (&json!(1), &json!(true)));

    // Half a file, a file that does not fit the schema, and one that takes an id twice: each is refused as a whole.
    for broken in [
        "permit (",
        "@id(\"x\") permit (principal, action == Entryway::Action::\"fly\", resource);",
        &format!("{TWO}{TWO}"),
    ] {
        running.write(broken);
        until("refused", async || running.refuses().await).await;
        assert_eq!(running.digest().await, second, "{broken}");
        running.write(TWO);
        until("mended", async || !running.refuses().await).await;
    }
    assert_eq!((running.events("policy.loaded").await, running.events("policy.rejected").await), (2, 3));

    fs::remove_file(running.folder.join("policies/more.cedar")).unwrap();
    until("as before", async || running.digest().await == first).await;
    assert_eq!(running.api.get("bob", &at).await.body["approval"]["status"], "satisfied");
}

#[tokio::test]
async fn sighup_reloads_where_files_are_not_watched() {
    // Once somebody listens, no SIGHUP ends this process.
    let _heard = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()).unwrap();
    let running = Running::start("0s").await;
    let first = running.digest().await;
    running.write(TWO);
    assert_eq!(running.digest().await, first);
    until("in force", async || {
        let me = std::process::id().to_string();
        assert!(Command::new("kill").args(["-HUP", &me]).status().unwrap().success());
        running.digest().await != first
    })
    .await;
}

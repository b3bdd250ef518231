//! Postgres with a certificate of an authority that is on nobody's list, as RDS has: what docs/OPERATIONS.md and the component
//! `database-ca` say of it.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use entryway::sandbox::postgres::{Postgres, PostgresOptions};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use crate::harness::database::by_hand;

const SOON: Duration = Duration::from_secs(30);

/// An authority, and what it says of `localhost`.
const CERTIFICATES: &str = "
openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj '/CN=an authority of our own' -days 2
openssl req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=localhost
printf 'subjectAltName=DNS:localhost\\nbasicConstraints=CA:FALSE\\n' > of.cnf
openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile of.cnf -out server.crt";

/// Puts a file where the server reads it, as the server's own.
fn hand_over(from: &Path, data: &Path) {
    let (to, owner) = (data.join(from.file_name().unwrap()), fs::metadata(data).unwrap());
    fs::copy(from, &to).unwrap();
    fs::set_permissions(&to, fs::Permissions::from_mode(0o600)).unwrap();
    chown(&to, Some(owner.uid()), Some(owner.gid())).unwrap();
}

async fn migrate(url: String, environment: Vec<(&'static str, String)>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_entryway"));
    command.arg("migrate").env_clear().env("DATABASE_URL", url).envs(environment);
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

#[tokio::test]
async fn an_authority_that_nobody_knows_has_to_be_named_and_the_host_has_to_be_its() {
    let folder = std::env::temp_dir().join(format!("entryway-tls-{}", Uuid::new_v4()));
    fs::create_dir(&folder).unwrap();
    let mut made = Command::new("sh");
    made.args(["-ec", CERTIFICATES]).current_dir(&folder).stdout(Stdio::null()).stderr(Stdio::null());
    if !made.status().unwrap().success() {
        eprintln!("skipped: there is no openssl here to make certificates with");
        fs::remove_dir_all(&folder).unwrap();
        return;
    }
    let postgres = Postgres::start(PostgresOptions::temporary()).await.unwrap();
    for file in ["server.crt", "server.key"] {
        hand_over(&folder.join(file), postgres.data_dir());
    }
    let plain = postgres.url("postgres");
    by_hand(&plain, "ALTER SYSTEM SET ssl = on").await;
    by_hand(&plain, "SELECT pg_reload_conf()").await;
    let required = plain.replace("sslmode=disable", "sslmode=require");
    let begun = Instant::now();
    while let Err(error) = PgConnection::connect(&required).await {
        assert!(begun.elapsed() < SOON, "Postgres does not speak TLS: {error}");
    }

    let bundle = folder.join("ca.pem").display().to_string();
    let (named, unnamed) = (plain.replace("127.0.0.1", "localhost"), plain.replace("?sslmode=disable", ""));
    let bare = unnamed.replace("127.0.0.1", "localhost");
    let mode = ("PGSSLMODE", "verify-full".to_owned());
    let root = ("PGSSLROOTCERT", bundle.clone());
    let full = named.replace("sslmode=disable", "sslmode=verify-full");
    let cases = [
        (full.clone(), vec![], false),
        (format!("{full}&sslrootcert={bundle}"), vec![], true),
        (full, vec![root.clone()], true),
        (bare.clone(), vec![mode.clone()], false),
        (bare, vec![mode.clone(), root.clone()], true),
        // Another host's certificate is none.
        (unnamed, vec![mode.clone(), root.clone()], false),
        // The URL has the last word.
        (named, vec![mode, root], true),
    ];
    for (place, (url, environment, good)) in cases.into_iter().enumerate() {
        let output = migrate(url, environment).await;
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(if good { 0 } else { 1 }), "case {place}: {said}");
        assert!(good || said.contains("certificate"), "case {place} says why: {said}");
    }
    postgres.stop().await.unwrap();
    fs::remove_dir_all(&folder).unwrap();
}

//! The program itself, as an operator runs it.

use std::process::{Command, Output};

use crate::harness::database::{empty, number};

fn entryway(arguments: &[&str], database_url: Option<&str>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_entryway"));
    command.args(arguments).env_clear().envs(database_url.map(|url| ("DATABASE_URL", url)));
    command.output().unwrap()
}

fn told(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[tokio::test]
async fn migrate_makes_the_schema_and_has_nothing_to_do_the_second_time() {
    let url = empty().await;
    for _ in 0..2 {
        let database = url.clone();
        let output = tokio::task::spawn_blocking(move || entryway(&["migrate"], Some(&database))).await.unwrap();
        let (code, stdout, stderr) = told(&output);
        assert_eq!((code, stdout.as_str(), stderr.as_str()), (Some(0), "the schema is up to date\n", ""));
    }
    assert!(number(&url, "SELECT count(*) FROM _sqlx_migrations WHERE success").await >= 3);
}

#[test]
fn migrate_says_in_one_line_what_keeps_it_from_it() {
    let cases = [
        (None, 2, "database.url"),
        (Some("mysql://x"), 2, "database.url"),
        (Some("postgres://nobody@127.0.0.1:1/nothing"), 1, "Postgres is not available"),
    ];
    for (url, expected, word) in cases {
        let (code, stdout, stderr) = told(&entryway(&["migrate"], url));
        assert_eq!((code, stdout.as_str()), (Some(expected), ""), "{url:?}: {stderr}");
        assert!(stderr.contains(word) && !stderr.contains("panick"), "{url:?}: {stderr}");
    }
}

#[test]
fn a_reader_who_has_seen_enough_is_no_failure() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_entryway"))
        .arg("openapi")
        .env_clear()
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let (code, _, stderr) = told(&child.wait_with_output().unwrap());
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
}

#[test]
fn the_sandbox_says_at_once_that_the_port_it_was_told_is_taken() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let dir = std::env::temp_dir().join(format!("entryway-it-{}", uuid::Uuid::new_v4()));
    let (code, stdout, stderr) =
        told(&entryway(&["sandbox", "--listen", &address, "--data-dir", dir.to_str().unwrap()], None));
    assert_eq!((code, stdout.as_str()), (Some(1), ""), "{stderr}");
    assert!(stderr.contains(&address) && stderr.contains("--listen"), "{stderr}");
    assert!(!stderr.contains("server.listen") && !stderr.contains("data"), "{stderr}");
    assert!(!dir.exists(), "nothing was started for it");
}

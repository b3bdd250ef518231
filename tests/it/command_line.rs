//! The program itself, as an operator runs it.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Output, Stdio};

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
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
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

/// With Ctrl-C, in the middle of the story: nothing has gone wrong, so nothing is said to have; but the story has not been told.
#[test]
fn whoever_stops_the_demo_is_told_so_and_of_no_error() {
    for (more, expected) in [(&[][..], 0), (&["--exit"][..], 1)] {
        let dir = std::env::temp_dir().join(format!("entryway-it-{}", uuid::Uuid::new_v4()));
        let mut command = Command::new(env!("CARGO_BIN_EXE_entryway"));
        command.args(["sandbox", "--demo", "--listen", "127.0.0.1:0", "--data-dir", dir.to_str().unwrap()]).args(more);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        // What comes next is a wait for the worker, of a second at least.
        let told: Vec<_> = lines.by_ref().take_while(|line| !line.contains("bob signs off → ")).collect();
        let stopped = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
        let rest: Vec<_> = lines.collect();
        let mut stderr = String::new();
        child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        let code = child.wait().unwrap().code();
        let _ = std::fs::remove_dir_all(&dir);
        assert!(stopped.success() && !told.is_empty(), "{told:?} {stderr}");
        assert_eq!((code, stderr.as_str()), (Some(expected), ""), "{rest:?}");
        let last = rest.last().map(String::as_str);
        assert_eq!(last, Some("Stopped in the middle of the story, and everything with it."), "{rest:?}");
    }
}

#[tokio::test]
async fn a_role_that_is_not_there_is_given_nothing_and_told_of_with_the_statement_that_makes_it() {
    let url = empty().await;
    let migrating = move || entryway(&["migrate", "--grant-to", "no \"such\" role"], Some(&url));
    let (code, stdout, stderr) = told(&tokio::task::spawn_blocking(migrating).await.unwrap());
    assert_eq!((code, stdout.as_str()), (Some(1), ""), "{stderr}");
    assert!(stderr.contains("CREATE ROLE \"no \"\"such\"\" role\" LOGIN"), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
}

#[test]
fn a_hash_that_nobody_has_put_in_yet_is_pointed_at() {
    let file = std::env::temp_dir().join(format!("entryway-it-{}.toml", uuid::Uuid::new_v4()));
    let example = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let example = example.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let example: String =
        example.lines().filter(|line| !line.starts_with("url_file")).map(|l| l.to_owned() + "\n").collect();
    let policies = format!("dir = \"{}/policies\"", env!("CARGO_MANIFEST_DIR"));
    let example = example.replace("dir = \"policies\"", &policies);
    let check = |text: &str| {
        std::fs::write(&file, text).unwrap();
        told(&entryway(&["config", "check", "--config", file.to_str().unwrap()], Some("postgres://x@127.0.0.1/x")))
    };
    let (as_it_stands, filled_in) = (check(&example), check(&example.replace(&"0".repeat(64), &"17".repeat(32))));
    std::fs::remove_file(&file).unwrap();
    let (code, stdout, stderr) = as_it_stands;
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{stdout}");
    assert!(stdout.contains("note: auth.tokens[0].sha256 is a placeholder") && stdout.contains("portal"), "{stdout}");
    assert!(filled_in.0 == Some(0) && !filled_in.1.contains("placeholder"), "{filled_in:?}");
}

#[test]
fn what_policies_are_explained_with_is_said() {
    let file = std::env::temp_dir().join(format!("entryway-it-{}.json", uuid::Uuid::new_v4()));
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/policies");
    let explain = |ask: &str| {
        std::fs::write(&file, ask).unwrap();
        told(&entryway(&["policy", "explain", dir, "--as", "alice", "--request", file.to_str().unwrap()], None))
    };
    let good = r#"{"clusterName": "dev", "principalArn": "arn:aws:iam::111122223333:role/r", "duration": "1h"}"#;
    let (explained, unread) = (explain(good), explain(r#"{"clusterName": "dev"}"#));
    std::fs::remove_file(&file).unwrap();
    assert!(explained.0 == Some(0) && explained.1.contains(&format!("{dir}/*.test.toml")), "{explained:?}");
    assert_eq!((unread.0, unread.1.as_str()), (Some(1), ""), "{unread:?}");
    assert!(unread.2.contains("principalArn") && unread.2.contains("policy explain --help"), "{unread:?}");
}

//! The private Postgres, in the ways that it is mistreated on real machines. Run as root too, these tests show that
//! the server is lent to an unprivileged user.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use entryway::sandbox::postgres::{Durability, Postgres, PostgresError, PostgresOptions, Search};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

/// A directory for one test that the server's user can reach, removed at the end.
struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        Self(std::env::temp_dir().join(format!("entryway-it-{}", Uuid::new_v4())))
    }

    fn options(&self) -> PostgresOptions {
        let mut options = PostgresOptions::new(self.0.join("postgres"));
        options.durability = Durability::TestFast;
        options.max_connections = 10;
        options
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

async fn connect(postgres: &Postgres) -> PgConnection {
    PgConnection::connect(&postgres.url("postgres")).await.unwrap()
}

/// Puts a mark into the database that only the same data directory can show again.
async fn leave_mark(postgres: &Postgres) {
    let mut connection = connect(postgres).await;
    sqlx::raw_sql("CREATE TABLE mark (said text); INSERT INTO mark VALUES ('here')")
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
}

async fn assert_mark(postgres: &Postgres) {
    let mut connection = connect(postgres).await;
    let said: String = sqlx::query_scalar("SELECT said FROM mark").fetch_one(&mut connection).await.unwrap();
    assert_eq!(said, "here");
}

fn postmaster_pid(data_dir: &Path) -> String {
    fs::read_to_string(data_dir.join("postmaster.pid")).unwrap().lines().next().unwrap().to_owned()
}

fn signal(name: &str, pid: &str) {
    assert!(Command::new("kill").args(["-s", name, pid]).status().unwrap().success());
}

/// Looks again until it is so; the limit only bounds a failing test.
async fn until(what: &str, so: impl Fn() -> bool) {
    let began = Instant::now();
    while !so() {
        assert!(began.elapsed() < Duration::from_secs(20), "still not so: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A process that has ended but that nobody has waited for yet has no command line any more.
fn runs(pid: &str) -> bool {
    let ps = Command::new("ps").args(["-o", "stat=", "-p", pid]).output().unwrap();
    let state = String::from_utf8(ps.stdout).unwrap();
    !state.trim().is_empty() && !state.starts_with('Z')
}

#[tokio::test]
async fn keeps_its_data_over_a_restart() {
    let place = Place::new();
    let postgres = Postgres::start(place.options()).await.unwrap();
    leave_mark(&postgres).await;
    let pid = postmaster_pid(postgres.data_dir());
    postgres.stop().await.unwrap();
    assert!(!runs(&pid));

    let postgres = Postgres::start(place.options()).await.unwrap();
    assert_mark(&postgres).await;
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn keeps_its_port_unless_somebody_else_has_it() {
    let place = Place::new();
    let postgres = Postgres::start(place.options()).await.unwrap();
    let mut port = postgres.port();
    postgres.stop().await.unwrap();
    // Other tests start servers, too, and one of them may be given the port while nobody has it; hardly each time.
    let mut kept = 0;
    for _ in 0..3 {
        let postgres = Postgres::start(place.options()).await.unwrap();
        kept += usize::from(postgres.port() == port);
        port = postgres.port();
        postgres.stop().await.unwrap();
    }
    assert!(kept > 0);
    let taken = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let postgres = Postgres::start(place.options()).await.unwrap();
    assert_ne!(postgres.port(), port);
    drop(taken);
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn is_not_run_by_root_and_lets_nobody_in_without_the_password() {
    let place = Place::new();
    let postgres = Postgres::start(place.options()).await.unwrap();
    let ps = Command::new("ps").args(["-o", "user=", "-p", &postmaster_pid(postgres.data_dir())]).output().unwrap();
    assert_ne!(String::from_utf8(ps.stdout).unwrap().trim(), "root");

    let good = postgres.url("postgres");
    let (before, after) = good.split_once('@').unwrap();
    let (user, _password) = before.rsplit_once(':').unwrap();
    let refused = PgConnection::connect(&format!("{user}:guess@{after}")).await.unwrap_err();
    assert_eq!(refused.as_database_error().unwrap().code().unwrap(), "28P01");
    assert!(!good.contains(":5432/"));

    let password = fs::metadata(place.0.join("postgres.password")).unwrap();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&password.permissions()) & 0o777, 0o600);
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn starts_again_after_its_server_was_killed() {
    let place = Place::new();
    let postgres = Postgres::start(place.options()).await.unwrap();
    leave_mark(&postgres).await;
    let busy = connect(&postgres).await;
    signal("KILL", &postmaster_pid(postgres.data_dir()));
    drop(postgres);

    let postgres = Postgres::start(place.options()).await.unwrap();
    assert_mark(&postgres).await;
    drop(busy);
    postgres.stop().await.unwrap();
}

/// Not a test of its own: the process that `ends_with_an_owner_that_was_killed` kills.
#[tokio::test]
#[ignore = "run by another test, which kills it"]
async fn an_owner_to_be_killed() {
    let Ok(data_dir) = fs::read_to_string("/dev/stdin") else { return };
    let mut options = PostgresOptions::new(data_dir.trim());
    options.durability = Durability::TestFast;
    let postgres = Postgres::start(options).await.unwrap();
    leave_mark(&postgres).await;
    fs::write(format!("{}.marked", data_dir.trim()), "").unwrap();
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn ends_with_an_owner_that_was_killed() {
    let place = Place::new();
    let data_dir = place.options().data_dir;
    let mut owner = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "postgres::an_owner_to_be_killed", "--ignored"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut owner.stdin.take().unwrap(), data_dir.as_os_str().as_encoded_bytes()).unwrap();
    let marked = place.0.join("postgres.marked");
    until("the owner has a database", || marked.exists()).await;

    let in_use = Postgres::start(place.options()).await.unwrap_err();
    assert!(matches!(in_use, PostgresError::InUse(_)), "{in_use}");

    let pid = postmaster_pid(&data_dir);
    owner.kill().unwrap();
    owner.wait().unwrap();
    until("the server is gone with its owner", || !runs(&pid)).await;

    let postgres = Postgres::start(place.options()).await.unwrap();
    assert_mark(&postgres).await;
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn ends_a_server_that_was_left_behind_on_its_data() {
    let place = Place::new();
    let postgres = Postgres::start(place.options()).await.unwrap();
    leave_mark(&postgres).await;
    // Killing the shell that watches and its listener leaves the server with nobody.
    let pid = postmaster_pid(postgres.data_dir());
    let watch = said(&["-o", "ppid=", "-p", &pid]);
    for line in said(&["-A", "-o", "pid=,ppid=,pgid="]).lines() {
        let ids: Vec<&str> = line.split_whitespace().collect();
        if let [process, _, group] = ids[..]
            && group == watch
            && process != pid
            && said(&["-o", "args=", "-p", process]).contains("entryway-postgres")
        {
            signal("KILL", process);
        }
    }
    drop(postgres);
    assert!(runs(&pid), "the server should have been orphaned");

    let postgres = Postgres::start(place.options()).await.unwrap();
    assert!(!runs(&pid));
    assert_mark(&postgres).await;
    postgres.stop().await.unwrap();
}

fn said(arguments: &[&str]) -> String {
    let ps = Command::new("ps").args(arguments).output().unwrap();
    String::from_utf8(ps.stdout).unwrap().trim().to_owned()
}

#[tokio::test]
async fn is_not_hindered_by_a_pid_file_whose_number_another_program_has() {
    let place = Place::new();
    Postgres::start(place.options()).await.unwrap().stop().await.unwrap();
    let ours = std::process::id().to_string();
    let pid_file = place.0.join("postgres/postmaster.pid");
    fs::write(&pid_file, format!("{ours}\n/data\n1700000000\n54321\n\n127.0.0.1\n0 0\nready   \n")).unwrap();

    let postgres = Postgres::start(place.options()).await.unwrap();
    assert_ne!(postmaster_pid(postgres.data_dir()), ours);
    connect(&postgres).await;
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn a_temporary_server_leaves_nothing_behind() {
    let options = PostgresOptions::temporary();
    let parent = options.data_dir.parent().unwrap().to_owned();
    let postgres = Postgres::start(options).await.unwrap();
    connect(&postgres).await;
    assert!(parent.exists());
    drop(postgres);
    until("the directory is gone", || !parent.exists()).await;
}

#[tokio::test]
async fn says_which_version_wrote_the_data() {
    let place = Place::new();
    Postgres::start(place.options()).await.unwrap().stop().await.unwrap();
    fs::write(place.0.join("postgres/PG_VERSION"), "9\n").unwrap();
    let message = Postgres::start(place.options()).await.unwrap_err().to_string();
    assert!(message.contains("was written by Postgres 9, but the programs found are 1"), "{message}");
}

#[tokio::test]
async fn says_what_to_do_when_the_programs_are_not_there() {
    let place = Place::new();
    let mut options = place.options();
    options.search = Search::only(vec![place.0.clone()]);
    let message = Postgres::start(options).await.unwrap_err().to_string();
    assert!(message.contains("make setup") && message.contains("ENTRYWAY_PG_BIN"), "{message}");
}

#[tokio::test]
async fn leaves_a_directory_of_something_else_alone() {
    let place = Place::new();
    let precious = place.0.join("postgres/thesis.txt");
    fs::create_dir_all(precious.parent().unwrap()).unwrap();
    fs::write(&precious, "years of work").unwrap();
    let refused = Postgres::start(place.options()).await.unwrap_err();
    assert!(matches!(refused, PostgresError::NotADataDir(_)), "{refused}");
    assert_eq!(fs::read_to_string(&precious).unwrap(), "years of work");
}

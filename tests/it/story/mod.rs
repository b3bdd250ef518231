//! The demo story really plays, and really checks: a service that lets something through makes it stop.

mod front;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use entryway::clock::Clock;
use entryway::sandbox::config::world;
use entryway::sandbox::sim::Sim;
use entryway::sandbox::story::{Stage, Whereabouts, broken_off, play, print_hints};
use entryway::worker::{Pace, Worker};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::front::SelfApproval;
use crate::harness::{self, database};

/// Desk, worker and simulator in real time, at the sandbox's pace, with a front.
struct Theatre {
    stage: Stage,
    _sim: Sim,
    _tasks: JoinSet<()>,
}

impl Theatre {
    async fn new(self_approval: SelfApproval) -> Self {
        let sim = Sim::start(SocketAddr::from(([127, 0, 0, 1], 0)), world()).await.unwrap();
        let mut desk = harness::desk(database::connect(&database::fresh().await, Clock::database()), &sim);
        let mut settings = harness::settings();
        settings.tempo.interval = TimeDelta::milliseconds(300);
        settings.tempo.settle = TimeDelta::seconds(1);
        desk.settings = Arc::new(settings);
        let pace = Pace { poll_interval: Duration::from_millis(200), ..harness::pace() };
        let worker = Worker::new(desk.clone(), Arc::new(harness::eks(&sim)), pace);
        let mut tasks = JoinSet::new();
        tasks.spawn(worker.clone().watch_clusters(Duration::from_secs(1), CancellationToken::new()));
        tasks.spawn(worker.run(CancellationToken::new()));
        let url = front::serve(desk, self_approval, &mut tasks).await;
        Self { stage: Stage::new(url, sim.endpoint_url(), false), _sim: sim, _tasks: tasks }
    }
}

#[tokio::test]
async fn plays_from_the_first_ask_to_the_last_proof() {
    let theatre = Theatre::new(SelfApproval::Refused).await;
    let mut out = Vec::new();
    let played = play(&theatre.stage, &mut out).await;
    let told = String::from_utf8(out).unwrap();
    played.unwrap_or_else(|error| panic!("{told}\n{error}"));
    for told_of in ["403 self-approval", "still pending", "denied", "aws eks update-cluster-config", "still active"] {
        assert!(told.contains(told_of), "{told}");
    }
    assert!(!told.contains('\x1b'), "no colours in a file: {told}");
}

#[tokio::test]
async fn stops_where_a_step_does_not_do_what_it_says() {
    let theatre = Theatre::new(SelfApproval::WavedThrough).await;
    let mut out = Vec::new();
    let error = play(&theatre.stage, &mut out).await.unwrap_err().to_string();
    assert!(error.contains("alice signs off on it herself") && error.contains("403 self-approval"), "{error}");
    assert!(!String::from_utf8(out).unwrap().contains("Every step"), "{error}");
}

#[test]
fn every_person_gets_a_command_to_paste() {
    let stage = Stage::new("http://127.0.0.1:8080", "http://127.0.0.1:4566", false);
    let hints = hints(&stage, None);
    for (_, token) in &stage.tokens {
        assert!(hints.contains(&format!("Bearer {token}")), "{hints}");
    }
    let typed = "ENTRYWAY_URL=http://127.0.0.1:8080 ENTRYWAY_TOKEN=bob-token target/debug/entryway list\n";
    assert!(hints.contains(typed), "{hints}");
    assert!(!hints.contains("is taken"), "{hints}");
}

/// What one start left and what another finds in its way is said where somebody can still read it.
#[test]
fn the_hints_say_where_the_data_stays_how_to_start_afresh_and_why_the_port_is_another() {
    let stage = Stage::new("http://127.0.0.1:40001", "http://127.0.0.1:4566", false);
    let hints = hints(&stage, Some(([127, 0, 0, 1], 8080).into()));
    assert!(hints.contains("/home/alice/the data") && hints.contains("rm -rf '/home/alice/the data'"), "{hints}");
    let instead = "127.0.0.1:8080 is taken; write http://127.0.0.1:40001 where the pages say http://127.0.0.1:8080";
    assert!(hints.contains(instead), "{hints}");
}

fn hints(stage: &Stage, taken: Option<SocketAddr>) -> String {
    let (data_dir, program) = ("/home/alice/the data".to_owned(), "target/debug/entryway".to_owned());
    let mut out = Vec::new();
    print_hints(stage, &Whereabouts { data_dir, program, taken }, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn where_it_is_broken_off_the_last_word_takes_the_place_of_what_was_waited_for() {
    for (terminal, begins) in [(false, "\nStopped"), (true, "\r\u{1b}[2K\nStopped")] {
        let mut out = Vec::new();
        broken_off(&Stage::new("http://127.0.0.1:8080", "http://127.0.0.1:4566", terminal), &mut out).unwrap();
        let told = String::from_utf8(out).unwrap();
        assert!(told.starts_with(begins), "{told:?}");
    }
}

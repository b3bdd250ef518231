//! The demo story really plays, and really checks: a service that lets something through makes it stop.

mod front;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use entryway::clock::Clock;
use entryway::sandbox::config::world;
use entryway::sandbox::sim::Sim;
use entryway::sandbox::story::{Stage, play, print_hints};
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
    let mut out = Vec::new();
    print_hints(&stage, &mut out).unwrap();
    let hints = String::from_utf8(out).unwrap();
    for (_, token) in &stage.tokens {
        assert!(hints.contains(&format!("Bearer {token}")), "{hints}");
    }
}

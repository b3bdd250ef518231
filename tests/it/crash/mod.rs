//! Real processes, killed with `kill -9` under load. Postgres and the simulated EKS outlive them, and once everything has come
//! to rest the promises are checked over the API, in Postgres and in the simulator's log.

mod load;
mod processes;
mod promises;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use entryway::sandbox::sim::{Knobs, Lag, Lags, Sim, World};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::json;

use crate::harness::database::{fresh, number};
use crate::harness::http;
use crate::witness::{Facts, Place, truths};
use load::Load;
use processes::Processes;

/// Somebody else's entry, which is not to be touched.
const FOREIGN: &str = "arn:aws:iam::111122223333:role/foreign";

/// How long everything may take to come to rest once nobody asks or kills any more.
const REST: Duration = Duration::from_secs(120);

/// A number after `--name` in what `make test-crash ARGS=…` was given.
pub(crate) fn argument(name: &str, usual: u64) -> u64 {
    let given = std::env::var("CRASH_ARGS").unwrap_or_default();
    let words: Vec<_> = given.split_whitespace().collect();
    let at = words.iter().position(|word| word.strip_prefix("--") == Some(name));
    let value = at.map(|at| words.get(at + 1).unwrap_or_else(|| panic!("--{name} needs a number")));
    value.map_or(usual, |value| value.parse().unwrap_or_else(|_| panic!("--{name} needs a number, not {value}")))
}

async fn simulator(seed: u64) -> Sim {
    let between = |min_ms, max_ms| Lag::Range { min_ms, max_ms };
    let lag =
        Lags { describe: between(50, 500), list: between(50, 800), policies: between(50, 500), ..Lags::default() };
    let world = World::default().knobs(Knobs { seed, lag, ..Knobs::default() });
    let sim = Sim::start(SocketAddr::from(([127, 0, 0, 1], 0)), world).await.unwrap();
    let foreign = json!({ "cluster": "dev", "principalArn": FOREIGN, "kubernetesGroups": ["theirs"] });
    let url = format!("{}/_sim/entries", sim.endpoint_url());
    assert!(http().put(url).json(&foreign).send().await.unwrap().status().is_success());
    sim
}

/// Every entry that there truly is.
async fn everything(sim: &Sim) -> BTreeMap<Place, Facts> {
    let mut all = truths(&sim.endpoint_url(), "dev").await;
    all.append(&mut truths(&sim.endpoint_url(), "prod").await);
    all
}

/// Runs the API and two workers for `time` under load, kills one of the three each `every`, and answers how that went.
async fn survive(time: Duration, every: Duration, seed: u64) {
    let (url, sim) = (fresh().await, simulator(seed).await);
    let before = everything(&sim).await;
    let mut processes = Processes::start(&url, &sim.endpoint_url());
    let load = Load::start(&processes.base, seed);
    load.first_answer().await;

    let mut rng = StdRng::seed_from_u64(seed);
    let began = Instant::now();
    let mut beat = tokio::time::interval(every);
    beat.tick().await;
    while began.elapsed() < time {
        beat.tick().await;
        processes.kill(rng.random_range(0..processes.count()));
    }
    let ledger = load.stop().await;
    rest(&url).await;

    let wrong = promises::broken(&url, &sim, &before, &processes.base, &ledger).await;
    println!(
        "crash test, seed {seed}: {} kills survived in {} s ({}), {} requests submitted, {} calls to EKS, {} violations; {}",
        processes.kills(),
        time.as_secs(),
        processes.told(),
        ledger.filed.len(),
        sim.calls().len(),
        wrong.broken.len(),
        wrong.figures,
    );
    for violation in &wrong.broken {
        println!("  {violation}");
    }
    assert!(wrong.broken.is_empty(), "{} promises were broken", wrong.broken.len());
    assert!(ledger.filed.len() >= 10 && processes.kills() >= 3, "that was no test");
}

/// Waits until nothing is under way and whatever has a time is over.
async fn rest(url: &str) {
    let deadline = Instant::now() + REST;
    let busy = "SELECT (SELECT count(*) FROM request WHERE state IN ('scheduled', 'applying', 'verifying', 'revoking')
                            OR state = 'active' AND expires_at IS NOT NULL)
                     + (SELECT count(*) FROM entry WHERE lease_until IS NOT NULL)";
    // Twice in a row: a lease is given back before the next look begins.
    let mut calm = 0;
    while calm < 2 {
        calm = if number(url, busy).await == 0 { calm + 1 } else { 0 };
        assert!(Instant::now() < deadline, "it does not come to rest: {} still under way", number(url, busy).await);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_are_killed_break_no_promise() {
    survive(Duration::from_secs(8), Duration::from_secs(1), 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes; make test-crash runs it"]
async fn processes_that_are_killed_for_longer_break_no_promise() {
    let seed = argument("seed", rand::random_range(2..1_000_000));
    survive(Duration::from_secs(argument("seconds", 60)), Duration::from_secs(1), seed).await;
}

//! EKS, the network and Postgres at their worst, with two workers at once: whatever is in force the whole time, everything that
//! was signed off comes about, everything that ends goes away, and the witness finds nothing to say.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use entryway::domain::ask::Ask;
use entryway::domain::states::RequestState;
use entryway::eks::aws::AwsEks;
use entryway::sandbox::postgres::{Postgres, PostgresOptions};
use entryway::sandbox::sim::{Knobs, Lag, Lags, Throttle, World};
use entryway::worker::{Pace, Worker};
use entryway::workflow::Desk;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use crate::harness::database::{connect, number};
use crate::harness::{Bed, pace, patient_eks, policy, view};
use crate::restarts::Halting;
use crate::witness::{Log, Terms, left_behind, read, truths};

/// Entries that live through each storm side by side.
const ENTRIES: usize = 5;

fn principal(number: usize) -> String {
    format!("arn:aws:iam::111122223333:role/storm-{number}")
}

fn ask(number: usize, second: bool) -> Ask {
    let mut ask = if second { policy("AmazonEKSEditPolicy", &["a", "b"]) } else { view("a") };
    ask.kubernetes_groups = vec![if second { "second" } else { "first" }.to_owned()];
    ask.principal_arn = principal(number);
    ask
}

fn inject(bed: &Bed, fault: Value) {
    bed.sim.inject(serde_json::from_value(fault).unwrap());
}

fn error(op: &str, probability: f64, applied: bool) -> Value {
    json!({ "op": op, "probability": probability, "action": {
        "kind": "error", "status": 500, "code": "ServerException", "message": "Internal error", "applied": applied } })
}

fn reset(op: &str, probability: f64, applied: bool) -> Value {
    json!({ "op": op, "probability": probability, "action": { "kind": "reset", "applied": applied } })
}

/// A worker with a pool of its own, as in another process.
fn worker(bed: &Bed, patience: Duration, pace: Pace) -> Worker<AwsEks> {
    let desk = Desk { store: connect(&bed.url, bed.desk.store.clock().clone()), ..bed.desk.clone() };
    Worker::new(desk, Arc::new(patient_eks(&bed.sim, patience)), pace)
}

/// One storm: a bed, how many entries live through it, two workers, and how long they wait for an answer.
struct Storm {
    name: &'static str,
    bed: Bed,
    entries: usize,
    workers: [Worker<AwsEks>; 2],
    patience: Duration,
}

impl Storm {
    async fn new(name: &'static str, knobs: Knobs) -> Self {
        let bed = Bed::with(World::default().knobs(knobs), |_| {}).await;
        Self::over(name, bed, Duration::from_secs(5))
    }

    fn over(name: &'static str, bed: Bed, patience: Duration) -> Self {
        let workers = [worker(&bed, patience, pace()), worker(&bed, patience, pace())];
        Self { name, workers, bed, entries: ENTRIES, patience }
    }

    /// Works until all of `ids` are in `state`.
    async fn until(&self, ids: &[Uuid], state: RequestState) {
        let list = ids.iter().map(|id| format!("'{id}'")).collect::<Vec<_>>().join(", ");
        let left = format!("SELECT count(*) FROM request WHERE id IN ({list}) AND state <> '{}'", state.as_str());
        for _ in 0..3_000 {
            // Without Postgres there is no looking for work; there will be.
            let _ = tokio::join!(self.workers[0].turn(), self.workers[1].turn());
            if self.patiently(&left).await == 0 {
                return;
            }
            let due = entryway::store::entries::next_due(&self.bed.desk.store, &[]).await.ok().flatten();
            let due = due.unwrap_or(TimeDelta::seconds(1));
            self.bed.pass(due.clamp(TimeDelta::milliseconds(500), TimeDelta::seconds(30)));
        }
        panic!("{}: never {state:?}: {:#?}", self.name, self.bed.get(ids[0]).await.request);
    }

    /// Lets time pass to where the first of those who wait goes on, again and again.
    async fn pass_for_whoever_waits(&self) {
        loop {
            tokio::time::sleep(Duration::from_millis(1)).await;
            if let Some(until) = self.bed.hands.next_wait() {
                self.bed.pass((until - self.bed.hands.now()).max(TimeDelta::zero()));
            }
        }
    }

    /// A number from Postgres, which may be away for a moment.
    async fn patiently(&self, query: &str) -> i64 {
        for _ in 0..400 {
            if let Ok(mut connection) = PgConnection::connect(&self.bed.url).await
                && let Ok(number) = sqlx::query_scalar(sqlx::AssertSqlSafe(query)).fetch_one(&mut connection).await
            {
                return number;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("{}: Postgres does not come back", self.name);
    }

    /// From nothing to two grants on each entry, and back to nothing.
    async fn live_through(&self) {
        let (mut first, mut second) = (vec![], vec![]);
        for number in 0..self.entries {
            first.push(self.bed.granted(ask(number, false)).await.id);
        }
        self.until(&first, RequestState::Active).await;
        for number in 0..self.entries {
            second.push(self.bed.granted(ask(number, true)).await.id);
        }
        self.until(&second, RequestState::Active).await;
        for id in &first {
            self.bed.revoke("bob", *id).await.unwrap();
        }
        self.until(&first, RequestState::Ended).await;
        for id in &second {
            self.bed.relinquish("alice", *id).await.unwrap();
        }
        self.until(&second, RequestState::Ended).await;
        self.clear_up(first.len() + second.len()).await;
    }

    /// The storm is over; whatever was still on its way arrives, is found, and then all is as it should be.
    async fn clear_up(&self, grants: usize) {
        let struck = self.bed.sim.calls().iter().filter(|call| call.fault.is_some()).count();
        let refused = self.bed.sim.calls().iter().filter(|call| call.status == Some(429)).count();
        self.bed.sim.heal();
        self.bed.sim.configure(|knobs| knobs.throttle = None);
        for _ in 0..4 {
            self.bed.pass(self.bed.desk.settings.tempo.drift_interval);
            self.bed.work().await;
        }
        let (book, calls, none) = (read(&self.bed.url).await, self.bed.sim.calls(), BTreeMap::new());
        let mut there = truths(&self.bed.sim.endpoint_url(), "dev").await;
        there.retain(|(_, principal), _| principal.contains("role/storm-"));
        assert_eq!(left_behind(&there, &book, &none, self.bed.hands.now()), Vec::<String>::new(), "{}", self.name);
        let at = |ms| self.bed.at(ms);
        // A caller waits from when it sends, the log counts from when the call arrives: on a busy machine that is some time later.
        let patience = i64::try_from(self.patience.as_millis()).unwrap() / 2;
        let terms = Terms { at: &at, slack: TimeDelta::zero(), patience, others: none };
        let log = Log::new(&calls, &book, &terms);
        assert_eq!(log.unaccounted(), Vec::<String>::new(), "{}", self.name);
        assert_eq!(log.unproven(3), Vec::<String>::new(), "{}", self.name);
        println!(
            "{}: {grants} grants on {} entries came and went, {} calls, {} of them writes, {struck} struck by a \
             fault, {refused} refused as too many",
            self.name,
            self.entries,
            calls.len(),
            log.write_count()
        );
    }
}

#[tokio::test]
async fn lost_answers() {
    let storm = Storm::new("answers lost after the effect, 30 %", Knobs::default()).await;
    inject(&storm.bed, error("*", 0.15, true));
    inject(&storm.bed, reset("*", 0.18, true));
    storm.live_through().await;
}

#[tokio::test]
async fn errors_and_resets() {
    let storm = Storm::new("5xx and resets before the effect, 30 %", Knobs::default()).await;
    inject(&storm.bed, error("*", 0.15, false));
    inject(&storm.bed, reset("*", 0.18, false));
    storm.live_through().await;
}

#[tokio::test]
async fn throttling() {
    // Not one call more than one a second, where two in a row would be the most natural thing.
    let throttle: Throttle = serde_json::from_value(json!({ "callsPerSecond": 1.0, "burst": 1.0 })).unwrap();
    let knobs = Knobs { throttle: Some(throttle), ..Knobs::default() };
    let mut storm = Storm::new("throttled to one call a second, with ten configured", knobs).await;
    // Turns are few, and each is a second's wait on the way.
    storm.entries = 2;
    let frugal = Pace { calls_per_second: 10, ..pace() };
    storm.workers = [worker(&storm.bed, storm.patience, frugal), worker(&storm.bed, storm.patience, frugal)];
    // Whoever waits for a turn does so by the clock of the test, and EKS counts by the same.
    storm.bed.hands.tell_waits();
    tokio::select! {
        () = storm.live_through() => {}
        () = storm.pass_for_whoever_waits() => {}
    }
    let calls = storm.bed.sim.calls();
    let refused = calls.iter().filter(|call| call.status == Some(429)).count();
    assert!(refused > 0, "that was no storm");
    assert!(refused * 2 < calls.len(), "{refused} of {} calls were one too many: nobody slowed down", calls.len());
}

#[tokio::test]
async fn lagging_reads() {
    let range = |max_ms| Lag::Range { min_ms: 0, max_ms };
    let lag = Lags {
        describe: range(15_000),
        policies: range(15_000),
        list: range(30_000),
        non_monotonic: true,
        ..Lags::default()
    };
    let storm =
        Storm::new("reads up to 15 s late, back and forth, lists 30 s", Knobs { lag, ..Knobs::default() }).await;
    storm.live_through().await;
}

#[tokio::test]
async fn reads_that_lag_longer_than_a_proof_takes() {
    let range = Lag::Range { min_ms: 0, max_ms: 30_000 };
    let lag = Lags { describe: range, policies: range, list: range, non_monotonic: true, ..Lags::default() };
    let storm = Storm::new("reads up to 30 s late, back and forth", Knobs { lag, ..Knobs::default() }).await;
    storm.live_through().await;
}

#[tokio::test]
async fn hanging_calls() {
    let bed = Bed::new().await;
    // The effect comes first and the answer never, or both come when nobody waits any more.
    for applied in [true, false] {
        inject(
            &bed,
            json!({ "op": "*Access*", "probability": 0.12, "action": { "kind": "hang", "ms": 1200, "applied": applied } }),
        );
    }
    Storm::over("calls that hang", bed, Duration::from_millis(500)).live_through().await;
}

#[tokio::test]
async fn a_poisoned_entry() {
    let storm = Storm::new("an entry that EKS never gets right", Knobs::default()).await;
    let mut poison = error("*", 1.0, false);
    poison["principalArn"] = json!(principal(0));
    inject(&storm.bed, poison);
    let mut all = vec![];
    for number in 0..ENTRIES {
        all.push(storm.bed.granted(ask(number, false)).await.id);
    }
    storm.until(&all[1..], RequestState::Active).await;
    assert_eq!(storm.bed.state(all[0]).await, RequestState::Applying, "it waits, and says for what");
    for id in &all {
        storm.bed.revoke("bob", *id).await.unwrap();
    }
    storm.until(&all[1..], RequestState::Ended).await;
    storm.bed.sim.heal();
    storm.until(&all, RequestState::Ended).await;
    storm.clear_up(all.len()).await;
}

/// Cuts every connection to the bed's database again and again, in the middle of whatever it does.
async fn cut(url: &str, cuts: &AtomicUsize) {
    let kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                 WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = 'entryway'
                   AND (state <> 'idle' OR random() < 0.2)";
    loop {
        tokio::time::sleep(Duration::from_millis(80)).await;
        cuts.fetch_add(usize::try_from(number(url, kill).await).unwrap(), Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_cut() {
    let storm = Storm::new("connections to Postgres cut, in transactions too", Knobs::default()).await;
    let cuts = AtomicUsize::new(0);
    let mut all = vec![];
    for number in 0..ENTRIES {
        all.push(storm.bed.granted(ask(number, false)).await.id);
    }
    tokio::select! {
        () = storm.until(&all, RequestState::Active) => {}
        () = cut(&storm.bed.url, &cuts) => {}
    }
    for id in &all {
        while storm.bed.revoke("bob", *id).await.is_err() {}
    }
    tokio::select! {
        () = storm.until(&all, RequestState::Ended) => {}
        () = cut(&storm.bed.url, &cuts) => {}
    }
    // The last of those that were cut may still lie in a pool.
    while storm.workers[0].turn().await.is_err()
        || storm.workers[1].turn().await.is_err()
        || storm.bed.worker.turn().await.is_err()
    {}
    storm.clear_up(all.len()).await;
    let cuts = cuts.into_inner();
    println!("  {cuts} connections were cut");
    assert!(cuts >= 5, "only {cuts} connections were cut");
}

/// Kills a process of Postgres' again and again, which makes all of it start anew.
async fn restart(url: &str, restarts: &AtomicUsize) {
    loop {
        tokio::time::sleep(Duration::from_millis(1_200)).await;
        let Ok(mut connection) = PgConnection::connect(url).await else { continue };
        let pid: Result<i32, _> = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut connection).await;
        let Ok(pid) = pid else { continue };
        let killed = std::process::Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap();
        restarts.fetch_add(usize::from(killed.success()), Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_restarted() {
    let postgres = Postgres::start(PostgresOptions::temporary()).await.unwrap();
    let url = postgres.url("postgres");
    let store = connect(&url, entryway::clock::Clock::database());
    store.migrate().await.unwrap();
    store.close().await;
    let bed = Bed::on(url.clone(), World::default(), |_| {}).await;
    let storm = Storm::over("Postgres restarted", bed, Duration::from_secs(5));
    let restarts = AtomicUsize::new(0);
    let mut all = vec![];
    for number in 0..ENTRIES {
        all.push(storm.bed.granted(ask(number, false)).await.id);
    }
    let storm_rages = async {
        storm.until(&all, RequestState::Active).await;
        for id in &all {
            while storm.bed.revoke("bob", *id).await.is_err() {}
        }
        storm.until(&all, RequestState::Ended).await;
        // As long as it takes to see some of it.
        while restarts.load(Ordering::SeqCst) < 2 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        () = storm_rages => {}
        () = restart(&url, &restarts) => pending().await,
    }
    storm.patiently("SELECT 1::bigint").await;
    while storm.bed.desk.store.ready().await.is_err() {}
    storm.clear_up(all.len()).await;
    println!("  Postgres was restarted {} times", restarts.into_inner());
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn zombies() {
    let storm = Storm::new("workers that come back after their lease", Knobs::default()).await;
    let mut zombies = 0;
    for (number, at) in (0..7).enumerate() {
        let id = storm.bed.granted(ask(number, number % 2 == 0)).await.id;
        for state in [RequestState::Active, RequestState::Ended] {
            let eks = Halting::new(&storm.bed, at);
            let zombie = Worker::new(storm.bed.desk.clone(), eks.clone(), pace());
            let work = tokio::spawn(async move { zombie.turn().await });
            while eks.held_up() == 0 && !work.is_finished() {
                tokio::task::yield_now().await;
            }
            zombies += eks.held_up();
            storm.bed.pass(storm.bed.desk.settings.lease);
            storm.until(&[id], state).await;
            eks.let_go();
            work.await.unwrap().unwrap();
            assert_eq!(storm.bed.state(id).await, state, "what it found out is dropped");
            if state == RequestState::Active {
                storm.bed.revoke("bob", id).await.unwrap();
            }
        }
    }
    storm.clear_up(7).await;
    println!("  {zombies} came back");
    assert!(zombies >= 8, "only {zombies} zombies");
}

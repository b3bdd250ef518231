//! Workers that die between every two steps of create, update and remove, many of them at each step, and workers that die at
//! any instant, in the middle of a transaction too.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use entryway::domain::ask::Ask;
use entryway::domain::states::RequestState;
use entryway::sandbox::sim::World;
use entryway::worker::{Pace, Worker};
use entryway::workflow::Desk;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use uuid::Uuid;

use crate::crash::argument;
use crate::harness::database::connect;
use crate::harness::{Bed, eks, pace, policy, view};
use crate::restarts::Halting;
use crate::witness::{Log, Terms, left_behind, read, truths};

/// Two policies and a group, for a second grant to change.
fn wide(principal: &str) -> Ask {
    let mut ask = policy("AmazonEKSEditPolicy", &["a"]);
    ask.access_policies.extend(view("b").access_policies);
    ask.kubernetes_groups = vec!["builders".to_owned()];
    ask.principal_arn = principal.to_owned();
    ask
}

/// What one more grant adds: a policy, and a group that takes an update.
fn more(principal: &str) -> Ask {
    let mut ask = policy("AmazonEKSAdminViewPolicy", &[]);
    ask.kubernetes_groups = vec!["watchers".to_owned()];
    ask.principal_arn = principal.to_owned();
    ask
}

/// The grants of one principal, with what is to become of each.
type Fate = Vec<(Uuid, RequestState)>;

async fn all_until(bed: &Bed, fates: &[Fate]) {
    for (id, state) in fates.iter().flatten() {
        bed.until(*id, *state).await;
    }
}

/// Brings `principals` to where they are about to be created, updated, narrowed or removed.
async fn prepare(bed: &Bed, phase: &str, principals: &[String]) -> Vec<Fate> {
    use RequestState::{Active, Ended};
    let mut fates: Vec<Fate> = vec![];
    for principal in principals {
        fates.push(vec![(bed.granted(wide(principal)).await.id, Active)]);
    }
    if phase == "create" {
        return fates;
    }
    if phase == "shrink" {
        for (principal, fate) in principals.iter().zip(&mut fates) {
            fate.push((bed.granted(more(principal)).await.id, Active));
        }
    }
    all_until(bed, &fates).await;
    for (principal, fate) in principals.iter().zip(&mut fates) {
        if phase == "update" {
            fate.push((bed.granted(more(principal)).await.id, Active));
        } else {
            bed.revoke("bob", fate[0].0).await.unwrap();
            fate[0].1 = Ended;
        }
    }
    fates
}

/// Kills a worker once it has come to its `at`-th halt with every one of `many` entries; answers whether it got that far.
async fn die_with_all(bed: &Bed, at: usize, many: usize) -> bool {
    let eks = Halting::new(bed, at);
    let doomed = Worker::new(bed.desk.clone(), eks.clone(), Pace { concurrency: many, ..pace() });
    let work = tokio::spawn(async move { doomed.turn().await });
    while eks.held_up() < many && !work.is_finished() {
        tokio::task::yield_now().await;
    }
    let died = eks.held_up() == many;
    work.abort();
    let _ = work.await;
    // Its leases have to run out before anybody may go on.
    bed.pass(bed.desk.settings.lease);
    died
}

/// Everything is as it should be: the states, the entries, and every write that it took.
async fn assert_whole(bed: &Bed, what: &str) {
    let (grants, calls) = (read(&bed.url).await, bed.sim.calls());
    let mut there = truths(&bed.sim.endpoint_url(), "dev").await;
    there.retain(|(_, principal), _| principal.contains("role/death-"));
    let none = BTreeMap::new();
    assert_eq!(left_behind(&there, &grants, &none, bed.hands.now()), Vec::<String>::new(), "{what}");
    let at = |ms| bed.at(ms);
    let terms = Terms { at: &at, slack: TimeDelta::zero(), patience: 5_000, others: none };
    let log = Log::new(&calls, &grants, &terms);
    assert_eq!(log.unaccounted(), Vec::<String>::new(), "{what}");
    assert_eq!(log.unproven(3), Vec::<String>::new(), "{what}");
}

async fn die_everywhere(times: usize) {
    let (mut deaths, mut points) = (0, 0);
    for phase in ["create", "update", "shrink", "remove"] {
        for at in 0.. {
            let bed = Bed::new().await;
            let principals: Vec<_> =
                (0..times).map(|number| format!("arn:aws:iam::111122223333:role/death-{number}")).collect();
            let fates = prepare(&bed, phase, &principals).await;
            if !die_with_all(&bed, at, times).await {
                break;
            }
            deaths += times;
            points += 1;
            all_until(&bed, &fates).await;
            assert_whole(&bed, &format!("{phase} {at}")).await;
            let creates = bed.writes().iter().filter(|op| *op == "CreateAccessEntry").count();
            assert_eq!(creates, times, "{phase} {at}: nothing harmful is repeated");
            for fate in &fates {
                let granted = bed.get(fate[0].0).await.request.grant;
                let length = granted.expires_at.unwrap() - granted.starts_at.unwrap();
                assert_eq!(length, TimeDelta::minutes(481), "{phase} {at}");
            }
        }
    }
    println!("workers killed {deaths} times: at {points} places between two steps, {times} times each");
    assert!(points >= 25, "only {points} places to die at");
}

#[tokio::test]
async fn workers_that_die_between_any_two_steps_lose_nothing() {
    die_everywhere(1).await;
}

#[tokio::test]
#[ignore = "takes minutes; make test-crash runs it"]
async fn workers_that_die_for_longer_between_any_two_steps_lose_nothing() {
    die_everywhere(usize::try_from(argument("deaths", 50)).unwrap()).await;
}

/// One life after another, each worked on by workers of which most die at an instant of their own.
async fn die_at_any_instant(lives: u64, seed: u64) {
    let mut rng = StdRng::seed_from_u64(seed);
    let bed = Bed::with(World::default(), |_| {}).await;
    let mut deaths = 0;
    for life in 0..lives {
        let principal = format!("arn:aws:iam::111122223333:role/death-{life}");
        let first = bed.granted(wide(&principal)).await.id;
        let mut second = None;
        for stage in 0..4 {
            match stage {
                1 => second = Some(bed.granted(more(&principal)).await.id),
                2 => _ = bed.revoke("bob", first).await.unwrap(),
                3 => _ = bed.relinquish("alice", second.unwrap()).await.unwrap(),
                _ => {}
            }
            for _ in 0..3 {
                let instant = Duration::from_micros(rng.random_range(200..40_000));
                let store = connect(&bed.url, bed.desk.store.clock().clone());
                let desk = Desk { store: store.clone(), ..bed.desk.clone() };
                let worker = Worker::new(desk, Arc::new(eks(&bed.sim)), pace());
                if tokio::time::timeout(instant, worker.turn()).await.is_err() {
                    deaths += 1;
                    bed.pass(bed.desk.settings.lease);
                }
                // Waits for all of its connections: whoever dies keeps none.
                store.close().await;
            }
            let state = if stage < 2 { RequestState::Active } else { RequestState::Ended };
            let id = if stage % 2 == 0 { first } else { second.unwrap() };
            bed.until(id, state).await;
            assert_whole(&bed, &format!("life {life}, stage {stage}, seed {seed}")).await;
        }
    }
    println!("workers killed {deaths} times at any instant, in {lives} lives, seed {seed}");
    assert!(deaths >= lives, "only {deaths} deaths");
}

#[tokio::test]
async fn workers_that_die_at_any_instant_lose_nothing() {
    die_at_any_instant(3, 1).await;
}

#[tokio::test]
#[ignore = "takes minutes; make test-crash runs it"]
async fn workers_that_die_for_longer_at_any_instant_lose_nothing() {
    die_at_any_instant(100, argument("seed", rand::random_range(2..1_000_000))).await;
}

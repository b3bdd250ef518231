//! A day without anybody at work: what has ended meanwhile goes first, and what should have begun and is too late does not
//! begin at all.

use std::time::Instant;

use chrono::TimeDelta;
use entryway::domain::ask::Ask;
use entryway::sandbox::sim::World;
use entryway::workflow::{Desk, Settings, submit};

use crate::crash::argument;
use crate::harness::database::number;
use crate::harness::{Bed, pace, start, view};

/// Asks that are let through without a sign-off, as many as there are to be.
async fn file(bed: &Bed, what: &str, many: u64, ask: impl Fn() -> Ask) {
    let names = (0..many).map(|number| format!("arn:aws:iam::111122223333:role/{what}-{number}"));
    let asks: Vec<_> = names.map(|principal_arn| Ask { principal_arn, ..ask() }).collect();
    for batch in asks.chunks(50) {
        submit::submit(&bed.desk, &bed.caller("alice"), batch.to_vec(), None).await.unwrap();
    }
}

/// Everything that is due now, however much that is.
async fn work(bed: &Bed) {
    while bed.worker.turn().await.unwrap() > 0 {}
}

fn lasting(duration: &str) -> Ask {
    Ask { duration: Some(duration.to_owned()), ..view("payments") }
}

async fn backlog(each: u64) {
    let change = |desk: &mut Desk| {
        let settings = Settings { max_pending_per_requester: 1_000_000, ..(*desk.settings).clone() };
        desk.settings = settings.into();
    };
    // EKS takes 3,000 entries a cluster; this is about more.
    let knobs = entryway::sandbox::sim::Knobs { entry_quota: 1_000_000, ..Default::default() };
    let bed = Bed::with(World::default().knobs(knobs), change).await;
    let began = Instant::now();
    // Ends within the day; begins within the hour, which is a day too late; begins right before everybody is back.
    file(&bed, "ends", each, || lasting("1h")).await;
    work(&bed).await;
    assert_eq!(number(&bed.url, "SELECT count(*) FROM request WHERE state = 'verifying'").await, signed(each));
    let starting = |minutes| move || Ask { start_at: Some(start() + TimeDelta::minutes(minutes)), ..lasting("2h") };
    file(&bed, "too-late", each, starting(30)).await;
    file(&bed, "late", each, starting(24 * 60)).await;
    let before = bed.sim.calls().len();

    bed.pass(TimeDelta::hours(25));
    work(&bed).await;
    let calls = bed.sim.calls().split_off(before);
    let writes: Vec<_> = calls.iter().filter(|call| call.applied).collect();
    let of = |op: &str| writes.iter().filter(|call| call.op == op).count();
    assert_eq!(of("DeleteAccessEntry"), usize::try_from(each).unwrap(), "everything that was over is gone");
    assert_eq!(of("CreateAccessEntry"), usize::try_from(each).unwrap(), "what is not too late begins");
    let principals = || writes.iter().filter_map(|call| call.principal_arn.as_deref());
    assert!(!principals().any(|principal| principal.contains("too-late")), "what is too late never does");
    let first = writes.iter().position(|call| call.op == "CreateAccessEntry").unwrap();
    let stragglers = writes[first..].iter().filter(|call| call.op == "DeleteAccessEntry").count();
    assert!(
        stragglers < pace().concurrency,
        "{stragglers} ends came after a start: more than were in hand at that moment"
    );
    let failed =
        "SELECT count(*) FROM request WHERE state = 'failed' AND last_error ->> 'code' = 'apply-deadline-passed'
                     AND starts_at IS NULL AND principal_arn LIKE '%too-late%'";
    assert_eq!(number(&bed.url, failed).await, signed(each));
    println!(
        "after a day of downtime: {each} expiries first, {each} starts made up for, {each} not, {:.1} s",
        began.elapsed().as_secs_f32()
    );
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_day_of_downtime_ends_come_first_and_starts_that_are_too_late_do_not_come() {
    backlog(30).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes; make test-crash runs it"]
async fn after_a_day_of_downtime_for_longer_ends_come_first() {
    backlog(argument("backlog", 2_000)).await;
}

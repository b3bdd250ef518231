//! The worker against a bare loop that makes the same calls to EKS with the same client, as many of them at once.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::{TEMPLATE, file_and_approve};
use crate::Result;
use crate::database::Database;
use crate::eks::{Bare, calls_about, hold_up};
use crate::fill::{Template, columns, id};
use crate::service::Roles;
use crate::settings::Settings;
use crate::stand::Stand;
use crate::table::Table;
use crate::versus::Versus;

/// How long EKS takes to answer, how many entries one turn then works on, and the budget. A real EKS takes 50 ms at the
/// very least; what the worker comes to when EKS takes no time at all is its own price alone, and only to be known.
const PACES: [(&str, Duration, u64, Option<f64>); 2] = [
    ("worker, EKS answering in 50 ms", Duration::from_millis(50), 320, Some(0.8)),
    ("worker, EKS answering at once", Duration::ZERO, 500, None),
];

/// The first principal of the worker, and that of the bare loop.
const OURS: u64 = 20_000_000;
const THEIRS: u64 = 30_000_000;

/// What is written for each entry, and the looks at it: one before, and one to prove it, which takes two calls.
const WRITES: [&str; 2] = ["CreateAccessEntry", "AssociateAccessPolicy"];
const READS: usize = 3;

/// How often to look whether all is done, and when to give up.
const LOOK_EVERY: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_secs(300);

/// One look proves, at once, so that both sides do the same.
const SETTINGS: Settings<'_> = Settings {
    verify: "reads = 1\ninterval = \"1ms\"\nsettle = \"0s\"",
    worker: "eks_calls_per_second = 10000\npoll_interval = \"100ms\"\ndrift_interval = \"1h\"",
    requests: "",
    slack: "",
};

pub(super) async fn run(stand: &Stand, table: &mut Table) -> Result<()> {
    let database = stand.database("worker").await?;
    let template = {
        let service = stand.serve(&database, Roles::Api, SETTINGS).await?;
        let approved = file_and_approve(&mut service.client().await?, TEMPLATE).await?;
        service.end().await?;
        Template::of(&database, approved).await?
    };
    let all = PACES.iter().map(|(_, _, entries, _)| entries * stand.args.rounds).sum::<u64>();
    let asleep = || Some(columns(&[("next_run_at", Value::Null)]));
    template.copy_with(&database, OURS..OURS + all, |_| (columns(&[]), asleep())).await?;
    database.run("VACUUM ANALYZE").await?;

    let service = stand.serve(&database, Roles::All, SETTINGS).await?;
    let bare = Bare::new(stand, &service)?;
    let mut next = OURS;
    for (what, latency, entries, budget) in PACES {
        if !latency.is_zero() {
            hold_up(stand, latency)?;
        }
        let first = next;
        next += entries * stand.args.rounds;
        let ours = async |round: u64| {
            let numbers = first + round * entries..first + (round + 1) * entries;
            work(&database, numbers.clone()).await?;
            Ok(pace(stand, numbers))
        };
        let theirs = async |round: u64| {
            let first = first - OURS + THEIRS + round * entries;
            bare.make(first..first + entries, &template.spec.content).await?;
            Ok(pace(stand, first..first + entries))
        };
        Versus { what, unit: "entries", budget }.run(stand, table, ours, theirs).await?;
        stand.sim.heal();
    }
    count(stand, table, OURS..next)?;
    service.end().await
}

/// Makes the entries due, and waits until all of them are proven.
async fn work(database: &Database, numbers: Range<u64>) -> Result<()> {
    let range = format!("id >= '{}' AND id < '{}'", id(numbers.start), id(numbers.end));
    let due = format!(
        "UPDATE entry SET next_run_at = now() WHERE principal_arn IN (SELECT principal_arn FROM request WHERE {range})"
    );
    database.run(&due).await?;
    let begun = Instant::now();
    while database.number(&format!("SELECT count(*) FROM request WHERE {range} AND state <> 'active'")).await? > 0 {
        if begun.elapsed() > PATIENCE {
            return Err("the worker is never done".into());
        }
        sleep(LOOK_EVERY).await;
    }
    Ok(())
}

/// Entries per second, from the first call about any of them to the last answer.
fn pace(stand: &Stand, numbers: Range<u64>) -> f64 {
    let entries = numbers.end - numbers.start;
    let calls = calls_about(stand, numbers);
    let first = calls.iter().map(|call| call.started_at).min().unwrap_or_default();
    let last = calls.iter().filter_map(|call| call.finished_at).max().unwrap_or_default();
    entries as f64 * 1000.0 / (last - first).max(1) as f64
}

/// Holds the number of calls against what the entries needed.
fn count(stand: &Stand, table: &mut Table, numbers: Range<u64>) -> Result<()> {
    let entries = usize::try_from(numbers.end - numbers.start)?;
    let mut by_name: BTreeMap<String, usize> = BTreeMap::new();
    for call in calls_about(stand, numbers) {
        *by_name.entry(call.op).or_default() += 1;
    }
    let writes: usize = WRITES.iter().filter_map(|name| by_name.get(*name)).sum();
    let all: usize = by_name.values().sum();
    let (needed, reads) = (entries * WRITES.len(), all - writes);
    table.figure("worker, writes to EKS", writes.to_string(), &format!("= {needed}"), writes == needed);
    let most = entries * READS;
    table.figure("worker, reads of EKS", reads.to_string(), &format!("≤ {most}"), reads <= most);
    table.note(format!("{entries} entries, a policy each: {by_name:?}"));
    Ok(())
}

//! From the approval to the first call to EKS, when there is nothing else to do.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use entryway::clock::Clock;
use rand::Rng;
use tokio::time::sleep;

use super::file;
use crate::Result;
use crate::calls::{approve, principal, read};
use crate::load::quantile;
use crate::service::Roles;
use crate::settings::Settings;
use crate::stand::Stand;
use crate::table::Table;

/// How many approvals are looked at.
const APPROVALS: u64 = 300;

/// The first principal; other sections of the same run have others.
const FIRST: u64 = 10_000_000;

/// Approvals come at no particular moment of the worker's rounds. In milliseconds.
const PAUSE: std::ops::Range<u64> = 20..220;

/// What half and what 99 of 100 approvals may take, in milliseconds.
const HALF: i64 = 30;
const NEARLY_ALL: i64 = 500;

/// Proof comes soon, so that the worker is idle again before the next approval.
const SETTINGS: Settings<'_> = Settings {
    verify: "reads = 1\ninterval = \"20ms\"\nsettle = \"0s\"",
    worker: "eks_calls_per_second = 10000",
    requests: "",
    slack: "",
};

pub(super) async fn run(stand: &Stand, table: &mut Table) -> Result<()> {
    let database = stand.database("wake").await?;
    let service = stand.serve(&database, Roles::All, SETTINGS).await?;
    let mut client = service.client().await?;
    let mut sent: BTreeMap<String, DateTime<Utc>> = BTreeMap::new();
    for n in FIRST..FIRST + APPROVALS {
        let id = file(&mut client, n).await?;
        sleep(Duration::from_millis(rand::rng().random_range(PAUSE))).await;
        sent.insert(principal(n), Clock::database().approximate());
        client.call(approve(id, n)).await?;
        let request = client.json(read(format!("/v1/requests/{id}?wait=30s&until=active"))).await?;
        if request["state"] != "active" {
            return Err(format!("never active: {request}").into());
        }
    }
    // The simulator notes whole milliseconds, so that each figure may be up to one too small.
    let mut millis: Vec<i64> = Vec::new();
    for call in stand.sim.calls() {
        let approved = call.principal_arn.and_then(|principal| sent.remove(&principal));
        millis.extend(approved.map(|at| call.started_at + 1 - at.timestamp_millis()));
    }
    millis.sort_unstable();
    for (share, of_a_thousand, budget) in [("half", 500, HALF), ("99 of 100", 990, NEARLY_ALL)] {
        let figure = quantile(&millis, of_a_thousand);
        let what = format!("approval to first EKS call, {share}");
        table.figure(&what, format!("{figure} ms"), &format!("≤ {budget} ms"), figure <= budget);
    }
    table.note(format!(
        "from the call's being sent; {} approvals, the slowest {} ms",
        millis.len(),
        quantile(&millis, 1000)
    ));
    service.end().await
}

//! 10,000 grants that expire within one minute, on an EKS that takes any number of calls: how late is the last one
//! taken back?

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use entryway::clock::Clock;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::{TEMPLATE, file_and_approve};
use crate::Result;
use crate::calls::{principal, read};
use crate::eks::{Bare, calls_about};
use crate::fill::{Template, columns, id};
use crate::load::quantile;
use crate::service::Roles;
use crate::settings::Settings;
use crate::stand::Stand;
use crate::table::Table;

/// How many grants, and within which time.
const GRANTS: u64 = 10_000;
const WITHIN: TimeDelta = TimeDelta::minutes(1);

/// When the first of them expires: once everything is in place.
const AHEAD: TimeDelta = TimeDelta::seconds(60);

/// The first principal.
const FIRST: u64 = 60_000_000;

/// The latest that the last one may be taken back, in milliseconds.
const BUDGET: i64 = 60_000;

/// How often to look whether all are gone, and when to give up.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(900);

/// The proof is the usual one; only the limit on calls is as good as none.
const SETTINGS: Settings<'_> = Settings { verify: "", worker: "eks_calls_per_second = 10000", requests: "", slack: "" };

pub(super) async fn run(stand: &Stand, table: &mut Table) -> Result<()> {
    let database = stand.database("expiry").await?;
    let service = stand.serve(&database, Roles::All, SETTINGS).await?;
    let mut client = service.client().await?;
    let approved = file_and_approve(&mut client, TEMPLATE).await?;
    let active = client.json(read(format!("/v1/requests/{approved}?wait=60s&until=active"))).await?;
    if active["state"] != "active" {
        return Err(format!("never active: {active}").into());
    }
    let template = Template::of(&database, approved).await?;
    let arns = Bare::new(stand, &service)?.make(FIRST..FIRST + GRANTS, &template.spec.content).await?;
    let lasts = template.spec.duration.ok_or("a grant without an end")?;
    let start = Clock::database().approximate() + AHEAD;
    let expiry = |n: u64| -> DateTime<Utc> {
        let place = i32::try_from(n - FIRST).unwrap_or_default();
        start + WITHIN * place / i32::try_from(GRANTS).unwrap_or(1)
    };
    let change = |n: u64| {
        let request = columns(&[("starts_at", json!(expiry(n) - lasts)), ("expires_at", json!(expiry(n)))]);
        let entry = columns(&[
            ("next_run_at", json!(expiry(n))),
            ("ends_at", json!(expiry(n))),
            ("access_entry_arn", json!(arns.get(&n))),
        ]);
        (request, Some(entry))
    };
    template.copy_with(&database, FIRST..FIRST + GRANTS, change).await?;
    database.run("ANALYZE").await?;
    if Clock::database().approximate() > start {
        return Err("making the grants took longer than the time until the first expires".into());
    }

    let range = format!("id >= '{}' AND id < '{}'", id(FIRST), id(FIRST + GRANTS));
    let (begun, left) = (Instant::now(), format!("SELECT count(*) FROM request WHERE {range} AND state <> 'ended'"));
    while database.number(&left).await? > 0 {
        if begun.elapsed() > PATIENCE {
            return Err("not all grants ended".into());
        }
        sleep(LOOK_EVERY).await;
    }
    let due: BTreeMap<_, _> = (FIRST..FIRST + GRANTS).map(|n| (principal(n), expiry(n).timestamp_millis())).collect();
    let deletes = calls_about(stand, FIRST..FIRST + GRANTS).into_iter().filter(|call| call.op == "DeleteAccessEntry");
    let mut late: Vec<i64> =
        deletes.filter_map(|call| Some(call.started_at - due.get(call.principal_arn.as_ref()?)?)).collect();
    late.sort_unstable();
    let last = quantile(&late, 1000);
    let kept = last <= BUDGET && late.len() as u64 == GRANTS;
    let what = format!("{GRANTS} grants expiring within a minute, the latest revoke");
    table.figure(&what, format!("{last} ms late"), &format!("≤ {BUDGET} ms"), kept);
    table.note(format!(
        "{} revokes, half of them within {} ms, 99 of 100 within {} ms; all proven gone {} s after the last expiry",
        late.len(),
        quantile(&late, 500),
        quantile(&late, 990),
        (Clock::database().approximate() - start - WITHIN).num_seconds()
    ));
    service.end().await
}

//! What one process holds when there is nothing to do, and how soon it is ready.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use crate::Result;
use crate::calls::submit;
use crate::load::Load;
use crate::service::{Roles, Service};
use crate::settings::Settings;
use crate::stand::Stand;
use crate::table::Table;
use crate::versus::median;

/// How long nothing happens before memory is looked at.
const REST: Duration = Duration::from_secs(10);

/// The most memory that an idle process should hold, in KiB.
const MEMORY: u64 = 40 * 1024;

/// The longest that a start should take.
const START: Duration = Duration::from_secs(1);

/// The first principal that the calls before the second look at memory are about.
const FIRST: u64 = 40_000_000;

pub(super) async fn run(stand: &Stand, table: &mut Table) -> Result<()> {
    let mut starts = [Vec::new(), Vec::new()];
    for round in 0..stand.args.rounds {
        let database = stand.database(&format!("idle_{round}")).await?;
        for times in &mut starts {
            let service = stand.serve(&database, Roles::All, Settings::default()).await?;
            times.push(service.ready_after.as_secs_f64());
            service.end().await?;
        }
    }
    for (what, times) in ["ready on an empty database", "ready"].into_iter().zip(&starts) {
        let time = Duration::from_secs_f64(median(times));
        table.figure(what, format!("{time:.0?}"), &format!("≤ {START:?}"), time <= START);
    }

    let database = stand.database("idle").await?;
    let settings = Settings { requests: "max_pending_per_requester = 100000", ..Settings::default() };
    let service = stand.serve(&database, Roles::All, settings).await?;
    sleep(REST).await;
    remember(table, "memory, idle", &service);
    let each = stand.args.calls;
    let mut load = Load::connect(&service, stand.args.clients).await?;
    load.closed(each, &(Arc::new(move |caller, place| submit(FIRST + caller * each + place)) as _)).await?;
    sleep(REST).await;
    remember(table, &format!("memory, idle after {} submits", each * stand.args.clients), &service);
    service.end().await
}

fn remember(table: &mut Table, what: &str, service: &Service) {
    let mib =
        |line: &str| service.memory(line).map_or_else(|| "unknown".to_owned(), |kib| format!("{} MiB", kib / 1024));
    let kept = service.memory("VmRSS").is_some_and(|kib| kib <= MEMORY);
    table.figure(what, mib("VmRSS"), &format!("≤ {} MiB", MEMORY / 1024), kept);
    table.note(format!("{} of its own, {} of the program's file", mib("RssAnon"), mib("RssFile")));
}

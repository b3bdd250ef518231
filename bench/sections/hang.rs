//! Whether people get their answers while EKS gives none.

use std::sync::Arc;
use std::time::Duration;

use super::{BACKGROUND, file_and_approve, fill_background};
use crate::Result;
use crate::calls::{get, submit};
use crate::eks::hold_up;
use crate::fill::id;
use crate::load::{Calls, Load, quantile};
use crate::service::Roles;
use crate::settings::Settings;
use crate::stand::Stand;
use crate::table::{Row, Table};

/// Approved requests that the worker is busy with: more than it has hands for.
const UNDER_WAY: u64 = 32;

/// Calls per second, half of them looks and half of them new requests, and for how long each turn.
const RATE: u32 = 100;
const LASTING: Duration = Duration::from_secs(5);

/// How long a hanging call hangs: longer than anybody waits.
const HANG: Duration = Duration::from_secs(600);

/// The first principal.
const FIRST: u64 = 50_000_000;

/// How far the numbers of one turn are from those of the next.
const TURN: u64 = 100_000;

/// What 99 of 100 answers may take.
const BUDGET: Duration = Duration::from_millis(500);

pub(super) async fn run(stand: &Stand, table: &mut Table) -> Result<()> {
    let database = stand.database("hang").await?;
    let settings = Settings { requests: "max_pending_per_requester = 100000", ..Settings::default() };
    let service = stand.serve(&database, Roles::All, settings).await?;
    let mut client = service.client().await?;
    fill_background(&database, &mut client, BACKGROUND).await?;
    let mut load = Load::connect(&service, stand.args.clients).await?;
    let mut latencies = [Vec::new(), Vec::new()];
    for turn in 0..2 * stand.args.rounds {
        let hangs = turn % 2 == 1;
        if hangs {
            hold_up(stand, HANG)?;
        }
        let first = FIRST + turn * TURN;
        for n in first..first + UNDER_WAY {
            file_and_approve(&mut client, n).await?;
        }
        let calls: Calls = Arc::new(move |caller, place| {
            let n = caller * 1_000 + place;
            if place % 2 == 0 { get(id(n * 7_919 % BACKGROUND)) } else { submit(first + UNDER_WAY + n) }
        });
        latencies[usize::from(hangs)].extend(load.open(RATE, LASTING, &calls).await?.latencies);
        stand.sim.heal();
    }
    latencies.iter_mut().for_each(|latencies| latencies.sort_unstable());
    let at = |hangs: bool, of_a_thousand| quantile(&latencies[usize::from(hangs)], of_a_thousand);
    let (hanging, well) = (at(true, 990), at(false, 990));
    table.add(Row {
        what: "answers while EKS hangs, 99 of 100".to_owned(),
        measured: format!("{hanging:.1?}"),
        reference: format!("{well:.1?}"),
        ratio: format!("{:.2}", hanging.as_secs_f64() / well.as_secs_f64()),
        budget: format!("≤ {BUDGET:?}"),
        kept: hanging <= BUDGET,
    });
    let halves = format!("half of them {:.1?} while it hangs, {:.1?} while it does not", at(true, 500), at(false, 500));
    table.note(format!("{RATE} calls per second, each timed from when it was due; {halves}"));
    service.end().await
}

//! Calls to the API against `pgbench` running what they say to Postgres.

use std::cell::RefCell;

use super::Result;
use super::database::Database;
use super::load::{Calls, Load};
use super::pgbench::Script;
use super::postgres_log::Statement;
use super::service::Service;
use super::stand::Stand;
use super::table::Table;
use super::versus::{Cost, Versus};

/// The share of a turn's calls that are made before anything counts.
const WARM_UP: u64 = 4;

/// The two sides.
pub(crate) struct Contest<'a> {
    pub(crate) stand: &'a Stand,
    pub(crate) database: &'a Database,
    pub(crate) service: &'a Service,
    pub(crate) script: &'a Script,
    pub(crate) what: &'a str,
    /// The least of `pgbench`'s rate that should come through, where anything is promised.
    pub(crate) budget: Option<f64>,
}

impl Contest<'_> {
    /// How many calls one turn makes.
    pub(crate) fn turn_of(stand: &Stand) -> u64 {
        stand.args.clients * stand.args.calls
    }

    /// The number that a turn's first call has: turns of either side, and the warm-up before them, share none.
    pub(crate) fn base(stand: &Stand, turn: u64) -> u64 {
        turn * Self::turn_of(stand)
    }

    /// How many turns there are at most, the warm-up included.
    pub(crate) fn turns(stand: &Stand) -> u64 {
        2 * stand.args.rounds + 1
    }

    /// Measures. `calls` makes the calls that begin with a number, `tidy` puts things in order before a turn.
    pub(crate) async fn run(
        &self,
        table: &mut Table,
        calls: impl Fn(u64) -> Calls,
        tidy: impl AsyncFn() -> Result<()>,
    ) -> Result<()> {
        let Self { stand, service, .. } = *self;
        let each = stand.args.calls;
        let mut load = Load::connect(service, stand.args.clients).await?;
        load.closed(each.div_ceil(WARM_UP), &calls(Self::base(stand, 0))).await?;
        let cost = RefCell::new(Cost::default());
        let ours = async |round: u64| {
            tidy().await?;
            let before = (service.cpu(), stand.postgres_cpu());
            let window = load.closed(each, &calls(Self::base(stand, 2 * round + 1))).await?;
            let mut cost = cost.borrow_mut();
            cost.add(0, before.0, service.cpu());
            cost.add(1, before.1, stand.postgres_cpu());
            cost.count(Self::turn_of(stand));
            Ok(window.per_second())
        };
        let theirs = async |round: u64| {
            tidy().await?;
            let before = stand.postgres_cpu();
            let rate = self.script.run(stand, self.database, each, Self::base(stand, 2 * round + 2)).await?;
            cost.borrow_mut().add(2, before, stand.postgres_cpu());
            Ok(rate)
        };
        Versus { what: self.what, unit: "calls", budget: self.budget }.run(stand, table, ours, theirs).await?;
        table.note(cost.into_inner().told());
        Ok(())
    }
}

/// What a call says to Postgres, in words.
pub(crate) fn told(statements: &[Statement]) -> String {
    let (frames, asked): (Vec<_>, Vec<_>) = statements.iter().partition(|statement| statement.is_frame());
    let names: Vec<_> = asked.iter().map(|statement| statement.name()).collect();
    let frames = if frames.is_empty() { "no transaction" } else { "one transaction" };
    format!("{} statements, {frames}: {}", names.len(), names.join(", "))
}

//! Two sides by turns. The figure is the median of the ratios of the rounds: what the machine does besides strikes both
//! sides of a round alike, and one bad round does not count.

use std::time::Duration;

use super::Result;
use super::load::quantile;
use super::stand::Stand;
use super::table::{Row, Table};

/// One comparison.
pub(crate) struct Versus<'a> {
    /// What is compared.
    pub(crate) what: &'a str,
    /// What either side does so many of.
    pub(crate) unit: &'a str,
    /// The least that the ratio should be; nothing where it is only to be known.
    pub(crate) budget: Option<f64>,
}

/// What either side came to, per round.
#[derive(Debug, Default)]
pub(crate) struct Rounds {
    ours: Vec<f64>,
    theirs: Vec<f64>,
}

impl Versus<'_> {
    /// Lets both sides have their turns, each as often as the stand is to; they answer how many they did per second.
    pub(crate) async fn run(
        &self,
        stand: &Stand,
        table: &mut Table,
        mut ours: impl AsyncFnMut(u64) -> Result<f64>,
        mut theirs: impl AsyncFnMut(u64) -> Result<f64>,
    ) -> Result<()> {
        let mut rounds = Rounds::default();
        for round in 0..stand.args.rounds {
            // Neither side always finds the other's leftovers.
            if round % 2 == 0 {
                rounds.ours.push(ours(round).await?);
                rounds.theirs.push(theirs(round).await?);
            } else {
                rounds.theirs.push(theirs(round).await?);
                rounds.ours.push(ours(round).await?);
            }
        }
        let (ratio, least, most) = rounds.ratio();
        let rate = |of: &[f64]| format!("{:.0} {}/s", median(of), self.unit);
        table.add(Row {
            what: self.what.to_owned(),
            measured: rate(&rounds.ours),
            reference: rate(&rounds.theirs),
            ratio: format!("{ratio:.2} ({least:.2}–{most:.2})"),
            budget: self.budget.map_or_else(String::new, |budget| format!("≥ {budget}")),
            kept: self.budget.is_none_or(|budget| ratio >= budget),
        });
        Ok(())
    }
}

impl Rounds {
    fn ratio(&self) -> (f64, f64, f64) {
        let ratios: Vec<_> = self.ours.iter().zip(&self.theirs).map(|(ours, theirs)| ours / theirs).collect();
        let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
        (median(&ratios), least, ratios.iter().copied().fold(0.0, f64::max))
    }
}

/// The middle one.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    quantile(&sorted, 500)
}

/// What was computed while something was done so many times, per time: what explains a ratio.
#[derive(Debug, Default)]
pub(crate) struct Cost {
    /// By the service, by Postgres for it, and by Postgres for the other side.
    spent: [Option<Duration>; 3],
    calls: u32,
}

impl Cost {
    /// Counts `spent` in, between two looks, for what stands at `place`.
    pub(crate) fn add(&mut self, place: usize, before: Option<Duration>, after: Option<Duration>) {
        let spent = before.zip(after).map(|(before, after)| after.saturating_sub(before));
        self.spent[place] = spent.map(|spent| spent + self.spent[place].unwrap_or_default());
    }

    /// Counts calls of either side in.
    pub(crate) fn count(&mut self, calls: u64) {
        self.calls += u32::try_from(calls).unwrap_or(u32::MAX);
    }

    /// In words.
    pub(crate) fn told(&self) -> String {
        let each = |place: usize| match self.spent[place] {
            Some(spent) => format!("{} µs", (spent / self.calls.max(1)).as_micros()),
            None => "unknown".to_owned(),
        };
        format!(
            "computing per call: {} in the service, {} in Postgres; {} in Postgres under pgbench",
            each(0),
            each(1),
            each(2)
        )
    }
}

//! What operators watch about Slack's calls. Each process tells of its own.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::Slack;

/// Upper ends of the buckets, in milliseconds. Slack gives up after 3000.
const BUCKETS: [u64; 6] = [50, 100, 250, 500, 1000, 3000];

/// Counts.
#[derive(Debug, Default)]
pub(super) struct Tally {
    forged: AtomicU64,
    replays: AtomicU64,
    answered: AtomicU64,
    millis: AtomicU64,
    buckets: [AtomicU64; BUCKETS.len()],
}

impl Tally {
    /// A call that was not Slack's.
    pub(super) fn forged(&self) {
        self.forged.fetch_add(1, Relaxed);
    }

    /// A call that came before.
    pub(super) fn replayed(&self) {
        self.replays.fetch_add(1, Relaxed);
    }

    /// A genuine call was answered after so long.
    pub(super) fn answered(&self, after: Duration) {
        let millis = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
        self.answered.fetch_add(1, Relaxed);
        self.millis.fetch_add(millis, Relaxed);
        for (bucket, end) in self.buckets.iter().zip(BUCKETS) {
            bucket.fetch_add(u64::from(millis <= end), Relaxed);
        }
    }
}

/// Adds the figures to `text`, in Prometheus' format.
pub(in crate::api) fn write(text: &mut String, slack: &Slack) {
    let tally = &slack.tally;
    let mut count = |name: &str, help: &str, value: &AtomicU64| {
        let value = value.load(Relaxed);
        let _ = writeln!(text, "# HELP entryway_slack_{name} {help}\n# TYPE entryway_slack_{name} counter");
        let _ = writeln!(text, "entryway_slack_{name} {value}");
    };
    count("signature_failures_total", "Calls in Slack's name that were not Slack's.", &tally.forged);
    count("replays_total", "Calls of Slack's that came more than once.", &tally.replays);
    let name = "entryway_slack_ack_seconds";
    let _ = writeln!(text, "# HELP {name} How long Slack waited for an answer.\n# TYPE {name} histogram");
    let seconds = |millis: u64| format!("{}.{:03}", millis / 1000, millis % 1000);
    for (bucket, end) in tally.buckets.iter().zip(BUCKETS) {
        let _ = writeln!(text, "{name}_bucket{{le=\"{}\"}} {}", seconds(end), bucket.load(Relaxed));
    }
    let all = tally.answered.load(Relaxed);
    let _ = writeln!(text, "{name}_bucket{{le=\"+Inf\"}} {all}");
    let _ = writeln!(text, "{name}_sum {}\n{name}_count {all}", seconds(tally.millis.load(Relaxed)));
}

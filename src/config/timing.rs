//! `[verify]`, `[worker]` and `[requests]`: how fast, how long, how much.

use std::time::Duration;

use chrono::TimeDelta;

use super::reader::Section;
use super::value::{flag, number, span, wait};

/// The least of a duration for which zero makes no sense.
const TICK: TimeDelta = TimeDelta::milliseconds(1);

/// How long an AWS operation may take unless said otherwise; a shorter lease shortens it.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(15);

/// `[verify]`: when an entry counts as proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verify {
    /// Agreeing reads in a row.
    pub reads: u32,
    /// The least time between two of them.
    pub interval: TimeDelta,
    /// The least time between the last write and the proof.
    pub settle: TimeDelta,
    /// After this long, verifying raises an alert event, and goes on.
    pub deadline: TimeDelta,
    /// How long after a write a read that disagrees counts as "not visible yet" and not as drift.
    pub visibility: TimeDelta,
}

impl Verify {
    pub(super) fn read(s: &mut Section<'_>) -> Self {
        Self {
            reads: s.or("reads", 3, number(1..=100)),
            interval: s.or("interval", TimeDelta::seconds(2), span(TICK)),
            settle: s.or("settle", TimeDelta::seconds(15), span(TimeDelta::zero())),
            deadline: s.or("deadline", TimeDelta::minutes(5), span(TICK)),
            visibility: s.or("visibility", TimeDelta::seconds(60), span(TimeDelta::zero())),
        }
    }
}

/// `[worker]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worker {
    /// Entries of one cluster that this process works on at once.
    pub concurrency: usize,
    /// How long a claim on an entry holds without being renewed, by the database's clock.
    pub lease: TimeDelta,
    /// How long an idle worker waits before it looks for work that no notification told it of.
    pub poll_interval: Duration,
    /// How often an active entry is read again.
    pub drift_interval: TimeDelta,
    /// After this long without success a grant fails.
    pub apply_deadline: TimeDelta,
    /// How long "invalid principal" may mean that IAM has not told EKS of a new principal yet.
    pub fresh_principal_grace: TimeDelta,
    /// The most calls per second, account and region.
    pub eks_calls_per_second: u32,
    /// How long one AWS operation may take, retries within it included.
    pub operation_timeout: Duration,
}

impl Worker {
    pub(super) fn read(s: &mut Section<'_>) -> Self {
        let lease = s.or("lease", TimeDelta::seconds(60), span(TICK));
        // Where only the lease is shortened, the calls under it are kept short enough.
        let patience = lease.to_std().map_or(OPERATION_TIMEOUT, |lease| OPERATION_TIMEOUT.min(lease / 3));
        let worker = Self {
            concurrency: s.or("concurrency", 16, number(1..=1_000)),
            lease,
            poll_interval: s.or("poll_interval", Duration::from_secs(5), wait),
            drift_interval: s.or("drift_interval", TimeDelta::minutes(10), span(TICK)),
            apply_deadline: s.or("apply_deadline", TimeDelta::hours(24), span(TICK)),
            fresh_principal_grace: s.or("fresh_principal_grace", TimeDelta::minutes(2), span(TimeDelta::zero())),
            eks_calls_per_second: s.or("eks_calls_per_second", 10, number(1..=10_000)),
            operation_timeout: s.or("operation_timeout", patience, wait),
        };
        // A lease that can run out during a call would let a second worker write to the same entry.
        if worker.lease.to_std().is_ok_and(|lease| lease <= worker.operation_timeout * 2) {
            let timeout = worker.operation_timeout.as_millis();
            s.wrong("lease", format!("must be more than twice worker.operation_timeout ({timeout}ms); raise it"));
        }
        worker
    }
}

/// `[requests]`: limits on what may be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requests {
    /// An undecided request lapses after this.
    pub pending_ttl: TimeDelta,
    /// The longest `duration`.
    pub max_duration: TimeDelta,
    /// Whether `duration` may be left out.
    pub allow_permanent: bool,
    /// The farthest `startAt`.
    pub max_start_ahead: TimeDelta,
    /// Undecided requests that one requester may have.
    pub max_pending_per_requester: u32,
    /// Whether a reason must be given.
    pub reason_required: bool,
    /// The longest `duration` with `breakGlass`.
    pub break_glass_max: TimeDelta,
}

impl Requests {
    pub(super) fn read(s: &mut Section<'_>) -> Self {
        Self {
            pending_ttl: s.or("pending_ttl", TimeDelta::hours(72), span(TICK)),
            max_duration: s.or("max_duration", TimeDelta::days(7), span(TICK)),
            allow_permanent: s.or("allow_permanent", true, flag),
            max_start_ahead: s.or("max_start_ahead", TimeDelta::days(30), span(TimeDelta::zero())),
            max_pending_per_requester: s.or("max_pending_per_requester", 50, number(1..=100_000)),
            reason_required: s.or("reason_required", true, flag),
            break_glass_max: s.or("break_glass_max", TimeDelta::hours(1), span(TICK)),
        }
    }
}

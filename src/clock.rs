//! The time. In production the database tells it, so that any number of processes agree about leases and expiry
//! whatever their own clocks say; in tests somebody sets it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};

/// Where statements take the time from: they say `coalesce($now, now())`, with [`Clock::sql`] for `$now`.
#[derive(Debug, Clone)]
pub struct Clock(Option<ManualClock>);

impl Clock {
    /// The database's own clock.
    #[must_use]
    pub const fn database() -> Self {
        Self(None)
    }

    /// A clock that stands still at `start` until its other half is moved.
    #[must_use]
    pub fn manual(start: DateTime<Utc>) -> (Self, ManualClock) {
        let hands = ManualClock(Arc::new(AtomicI64::new(start.timestamp_micros())));
        (Self(Some(hands.clone())), hands)
    }

    /// What to bind for `$now`: nothing where the database decides.
    #[must_use]
    pub fn sql(&self) -> Option<DateTime<Utc>> {
        self.0.as_ref().map(ManualClock::now)
    }

    /// The time for what is only shown, such as which buttons a person has: this machine's, unless somebody set the
    /// clock. Nothing that is stored may depend on it.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the home of the time")]
    pub fn approximate(&self) -> DateTime<Utc> {
        self.sql().unwrap_or_else(Utc::now)
    }
}

/// The hands of a clock made by [`Clock::manual`]; every clone of that clock follows. It counts microseconds, as
/// Postgres does, so that an instant comes back from the database as it went in.
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    /// The time it shows.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0.load(Ordering::SeqCst)).expect("set from an instant, moved within range")
    }

    /// Moves it forward, or back by a negative `by`.
    ///
    /// # Panics
    /// Beyond the years that an instant can tell (some 262,000 either way).
    pub fn advance(&self, by: TimeDelta) {
        let by = by.num_microseconds().expect("a step within 292,000 years");
        self.0.fetch_add(by, Ordering::SeqCst);
    }

    /// Sets it.
    pub fn set(&self, to: DateTime<Utc>) {
        self.0.store(to.timestamp_micros(), Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_decides_unless_somebody_set_the_clock() {
        assert_eq!(Clock::database().sql(), None);

        let start: DateTime<Utc> = "2026-01-31T23:59:59.123456789Z".parse().expect("an instant");
        let (clock, hands) = Clock::manual(start);
        let clone = clock.clone();
        let shown: DateTime<Utc> = "2026-01-31T23:59:59.123456Z".parse().expect("an instant");
        assert_eq!(clock.sql(), Some(shown), "to the microsecond, as Postgres keeps it");

        hands.advance(TimeDelta::seconds(1));
        assert_eq!(clone.sql(), Some(shown + TimeDelta::seconds(1)), "clones follow");
        hands.set(shown);
        assert_eq!((clone.sql(), hands.now()), (Some(shown), shown));
    }
}

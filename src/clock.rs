//! The time. In production the database tells it, so that any number of processes agree about leases and expiry
//! whatever their own clocks say; in tests somebody sets it.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Notify;

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
        let hands = ManualClock(Arc::default());
        hands.set(start);
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
    pub fn approximate(&self) -> DateTime<Utc> {
        self.sql().unwrap_or_else(Self::machine)
    }

    /// What this machine's clock shows, whoever sets the other: only for holding the two against each other.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the home of the time")]
    pub fn machine() -> DateTime<Utc> {
        Utc::now()
    }
}

impl Clock {
    /// Waits for `time` to pass: on this machine's clock, or on one that somebody sets and that waits are told by
    /// ([`ManualClock::tell_waits`]).
    pub async fn sleep(&self, time: TimeDelta) {
        match self.0.as_ref().and_then(|hands| hands.wait(time)) {
            None => tokio::time::sleep(time.to_std().unwrap_or_default()).await,
            Some(wait) => wait.over().await,
        }
    }
}

/// The hands of a clock made by [`Clock::manual`]; every clone of that clock follows. It counts microseconds, as
/// Postgres does, so that an instant comes back from the database as it went in.
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<Hands>);

type Waits = BTreeSet<(DateTime<Utc>, u64)>;

#[derive(Debug, Default)]
struct Hands {
    micros: AtomicI64,
    moved: Notify,
    /// When whoever waits goes on, with a number of its own; `None` where they wait by the machine's clock.
    waits: Mutex<Option<Waits>>,
    waited: AtomicU64,
}

impl Hands {
    fn waits(&self) -> MutexGuard<'_, Option<Waits>> {
        self.waits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody who waits for the hands to move.
struct Wait {
    hands: ManualClock,
    until: (DateTime<Utc>, u64),
}

impl Wait {
    async fn over(self) {
        loop {
            let moved = self.hands.0.moved.notified();
            if self.hands.now() >= self.until.0 {
                return;
            }
            moved.await;
        }
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        if let Some(waits) = self.hands.0.waits().as_mut() {
            waits.remove(&self.until);
        }
    }
}

impl ManualClock {
    /// The time it shows.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0.micros.load(Ordering::SeqCst))
            .expect("set from an instant, moved within range")
    }

    /// Has waits ([`Clock::sleep`]) told by this clock from now on: they are over when somebody has moved it so far.
    pub fn tell_waits(&self) {
        self.0.waits().get_or_insert_default();
    }

    /// When the first of those goes on who wait for this clock.
    #[must_use]
    pub fn next_wait(&self) -> Option<DateTime<Utc>> {
        self.0.waits().as_ref()?.first().map(|(until, _)| *until)
    }

    fn wait(&self, time: TimeDelta) -> Option<Wait> {
        let mut waits = self.0.waits();
        let until = (self.now() + time, self.0.waited.fetch_add(1, Ordering::SeqCst));
        waits.as_mut()?.insert(until);
        Some(Wait { hands: self.clone(), until })
    }

    /// Moves it forward, or back by a negative `by`.
    ///
    /// # Panics
    /// Beyond the years that an instant can tell (some 262,000 either way).
    pub fn advance(&self, by: TimeDelta) {
        let by = by.num_microseconds().expect("a step within 292,000 years");
        self.0.micros.fetch_add(by, Ordering::SeqCst);
        self.0.moved.notify_waiters();
    }

    /// Sets it.
    pub fn set(&self, to: DateTime<Utc>) {
        self.0.micros.store(to.timestamp_micros(), Ordering::SeqCst);
        self.0.moved.notify_waiters();
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

    #[tokio::test]
    async fn waits_go_by_the_clock_that_tells_them_first_things_first() {
        let (clock, hands) = Clock::manual(DateTime::UNIX_EPOCH);
        clock.sleep(TimeDelta::zero()).await;
        assert_eq!(hands.next_wait(), None, "this machine's clock does until somebody says otherwise");
        hands.tell_waits();
        let order = Mutex::new(vec![]);
        let wait = async |seconds: i64| {
            clock.sleep(TimeDelta::seconds(seconds)).await;
            order.lock().expect("nobody panics").push(seconds);
        };
        let drive = async {
            while let Some(until) = hands.next_wait() {
                hands.set(until);
                tokio::task::yield_now().await;
            }
        };
        tokio::join!(wait(3_600), wait(60), drive);
        assert_eq!(order.into_inner().expect("nobody panics"), [60, 3_600]);
    }
}

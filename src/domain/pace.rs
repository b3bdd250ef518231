//! How fast EKS may be called: so many calls per second for each account and region, fewer as soon as AWS says that it
//! was too many, and gradually more again. One bucket of turns, which all processes take from.

use chrono::{DateTime, TimeDelta, Utc};

/// The slowest it gets, in calls per second: access that should end must still end.
const SLOWEST: f64 = 0.5;

/// By how much the rate grows with each second that AWS does not complain: by a part of what it is, so that whatever AWS really
/// allows, seldom is a call one too many. From the slowest to ten calls per second takes half a minute.
const RECOVERY: f64 = 0.1;

/// How much a second in which nobody called counts for that: AWS had nothing to complain about.
const IDLE: f64 = 0.1;

/// AWS says "too many" to every call that was under way; that is one reason to slow down, not as many as there were calls.
const ONE_COMPLAINT: TimeDelta = TimeDelta::seconds(1);

/// For how long ahead a process may take turns at once, so that it does not ask for each.
const SHARE: TimeDelta = TimeDelta::milliseconds(200);

/// Turns to call EKS in one account and region.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    /// Calls per second at present.
    pub rate: f64,
    /// Turns left at [`Bucket::filled_at`]; negative when some were taken on credit. One second's worth at most.
    pub turns: f64,
    /// When the turns were last counted.
    pub filled_at: DateTime<Utc>,
    /// When AWS last said that it was too many.
    pub slowed_at: Option<DateTime<Utc>>,
}

/// What somebody wants of a bucket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Demand {
    /// Turns that are needed, all or none.
    pub calls: f64,
    /// Calls per second when AWS has no complaint.
    pub full_rate: f64,
    /// How long one is ready to wait for them.
    pub patience: TimeDelta,
}

/// Turns that were taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Taken {
    /// At least as many as were needed; more where there were plenty, for the next calls of the same process.
    pub turns: f64,
    /// How long to wait before using them.
    pub wait: TimeDelta,
    /// When AWS had last complained. If it does so while one waits, the turn does not come: everybody queues anew.
    pub slowed_at: Option<DateTime<Utc>>,
}

fn seconds(span: TimeDelta) -> f64 {
    span.as_seconds_f64().max(0.0)
}

fn span(seconds: f64) -> TimeDelta {
    // Rounded up, so that whoever waits does not come a moment too early.
    #[expect(clippy::cast_possible_truncation, reason = "`as` saturates; centuries are long enough")]
    TimeDelta::milliseconds((seconds * 1000.0).ceil() as i64)
}

impl Bucket {
    /// A bucket that nobody took from yet.
    #[must_use]
    pub fn full(full_rate: f64, now: DateTime<Utc>) -> Self {
        Self { rate: full_rate, turns: full_rate.max(1.0), filled_at: now, slowed_at: None }
    }

    /// Takes what `demand` needs, on credit if need be.
    ///
    /// # Errors
    /// How long the wait would be, when it is longer than the patience; then nothing is taken.
    pub fn take(&mut self, demand: Demand, now: DateTime<Utc>) -> Result<Taken, TimeDelta> {
        self.fill(demand.full_rate, now);
        let wait = span(((demand.calls - self.turns) / self.rate).max(0.0));
        if wait > demand.patience {
            return Err(wait);
        }
        let share = (self.rate * seconds(SHARE)).floor();
        let turns = if self.turns >= share { share.max(demand.calls) } else { demand.calls };
        self.turns -= turns;
        Ok(Taken { turns, wait, slowed_at: self.slowed_at })
    }

    /// AWS said that it was too many: half as fast from now on, and what was saved up is gone. So are the turns that somebody
    /// waits for, which were given out at the old rate.
    pub fn slow_down(&mut self, full_rate: f64, now: DateTime<Utc>) {
        self.fill(full_rate, now);
        if self.slowed_at.is_none_or(|at| now - at >= ONE_COMPLAINT) {
            self.rate = (self.rate / 2.0).max(SLOWEST.min(full_rate));
            self.slowed_at = Some(now);
            self.turns = 0.0;
        }
        self.turns = self.turns.min(0.0);
    }

    fn fill(&mut self, full_rate: f64, now: DateTime<Utc>) {
        let passed = seconds(now - self.filled_at);
        self.turns = (self.turns + passed * self.rate).min(self.rate.max(1.0));
        let tried = passed.min(1.0) + (passed - 1.0).max(0.0) * IDLE;
        self.rate = (self.rate * (1.0 + RECOVERY).powf(tried)).min(full_rate);
        self.filled_at = self.filled_at.max(now);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(millis: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::milliseconds(millis)
    }

    fn one(full_rate: f64, patience: i64) -> Demand {
        Demand { calls: 1.0, full_rate, patience: TimeDelta::milliseconds(patience) }
    }

    #[test]
    fn a_second_of_calls_is_free_and_then_each_waits_its_turn() {
        let mut bucket = Bucket::full(4.0, at(0));
        let mut take = || bucket.take(one(4.0, 400), at(0)).map(|taken| taken.wait.num_milliseconds());
        let waits: Vec<_> = (0..5).map(|_| take()).collect();
        assert_eq!(waits, [Ok(0), Ok(0), Ok(0), Ok(0), Ok(250)]);
        for _ in 0..2 {
            assert_eq!(take(), Err(TimeDelta::milliseconds(500)), "nobody waits longer than they like, or pays for it");
        }
    }

    #[test]
    fn where_there_are_plenty_one_takes_a_share_for_later() {
        let mut bucket = Bucket::full(1000.0, at(0));
        assert_eq!(bucket.take(one(1000.0, 0), at(0)).map(|taken| taken.turns), Ok(200.0));
        let mut slow = Bucket::full(1.0, at(0));
        assert_eq!(slow.take(one(1.0, 0), at(0)).map(|taken| taken.turns), Ok(1.0));
    }

    #[test]
    fn complaints_halve_the_rate_once_a_second_down_to_a_floor_and_time_brings_it_back() {
        let mut bucket = Bucket::full(10.0, at(0));
        for _ in 0..16 {
            bucket.slow_down(10.0, at(0));
        }
        assert_eq!((bucket.rate, bucket.turns), (5.0, 0.0), "sixteen calls under way are one complaint");
        for second in 1..30 {
            bucket.slow_down(10.0, at(second * 1000));
        }
        assert!(bucket.rate < 1.1, "{bucket:?}");
        let mut idle = bucket;
        for second in 30..=61 {
            _ = bucket.take(one(10.0, 0), at(second * 1000));
        }
        assert_eq!(bucket.rate, 10.0);
        idle.take(one(10.0, 0), at(61_000)).unwrap();
        assert!(idle.rate < 1.0, "nobody has tried: {idle:?}");
        idle.take(one(10.0, 0), at(400_000)).unwrap();
        assert_eq!(idle.rate, 10.0);
    }

    #[test]
    fn a_complaint_voids_the_turns_that_somebody_waits_for() {
        let mut bucket = Bucket::full(1.0, at(0));
        let patient = one(1.0, 60_000);
        let waiting: Vec<_> = (0..30).map(|_| bucket.take(patient, at(0)).unwrap()).collect();
        assert_eq!(waiting[29].wait, TimeDelta::seconds(29));
        bucket.slow_down(1.0, at(500));
        assert_ne!(waiting[29].slowed_at, bucket.slowed_at, "so whoever waits can tell");
        let first = bucket.take(patient, at(500)).unwrap();
        assert_eq!(
            (first.wait, first.slowed_at),
            (TimeDelta::seconds(2), Some(at(500))),
            "first in a new, slower queue"
        );
    }

    #[test]
    fn whatever_aws_allows_few_calls_are_too_many() {
        for allowed in [1.0, 2.0, 5.0] {
            let (mut bucket, mut tokens, mut last) = (Bucket::full(10.0, at(0)), 1.0_f64, 0);
            let (mut now, mut made, mut refused) = (0, 0, 0);
            while now < 600_000 {
                let Taken { wait, .. } = bucket.take(one(10.0, 10_000), at(now)).unwrap();
                now += wait.num_milliseconds().max(1);
                tokens = (tokens + seconds(TimeDelta::milliseconds(now - last)) * allowed).min(1.0);
                (last, made) = (now, made + 1);
                if tokens >= 1.0 {
                    tokens -= 1.0;
                } else {
                    refused += 1;
                    bucket.slow_down(10.0, at(now));
                }
            }
            assert!(refused * 4 < made, "{refused} of {made} calls were refused where {allowed} a second are allowed");
            assert!(f64::from(made - refused) > 600.0 * allowed * 0.5, "{made} calls, {refused} refused: too slow");
        }
    }

    #[test]
    fn a_rate_below_the_floor_is_left_alone() {
        let mut bucket = Bucket::full(0.1, at(0));
        bucket.slow_down(0.1, at(0));
        assert_eq!(bucket.rate, 0.1);
    }

    #[test]
    fn a_clock_that_steps_back_gives_nothing_twice() {
        let mut bucket = Bucket::full(1.0, at(10_000));
        bucket.take(one(1.0, 0), at(10_000)).unwrap();
        assert!(bucket.take(one(1.0, 1_000), at(0)).is_ok_and(|taken| taken.wait == TimeDelta::seconds(1)));
        assert_eq!(bucket.filled_at, at(10_000));
    }

    proptest! {
        #[test]
        fn over_any_stretch_no_more_turns_come_due_than_the_rate_and_one_second_allow(gaps in prop::collection::vec(0i64..400, 1..200)) {
            let (mut bucket, mut now, mut used) = (Bucket::full(5.0, at(0)), 0, 0.0);
            for gap in gaps {
                now += gap;
                if let Ok(taken) = bucket.take(one(5.0, 2_000), at(now)) {
                    used += taken.turns;
                    let due = at(now) + taken.wait;
                    let allowed = 5.0 + 5.0 * seconds(due - at(0));
                    prop_assert!(used <= allowed + 1e-6, "{used} turns by {due}, {allowed} allowed");
                }
            }
        }
    }
}

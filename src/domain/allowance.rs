//! How often somebody may call: so many calls at once, earned back evenly over a window of time. Each process keeps accounts of
//! its own, and tells the account that all of them share only once in a share of calls, so that hardly any call waits for that.
//!
//! It is the generic cell rate algorithm: all there is to know of somebody is when what they have used up will have been earned
//! back. Over any window, all processes together let through the allowance, what is earned meanwhile, and a share for each.

use chrono::{DateTime, TimeDelta, Utc};

/// A process tells the others of its calls in so many parts of the allowance.
const SHARES: u32 = 20;

/// So many calls in so much time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Calls, at least one.
    calls: u32,
    /// The time in which all of them are earned back.
    window: TimeDelta,
}

impl Allowance {
    /// `calls` in a minute; `None` where there are none, which stands for any number.
    #[must_use]
    pub fn per_minute(calls: u32) -> Option<Self> {
        (calls > 0).then_some(Self { calls, window: TimeDelta::minutes(1) })
    }

    /// The calls.
    #[must_use]
    pub const fn calls(self) -> u32 {
        self.calls
    }

    /// The time in which they are earned back.
    #[must_use]
    pub const fn window(self) -> TimeDelta {
        self.window
    }

    /// How long it takes to earn `calls` back, to the microsecond.
    #[must_use]
    pub fn price(self, calls: u32) -> TimeDelta {
        let window = self.window.num_microseconds().unwrap_or(i64::MAX);
        TimeDelta::microseconds((window / i64::from(self.calls)).max(1).saturating_mul(i64::from(calls)))
    }

    /// How many calls a process lets through before it tells the others of them.
    const fn share(self) -> u32 {
        if self.calls < SHARES { 1 } else { self.calls / SHARES }
    }
}

/// What one process knows of how often somebody has called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    /// When what was used up will have been earned back.
    full_at: DateTime<Utc>,
    /// Calls of this process that the others have not been told of.
    untold: u32,
}

/// How somebody stands after a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Calls that are left at once.
    pub left: u32,
    /// How long until all are there again or, where the call was too many, until there is one.
    pub wait: TimeDelta,
}

impl Account {
    /// Of somebody who has not called yet.
    #[must_use]
    pub const fn new(now: DateTime<Utc>) -> Self {
        Self { full_at: now, untold: 0 }
    }

    /// Brings the account up to `now`. A clock that was set back locks nobody out for long.
    fn settle(&mut self, allowance: Allowance, now: DateTime<Utc>) {
        self.full_at = self.full_at.max(now).min(now + allowance.window * 2);
    }

    /// The calls to tell the others of, when it is time to; they count as told. However long ago they were: somebody who
    /// calls each process as often as they may, and no more, calls all of them together too often.
    pub fn tell(&mut self, allowance: Allowance) -> Option<u32> {
        (self.untold >= allowance.share()).then(|| std::mem::take(&mut self.untold))
    }

    /// All processes together were told of calls that take `owed` to be earned back.
    pub fn hear(&mut self, owed: TimeDelta, allowance: Allowance, now: DateTime<Utc>) {
        self.full_at = self.full_at.max(now + owed + allowance.price(self.untold));
        self.settle(allowance, now);
    }

    /// Lets a call through and counts it.
    ///
    /// # Errors
    /// When it is one too many; then it does not count.
    pub fn spend(&mut self, allowance: Allowance, now: DateTime<Utc>) -> Result<Standing, Standing> {
        self.settle(allowance, now);
        let owed = self.full_at - now + allowance.price(1);
        // What a call costs is rounded down, and the allowance has to have room for all of its calls and no more.
        let room = allowance.price(allowance.calls);
        if owed > room {
            return Err(Standing { left: 0, wait: owed - room });
        }
        self.full_at = now + owed;
        self.untold += 1;
        let left =
            (room - owed).num_microseconds().unwrap_or_default() / allowance.price(1).num_microseconds().unwrap_or(1);
        Ok(Standing { left: u32::try_from(left).unwrap_or_default(), wait: owed })
    }

    /// Whether everything is earned back, so that forgetting the account makes no difference to speak of.
    #[must_use]
    pub fn is_full(&self, now: DateTime<Utc>) -> bool {
        self.full_at <= now
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(millis: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::milliseconds(millis)
    }

    fn allowance(calls: u32) -> Allowance {
        Allowance::per_minute(calls).expect("more than none")
    }

    #[test]
    fn so_many_at_once_and_then_one_by_one() {
        let (mut account, six) = (Account::new(at(0)), allowance(6));
        let left: Vec<_> = (0..6).map(|_| account.spend(six, at(0)).map(|standing| standing.left)).collect();
        assert_eq!(left, [Ok(5), Ok(4), Ok(3), Ok(2), Ok(1), Ok(0)]);
        let refused = Err(Standing { left: 0, wait: TimeDelta::seconds(10) });
        assert_eq!(account.spend(six, at(0)), refused);
        assert_eq!(account.spend(six, at(0)), refused, "being refused costs nothing");
        assert!(account.spend(six, at(9_999)).is_err());
        assert_eq!(account.spend(six, at(10_000)).map(|standing| standing.left), Ok(0));
        assert_eq!(account.spend(six, at(80_000)).map(|standing| standing.left), Ok(5), "no more than all is earned");
    }

    #[test]
    fn none_is_any_number() {
        assert_eq!(Allowance::per_minute(0), None);
        assert_eq!(allowance(1_000_000).price(1), TimeDelta::microseconds(60));
    }

    #[test]
    fn the_others_are_told_of_a_share_at_a_time() {
        let (mut account, forty) = (Account::new(at(0)), allowance(40));
        let mut told = vec![];
        for _ in 0..5 {
            told.push(account.tell(forty));
            assert!(account.spend(forty, at(0)).is_ok());
        }
        assert_eq!(told, [None, None, Some(2), None, Some(2)]);
        assert!(account.spend(forty, at(600_000)).is_ok());
        assert_eq!(account.tell(forty), Some(2), "however seldom somebody calls here");
    }

    #[test]
    fn what_the_others_have_let_through_counts() {
        let (mut account, six) = (Account::new(at(0)), allowance(6));
        assert!(account.spend(six, at(0)).is_ok());
        account.hear(TimeDelta::seconds(50), six, at(0));
        assert_eq!(account.spend(six, at(0)).map_err(|standing| standing.wait), Err(TimeDelta::seconds(10)));
        account.hear(TimeDelta::zero(), six, at(0));
        assert!(account.spend(six, at(0)).is_err(), "what is known is not forgotten by hearing less");
    }

    #[test]
    fn a_clock_that_is_set_back_locks_nobody_out_for_long() {
        let (mut account, six) = (Account::new(at(86_400_000)), allowance(6));
        assert!(account.spend(six, at(86_400_000)).is_ok());
        assert!(account.spend(six, at(0)).is_err());
        assert!(account.spend(six, at(70_000)).is_ok());
    }

    proptest! {
        #[test]
        fn any_number_of_processes_let_no_more_through_than_they_may(
            calls in 1u32..200, steps in prop::collection::vec((0usize..3, 0i64..300), 1..600),
        ) {
            let (allowance, mut now) = (allowance(calls), 0);
            let mut processes = [Account::new(at(0)); 3];
            // As the database keeps it.
            let (mut shared, mut through) = (at(0), 0_u32);
            for (which, passed) in steps {
                now += passed;
                let account = &mut processes[which];
                if let Some(told) = account.tell(allowance) {
                    shared = shared.max(at(now)) + allowance.price(told);
                    account.hear(shared - at(now), allowance, at(now));
                }
                through += u32::from(account.spend(allowance, at(now)).is_ok());
            }
            let earned = TimeDelta::milliseconds(now).num_microseconds().expect("small")
                / allowance.price(1).num_microseconds().expect("small");
            let most = i64::from(calls) + earned + i64::from(3 * allowance.share());
            prop_assert!(i64::from(through) <= most, "{through} of {most}");
        }
    }
}

//! When people hear that access is about to end: some time ahead, once each, and only where it lasts longer than that.

use chrono::{DateTime, TimeDelta, Utc};

use super::request::Grant;

/// How long before the end, the earliest first.
const AHEAD: [TimeDelta; 3] = [TimeDelta::days(1), TimeDelta::hours(1), TimeDelta::minutes(10)];

/// The reminders of `grant`: how long ahead each is, and when it is due.
fn all(grant: &Grant) -> impl Iterator<Item = (TimeDelta, DateTime<Utc>)> {
    let span = grant.starts_at.zip(grant.expires_at);
    span.into_iter().flat_map(|(start, end)| {
        AHEAD.into_iter().filter(move |ahead| end - start > *ahead).map(move |ahead| (ahead, end - ahead))
    })
}

/// When the first reminder after `now` is due; `None` when there is none left.
#[must_use]
pub fn next(grant: &Grant, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    all(grant).map(|(_, at)| at).find(|at| *at > now)
}

/// Which reminder to give at `now`, by how long ahead of the end it is. After some downtime that is the latest of those
/// whose time has come: the others would say nothing that it does not. `None` where the end has come, too.
#[must_use]
pub fn due(grant: &Grant, now: DateTime<Utc>) -> Option<TimeDelta> {
    let ends_later = grant.expires_at.is_some_and(|end| now < end);
    all(grant).filter(|(_, at)| ends_later && *at <= now).last().map(|(ahead, _)| ahead)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(duration: TimeDelta) -> Grant {
        let start = DateTime::UNIX_EPOCH;
        Grant { starts_at: Some(start), expires_at: Some(start + duration), ..Grant::default() }
    }

    /// The reminders of a grant, in seconds since its start, as a sweep that never sleeps gives them.
    fn given(grant: &Grant) -> Vec<(i64, i64)> {
        let mut given = vec![];
        let mut at = grant.starts_at.expect("it has begun");
        while let Some(next) = next(grant, at) {
            at = next;
            given.push((
                (at - DateTime::UNIX_EPOCH).num_seconds(),
                due(grant, at).expect("its time has come").num_seconds(),
            ));
        }
        given
    }

    #[test]
    fn each_comes_only_where_the_access_lasts_longer_than_that() {
        let (minute, hour, day) = (60, 3_600, 86_400);
        for (duration, expected) in [
            (TimeDelta::minutes(10), vec![]),
            (TimeDelta::minutes(11), vec![(minute, 10 * minute)]),
            (TimeDelta::hours(1), vec![(50 * minute, 10 * minute)]),
            (TimeDelta::hours(8), vec![(7 * hour, hour), (8 * hour - 10 * minute, 10 * minute)]),
            (TimeDelta::days(2), vec![(day, day), (2 * day - hour, hour), (2 * day - 10 * minute, 10 * minute)]),
        ] {
            assert_eq!(given(&grant(duration)), expected, "{duration}");
        }
        assert_eq!(given(&Grant { expires_at: None, ..grant(TimeDelta::hours(1)) }), [], "permanent access ends never");
    }

    #[test]
    fn after_downtime_only_the_latest_is_given() {
        let grant = grant(TimeDelta::days(2));
        let end = grant.expires_at.expect("it ends");
        assert_eq!(due(&grant, end - TimeDelta::hours(2)), Some(TimeDelta::days(1)));
        assert_eq!(due(&grant, end - TimeDelta::minutes(30)), Some(TimeDelta::hours(1)));
        assert_eq!(due(&grant, end - TimeDelta::seconds(1)), Some(TimeDelta::minutes(10)));
        assert_eq!((due(&grant, end), next(&grant, end)), (None, None), "nobody is told what has happened already");
    }
}

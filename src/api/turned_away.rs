//! Puts on record that somebody failed to say who they are, without letting them fill the audit log.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use crate::workflow::Desk;

/// At most one event per process in this time; what comes between is counted into the next.
const EVERY: TimeDelta = TimeDelta::seconds(10);

/// The failures not yet on record.
#[derive(Debug, Clone, Default)]
pub(crate) struct TurnedAway(Arc<Mutex<Tally>>);

#[derive(Debug, Default)]
struct Tally {
    unrecorded: i64,
    recorded_at: Option<DateTime<Utc>>,
}

impl Tally {
    /// Counts one failure; answers how many to record now, if it is time.
    fn add(&mut self, now: DateTime<Utc>) -> Option<i64> {
        self.unrecorded += 1;
        if self.recorded_at.is_some_and(|at| now - at < EVERY) {
            return None;
        }
        self.recorded_at = Some(now);
        Some(std::mem::take(&mut self.unrecorded))
    }
}

impl TurnedAway {
    /// Counts a failure from `source_ip`, of `user` where it is known who it is, and records it if it is time. A record that cannot be written keeps nobody
    /// out or in: the log has it.
    pub(crate) async fn note(&self, desk: &Desk, source_ip: Option<IpAddr>, user: Option<&str>, code: &'static str) {
        let source_ip_shown = source_ip.map(tracing::field::display);
        tracing::warn!(code, source_ip = source_ip_shown, user, "turned away at the door");
        let due = self.0.lock().unwrap_or_else(PoisonError::into_inner).add(desk.now());
        if let Some(count) = due
            && let Err(error) = desk.record_turned_away(source_ip, user, code, count).await
        {
            tracing::error!(%error, count, "failed authentications could not be put on record");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_one_event_that_counts() {
        let mut tally = Tally::default();
        let start = DateTime::UNIX_EPOCH;
        assert_eq!(tally.add(start), Some(1), "the first is recorded at once");
        for second in 0..10 {
            assert_eq!(tally.add(start + TimeDelta::seconds(second)), None);
        }
        assert_eq!(tally.add(start + EVERY), Some(11), "none is forgotten");
    }
}

//! Telling others what happened: what keeps its order with what, how long to wait after a failure, and when to give up.

use chrono::TimeDelta;
use secrecy::SecretString;
use uuid::Uuid;

/// How long something is tried, from the first attempt on.
pub const RETRY_FOR: TimeDelta = TimeDelta::days(3);

/// The wait after a first failure; it doubles with each further one.
const FIRST_WAIT: TimeDelta = TimeDelta::seconds(1);

/// The longest wait between two attempts, so that whoever comes back is told what they missed before long.
const LONGEST_WAIT: TimeDelta = TimeDelta::minutes(10);

/// The longest wait that a receiver may ask for.
const LONGEST_ASKED: TimeDelta = TimeDelta::hours(24);

/// A receiver of webhooks, as the configuration says it (`[[webhooks]]`) and the channel goes by it.
#[derive(Debug, Clone)]
pub struct WebhookOptions {
    /// How operators, the audit log and the metrics name it.
    pub name: String,
    /// Where it is delivered.
    pub url: String,
    /// What deliveries are signed with (`whsec_…`): one, or several while they are exchanged for each other; receivers take what
    /// any of them has signed.
    pub secrets: Vec<SecretString>,
    /// Only events that one of these patterns matches; all where empty.
    pub events: Vec<String>,
    /// Only events about these clusters; all where empty.
    pub clusters: Vec<String>,
    /// Whether it may lead into own networks, and do without TLS there.
    pub allow_private: bool,
    /// Whether it is told of anything. While it is not, what happens is kept for it.
    pub enabled: bool,
}

/// As much of an event as it takes to say who is to be told of it. Its type is text: also what a newer build has written is
/// kept for those who want it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brief {
    /// Its place in the log.
    pub seq: i64,
    /// Its id.
    pub id: Uuid,
    /// What happened, as `EventType` spells it.
    pub event_type: String,
    /// The request it is about.
    pub request_id: Option<Uuid>,
    /// The cluster it is about.
    pub cluster_name: Option<String>,
    /// The principal it is about.
    pub principal_arn: Option<String>,
}

impl Brief {
    /// What it is delivered in order with: everything else about the same request; about the same entry or cluster where no
    /// request is concerned. What is about nothing of the kind waits for nothing.
    #[must_use]
    pub fn lane(&self) -> String {
        match (self.request_id, &self.cluster_name, &self.principal_arn) {
            (Some(id), ..) => format!("request/{id}"),
            (None, Some(cluster), Some(principal)) => format!("entry/{cluster}/{principal}"),
            (None, Some(cluster), None) => format!("cluster/{cluster}"),
            (None, None, _) => format!("event/{}", self.id),
        }
    }
}

/// Whether `pattern` (an event type, `prefix.*` or `*`) means `event_type`.
#[must_use]
pub fn pattern_matches(pattern: &str, event_type: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => event_type.starts_with(prefix),
        None => pattern == event_type,
    }
}

/// The wait after a first message of which nobody knows whether it has arrived; it is eight times as long with each further one.
const FIRST_DOUBT: TimeDelta = TimeDelta::minutes(1);

/// The longest such wait.
const LONGEST_DOUBT: TimeDelta = TimeDelta::hours(12);

/// How long to wait before something is said again that may have been heard `times` times already: where saying it twice does harm,
/// and there is no way to ask.
#[must_use]
pub fn doubt(times: i32) -> TimeDelta {
    let eights = u32::try_from(times.saturating_sub(1)).unwrap_or_default().min(8);
    (FIRST_DOUBT * 8_i32.pow(eights)).min(LONGEST_DOUBT)
}

/// How long to wait after a failure where failing goes on for `so_far`: as long again, within the bounds of [`wait`].
#[must_use]
pub fn as_long_again(so_far: Option<TimeDelta>) -> TimeDelta {
    so_far.unwrap_or_default().clamp(FIRST_WAIT, LONGEST_WAIT)
}

/// How long to wait after the attempt number `attempts` of those that failed. `spread` is a random number from 0 to 1, so that
/// what failed together does not come back together; `asked` is what the receiver asked for.
#[must_use]
pub fn wait(attempts: i32, spread: f64, asked: Option<TimeDelta>) -> TimeDelta {
    let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or_default().min(16);
    let whole = FIRST_WAIT.num_milliseconds().saturating_mul(1 << doublings).min(LONGEST_WAIT.num_milliseconds());
    let own = half_to_whole(whole, spread);
    asked.map_or(own, |asked| own.max(asked.min(LONGEST_ASKED)))
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "milliseconds of ten minutes are exact either way"
)]
fn half_to_whole(whole: i64, spread: f64) -> TimeDelta {
    TimeDelta::milliseconds((whole as f64 * (0.5 + spread.clamp(0.0, 1.0) / 2.0)) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_limit_are_spread_and_heed_the_receiver() {
        assert_eq!(wait(1, 1.0, None), FIRST_WAIT);
        assert_eq!(wait(1, 0.0, None), FIRST_WAIT / 2);
        assert_eq!(wait(4, 1.0, None), FIRST_WAIT * 8);
        for attempts in [11, 100, i32::MAX] {
            assert_eq!(wait(attempts, 1.0, None), LONGEST_WAIT);
        }
        assert_eq!(wait(1, 1.0, Some(TimeDelta::minutes(2))), TimeDelta::minutes(2));
        assert_eq!(wait(20, 1.0, Some(TimeDelta::seconds(1))), LONGEST_WAIT, "no sooner than it would be anyway");
        assert_eq!(wait(1, 1.0, Some(TimeDelta::days(400))), LONGEST_ASKED);
    }

    #[test]
    fn what_may_have_been_heard_is_said_again_few_times_in_three_days() {
        assert_eq!((doubt(1), doubt(2)), (FIRST_DOUBT, FIRST_DOUBT * 8));
        let (mut passed, mut times) = (TimeDelta::zero(), 1);
        while passed < RETRY_FOR {
            passed += doubt(times);
            times += 1;
        }
        assert!(times < 12, "{times}");
        assert_eq!(doubt(i32::MAX), LONGEST_DOUBT);
        let again = [None, Some(4), Some(100_000)].map(|so_far| as_long_again(so_far.map(TimeDelta::seconds)));
        assert_eq!(again, [FIRST_WAIT, TimeDelta::seconds(4), LONGEST_WAIT]);
    }

    #[test]
    fn patterns_mean_types_prefixes_or_everything() {
        for (pattern, event_type, means) in [
            ("*", "audit.checkpoint", true),
            ("request.*", "request.active", true),
            ("request.*", "requests.active", false),
            ("request.active", "request.active", true),
            ("request.active", "request.activer", false),
        ] {
            assert_eq!(pattern_matches(pattern, event_type), means, "{pattern} {event_type}");
        }
    }

    #[test]
    fn a_lane_is_a_request_else_an_entry_else_a_cluster_else_one_event() {
        let mut brief = Brief {
            seq: 1,
            id: Uuid::nil(),
            event_type: "entry.created".to_owned(),
            request_id: Some(Uuid::max()),
            cluster_name: Some("prod".to_owned()),
            principal_arn: Some("arn".to_owned()),
        };
        assert_eq!(brief.lane(), format!("request/{}", Uuid::max()));
        brief.request_id = None;
        assert_eq!(brief.lane(), "entry/prod/arn");
        brief.principal_arn = None;
        assert_eq!(brief.lane(), "cluster/prod");
        brief.cluster_name = None;
        assert_eq!(brief.lane(), format!("event/{}", Uuid::nil()));
    }
}

//! What to do about a call that did not go through, by what kind of no it was.

use chrono::TimeDelta;
use rand::Rng;

use crate::domain::cluster::Cluster;
use crate::eks::{Class, EksError};
use crate::workflow::reconcile::{Failure, Finality};

/// The wait after a first failure; it doubles with each further one.
const FIRST_WAIT: TimeDelta = TimeDelta::milliseconds(500);

/// The longest wait between two attempts that were just unlucky: access that should be gone is not left alone for longer.
pub(super) const LONGEST_WAIT: TimeDelta = TimeDelta::seconds(15);

/// The longest wait before access that is to end is tried again after AWS said that there were too many calls. The pace of all
/// calls is slowed down already; if ending backed off like everything else, it would come to its turn last, not first.
const LONGEST_WAIT_TO_END: TimeDelta = TimeDelta::seconds(2);

/// The longest wait for somebody to mend something, and the longest that AWS may ask for.
const LONGEST_REST: TimeDelta = TimeDelta::seconds(60);

/// How long to leave a cluster alone that is being made or changed.
const CLUSTER_WAIT: TimeDelta = TimeDelta::seconds(10);

/// Exponential backoff with equal jitter: between half and the whole of the wait, so that entries that failed
/// together do not come back together.
pub(super) fn backoff(attempts: i32, longest: TimeDelta) -> TimeDelta {
    let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or_default().min(16);
    let whole = FIRST_WAIT.num_milliseconds().saturating_mul(1 << doublings).min(longest.num_milliseconds());
    TimeDelta::milliseconds(rand::rng().random_range(whole / 2..=whole))
}

/// What `error` means for the entry, after `attempts` in a row. `interval` is how soon a read may show something new, and
/// `ending` whether there is something to take away.
pub(super) fn failure(
    error: &EksError,
    cluster: &Cluster,
    attempts: i32,
    interval: TimeDelta,
    ending: bool,
) -> Failure {
    let (code, detail) = error.explain(cluster);
    let is_snooze = matches!(error.class, Class::NotVisibleYet | Class::InUse | Class::ClusterNotReady);
    let wait = match error.class {
        Class::NotVisibleYet | Class::InUse => interval,
        Class::ClusterNotReady => CLUSTER_WAIT,
        _ => {
            let asked = error.retry_after.and_then(|wait| TimeDelta::from_std(wait).ok());
            let longest = match error.class {
                Class::Throttled if ending => LONGEST_WAIT_TO_END,
                Class::Transient | Class::BadAnswer | Class::Throttled => LONGEST_WAIT,
                _ => LONGEST_REST,
            };
            backoff(attempts, longest).max(asked.unwrap_or_default().min(LONGEST_REST))
        }
    };
    Failure {
        code,
        detail,
        aws_code: error.code.clone(),
        aws_message: error.message.clone(),
        finality: match error.class {
            Class::Final => Finality::Final,
            Class::Denied | Class::AuthMode | Class::ClusterGone => Finality::UnlessApplied,
            Class::FreshPrincipal => Finality::AfterGrace,
            _ => Finality::Passing,
        },
        is_snooze,
        is_ambiguous: error.ambiguous,
        is_unsent: error.unsent,
        aws_request_id: error.aws_request_id.clone(),
        wait,
    }
}

/// `failure` of a call that EKS answered with not knowing the cluster, as long as that may be an odd answer: nothing is given
/// up for it.
pub(super) fn until_confirmed(failure: Failure, cluster: &Cluster) -> Failure {
    Failure {
        finality: Finality::Passing,
        detail: format!(
            "EKS has just said that it has no cluster {}, which it showed before. Entryway looks again by itself; if that is \
             confirmed, the grants on {} end.",
            cluster.eks_name, cluster.name
        ),
        ..failure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_limit_and_are_spread() {
        for attempts in 1..100 {
            let whole = TimeDelta::milliseconds(500 * (1 << (attempts - 1).min(16))).min(LONGEST_WAIT);
            let wait = backoff(attempts, LONGEST_WAIT);
            assert!(wait <= whole && wait * 2 >= whole, "attempt {attempts}: {wait}");
        }
        assert!(backoff(i32::MAX, LONGEST_REST) <= LONGEST_REST && backoff(0, LONGEST_REST) <= FIRST_WAIT);
    }
}

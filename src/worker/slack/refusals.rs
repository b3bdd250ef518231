//! What Slack's refusals mean: whether something is to be tried again, and whether anybody has to do something about it first.

use chrono::TimeDelta;
use thiserror::Error;

use crate::notify::Verdict;
use crate::slack::SlackError;
use crate::workflow::WorkflowError;

/// What Slack says when it is Slack that failed, when it was too much, or what an operator mends: tried again.
const MENDABLE: [&str; 16] = [
    "internal_error",
    "fatal_error",
    "service_unavailable",
    "request_timeout",
    "ratelimited",
    "rate_limited",
    "message_limit_exceeded",
    // The workspace is being moved.
    "org_login_required",
    "team_added_to_org",
    "accesslimited",
    "invalid_auth",
    "not_authed",
    "account_inactive",
    "token_revoked",
    "token_expired",
    "missing_scope",
];

/// What Slack says of a channel that people mend there, as by `/invite`: tried again too.
const OF_CHANNELS: [&str; 5] =
    ["not_in_channel", "channel_not_found", "is_archived", "restricted_action", "restricted_action_read_only_channel"];

/// What Slack says when it may have done it all the same.
const IN_DOUBT: [&str; 2] = ["internal_error", "fatal_error"];

/// What Slack says of a message that cannot be changed, now or ever.
const CANNOT_CHANGE: [&str; 3] = ["message_not_found", "cant_update_message", "edit_window_closed"];

/// Why a message was not brought up to date.
#[derive(Debug, Error)]
pub(super) enum Trouble {
    /// It is not its turn yet.
    #[error("it is not its turn yet")]
    Later(TimeDelta),
    /// It was tried, or is not to be tried before some time is over.
    #[error("{0}")]
    Failed(String, Option<TimeDelta>),
    /// Slack's, or the network's.
    #[error(transparent)]
    Slack(SlackError),
    /// Postgres'.
    #[error(transparent)]
    Ours(#[from] WorkflowError),
}

/// Whether `target` is somebody, not a channel.
pub(super) fn is_user(target: &str) -> bool {
    target.starts_with(['U', 'W'])
}

/// Whether the message cannot be changed, so that another takes its place.
pub(super) fn is_beyond_change(error: &SlackError) -> bool {
    matches!(error, SlackError::Refused(code) if CANNOT_CHANGE.contains(&code.as_str()))
}

/// Whether the message may stand there all the same.
pub(super) fn is_in_doubt(error: &SlackError) -> bool {
    match error {
        SlackError::Lost(_) => true,
        SlackError::Refused(code) => IN_DOUBT.contains(&code.as_str()),
        _ => false,
    }
}

/// Whether it may go better the next time, and nothing has been said.
pub(super) fn is_passing(error: &SlackError) -> bool {
    match error {
        SlackError::Refused(code) => MENDABLE.contains(&code.as_str()),
        SlackError::RateLimited(_) | SlackError::Unreachable(_) => true,
        SlackError::Lost(_) | SlackError::NotSlack => false,
    }
}

/// Whether a refusal of a message for `target` may end, by Slack's doing or somebody's.
pub(super) fn is_mendable(error: &SlackError, target: &str) -> bool {
    match error {
        SlackError::Refused(code) => {
            MENDABLE.contains(&code.as_str()) || !is_user(target) && OF_CHANNELS.contains(&code.as_str())
        }
        _ => true,
    }
}

/// What Slack refuses for good is for operators to hear of, and holds up nothing: the next event tries again.
pub(super) fn told_of(trouble: Trouble, destination: &str) -> Result<(), Trouble> {
    match trouble {
        Trouble::Slack(error) if !is_mendable(&error, destination) => {
            report(&error, destination);
            Ok(())
        }
        other => Err(other),
    }
}

/// Has operators hear that a message is not taken.
pub(super) fn report(error: &SlackError, destination: &str) {
    tracing::error!(
        %error,
        channel = destination,
        "Slack does not take a message there; check the channel, and that the bot is in it"
    );
}

/// What comes of all messages about one thing. Each keeps to its own waits, so that the soonest of them counts.
pub(super) fn summed_up(results: Vec<Result<(), Trouble>>) -> Verdict {
    let (mut later, mut failed): (Option<TimeDelta>, Option<(String, Option<TimeDelta>)>) = (None, None);
    for trouble in results.into_iter().filter_map(Result::err) {
        let (why, after) = match trouble {
            Trouble::Later(after) => {
                later = Some(later.map_or(after, |soonest| soonest.min(after)));
                continue;
            }
            Trouble::Failed(why, after) => (why, after),
            Trouble::Slack(SlackError::RateLimited(asked)) => {
                ("Slack takes no more for now".to_owned(), TimeDelta::from_std(asked).ok())
            }
            other => (other.to_string(), None),
        };
        if failed.as_ref().is_none_or(|(_, soonest)| after < *soonest) {
            failed = Some((why, after));
        }
    }
    match (failed, later) {
        (Some((why, after)), later) => {
            Verdict::Again { why, after: after.map(|after| later.map_or(after, |later| later.min(after))) }
        }
        (None, Some(after)) => Verdict::Later { after },
        (None, None) => Verdict::Delivered,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soonest_counts_and_what_was_not_tried_is_no_failure() {
        let seconds = TimeDelta::seconds;
        assert_eq!(summed_up(vec![Ok(()), Ok(())]), Verdict::Delivered);
        let later = summed_up(vec![Err(Trouble::Later(seconds(9))), Ok(()), Err(Trouble::Later(seconds(3)))]);
        assert_eq!(later, Verdict::Later { after: seconds(3) });
        let failed = |after| Err(Trouble::Failed(String::new(), after));
        let both =
            summed_up(vec![failed(Some(seconds(60))), Err(Trouble::Later(seconds(3))), failed(Some(seconds(600)))]);
        assert_eq!(both, Verdict::Again { why: String::new(), after: Some(seconds(3)) });
        let any = summed_up(vec![failed(Some(seconds(60))), failed(None)]);
        assert_eq!(any, Verdict::again(""), "one that does not say how long");
    }

    #[test]
    fn what_people_mend_in_a_channel_is_tried_again_and_nobody_is_pressed() {
        let refused = SlackError::Refused("not_in_channel".to_owned());
        assert!(is_mendable(&refused, "C0OPS") && !is_mendable(&refused, "UBOB"));
        assert!(!is_mendable(&SlackError::Refused("invalid_blocks".to_owned()), "C0OPS"));
    }
}

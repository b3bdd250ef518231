//! How long, and from when.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use super::reading::Reading;
use super::text::quoted;
use super::{Context, Report};
use crate::domain::duration::{DurationError, to_iso8601};

/// How far back a start may lie and still mean now: clocks differ, and people take a moment to press the button.
pub(super) const GRACE: TimeDelta = TimeDelta::seconds(60);

/// Whether a start means "at once".
pub(super) fn is_now(start: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    start <= now && now - start <= GRACE
}

pub(super) fn duration_is_readable(reading: &Reading<'_>, _: &Context<'_>, out: &mut Report<'_>) {
    if let Some(Err(error @ (DurationError::Malformed | DurationError::Zero))) = reading.duration {
        let text = reading.ask.duration.as_deref().unwrap_or_default();
        out.add("/duration", format!("{} is no duration: {error}", quoted(text)));
    }
}

/// The most that breaking the glass gives.
fn longest_without_sign_off(context: &Context<'_>) -> TimeDelta {
    context.limits.break_glass_max.min(context.limits.max_duration)
}

pub(super) fn duration_is_short_enough(reading: &Reading<'_>, context: &Context<'_>, out: &mut Report<'_>) {
    let (limit, most) = if reading.ask.break_glass {
        (longest_without_sign_off(context), ", which is the most with breakGlass")
    } else {
        (context.limits.max_duration, "")
    };
    let too_long = match reading.duration {
        Some(Ok(duration)) => duration > limit,
        Some(Err(error)) => error == DurationError::TooLong,
        None => false,
    };
    if too_long {
        let text = reading.ask.duration.as_deref().unwrap_or_default();
        let detail = format!("{} is longer than {}{most}; ask for less", quoted(text), to_iso8601(limit));
        out.add("/duration", detail);
    }
}

pub(super) fn duration_is_given(reading: &Reading<'_>, context: &Context<'_>, out: &mut Report<'_>) {
    if reading.duration.is_none() && reading.ask.break_glass {
        let limit = to_iso8601(longest_without_sign_off(context));
        out.add("/duration", format!("access with breakGlass is never permanent; say how long, up to {limit}"));
    } else if reading.duration.is_none() && !context.limits.allow_permanent {
        let detail =
            format!("permanent access is not allowed; say how long, up to {}", to_iso8601(context.limits.max_duration));
        out.add("/duration", detail);
    }
}

pub(super) fn start_is_not_past(reading: &Reading<'_>, context: &Context<'_>, out: &mut Report<'_>) {
    if let Some(start) = reading.ask.start_at
        && start < context.now
        && !is_now(start, context.now)
    {
        let detail = format!("{} has passed; leave the start out to begin as soon as it is signed off", shown(start));
        out.add("/startAt", detail);
    }
}

pub(super) fn start_is_near_enough(reading: &Reading<'_>, context: &Context<'_>, out: &mut Report<'_>) {
    if reading.ask.break_glass && reading.ask.start_at.is_some_and(|start| start > context.now) {
        return out.add("/startAt", "access with breakGlass begins at once; leave the start out");
    }
    let limit = context.limits.max_start_ahead;
    if let Some(start) = reading.ask.start_at
        && start.signed_duration_since(context.now) > limit
    {
        let detail = format!("{} is more than {} ahead; ask again nearer to the time", shown(start), to_iso8601(limit));
        out.add("/startAt", detail);
    }
}

fn shown(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

//! From a value of the tree to a scalar: each function here is a `how` for [`super::reader`]. What comes from the
//! environment is text, and is read as whatever the key wants.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use chrono::TimeDelta;

use super::node::{Node, Value};
use crate::domain::duration::{self, DurationError};

/// The longest duration any key takes: far enough for every use, near enough that no instant overflows.
const LONGEST: TimeDelta = TimeDelta::days(3_650);

/// Text as it is written.
pub(super) fn text(node: &Node) -> Result<String, String> {
    match &node.value {
        Value::Text(text) => Ok(text.clone()),
        other => Err(needs("text", other)),
    }
}

/// Text that `shape` makes something of.
pub(super) fn parsed<T>(shape: impl Fn(&str) -> Result<T, String>) -> impl Fn(&Node) -> Result<T, String> {
    move |node| text(node).and_then(|text| shape(&text))
}

/// `true` or `false`.
pub(super) fn flag(node: &Node) -> Result<bool, String> {
    match &node.value {
        Value::Flag(flag) => Ok(*flag),
        Value::Text(text) if node.is_from_env() => text.trim().parse().map_err(|_| "needs true or false".to_owned()),
        other => Err(needs("true or false", other)),
    }
}

/// A whole number within `range`.
pub(super) fn number<T: TryFrom<i64> + PartialOrd + Display>(
    range: RangeInclusive<T>,
) -> impl Fn(&Node) -> Result<T, String> {
    move |node| {
        let number = match &node.value {
            Value::Integer(number) => *number,
            Value::Text(text) if node.is_from_env() => {
                text.trim().parse::<i64>().map_err(|_| "needs a whole number".to_owned())?
            }
            other => return Err(needs("a whole number", other)),
        };
        let wrong = || format!("{number} is out of range; write {} to {}", range.start(), range.end());
        T::try_from(number).ok().filter(|number| range.contains(number)).ok_or_else(wrong)
    }
}

/// A duration that instants are compared with: from `shortest` up to ten years.
pub(super) fn span(shortest: TimeDelta) -> impl Fn(&Node) -> Result<TimeDelta, String> {
    move |node| {
        let text = text(node).map_err(|message| format!("{message}, with its unit, such as \"2s\" or \"1h30m\""))?;
        // A setting may be nothing at all, where a request's duration may not.
        let span = match duration::parse(&text) {
            Err(DurationError::Zero) => TimeDelta::zero(),
            read => read.map_err(|error| format!("{text:?} is not a duration: {error}"))?,
        };
        if span < shortest {
            return Err(format!("{text} is too short; the least is {}ms", shortest.num_milliseconds()));
        }
        if span > LONGEST { Err(format!("{text} is too long; the most is {}d", LONGEST.num_days())) } else { Ok(span) }
    }
}

/// A duration that this process waits: from 1 ms up to ten years.
pub(super) fn wait(node: &Node) -> Result<Duration, String> {
    let span = span(TimeDelta::milliseconds(1))(node)?;
    Ok(span.to_std().expect("a span of at least a millisecond is positive"))
}

/// `needs a whole number, but is text; write it without quotes`: by its type alone, never the value, which could be
/// a secret in the wrong place.
pub(super) fn needs(wanted: &str, value: &Value) -> String {
    let hint = match (wanted, value) {
        ("text", Value::Integer(_) | Value::Flag(_) | Value::Other(_)) => "; put it in quotes",
        ("a whole number" | "true or false", Value::Text(_)) => "; write it without quotes",
        ("a list", _) => "; put it in [brackets]",
        _ => "",
    };
    format!("needs {wanted}, but is {}{hint}", value.kind())
}

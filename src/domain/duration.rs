//! Durations as people and configuration write them (`8h`, `1h30m`, `PT8H`), and the one way they are answered
//! (ISO 8601). No months and no years: nobody could say how long one is.

use std::fmt::Write as _;

use chrono::TimeDelta;
use thiserror::Error;

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const WEEK: i64 = 7 * DAY;

/// The longest duration that can be said at all, in milliseconds: 100 years. Any sum of a duration and a time of
/// this age stays representable, here and in Postgres.
const LONGEST: i64 = 36_500 * DAY;

/// The units of the short form, longest first, each with its milliseconds.
const SHORT: [(&str, i64); 6] = [("w", WEEK), ("d", DAY), ("h", HOUR), ("m", MINUTE), ("s", SECOND), ("ms", 1)];
/// The units of ISO 8601 before the `T`.
const ISO_DATE: [(&str, i64); 2] = [("W", WEEK), ("D", DAY)];
/// The units of ISO 8601 after the `T`.
const ISO_TIME: [(&str, i64); 3] = [("H", HOUR), ("M", MINUTE), ("S", SECOND)];

/// Why a text is not a duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DurationError {
    /// Neither of the two forms.
    #[error(
        "write whole numbers with units from long to short, each at most once: weeks w, days d, hours h, minutes m, \
         seconds s, milliseconds ms, such as 8h or 1h30m; or ISO 8601 without months and years, such as PT8H"
    )]
    Malformed,
    /// It adds up to nothing.
    #[error("a duration must be longer than zero, such as 8h")]
    Zero,
    /// Longer than 100 years.
    #[error("a duration can be at most 100 years (36500d)")]
    TooLong,
}

/// Reads `8h`, `1h30m`, `200ms`, `2w` or ISO 8601 (`PT8H`, `P1DT2H`, `PT0.5S`), to the millisecond.
///
/// # Errors
/// [`DurationError`] for anything else, for zero, and for more than 100 years. Signs, spaces, fractions (but of an
/// ISO second), months and years are refused.
pub fn parse(text: &str) -> Result<TimeDelta, DurationError> {
    let millis = match text.strip_prefix('P') {
        None => sum(text, &SHORT)?,
        Some(rest) => match rest.split_once('T') {
            None => sum(rest, &ISO_DATE)?,
            Some(("", time)) => sum(time, &ISO_TIME)?,
            Some((date, time)) => add(sum(date, &ISO_DATE)?, sum(time, &ISO_TIME)?)?,
        },
    };
    match millis {
        0 => Err(DurationError::Zero),
        _ => Ok(TimeDelta::milliseconds(millis)),
    }
}

/// Adds up a run of numbers with units, where each unit must come later in `units` than the one before.
fn sum(mut text: &str, mut units: &[(&str, i64)]) -> Result<i64, DurationError> {
    if text.is_empty() {
        return Err(DurationError::Malformed);
    }
    let mut total = 0_i64;
    while !text.is_empty() {
        let (number, rest) = split_where(text, |c| !c.is_ascii_digit() && c != '.');
        let (unit, rest) = split_where(rest, |c| !c.is_ascii_alphabetic());
        let at = units.iter().position(|(name, _)| *name == unit).ok_or(DurationError::Malformed)?;
        let (name, size) = units[at];
        total = add(total, if name == "S" { iso_seconds(number)? } else { whole(number, size)? })?;
        units = &units[at + 1..];
        text = rest;
    }
    Ok(total)
}

fn split_where(text: &str, ends: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(ends).unwrap_or(text.len()))
}

fn add(a: i64, b: i64) -> Result<i64, DurationError> {
    a.checked_add(b).filter(|sum| *sum <= LONGEST).ok_or(DurationError::TooLong)
}

/// `number` of `size` milliseconds each.
fn whole(number: &str, size: i64) -> Result<i64, DurationError> {
    if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
        return Err(DurationError::Malformed);
    }
    // All digits, so a number that does not parse is one that does not fit.
    let number = number.parse::<i64>().map_err(|_| DurationError::TooLong)?;
    number.checked_mul(size).ok_or(DurationError::TooLong)
}

/// ISO 8601 allows a fraction in the smallest unit; three digits of it are milliseconds.
fn iso_seconds(number: &str) -> Result<i64, DurationError> {
    let Some((seconds, fraction)) = number.split_once('.') else { return whole(number, SECOND) };
    let size = match fraction.len() {
        1 => 100,
        2 => 10,
        3 => 1,
        _ => return Err(DurationError::Malformed),
    };
    add(whole(seconds, SECOND)?, whole(fraction, size)?)
}

/// A duration for people, in whole seconds as [`parse`] takes it: `8h`, `1d2h30m`.
#[must_use]
pub fn short(duration: TimeDelta) -> String {
    to_iso8601(duration).replace(['P', 'T'], "").to_ascii_lowercase()
}

/// The one way durations are answered: `PT8H`, `P7D`, `P1DT2H30M`; a fraction (`PT1.5S`) only below the second.
/// Anything under a millisecond is dropped.
#[must_use]
pub fn to_iso8601(duration: TimeDelta) -> String {
    let millis = duration.num_milliseconds();
    let mut text = String::from(if millis < 0 { "-P" } else { "P" });
    let mut left = millis.unsigned_abs();
    let mut take = |size: i64| {
        let count = left / size.unsigned_abs();
        left %= size.unsigned_abs();
        count
    };
    let (days, hours, minutes, seconds, millis) = (take(DAY), take(HOUR), take(MINUTE), take(SECOND), take(1));
    if days > 0 {
        let _ = write!(text, "{days}D");
    }
    let mut time = String::new();
    for (count, unit) in [(hours, 'H'), (minutes, 'M')] {
        if count > 0 {
            let _ = write!(time, "{count}{unit}");
        }
    }
    if millis > 0 {
        let fraction = format!("{millis:03}");
        let _ = write!(time, "{seconds}.{}S", fraction.trim_end_matches('0'));
    } else if seconds > 0 || (days == 0 && time.is_empty()) {
        let _ = write!(time, "{seconds}S");
    }
    if !time.is_empty() {
        text.push('T');
        text.push_str(&time);
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_both_forms() {
        for (text, millis) in [
            ("8h", 8 * HOUR),
            ("1h30m", 90 * MINUTE),
            ("90s", 90 * SECOND),
            ("200ms", 200),
            ("7d", 7 * DAY),
            ("2w", 14 * DAY),
            ("1w2d3h4m5s6ms", WEEK + 2 * DAY + 3 * HOUR + 4 * MINUTE + 5 * SECOND + 6),
            ("1m1ms", MINUTE + 1),
            ("0h30m", 30 * MINUTE),
            ("36500d", LONGEST),
            ("PT8H", 8 * HOUR),
            ("P1DT2H", DAY + 2 * HOUR),
            ("P7D", 7 * DAY),
            ("P2W", 14 * DAY),
            ("PT36H", 36 * HOUR),
            ("PT0.5S", 500),
            ("PT1.05S", 1_050),
            ("PT1.005S", 1_005),
        ] {
            assert_eq!(parse(text), Ok(TimeDelta::milliseconds(millis)), "{text}");
        }
    }

    #[test]
    fn refuses_what_nobody_can_be_sure_of() {
        for text in [
            "",
            "h",
            "8",
            "8 h",
            " 8h",
            "8h ",
            "8H",
            "-8h",
            "+8h",
            "1.5h",
            "0.5s",
            "30m1h",
            "1h1h",
            "1s1s",
            "1h, 2m",
            "8hours",
            "1y",
            "1mo",
            "1e3s",
            "NaN",
            "inf",
            "٨h",
            "8ｈ",
            "P",
            "PT",
            "T8H",
            "P8H",
            "PT1D",
            "P1M",
            "P1Y",
            "P1DT",
            "PT8h",
            "pt8h",
            "-PT8H",
            "P-1D",
            "PT1.5H",
            "PT.5S",
            "PT1.S",
            "PT1.0005S",
            "PT1,5S",
            "P1D8H",
            "PT8HT1M",
            "P1.5D",
            "PT8H\n",
        ] {
            assert_eq!(parse(text), Err(DurationError::Malformed), "{text:?}");
        }
        for text in ["0h", "0h0m", "PT0S", "P0D", "PT0.000S"] {
            assert_eq!(parse(text), Err(DurationError::Zero), "{text:?}");
        }
        for text in ["36501d", "36500d1ms", "9223372036854775807h", "99999999999999999999s", "P9223372036854775807W"] {
            assert_eq!(parse(text), Err(DurationError::TooLong), "{text:?}");
        }
    }

    #[test]
    fn answers_in_one_canonical_form() {
        for (millis, text) in [
            (8 * HOUR, "PT8H"),
            (7 * DAY, "P7D"),
            (36 * HOUR, "P1DT12H"),
            (DAY + 150 * MINUTE, "P1DT2H30M"),
            (90 * SECOND, "PT1M30S"),
            (1_500, "PT1.5S"),
            (200, "PT0.2S"),
            (1, "PT0.001S"),
            (DAY + 1, "P1DT0.001S"),
            (0, "PT0S"),
            (-8 * HOUR, "-PT8H"),
        ] {
            assert_eq!(to_iso8601(TimeDelta::milliseconds(millis)), text);
        }
    }

    proptest! {
        #[test]
        fn what_is_answered_reads_back_the_same(millis in prop_oneof![1..=100_000_i64, 1..=LONGEST]) {
            let duration = TimeDelta::milliseconds(millis);
            prop_assert_eq!(parse(&to_iso8601(duration)), Ok(duration));
        }

        #[test]
        fn people_read_what_they_may_write(seconds in 1..=LONGEST / SECOND) {
            let duration = TimeDelta::seconds(seconds);
            prop_assert_eq!(parse(&short(duration)), Ok(duration));
        }

        #[test]
        fn never_panics(text in prop_oneof!["\\PC*", "P?([0-9.]{0,25}[WDTHMSwdhms]{0,2}){2}"]) {
            if let Ok(duration) = parse(&text) {
                prop_assert!(duration > TimeDelta::zero() && duration.num_milliseconds() <= LONGEST);
                prop_assert_eq!(parse(&to_iso8601(duration)), Ok(duration), "{} means one thing", text);
            }
        }
    }

    #[test]
    fn extremes_print() {
        assert!(to_iso8601(TimeDelta::MAX).starts_with('P'));
        assert!(to_iso8601(TimeDelta::MIN).starts_with("-P"));
    }
}

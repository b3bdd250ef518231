//! Durations as people write them in the file.

use chrono::TimeDelta;

/// Milliseconds of each unit, longest first; a duration names each at most once, in this order.
const UNITS: [(&str, i64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Reads `8h`, `1h30m`, `200ms`, `7d` or ISO 8601 `PT8H`.
pub(super) fn parse(text: &str) -> Result<TimeDelta, String> {
    let wrong = || format!("{text:?} is not a duration; write it like \"8h\", \"1h30m\", \"200ms\" or \"PT8H\"");
    let plain = match text.strip_prefix('P') {
        Some(iso) => from_iso(iso).ok_or_else(wrong)?,
        None => text.to_owned(),
    };
    sum(&plain).and_then(TimeDelta::try_milliseconds).ok_or_else(wrong)
}

/// `1DT2H` → `1d2h`. Months and years have no fixed length and stay unreadable.
fn from_iso(text: &str) -> Option<String> {
    let (days, time) = text.split_once('T').unwrap_or((text, ""));
    let sound = days.chars().all(|c| c.is_ascii_digit() || c == 'D')
        && time.chars().all(|c| c.is_ascii_digit() || "HMS".contains(c))
        && text.ends_with(|c: char| c.is_ascii_uppercase() && c != 'T');
    sound.then(|| format!("{days}{time}").to_ascii_lowercase())
}

fn sum(mut rest: &str) -> Option<i64> {
    let mut units = UNITS.iter();
    let mut total = 0_i64;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, tail) = rest.split_at(digits);
        let unit = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (_, millis) = units.find(|(name, _)| *name == &tail[..unit])?;
        total = total.checked_add(number.parse::<i64>().ok()?.checked_mul(*millis)?)?;
        rest = &tail[unit..];
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        for (text, millis) in [
            ("8h", 28_800_000),
            ("1h30m", 5_400_000),
            ("200ms", 200),
            ("7d", 604_800_000),
            ("0s", 0),
            ("PT8H", 28_800_000),
            ("P1DT2H", 93_600_000),
            ("P7D", 604_800_000),
        ] {
            assert_eq!(parse(text), Ok(TimeDelta::milliseconds(millis)), "{text}");
        }
    }

    #[test]
    fn refuses_the_rest() {
        for text in ["", "8", "h", "-8h", "8 h", "30m1h", "1h1h", "P", "PT", "P1M", "1.5h", "99999999999999999d", "8H"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}

//! Tags of the entry (`EKS user guide, tagging resources`).

use super::reading::Reading;
use super::text::{pointer_step, quoted};
use super::{Context, Report};

/// EKS takes 50; Entryway adds up to 2 of its own.
pub(super) const MAX_TAGS: usize = 48;
/// Characters in a key.
pub(super) const MAX_KEY: usize = 128;
/// Characters in a value.
pub(super) const MAX_VALUE: usize = 256;

fn pointer(key: &str) -> String {
    format!("/tags/{}", pointer_step(key))
}

fn is_taken(text: &str) -> bool {
    text.chars().all(|c| c.is_alphanumeric() || " +-=._:/@".contains(c))
}

fn starts_with(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

pub(super) fn are_few_enough(reading: &Reading<'_>, _: &Context<'_>, out: &mut Report<'_>) {
    let count = reading.ask.tags.len();
    if count > MAX_TAGS {
        let detail =
            format!("{count} tags are more than fit on an entry beside Entryway's own; keep at most {MAX_TAGS}");
        out.add("/tags", detail);
    }
}

pub(super) fn are_unreserved(reading: &Reading<'_>, _: &Context<'_>, out: &mut Report<'_>) {
    for (key, value) in &reading.ask.tags {
        if starts_with(key, "aws:") || starts_with(value, "aws:") {
            let detail =
                format!("the tag {} starts with aws: in its key or value, which AWS reserves; rename it", quoted(key));
            out.add(pointer(key), detail);
        } else if starts_with(key, "entryway/") || starts_with(key, "entryway:") {
            let detail =
                format!("the tag {} is one Entryway tells its own entries by; choose another key", quoted(key));
            out.add(pointer(key), detail);
        }
    }
}

pub(super) fn have_sound_keys(reading: &Reading<'_>, _: &Context<'_>, out: &mut Report<'_>) {
    for key in reading.ask.tags.keys() {
        if !(1..=MAX_KEY).contains(&key.chars().count()) || !is_taken(key) {
            let detail =
                format!("the key {} is not 1 to {MAX_KEY} letters, digits, spaces and + - = . _ : / @", quoted(key));
            out.add(pointer(key), detail);
        }
    }
}

pub(super) fn have_sound_values(reading: &Reading<'_>, _: &Context<'_>, out: &mut Report<'_>) {
    for (key, value) in &reading.ask.tags {
        if value.chars().count() > MAX_VALUE || !is_taken(value) {
            let detail = format!(
                "the value {} is not up to {MAX_VALUE} letters, digits, spaces and + - = . _ : / @",
                quoted(value)
            );
            out.add(pointer(key), detail);
        }
    }
}

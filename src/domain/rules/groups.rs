//! Kubernetes groups. EKS has one rule for their names; the others are Entryway's, because Kubernetes compares group
//! names byte by byte while reviewers compare what they see.

use std::collections::BTreeSet;

use super::reading::Reading;
use super::text::quoted;
use super::username::RESERVED_PREFIXES;
use super::{Context, Report};

const POINTER: &str = "/kubernetesGroups";

/// EKS publishes no limit; this one is Entryway's.
pub(super) const MAX_GROUPS: usize = 100;
/// EKS publishes no limit; this one is Entryway's, the length of a Kubernetes label.
pub(super) const MAX_GROUP: usize = 63;

pub(super) fn go_with_the_type(reading: &Reading<'_>, _: &Context<'_>, out: &mut Report<'_>) {
    if let Some(kind) = reading.node_type()
        && !reading.ask.kubernetes_groups.is_empty()
    {
        let detail = format!("type {} takes no groups, EKS sets those of nodes itself; leave them out", kind.as_str());
        out.add(POINTER, detail);
    }
}

/// EKS refuses the five prefixes as they are. What looks like one of them to a person is refused too.
pub(super) fn start_unreserved(reading: &Reading<'_>, _: &Context<'_>, out: &mut Report<'_>) {
    for (at, group) in reading.ask.kubernetes_groups.iter().enumerate() {
        let seen = as_seen(group);
        if let Some(prefix) = RESERVED_PREFIXES.into_iter().find(|prefix| seen.starts_with(prefix)) {
            let detail = format!(
                "{} starts with {prefix}, or looks as if it did, which EKS reserves; bind a group of your own instead",
                quoted(group)
            );
            out.add(format!("{POINTER}/{at}"), detail);
        }
    }
}

pub(super) fn are_plain(reading: &Reading<'_>, _: &Context<'_>, out: &mut Report<'_>) {
    let groups = &reading.ask.kubernetes_groups;
    if groups.len() > MAX_GROUPS {
        let detail =
            format!("{} groups are more than the {MAX_GROUPS} that Entryway takes; ask for fewer", groups.len());
        out.add(POINTER, detail);
    }
    for (at, group) in groups.iter().enumerate() {
        let plain = group.bytes().all(|b| b.is_ascii_alphanumeric() || b":._/@-".contains(&b));
        if !plain || !(1..=MAX_GROUP).contains(&group.len()) {
            let detail = format!(
                "{} is not 1 to {MAX_GROUP} of ASCII letters, digits and : . _ / @ - without spaces; retype it",
                quoted(group)
            );
            out.add(format!("{POINTER}/{at}"), detail);
        }
    }
}

pub(super) fn differ(reading: &Reading<'_>, _: &Context<'_>, out: &mut Report<'_>) {
    let mut seen = BTreeSet::new();
    for (at, group) in reading.ask.kubernetes_groups.iter().enumerate() {
        if !seen.insert(group) {
            let detail = format!("{} is in the list already; remove the repetition", quoted(group));
            out.add(format!("{POINTER}/{at}"), detail);
        }
    }
}

/// The start of a name as a person reads it: case, spaces and invisible characters overlooked, full-width letters and
/// the look-alikes of the colon taken for what they look like.
fn as_seen(name: &str) -> String {
    name.chars()
        .filter_map(|c| match c {
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0),
            '\u{02d0}' | '\u{0589}' | '\u{05c3}' | '\u{2236}' | '\u{a789}' | '\u{fe13}' | '\u{fe55}' => Some(':'),
            _ if c.is_ascii_graphic() => Some(c),
            _ if c.is_alphanumeric() => Some(c),
            _ => None,
        })
        .map(|c| c.to_ascii_lowercase())
        .take(16)
        .collect()
}

//! The username (`EKS user guide, set a custom username for access entries`).

use super::reading::Reading;
use super::text::quoted;
use super::{Context, Report};

const POINTER: &str = "/username";

/// What EKS lets no username and no group start with. For usernames it compares case-sensitively.
pub(super) const RESERVED_PREFIXES: [&str; 5] = ["system:", "eks:", "aws:", "amazon:", "iam:"];

/// What EKS replaces by the name of the session; the second keeps its `@`.
pub(super) const SESSION_NAMES: [&str; 2] = ["{{SessionName}}", "{{SessionNameRaw}}"];

/// EKS publishes no limit; this one is Entryway's.
pub(super) const MAX_USERNAME: usize = 256;

pub(super) fn goes_with_the_type(reading: &Reading<'_>, _: &Context<'_>, out: &mut Report<'_>) {
    if let (Some(kind), Some(_)) = (reading.node_type(), reading.username) {
        let detail = format!("type {} takes no username, EKS derives it from the node; leave it out", kind.as_str());
        out.add(POINTER, detail);
    }
}

pub(super) fn starts_unreserved(reading: &Reading<'_>, _: &Context<'_>, out: &mut Report<'_>) {
    let Some(username) = reading.username else { return };
    if let Some(prefix) = RESERVED_PREFIXES.into_iter().find(|prefix| username.starts_with(prefix)) {
        let detail = format!("{} starts with {prefix}, which EKS reserves; choose another start", quoted(username));
        out.add(POINTER, detail);
    }
}

pub(super) fn has_a_colon_before_the_session_name(reading: &Reading<'_>, _: &Context<'_>, out: &mut Report<'_>) {
    let Some(username) = reading.username else { return };
    let first =
        SESSION_NAMES.into_iter().filter_map(|placeholder| Some((username.find(placeholder)?, placeholder))).min();
    if let Some((at, placeholder)) = first
        && !username[..at].contains(':')
    {
        let detail = format!(
            "{} needs a colon somewhere before {placeholder}, as in :john{placeholder} or jo:hn{placeholder}",
            quoted(username)
        );
        out.add(POINTER, detail);
    }
}

pub(super) fn is_short_enough(reading: &Reading<'_>, _: &Context<'_>, out: &mut Report<'_>) {
    let Some(length) = reading.username.map(|username| username.chars().count()) else { return };
    if length > MAX_USERNAME {
        let detail = format!("this username has {length} characters, shorten it to {MAX_USERNAME} or leave it out");
        out.add(POINTER, detail);
    }
}

/// Kubernetes compares usernames byte by byte, so a reviewer must be able to read every byte.
pub(super) fn is_plain(reading: &Reading<'_>, _: &Context<'_>, out: &mut Report<'_>) {
    let Some(username) = reading.username else { return };
    if username.trim() != username || username.chars().any(|c| !(c.is_ascii_graphic() || c == ' ')) {
        let detail = format!("{} is not plain ASCII without spaces at either end; retype it", quoted(username));
        out.add(POINTER, detail);
    }
}

//! What is live on the same entry: a principal has one entry per cluster, with one type and one username.

use super::reading::Reading;
use super::text::quoted;
use super::{Context, Report};

pub(super) fn types_agree(reading: &Reading<'_>, context: &Context<'_>, out: &mut Report<'_>) {
    let Some(asked) = reading.entry_type else { return };
    if let Some(live) = context.live.iter().find(|live| live.entry_type != asked) {
        let detail = format!(
            "request {} holds this entry with type {}, and the type of an entry cannot change; \
             ask for that type, or have that request ended first",
            live.request_id,
            live.entry_type.as_str()
        );
        out.add("/type", detail);
    }
}

/// An ask without a username takes the entry's as it is, so only two different wishes collide.
pub(super) fn usernames_agree(reading: &Reading<'_>, context: &Context<'_>, out: &mut Report<'_>) {
    let Some(asked) = reading.username else { return };
    let other =
        context.live.iter().find_map(|live| Some((live, live.username.as_deref().filter(|name| *name != asked)?)));
    if let Some((live, username)) = other {
        let detail = format!(
            "request {} holds this entry with username {}; ask for that one, \
             leave it out, or have that request ended first",
            live.request_id,
            quoted(username)
        );
        out.add("/username", detail);
    }
}

//! What people say about the ask: the reason and the ticket. Both are shown to reviewers and kept in the audit log.

use super::reading::Reading;
use super::text::{hides_in_a_name, is_deceptive, quoted};
use super::{Context, Report};

/// Characters in a reason.
pub(super) const MAX_REASON: usize = 1_000;
/// The least characters of the reason for breaking the glass: whoever looks at it afterwards has nothing else to go by.
pub(super) const MIN_BREAK_GLASS_REASON: usize = 20;
/// Characters in a ticket; enough for its address.
pub(super) const MAX_TICKET: usize = 256;

pub(super) fn reason_is_given(reading: &Reading<'_>, context: &Context<'_>, out: &mut Report<'_>) {
    if reading.ask.break_glass && reading.reason.trim().chars().count() < MIN_BREAK_GLASS_REASON {
        let detail = format!(
            "say what happened, in {MIN_BREAK_GLASS_REASON} characters or more; whoever looks at it afterwards has to know"
        );
        return out.add("/reason", detail);
    }
    // Spaces, dots and what cannot be seen are no reason.
    if context.limits.reason_required && !reading.reason.contains(char::is_alphanumeric) {
        out.add("/reason", "say what the access is for; whoever signs off has to know");
    }
}

pub(super) fn reason_is_short_enough(reading: &Reading<'_>, _: &Context<'_>, out: &mut Report<'_>) {
    // As it was sent, with the space around it: that is what the document of the API promises about it.
    let length = reading.ask.reason.as_deref().unwrap_or_default().chars().count();
    if length > MAX_REASON {
        let detail =
            format!("the reason has {length} characters; keep to {MAX_REASON} and put the rest into the ticket");
        out.add("/reason", detail);
    }
}

pub(super) fn reason_is_plain(reading: &Reading<'_>, _: &Context<'_>, out: &mut Report<'_>) {
    if let Some(c) = misleading(&reading.reason) {
        let detail = format!("the reason holds the control character {}; remove it", c.escape_unicode());
        out.add("/reason", detail);
    }
}

/// The first character in a text for people that acts on how it is shown, or hides in it. Line ends and tabs do not count.
#[must_use]
pub fn misleading(text: &str) -> Option<char> {
    text.chars().find(|c| is_deceptive(*c) && !matches!(c, '\n' | '\t'))
}

/// Whether `name` is one line that is what it looks like, and starts and ends with something that shows. Names of people and
/// groups stand in the audit log and before reviewers: one that passed for another would be somebody else's word.
#[must_use]
pub fn is_plain_name(name: &str) -> bool {
    !name.is_empty() && name.trim() == name && !name.contains(hides_in_a_name)
}

pub(super) fn ticket_is_plain(reading: &Reading<'_>, _: &Context<'_>, out: &mut Report<'_>) {
    let Some(ticket) = reading.ticket else { return };
    if ticket.chars().any(is_deceptive) || ticket.chars().count() > MAX_TICKET {
        let detail = format!(
            "{} is not one line of up to {MAX_TICKET} characters; give the ticket's number or address alone",
            quoted(ticket)
        );
        out.add("/ticket", detail);
    }
}

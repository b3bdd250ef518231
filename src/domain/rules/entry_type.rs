//! The type of the entry.

use super::reading::Reading;
use super::text::{did_you_mean, quoted};
use super::{Context, Report};
use crate::domain::entry::EntryType;

pub(super) fn is_known(reading: &Reading<'_>, _: &Context<'_>, out: &mut Report<'_>) {
    if reading.entry_type.is_none() {
        let text = reading.ask.entry_type.as_deref().unwrap_or_default();
        let known = EntryType::ALL.map(EntryType::as_str);
        let detail = format!("{} is none of {}{}", quoted(text), known.join(", "), did_you_mean(text, known));
        out.add("/type", detail);
    }
}

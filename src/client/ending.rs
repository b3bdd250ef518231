//! Who ended it, and why. A request says that it is over; the words are in its timeline.

use super::http::Service;
use super::{look, show};
use crate::api::wire::{EventView, RequestView};
use crate::domain::states::{EndReason, RequestState};

/// How `view` ended, and what is left of it, where it has and its timeline says so.
pub(super) async fn told(service: &Service, view: &RequestView) -> Option<String> {
    let over = [
        RequestState::Revoking,
        RequestState::Ended,
        RequestState::Denied,
        RequestState::Withdrawn,
        RequestState::Lapsed,
    ];
    let state = RequestState::parse(&view.state)?;
    if !over.contains(&state) {
        return None;
    }
    // Who may see the request may see its timeline; should it not come, the request is shown all the same.
    let events = look::timeline(service, view.id).await.ok()?;
    of(view, &events.views)
}

/// How `view` ended, by its timeline.
pub(super) fn of(view: &RequestView, events: &[EventView]) -> Option<String> {
    let decisive = ["request.revoking", "request.denied", "request.withdrawn", "request.lapsed"];
    let event = events.iter().rev().find(|event| decisive.contains(&&*event.event_type))?;
    let said = |name: &str| event.data[name].as_str();
    let who = show::by(&event.actor, event.submitted_by.as_deref());
    let what = match (&*event.event_type, view.end_reason.as_deref().and_then(EndReason::parse)) {
        ("request.denied", _) => format!("{who} turned it down"),
        ("request.withdrawn", _) => format!("{who} withdrew it"),
        ("request.lapsed", _) => "nobody decided in time".to_owned(),
        (_, Some(EndReason::Revoked)) => format!("{who} revoked it"),
        (_, Some(EndReason::Relinquished)) => format!("{who} gave it back"),
        (_, Some(EndReason::Expired)) => "its time was up".to_owned(),
        (_, Some(EndReason::Superseded)) => "another request took its place".to_owned(),
        (_, Some(EndReason::Policy)) => "policy, or the sign-offs, no longer stand".to_owned(),
        (_, Some(EndReason::ClusterGone)) => "the cluster is gone".to_owned(),
        (_, None) => return None,
    };
    let why = said("comment").or_else(|| said("reason")).map(str::to_owned);
    let missing = || {
        let missing: Vec<_> = event.data["missing"].as_array()?.iter().filter_map(|line| line.as_str()).collect();
        (!missing.is_empty()).then(|| missing.join("; "))
    };
    let why = why.or_else(missing).or_else(|| said("supersededBy").map(str::to_owned));
    let with = said("endedWith").map(|id| format!(", with {id}, which it was to extend"));
    let incident = said("revocationId").map(|id| format!(", in incident {id}"));
    let at = show::time(event.at);
    let more = [with, incident].into_iter().flatten().collect::<String>();
    // Where another grant gives the same, whoever took this one back has to know.
    let ended = events.iter().rev().find(|event| event.event_type == "request.ended");
    let stays = ended.and_then(|event| event.data["why"].as_str()).map(|why| format!("\n{why}"));
    let why = why.map(|why| format!(": {why}"));
    Some(format!("{what}{more}, {at}{}{}", why.unwrap_or_default(), stays.unwrap_or_default()))
}

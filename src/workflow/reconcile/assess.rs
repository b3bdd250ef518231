//! What time, quorum and policy make of the requests of one entry, and what they add up to. Nothing is taken from a
//! `state` column alone: the quorum is worked out from the review rows each time.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::super::desk::{Desk, OnLostQuorum, own_call};
use crate::domain::entry::{EntryContent, OWNER_TAG};
use crate::domain::merge::{Conflict, Contribution, merge};
use crate::domain::record::EntryRecord;
use crate::domain::request::Request;
use crate::domain::review::Review;
use crate::domain::states::RequestState;
use crate::policy::PolicySet;

/// What has to happen to a request before the entry is worked on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Move {
    /// Its start has come.
    Start,
    /// Its duration is over.
    Expire,
    /// Quorum or policy no longer stands.
    LoseQuorum(Vec<String>),
    /// The deadline to apply has passed.
    MissDeadline,
    /// It does not fit beside what is live.
    Misfit(Conflict),
}

/// The entry as it should be now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Assessment {
    /// Moves that are due, by position in the list of requests.
    pub(super) moves: Vec<(usize, Move)>,
    /// What is live after those moves, or being taken away.
    pub(super) covered: BTreeSet<Uuid>,
    /// The union of what is live after those moves, and of the entry it is layered on.
    pub(super) desired: Option<EntryContent>,
    /// The tags an entry would be created with.
    pub(super) tags: BTreeMap<String, String>,
}

pub(super) fn assess(
    desk: &Desk,
    policies: &PolicySet,
    requests: &[Request],
    reviews: &[Review],
    record: &EntryRecord,
    now: DateTime<Utc>,
) -> Assessment {
    let mut moves = Vec::new();
    let mut live = Vec::new();
    for (place, request) in requests.iter().enumerate() {
        let due = due_move(desk, policies, request, reviews, now);
        let starts = due == Some(Move::Start);
        if starts || (due.is_none() && request.state.is_granting()) {
            live.push(place);
        }
        moves.extend(due.map(|due| (place, due)));
    }
    // What already holds access stands; among the rest, whoever asked first.
    live.sort_by_key(|place| {
        let request = &requests[*place];
        (request.grant.starts_at.is_none(), request.grant.starts_at, request.id)
    });
    let contributions: Vec<_> = live
        .iter()
        .map(|place| Contribution { id: requests[*place].id, content: &requests[*place].spec.content })
        .collect();
    let baseline = record.layered_on().map(|baseline| &baseline.content);
    let merged = merge(baseline, &contributions);
    for (id, conflict) in merged.conflicts {
        live.retain(|place| requests[*place].id != id);
        if let Some(place) = requests.iter().position(|request| request.id == id) {
            moves.retain(|(moved, _)| *moved != place);
            moves.push((place, Move::Misfit(conflict)));
        }
    }
    let mut tags = BTreeMap::new();
    for place in live.iter().rev() {
        tags.extend(requests[*place].spec.tags.clone());
    }
    let moved = |place: &usize| moves.iter().any(|(moved, due)| moved == place && !matches!(due, Move::Misfit(_)));
    let covered = (0..requests.len())
        .filter(|place| live.contains(place) || moved(place) || requests[*place].state == RequestState::Revoking)
        .map(|place| requests[place].id)
        .collect();
    tags.insert(OWNER_TAG.to_owned(), desk.settings.installation.clone());
    Assessment { moves, covered, desired: merged.desired, tags }
}

fn due_move(
    desk: &Desk,
    policies: &PolicySet,
    request: &Request,
    reviews: &[Review],
    now: DateTime<Utc>,
) -> Option<Move> {
    use RequestState::{Active, Applying, Scheduled, Verifying};
    if !matches!(request.state, Scheduled | Applying | Verifying | Active) {
        return None;
    }
    // First of all, because nothing may keep access from ending.
    if request.grant.expires_at.is_some_and(|expiry| expiry <= now) {
        return Some(Move::Expire);
    }
    // Of a cluster that is not configured nothing is known that policy could decide by; nothing can be written there either.
    desk.clusters.get(&request.spec.cluster_name)?;
    // Until everything it asks for is written, it is not applied: the first write may have given nothing yet.
    let not_applied = request.grant.applied_at.is_none();
    if not_applied || desk.settings.on_lost_quorum == OnLostQuorum::End {
        let case = desk.case(request);
        let standing = policies.standing(&case.facts(request), reviews, &desk.directory, &own_call(now));
        if !standing.quorum.satisfied {
            return Some(Move::LoseQuorum(standing.quorum.missing));
        }
    }
    let since = match request.state {
        Scheduled => request.spec.start_at.filter(|start| *start <= now)?,
        Applying if not_applied => request.applying_since?,
        _ => return None,
    };
    if since + desk.settings.apply_deadline <= now {
        return Some(Move::MissDeadline);
    }
    (request.state == Scheduled).then_some(Move::Start)
}

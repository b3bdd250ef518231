//! Which request a run is for, for whoever follows that request by its trace.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::domain::request::Request;
use crate::domain::states::RequestState;
use crate::domain::trace::TraceParent;

/// The states of requests that the worker is not done with; what ends goes first.
pub(super) const UNFINISHED: [RequestState; 3] =
    [RequestState::Revoking, RequestState::Applying, RequestState::Verifying];

/// How many other traces are named at most. Further ones would be of no use to anybody.
const MOST_BESIDE: usize = 32;

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Errand {
    /// The request that made the entry due; `None` where there is nothing to do but to look after what is proven, which would
    /// keep its trace growing for as long as access lasts.
    pub request: Option<Uuid>,
    /// Where that was filed.
    pub parent: Option<TraceParent>,
    /// Where the others that the entry is made up of were filed.
    pub beside: Vec<TraceParent>,
}

impl Errand {
    /// The errand of a run that was worked out from those of `all`, oldest first, that are `covered`. Of several that it could be
    /// for, it is the newest: the others have been waited for longer, and have runs of their own already.
    pub(super) fn of(all: &[Request], covered: &BTreeSet<Uuid>) -> Self {
        let covered: Vec<_> = all.iter().filter(|request| covered.contains(&request.id)).collect();
        let newest = |state| covered.iter().rev().find(|request| request.state == state);
        let chosen = UNFINISHED.into_iter().find_map(newest);
        let parent = chosen.and_then(|request| request.trace_parent);
        let mut beside: Vec<_> = covered.iter().filter_map(|request| request.trace_parent).collect();
        beside.retain(|other| Some(*other) != parent);
        beside.dedup();
        beside.truncate(MOST_BESIDE);
        Self { request: chosen.map(|request| request.id), parent, beside }
    }
}

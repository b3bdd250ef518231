//! One request takes over from the one that it extends, without a gap: both are part of the entry until the new one is
//! proven, and nobody loses time that was granted before.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;

use super::super::WorkflowError;
use super::super::standing::{own_event, save};
use crate::domain::event::EventType;
use crate::domain::reminder;
use crate::domain::request::{Grant, Request};
use crate::domain::states::{EndReason, RequestState};
use crate::store::Tx;

/// When the live grants of an entry end by themselves.
#[derive(Debug)]
pub(super) struct Ends(BTreeMap<Uuid, DateTime<Utc>>);

impl Ends {
    pub(super) fn of(requests: &[Request]) -> Self {
        let live = requests.iter().filter(|request| request.state.is_granting());
        Self(live.filter_map(|request| Some((request.id, request.grant.expires_at?))).collect())
    }

    /// Starts the clock of a grant at its first successful write, once. An extension goes on from the end of what it extends,
    /// as long as that is live: what was revoked or has run out is nothing to go on from.
    pub(super) fn begin(&self, request: &mut Request, at: DateTime<Utc>) {
        let Grant { starts_at, expires_at, .. } = &mut request.grant;
        if starts_at.is_some() {
            return;
        }
        let extended = request.spec.extends.and_then(|id| self.0.get(&id)).copied();
        let from = extended.map_or(at, |end| end.max(at));
        *starts_at = Some(at);
        *expires_at = request.spec.duration.map(|duration| from + duration);
        request.remind_at = reminder::next(&request.grant, at);
    }
}

/// Ends grants whose extension is proven. What the entry should hold stays the same by that.
pub(super) async fn supersede(tx: &mut Tx, all: &mut [Request]) -> Result<(), WorkflowError> {
    let proven = |request: &&Request| request.state == RequestState::Active;
    let extensions: Vec<_> = all.iter().filter(proven).filter_map(|r| Some((r.spec.extends?, r.id))).collect();
    for (extended, by) in extensions {
        let live = |request: &&mut Request| request.id == extended && request.state.is_granting();
        if let Some(request) = all.iter_mut().find(live) {
            let from = request.state;
            request.state = RequestState::Revoking;
            request.end_reason = Some(EndReason::Superseded);
            let data = json!({ "endReason": EndReason::Superseded.as_str(), "supersededBy": by });
            let event = own_event(EventType::RequestRevoking, request, data);
            save(tx, request, from, vec![event]).await?;
        }
    }
    Ok(())
}

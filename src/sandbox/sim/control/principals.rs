//! IAM behind the scenes: who exists, under which unique id, and from when on EKS knows.

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, bad, document, reply};
use crate::sandbox::sim::arn::Principal;
use crate::sandbox::sim::clock::Ms;
use crate::sandbox::sim::iam::Identity;
use crate::sandbox::sim::server::Shared;
use crate::sandbox::sim::state::State as SimState;

pub(super) async fn all(State(shared): State<Shared>) -> Response<Body> {
    let state = shared.lock();
    let principals: Vec<_> = state.iam.all().map(to_json).collect();
    reply(Ok(json!({ "principals": principals })))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Change {
    arn: String,
    /// `false` deletes it and keeps it from coming back by being mentioned.
    exists: Option<bool>,
    /// Deletes it and makes it anew, under another unique id.
    #[serde(default)]
    recreate: bool,
    /// EKS knows of it only this many milliseconds from now.
    visible_to_eks_in_ms: Option<Ms>,
    /// What assuming this role takes; the empty string lifts the demand.
    external_id: Option<String>,
}

pub(super) async fn change(State(shared): State<Shared>, bytes: Bytes) -> Response<Body> {
    reply(document(&bytes).and_then(|change: Change| apply(&mut shared.lock(), change)))
}

fn apply(state: &mut SimState, change: Change) -> Answer {
    let now = state.clock.now();
    let principal =
        Principal::parse(&change.arn).ok_or_else(|| bad(format!("{:?} is no role or user ARN", change.arn)))?;
    if change.exists == Some(false) {
        state.iam.delete(&principal);
        return Ok(json!({ "arn": change.arn, "exists": false }));
    }
    if change.recreate || state.iam.existing(&principal).is_none() {
        state.iam.create(&principal, now, &mut state.rng);
    }
    if let Some(delay) = change.visible_to_eks_in_ms {
        state.iam.hide_from_eks(&principal, now + delay);
    }
    if let Some(external_id) = change.external_id {
        state.iam.demand_external_id(&principal, Some(external_id).filter(|text| !text.is_empty()));
    }
    Ok(state.iam.existing(&principal).map_or(Value::Null, to_json))
}

fn to_json(identity: &Identity) -> Value {
    json!({
        "arn": identity.principal.text,
        "exists": true,
        "uniqueId": identity.unique_id,
        "createdAtMs": identity.created_at,
        "knownToEksFromMs": identity.known_to_eks_from,
        "needsExternalId": identity.external_id.is_some(),
    })
}

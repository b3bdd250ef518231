//! Entries behind the scenes: the truth without lag, edits that are nobody's API call, and what the cluster itself
//! would let a principal do.

use std::collections::BTreeMap;

use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, Place, bad, document, missing, reply};
use crate::sandbox::sim::arn::Principal;
use crate::sandbox::sim::entry::{Association, Entry, Kind, Scope};
use crate::sandbox::sim::lag::{View, Visibility};
use crate::sandbox::sim::server::Shared;
use crate::sandbox::sim::state::State as SimState;

/// One entry, or all of a cluster.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Which {
    cluster: String,
    account: Option<String>,
    region: Option<String>,
    principal_arn: Option<String>,
    #[serde(default)]
    lagged: bool,
}

impl Which {
    fn place(&self) -> Place {
        Place { account: self.account.clone(), region: self.region.clone() }
    }
}

/// What is really there, by ascending principal.
pub(super) async fn all(State(shared): State<Shared>, Query(which): Query<Which>) -> Response<Body> {
    let mut state = shared.lock();
    state.settle();
    let list = || -> Answer {
        let key = which.place().key(&state, &which.cluster)?;
        let cluster = &state.clusters[&key];
        let entries: Vec<_> = cluster
            .entries
            .iter()
            .filter(|(principal, _)| which.principal_arn.as_ref().is_none_or(|wanted| *principal == wanted))
            .filter_map(|(_, timeline)| timeline.truth())
            .map(|entry| truth(entry, &which.cluster))
            .collect();
        Ok(json!({ "entries": entries }))
    };
    reply(list())
}

fn truth(entry: &Entry, cluster: &str) -> Value {
    let mut answer = entry.to_json(cluster);
    answer["principalId"] = json!(entry.principal_id);
    answer["accessPolicies"] = json!(entry.policies_json());
    answer
}

/// What an edit sets; what it leaves out stays as it is.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Edit {
    cluster: String,
    account: Option<String>,
    region: Option<String>,
    principal_arn: String,
    #[serde(rename = "type")]
    kind: Option<String>,
    username: Option<String>,
    kubernetes_groups: Option<Vec<String>>,
    tags: Option<BTreeMap<String, String>>,
    access_policies: Option<Vec<Policy>>,
    /// Becomes visible with the configured lags instead of at once.
    #[serde(default)]
    lagged: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Policy {
    policy_arn: String,
    access_scope: Scope,
}

/// Creates or edits an entry as somebody else would, past every rule and without a line in the log.
pub(super) async fn edit(State(shared): State<Shared>, bytes: Bytes) -> Response<Body> {
    reply(document(&bytes).and_then(|edit: Edit| apply(&mut shared.lock(), edit)))
}

fn apply(state: &mut SimState, edit: Edit) -> Answer {
    let now = state.clock.now();
    let place = Place { account: edit.account, region: edit.region };
    let key = place.key(state, &edit.cluster)?;
    let principal = Principal::parse(&edit.principal_arn)
        .ok_or_else(|| bad(format!("{:?} is no role or user ARN", edit.principal_arn)))?;
    let kind = edit.kind.as_deref().map(|text| Kind::parse(text).ok_or_else(|| bad(format!("no type {text:?}"))));
    let kind = kind.transpose()?;
    let SimState { clusters, iam, rng, knobs, .. } = state;
    let cluster = clusters.get_mut(&key).ok_or_else(|| missing("gone meanwhile"))?;
    let mut entry = match cluster.truth(&principal.text).cloned() {
        Some(mut entry) => {
            entry.kind = kind.unwrap_or(entry.kind);
            entry.touch(now);
            entry
        }
        None => {
            let id = iam.ensure(&principal, now, rng);
            cluster.draft(&principal, id, kind.unwrap_or(Kind::Standard), now, rng)
        }
    };
    entry.username = edit.username.unwrap_or(entry.username);
    entry.groups = edit.kubernetes_groups.unwrap_or(entry.groups);
    entry.tags = edit.tags.unwrap_or(entry.tags);
    if let Some(policies) = edit.access_policies {
        let association = |scope| Association { scope, associated_at: now, modified_at: now };
        entry.policies =
            policies.into_iter().map(|policy| (policy.policy_arn, association(policy.access_scope))).collect();
    }
    let visible = if edit.lagged { knobs.lag.draw(now, rng) } else { Visibility::at_once(now) };
    let answer = truth(&entry, &edit.cluster);
    cluster.put(now, visible, &principal.text, Some(entry));
    Ok(answer)
}

/// Deletes an entry as somebody else would.
pub(super) async fn remove(State(shared): State<Shared>, Query(which): Query<Which>) -> Response<Body> {
    let mut state = shared.lock();
    let state = &mut *state;
    let mut apply = || -> Answer {
        let now = state.clock.now();
        let key = which.place().key(state, &which.cluster)?;
        let principal = which.principal_arn.as_deref().ok_or_else(|| bad("principalArn is required"))?;
        let visible = if which.lagged { state.knobs.lag.draw(now, &mut state.rng) } else { Visibility::at_once(now) };
        let cluster = state.clusters.get_mut(&key).ok_or_else(|| missing("gone meanwhile"))?;
        if cluster.truth(principal).is_none() {
            return Err(missing(format!("no entry for {principal}")));
        }
        cluster.put(now, visible, principal, None);
        Ok(json!({}))
    };
    reply(apply())
}

/// What the cluster would let a principal do right now: its authorizer lags behind the API, and it knows principals
/// by their unique id, not by their ARN.
pub(super) async fn authorizer(State(shared): State<Shared>, Query(which): Query<Which>) -> Response<Body> {
    let mut state = shared.lock();
    state.settle();
    let state = &mut *state;
    let mut answer = || -> Answer {
        let key = which.place().key(state, &which.cluster)?;
        let arn = which.principal_arn.as_deref().ok_or_else(|| bad("principalArn is required"))?;
        let principal = Principal::parse(arn).ok_or_else(|| bad(format!("{arn:?} is no role or user ARN")))?;
        let replicas = state.knobs.lag.non_monotonic.then_some(&mut state.rng);
        let now = state.clock.now();
        let cluster = state.clusters.get(&key).filter(|cluster| cluster.takes_entries().is_ok());
        let timeline = cluster.and_then(|cluster| cluster.entries.get(arn));
        let Some(entry) = timeline.and_then(|timeline| timeline.seen(View::Authorizer, now, replicas)) else {
            return Ok(json!({ "authenticated": false, "reason": "no access entry" }));
        };
        if state.iam.existing(&principal).is_none_or(|identity| identity.unique_id != entry.principal_id) {
            return Ok(json!({ "authenticated": false, "reason": "the principal is not the one of the access entry" }));
        }
        Ok(json!({
            "authenticated": true,
            "username": entry.username,
            "kubernetesGroups": entry.groups,
            "accessPolicies": entry.policies_json(),
        }))
    };
    reply(answer())
}

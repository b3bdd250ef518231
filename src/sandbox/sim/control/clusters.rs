//! Clusters behind the scenes: add, change, remove.

use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::http::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, Place, bad, document, reply};
use crate::sandbox::sim::cluster::{AuthenticationMode, Cluster, ClusterStatus};
use crate::sandbox::sim::server::Shared;
use crate::sandbox::sim::world::ClusterSpec;

pub(super) async fn all(State(shared): State<Shared>) -> Response<Body> {
    let mut state = shared.lock();
    state.settle();
    let clusters: Vec<_> = state.clusters.values().map(place_and_all).collect();
    reply(Ok(json!({ "clusters": clusters })))
}

/// Adds a cluster. One of the same account, region and name goes with everything in it.
pub(super) async fn add(State(shared): State<Shared>, bytes: Bytes) -> Response<Body> {
    reply(document(&bytes).and_then(|spec: ClusterSpec| {
        let mut state = shared.lock();
        state.add_cluster(&spec).map(place_and_all).map_err(bad)
    }))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Change {
    status: Option<ClusterStatus>,
    authentication_mode: Option<AuthenticationMode>,
    platform_version: Option<String>,
}

/// Sets the status or the mode at once, without an update.
pub(super) async fn change(
    State(shared): State<Shared>,
    Path(name): Path<String>,
    Query(place): Query<Place>,
    bytes: Bytes,
) -> Response<Body> {
    let apply = |change: Change| -> Answer {
        let mut state = shared.lock();
        let key = place.key(&state, &name)?;
        let cluster = state.clusters.get_mut(&key).ok_or_else(|| bad("gone meanwhile"))?;
        cluster.status = change.status.unwrap_or(cluster.status);
        cluster.mode = change.authentication_mode.unwrap_or(cluster.mode);
        cluster.platform_version = change.platform_version.unwrap_or_else(|| cluster.platform_version.clone());
        Ok(place_and_all(cluster))
    };
    reply(document(&bytes).and_then(apply))
}

pub(super) async fn remove(
    State(shared): State<Shared>,
    Path(name): Path<String>,
    Query(place): Query<Place>,
) -> Response<Body> {
    let mut state = shared.lock();
    let key = place.key(&state, &name);
    reply(key.map(|key| {
        state.clusters.remove(&key);
        json!({})
    }))
}

fn place_and_all(cluster: &Cluster) -> Value {
    let mut answer = cluster.to_json();
    answer["account"] = json!(cluster.key.account);
    answer["region"] = json!(cluster.key.region);
    answer["entries"] = json!(cluster.entry_count());
    answer
}

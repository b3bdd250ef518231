//! `GET /v1/clusters` and `/v1/clusters/{name}`

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;

use super::caller::Authenticated;
use super::extract::{NoParameters, json_response};
use super::openapi::{CallerHeaders, FindFailures, ReadFailures};
use super::problem::{Code, Problem};
use super::views::{ClusterList, ClusterView};
use crate::workflow::Desk;

/// Lists the clusters
///
/// Every cluster that access can be asked for, with what EKS last said about it.
#[utoipa::path(get, path = "/v1/clusters", tag = "clusters", operation_id = "listClusters", params(CallerHeaders),
    responses((status = 200, description = "The clusters, by name", body = ClusterList), ReadFailures))]
pub(crate) async fn list(State(desk): State<Desk>, _: Authenticated, _: NoParameters) -> Result<Response, Problem> {
    let health = desk.health().await?;
    let view = |cluster: &crate::domain::cluster::Cluster| {
        ClusterView::new(cluster, health.iter().find(|known| known.cluster_name == cluster.name))
    };
    Ok(json_response(&ClusterList { items: desk.clusters.iter().map(view).collect(), next_token: None }))
}

/// Shows a cluster
#[utoipa::path(get, path = "/v1/clusters/{name}", tag = "clusters", operation_id = "getCluster",
    params(CallerHeaders, ("name" = String, Path, description = "Entryway's name for it", example = "prod")),
    responses((status = 200, description = "The cluster", body = ClusterView), FindFailures))]
pub(crate) async fn get(
    State(desk): State<Desk>,
    _: Authenticated,
    name: Result<Path<String>, PathRejection>,
    _: NoParameters,
) -> Result<Response, Problem> {
    let missing = || Problem::new(Code::NotFound, "there is no such cluster; GET /v1/clusters lists them");
    // What is no text is no cluster's name.
    let cluster = name.ok().and_then(|Path(name)| desk.clusters.get(&name)).ok_or_else(missing)?;
    let health = desk.health().await?;
    Ok(json_response(&ClusterView::new(cluster, health.iter().find(|known| known.cluster_name == cluster.name))))
}

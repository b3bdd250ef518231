//! Operations on clusters themselves.

use serde::Deserialize;
use serde_json::{Value, json};

use super::cluster::{AuthenticationMode, ClusterStatus, ConfigUpdate, cluster_arn};
use super::entries::shaped;
use super::entry::uuid;
use super::page::Page;
use super::refusal::{Refused, in_use, not_found, parameter};
use super::state::{Cx, check_cluster_name, find};
use super::tokens;
use super::wire::{Done, timestamp};

/// Body of `UpdateClusterConfig`, as far as it is about access.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct UpdateConfigBody {
    access_config: Option<AccessConfig>,
    client_request_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AccessConfig {
    authentication_mode: Option<String>,
}

/// `DescribeCluster`.
///
/// # Errors
/// As EKS answers.
pub(crate) fn describe(cx: &mut Cx<'_>, name: &str) -> Refused<Done> {
    cx.authorize("eks:DescribeCluster", &cluster_arn(&cx.caller.account, &cx.caller.region, name))?;
    check_cluster_name(name)?;
    let cluster = find(cx.clusters, cx.caller, name)?;
    Ok(Done::read(json!({ "cluster": cluster.to_json() })))
}

/// `ListClusters`, ascending.
///
/// # Errors
/// As EKS answers.
pub(crate) fn list(cx: &Cx<'_>, query: &[(String, String)]) -> Refused<Done> {
    cx.authorize("eks:ListClusters", "*")?;
    let page = Page::read(query, "clusters")?;
    let own = |key: &&super::cluster::ClusterKey| key.account == cx.caller.account && key.region == cx.caller.region;
    let items = cx.clusters.keys().filter(own).map(|key| (key.name.clone(), json!(key.name)));
    let (clusters, token) = page.cut(items);
    Ok(Done::read(json!({ "clusters": clusters, "nextToken": token })))
}

/// `UpdateClusterConfig` of the authentication mode: one step at a time, and never back.
///
/// # Errors
/// As EKS answers.
pub(crate) fn update_config(cx: &mut Cx<'_>, name: &str, body: &Value) -> Refused<Done> {
    let asked: UpdateConfigBody = shaped(body)?;
    cx.authorize("eks:UpdateClusterConfig", &cluster_arn(&cx.caller.account, &cx.caller.region, name))?;
    check_cluster_name(name)?;
    let wanted = asked
        .access_config
        .and_then(|config| config.authentication_mode)
        .ok_or_else(|| parameter("The simulator updates accessConfig.authenticationMode only").on(name))?;
    let to: AuthenticationMode = serde_json::from_value(json!(wanted))
        .map_err(|_| parameter("authenticationMode must be one of [API, API_AND_CONFIG_MAP, CONFIG_MAP]").on(name))?;

    let (now, token) = (cx.now, asked.client_request_token.filter(|_| cx.knobs.client_tokens));
    let cluster = find(cx.clusters, cx.caller, name)?;
    let ask = json!(["UpdateClusterConfig", body]);
    if let Some(id) = tokens::replayed(cluster, token.as_deref(), &ask, now)?
        && let Some(update) = cluster.updates.iter().find(|update| update.id == id)
    {
        return Ok(Done::read(json!({ "update": to_json(update) })));
    }
    if let Some(running) = cluster.updates.iter().find(|update| !update.finished) {
        let id = &running.id;
        let message = format!("Cannot AccessConfigUpdate because cluster {name} currently has update {id} in progress");
        return Err(in_use(message).on(name));
    }
    use AuthenticationMode::{Api, ApiAndConfigMap, ConfigMap};
    if !matches!((cluster.mode, to), (ConfigMap, ApiAndConfigMap) | (ApiAndConfigMap, Api)) {
        let (from, to) = (cluster.mode.name(), to.name());
        return Err(parameter(format!("Unsupported authentication mode update from {from} to {to}")).on(name));
    }
    cluster.takes_writes()?;
    let finishes_at = now + i64::from(cx.knobs.cluster_update_ms);
    let update = ConfigUpdate { id: uuid(cx.rng), to, created_at: now, finishes_at, finished: false };
    cluster.status = ClusterStatus::Updating;
    tokens::remember(cluster, token, ask, &update.id, now);
    let answer = json!({ "update": to_json(&update) });
    cluster.updates.push(update);
    Ok(Done::wrote(answer))
}

/// `DescribeUpdate`.
///
/// # Errors
/// As EKS answers.
pub(crate) fn describe_update(cx: &mut Cx<'_>, name: &str, id: &str) -> Refused<Done> {
    cx.authorize("eks:DescribeUpdate", &cluster_arn(&cx.caller.account, &cx.caller.region, name))?;
    check_cluster_name(name)?;
    let cluster = find(cx.clusters, cx.caller, name)?;
    let update = cluster
        .updates
        .iter()
        .find(|update| update.id == id)
        .ok_or_else(|| not_found(format!("No update found for ID: {id}")).on(name))?;
    Ok(Done::read(json!({ "update": to_json(update) })))
}

fn to_json(update: &ConfigUpdate) -> Value {
    json!({
        "id": update.id,
        "status": if update.finished { "Successful" } else { "InProgress" },
        "type": "AccessConfigUpdate",
        "params": [{ "type": "AuthenticationMode", "value": update.to }],
        "createdAt": timestamp(update.created_at),
        "errors": [],
    })
}

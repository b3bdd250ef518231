//! Writes on access entries. Each operation checks in EKS's order: IAM, what needs no cluster, the cluster, its
//! authentication mode, then the entry and the principal.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::arn::partition_of;
use super::cluster::{Cluster, cluster_arn};
use super::entry::{Entry, Kind};
use super::lag::View;
use super::refusal::{Refusal, Refused, in_use, no_entry, parameter, serialization};
use super::rules;
use super::state::{Cx, check_cluster_name, find_open};
use super::tokens;
use super::wire::Done;

/// Body of `CreateAccessEntry`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreateBody {
    principal_arn: Option<String>,
    #[serde(default)]
    kubernetes_groups: Vec<String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    client_request_token: Option<String>,
    username: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
}

/// Body of `UpdateAccessEntry`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct UpdateBody {
    #[serde(default)]
    kubernetes_groups: Vec<String>,
    username: Option<String>,
    client_request_token: Option<String>,
}

/// Reads a body of the shape the operation wants.
///
/// # Errors
/// `SerializationException`.
pub(crate) fn shaped<'de, T: Deserialize<'de>>(body: &'de Value) -> Refused<T> {
    T::deserialize(body).map_err(|error| serialization(error.to_string()))
}

/// An empty username counts as none, as infrastructure tools send it.
fn set(username: Option<&String>) -> Option<&str> {
    username.map(String::as_str).filter(|text| !text.is_empty())
}

/// `CreateAccessEntry`.
///
/// # Errors
/// As EKS answers.
pub(crate) fn create(cx: &mut Cx<'_>, cluster_name: &str, body: &Value) -> Refused<Done> {
    let asked: CreateBody = shaped(body)?;
    let cluster_arn = cluster_arn(&cx.caller.account, &cx.caller.region, cluster_name);
    cx.authorize("eks:CreateAccessEntry", &cluster_arn)?;
    if !asked.tags.is_empty() {
        cx.authorize("eks:TagResource", &cluster_arn)?;
    }
    check_cluster_name(cluster_name)?;
    let arn = asked.principal_arn.as_deref().unwrap_or_default();
    let principal = rules::writable_principal(arn)?;
    let username = set(asked.username.as_ref());
    username.map_or(Ok(()), rules::username)?;
    rules::groups(&asked.kubernetes_groups)?;
    let kind = rules::kind(asked.kind.as_deref())?;
    rules::node_principal(kind, &principal, &cx.caller.account)?;
    rules::node_content(kind, username, &asked.kubernetes_groups)?;
    rules::tags(&asked.tags).map_err(parameter)?;
    if matches!(kind, Kind::Ec2Linux | Kind::Ec2Windows) {
        cx.authorize("iam:PassRole", &principal.text)?;
    }

    let (now, token) = (cx.now, asked.client_request_token.filter(|_| cx.knobs.client_tokens));
    let cluster = find_open(cx.clusters, cx.caller, cluster_name)?;
    cluster.takes_writes()?;
    let ask = json!(["CreateAccessEntry", body]);
    if let Some(arn) = tokens::replayed(cluster, token.as_deref(), &ask, now)?
        && let Some(entry) = cluster.truth(&principal.text).filter(|entry| entry.arn == arn)
    {
        return Ok(Done::read(json!({ "accessEntry": entry.to_json(cluster_name) })));
    }
    if cluster.truth(&principal.text).is_some() {
        return Err(in_use("The specified access entry resource is already in use on this cluster."));
    }
    let identity = cx
        .iam
        .resolve(&principal, cx.knobs.principals, now, cx.rng)
        .filter(|identity| identity.known_to_eks_from <= now)
        .filter(|_| principal.partition == partition_of(&cx.caller.region))
        .ok_or_else(|| parameter("The specified principalArn is invalid: invalid principal."))?;
    if cluster.entry_count() >= cx.knobs.entry_quota {
        let quota = cx.knobs.entry_quota;
        let message = format!("The cluster already has {quota} access entries, which is the limit.");
        return Err(Refusal::new(400, "ResourceLimitExceededException", message));
    }

    let principal_id = identity.unique_id.clone();
    let mut entry = cluster.draft(&principal, principal_id, kind, now, cx.rng);
    if kind == Kind::Standard {
        entry.username = username.map_or(entry.username, str::to_owned);
        entry.groups = asked.kubernetes_groups;
    }
    entry.tags = asked.tags;
    tokens::remember(cluster, token, ask, &entry.arn, now);
    let answer = entry.to_json(cluster_name);
    cluster.put(now, cx.knobs.lag.draw(now, cx.rng), &principal.text, Some(entry));
    Ok(Done::wrote(json!({ "accessEntry": answer })))
}

/// `UpdateAccessEntry`: what the request leaves out goes back to EKS's default.
///
/// # Errors
/// As EKS answers.
pub(crate) fn update(cx: &mut Cx<'_>, cluster_name: &str, principal: &str, body: &Value) -> Refused<Done> {
    let asked: UpdateBody = shaped(body)?;
    cx.authorize("eks:UpdateAccessEntry", &resource(cx, cluster_name, principal))?;
    check_cluster_name(cluster_name)?;
    let principal = rules::writable_principal(principal)?;
    let username = set(asked.username.as_ref());
    username.map_or(Ok(()), rules::username)?;
    rules::groups(&asked.kubernetes_groups)?;

    let (now, token) = (cx.now, asked.client_request_token.filter(|_| cx.knobs.client_tokens));
    let replicas = cx.knobs.lag.non_monotonic.then_some(&mut *cx.rng);
    let cluster = find_open(cx.clusters, cx.caller, cluster_name)?;
    cluster.takes_writes()?;
    let mut entry = for_write(cluster, &principal.text, now, replicas)?.clone();
    rules::node_content(entry.kind, username, &asked.kubernetes_groups)?;
    let ask = json!(["UpdateAccessEntry", principal.text, body]);
    let replayed = tokens::replayed(cluster, token.as_deref(), &ask, now)?;
    if replayed.is_some_and(|arn| arn == entry.arn) {
        return Ok(Done::read(json!({ "accessEntry": entry.to_json(cluster_name) })));
    }
    if entry.kind == Kind::Standard {
        entry.username = username.map_or_else(|| entry.kind.username(&principal), str::to_owned);
        entry.groups = asked.kubernetes_groups;
    }
    entry.touch(now);
    tokens::remember(cluster, token, ask, &entry.arn, now);
    let answer = entry.to_json(cluster_name);
    cluster.put(now, cx.knobs.lag.draw(now, cx.rng), &principal.text, Some(entry));
    Ok(Done::wrote(json!({ "accessEntry": answer })))
}

/// `DeleteAccessEntry`: the associations go with it.
///
/// # Errors
/// As EKS answers.
pub(crate) fn delete(cx: &mut Cx<'_>, cluster_name: &str, principal: &str) -> Refused<Done> {
    cx.authorize("eks:DeleteAccessEntry", &resource(cx, cluster_name, principal))?;
    check_cluster_name(cluster_name)?;
    let principal = rules::writable_principal(principal)?;
    let now = cx.now;
    let replicas = cx.knobs.lag.non_monotonic.then_some(&mut *cx.rng);
    let cluster = find_open(cx.clusters, cx.caller, cluster_name)?;
    cluster.takes_writes()?;
    for_write(cluster, &principal.text, now, replicas)?;
    cluster.put(now, cx.knobs.lag.draw(now, cx.rng), &principal.text, None);
    Ok(Done::wrote(json!({})))
}

/// The entry a write is about. The look-up may lag, so an entry just created may not be found yet; the write itself
/// is against the truth.
///
/// # Errors
/// `ResourceNotFoundException`.
pub(crate) fn for_write<'c>(
    cluster: &'c Cluster,
    principal: &str,
    now: i64,
    replicas: Option<&mut rand::rngs::StdRng>,
) -> Refused<&'c Entry> {
    let timeline = cluster.entries.get(principal).ok_or_else(no_entry)?;
    timeline.seen(View::Write, now, replicas).and(timeline.truth()).ok_or_else(no_entry)
}

/// The ARN that IAM is asked about for an operation on an entry. Without an entry its fields stay empty.
pub(crate) fn resource(cx: &Cx<'_>, cluster: &str, principal: &str) -> String {
    let (account, region) = (&cx.caller.account, &cx.caller.region);
    let key = super::cluster::ClusterKey { account: account.clone(), region: region.clone(), name: cluster.to_owned() };
    let entry = cx.clusters.get(&key).and_then(|cluster| cluster.truth(principal));
    entry.map_or_else(
        || format!("arn:{}:eks:{region}:{account}:access-entry/{cluster}////*", partition_of(region)),
        |entry| entry.arn.clone(),
    )
}

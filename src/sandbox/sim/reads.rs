//! Reads of access entries and of their policies: each through its own, possibly lagging, view.

use rand::rngs::StdRng;
use serde_json::{Value, json};

use super::catalogue::{self, Standing};
use super::clock::Ms;
use super::cluster::Cluster;
use super::entries::resource;
use super::entry::{Entry, Kind};
use super::lag::View;
use super::page::{Page, parameter_of};
use super::refusal::{Refused, no_entry, parameter};
use super::rules;
use super::state::{Cx, check_cluster_name, find_open};
use super::wire::Done;

type Query = [(String, String)];

/// `DescribeAccessEntry`.
///
/// # Errors
/// As EKS answers.
pub(crate) fn describe(cx: &mut Cx<'_>, cluster_name: &str, principal: &str) -> Refused<Done> {
    cx.authorize("eks:DescribeAccessEntry", &resource(cx, cluster_name, principal))?;
    check_cluster_name(cluster_name)?;
    let principal = rules::principal(principal)?;
    let replicas = cx.knobs.lag.non_monotonic.then_some(&mut *cx.rng);
    let cluster = find_open(cx.clusters, cx.caller, cluster_name)?;
    let entry = seen(cluster, &principal.text, View::Describe, cx.now, replicas).ok_or_else(no_entry)?;
    Ok(Done::read(json!({ "accessEntry": entry.to_json(cluster_name) })))
}

/// `ListAccessEntries`, ascending.
///
/// # Errors
/// As EKS answers.
pub(crate) fn list(cx: &mut Cx<'_>, cluster_name: &str, query: &Query) -> Refused<Done> {
    let cluster_arn = super::cluster::cluster_arn(&cx.caller.account, &cx.caller.region, cluster_name);
    cx.authorize("eks:ListAccessEntries", &cluster_arn)?;
    check_cluster_name(cluster_name)?;
    let policy = parameter_of(query, "associatedPolicyArn");
    if policy.is_some_and(|arn| catalogue::standing(arn, "aws") == Standing::Malformed) {
        return Err(parameter("The policyArn parameter format is not valid"));
    }
    let page = Page::read(query, &format!("entries of {cluster_name} with {policy:?}"))?;
    let cluster = find_open(cx.clusters, cx.caller, cluster_name)?;
    let view = if policy.is_some() { View::Index } else { View::List };
    let mut items = Vec::new();
    for (principal, timeline) in &cluster.entries {
        let replicas = cx.knobs.lag.non_monotonic.then_some(&mut *cx.rng);
        let entry = timeline.seen(view, cx.now, replicas);
        if entry.is_some_and(|entry| policy.is_none_or(|arn| entry.policies.contains_key(arn))) {
            items.push((principal.clone(), json!(principal)));
        }
    }
    let (entries, token) = page.cut(items);
    Ok(Done::read(json!({ "accessEntries": entries, "nextToken": token })))
}

/// `ListAssociatedAccessPolicies`, ascending. Refused for types that take no policies, as EKS does.
///
/// # Errors
/// As EKS answers.
pub(crate) fn list_policies_of(cx: &mut Cx<'_>, cluster_name: &str, principal: &str, query: &Query) -> Refused<Done> {
    cx.authorize("eks:ListAssociatedAccessPolicies", &resource(cx, cluster_name, principal))?;
    check_cluster_name(cluster_name)?;
    let principal = rules::principal(principal)?;
    let page = Page::read(query, &format!("policies of {} on {cluster_name}", principal.text))?;
    let replicas = cx.knobs.lag.non_monotonic.then_some(&mut *cx.rng);
    let cluster = find_open(cx.clusters, cx.caller, cluster_name)?;
    let entry = seen(cluster, &principal.text, View::Policies, cx.now, replicas).ok_or_else(no_entry)?;
    takes_policies(entry.kind)?;
    let items = entry.policies.iter().map(|(arn, association)| (arn.clone(), association.to_json(arn)));
    let (policies, token) = page.cut(items);
    Ok(Done::read(json!({
        "clusterName": cluster_name,
        "principalArn": principal.text,
        "associatedAccessPolicies": policies,
        "nextToken": token,
    })))
}

/// `ListAccessPolicies`: needs no cluster.
///
/// # Errors
/// As EKS answers.
pub(crate) fn list_policies(cx: &Cx<'_>, query: &Query) -> Refused<Done> {
    cx.authorize("eks:ListAccessPolicies", "*")?;
    let page = Page::read(query, "access policies")?;
    let partition = super::arn::partition_of(&cx.caller.region);
    let item = |name: &str| (name.to_owned(), json!({ "name": name, "arn": catalogue::arn(partition, name) }));
    let (policies, token): (Vec<Value>, _) = page.cut(catalogue::names().into_iter().map(item));
    Ok(Done::read(json!({ "accessPolicies": policies, "nextToken": token })))
}

/// Which types may carry access policies at all: `STANDARD`, and the nodes of Auto Mode.
///
/// # Errors
/// `InvalidParameterException`.
pub(crate) fn takes_policies(kind: Kind) -> Refused<()> {
    match kind {
        Kind::Standard | Kind::Ec2 => Ok(()),
        _ => Err(parameter("This operation can only be performed on Access Entries with a type of \"STANDARD\".")),
    }
}

fn seen<'c>(
    cluster: &'c Cluster,
    principal: &str,
    view: View,
    now: Ms,
    replicas: Option<&mut StdRng>,
) -> Option<&'c Entry> {
    cluster.entries.get(principal)?.seen(view, now, replicas)
}

//! Tags of access entries and clusters, by ARN. These operations have errors of their own.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::arn::partition_of;
use super::cluster::ClusterKey;
use super::entries::shaped;
use super::lag::View;
use super::refusal::{Refusal, Refused};
use super::rules;
use super::state::Cx;
use super::wire::Done;

/// Body of `TagResource`.
#[derive(Debug, Deserialize)]
struct TagBody {
    #[serde(default)]
    tags: BTreeMap<String, String>,
}

/// What an ARN in a `/tags/…` path is about.
enum Tagged {
    Cluster(ClusterKey),
    /// The entry of this principal.
    Entry(ClusterKey, String),
}

/// `TagResource`: adds and overwrites.
///
/// # Errors
/// As EKS answers.
pub(crate) fn tag(cx: &mut Cx<'_>, arn: &str, body: &Value) -> Refused<Done> {
    let asked: TagBody = shaped(body)?;
    cx.authorize("eks:TagResource", arn)?;
    if asked.tags.is_empty() {
        return Err(bad_request("tags must have 1 to 50 members"));
    }
    change(cx, arn, |tags| {
        tags.extend(asked.tags);
        rules::tags(tags)
    })
}

/// `UntagResource`: keys that are not there do not matter.
///
/// # Errors
/// As EKS answers.
pub(crate) fn untag(cx: &mut Cx<'_>, arn: &str, query: &[(String, String)]) -> Refused<Done> {
    cx.authorize("eks:UntagResource", arn)?;
    let keys: Vec<&String> = query.iter().filter(|(name, _)| name == "tagKeys").map(|(_, key)| key).collect();
    if !(1..=rules::MAX_TAGS).contains(&keys.len()) {
        return Err(bad_request("tagKeys must have 1 to 50 members"));
    }
    change(cx, arn, |tags| {
        tags.retain(|key, _| !keys.contains(&key));
        Ok(())
    })
}

/// `ListTagsForResource`.
///
/// # Errors
/// As EKS answers.
pub(crate) fn list(cx: &mut Cx<'_>, arn: &str) -> Refused<Done> {
    cx.authorize("eks:ListTagsForResource", arn)?;
    let tags = match locate(cx, arn)? {
        Tagged::Cluster(key) => cx.clusters.get(&key).map(|cluster| cluster.tags.clone()),
        Tagged::Entry(key, principal) => {
            let replicas = cx.knobs.lag.non_monotonic.then_some(&mut *cx.rng);
            let timeline = cx.clusters.get(&key).and_then(|cluster| cluster.entries.get(&principal));
            let entry = timeline.and_then(|timeline| timeline.seen(View::Describe, cx.now, replicas));
            entry.filter(|entry| entry.arn == arn).map(|entry| entry.tags.clone())
        }
    };
    Ok(Done::read(json!({ "tags": tags.ok_or_else(|| no_resource(arn))? })))
}

fn change(
    cx: &mut Cx<'_>,
    arn: &str,
    edit: impl FnOnce(&mut BTreeMap<String, String>) -> Result<(), String>,
) -> Refused<Done> {
    let (key, principal) = match locate(cx, arn)? {
        Tagged::Cluster(key) => (key, None),
        Tagged::Entry(key, principal) => (key, Some(principal)),
    };
    let cluster = cx.clusters.get_mut(&key).ok_or_else(|| no_resource(arn))?;
    match principal {
        None => {
            let mut tags = cluster.tags.clone();
            edit(&mut tags).map_err(bad_request)?;
            cluster.tags = tags;
        }
        Some(principal) => {
            let mut entry = cluster.truth(&principal).ok_or_else(|| no_resource(arn))?.clone();
            edit(&mut entry.tags).map_err(bad_request)?;
            cluster.put(cx.now, cx.knobs.lag.draw(cx.now, cx.rng), &principal, Some(entry));
        }
    }
    Ok(Done::wrote(json!({})))
}

/// Finds what an ARN names, by the truth: the ARN of an entry that was deleted and made anew names nothing.
fn locate(cx: &Cx<'_>, arn: &str) -> Refused<Tagged> {
    let malformed = || bad_request("The resourceArn is not the ARN of an EKS cluster or access entry");
    let fields: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", partition, "eks", region, account, resource] = fields[..] else { return Err(malformed()) };
    let (kind, rest) = resource.split_once('/').ok_or_else(malformed)?;
    if account.len() != 12 || partition != partition_of(region) || !["cluster", "access-entry"].contains(&kind) {
        return Err(malformed());
    }
    if account != cx.caller.account || region != cx.caller.region {
        return Err(no_resource(arn));
    }
    let name = rest.split('/').next().unwrap_or_default().to_owned();
    let key = ClusterKey { account: account.to_owned(), region: region.to_owned(), name };
    let cluster = cx.clusters.get(&key).ok_or_else(|| no_resource(arn))?;
    if kind == "cluster" {
        return if cluster.arn() == arn { Ok(Tagged::Cluster(key)) } else { Err(no_resource(arn)) };
    }
    let mut entries = cluster.entries.values().filter_map(|timeline| timeline.truth());
    let principal = entries.find(|entry| entry.arn == arn).map(|entry| entry.principal.text.clone());
    Ok(Tagged::Entry(key, principal.ok_or_else(|| no_resource(arn))?))
}

fn bad_request(message: impl Into<String>) -> Refusal {
    Refusal::new(400, "BadRequestException", message)
}

fn no_resource(arn: &str) -> Refusal {
    Refusal::new(404, "NotFoundException", format!("The specified resource could not be found: {arn}"))
}

//! Associating access policies with entries, and taking them off.

use serde::Deserialize;
use serde_json::{Value, json};

use super::catalogue::{self, Standing};
use super::entries::{for_write, resource, shaped};
use super::entry::{Association, Scope};
use super::reads::takes_policies;
use super::refusal::{Refused, not_found, parameter};
use super::rules;
use super::state::{Cx, check_cluster_name, find_open};
use super::wire::Done;

/// Body of `AssociateAccessPolicy`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AssociateBody {
    policy_arn: Option<String>,
    access_scope: Option<Scope>,
}

/// `AssociateAccessPolicy`. Associating again replaces the scope.
///
/// # Errors
/// As EKS answers.
pub(crate) fn associate(cx: &mut Cx<'_>, cluster_name: &str, principal: &str, body: &Value) -> Refused<Done> {
    let asked: AssociateBody = shaped(body)?;
    cx.authorize("eks:AssociateAccessPolicy", &resource(cx, cluster_name, principal))?;
    check_cluster_name(cluster_name)?;
    let principal = rules::writable_principal(principal)?;
    let policy_arn = asked.policy_arn.unwrap_or_default();
    check_format(&policy_arn)?;
    let scope = rules::scope(asked.access_scope)?;

    let now = cx.now;
    let replicas = cx.knobs.lag.non_monotonic.then_some(&mut *cx.rng);
    let cluster = find_open(cx.clusters, cx.caller, cluster_name)?;
    cluster.takes_writes()?;
    match catalogue::standing(&policy_arn, cluster.partition()) {
        Standing::Open => {}
        Standing::ServiceLinkedOnly => {
            return Err(parameter("The specified policyArn can only be associated with service-linked roles"));
        }
        Standing::Malformed | Standing::Unknown => return Err(unknown_policy()),
    }
    let mut entry = for_write(cluster, &principal.text, now, replicas)?.clone();
    takes_policies(entry.kind)?;
    let association = entry
        .policies
        .entry(policy_arn.clone())
        .and_modify(|existing| {
            existing.scope = scope.clone();
            existing.modified_at = now.max(existing.modified_at + 1);
        })
        .or_insert_with(|| Association { scope: scope.clone(), associated_at: now, modified_at: now });
    let answer = json!({
        "clusterName": cluster_name,
        "principalArn": principal.text,
        "associatedAccessPolicy": association.to_json(&policy_arn),
    });
    cluster.put(now, cx.knobs.lag.draw(now, cx.rng), &principal.text, Some(entry));
    Ok(Done::wrote(answer))
}

/// `DisassociateAccessPolicy`.
///
/// # Errors
/// As EKS answers.
pub(crate) fn disassociate(cx: &mut Cx<'_>, cluster_name: &str, principal: &str, policy_arn: &str) -> Refused<Done> {
    cx.authorize("eks:DisassociateAccessPolicy", &resource(cx, cluster_name, principal))?;
    check_cluster_name(cluster_name)?;
    let principal = rules::writable_principal(principal)?;
    check_format(policy_arn)?;
    let now = cx.now;
    let replicas = cx.knobs.lag.non_monotonic.then_some(&mut *cx.rng);
    let cluster = find_open(cx.clusters, cx.caller, cluster_name)?;
    cluster.takes_writes()?;
    let mut entry = for_write(cluster, &principal.text, now, replicas)?.clone();
    takes_policies(entry.kind)?;
    if entry.policies.remove(policy_arn).is_none() {
        return Err(not_found("The specified policyArn is not associated with the access entry."));
    }
    cluster.put(now, cx.knobs.lag.draw(now, cx.rng), &principal.text, Some(entry));
    Ok(Done::wrote(json!({})))
}

fn check_format(policy_arn: &str) -> Refused<()> {
    match catalogue::standing(policy_arn, "aws") {
        Standing::Malformed => Err(parameter("The policyArn parameter format is not valid")),
        _ => Ok(()),
    }
}

fn unknown_policy() -> super::refusal::Refusal {
    not_found("The specified policyArn could not be found.")
}

//! Access policies (`EKS user guide, associate access policies with access entries`).

use std::collections::BTreeSet;

use super::reading::Reading;
use super::text::{did_you_mean, quoted};
use super::{Context, Report};
use crate::domain::catalogue::PolicyKind;
use crate::domain::entry::EntryType;

fn pointer(at: usize) -> String {
    format!("/accessPolicies/{at}/policyArn")
}

pub(super) fn go_with_the_type(reading: &Reading<'_>, context: &Context<'_>, out: &mut Report<'_>) {
    let Some(kind) = reading.entry_type else { return };
    if !kind.takes_policies() && !reading.policies.is_empty() {
        let detail = format!("type {} takes no access policies; leave them out, or use type STANDARD", kind.as_str());
        out.add("/accessPolicies", detail);
    } else if kind != EntryType::Ec2 {
        for (at, (_, name)) in named(reading) {
            if context.catalogue.kind(name) == Some(PolicyKind::NodeOnly) {
                let detail = format!("{name} is for nodes of EKS Auto Mode, whose entries are of type EC2; remove it");
                out.add(pointer(at), detail);
            }
        }
    }
}

pub(super) fn are_access_policies(reading: &Reading<'_>, _: &Context<'_>, out: &mut Report<'_>) {
    for (at, policy) in reading.policies.iter().enumerate().filter(|(_, policy)| policy.named.is_none()) {
        let text = &policy.asked.policy_arn;
        let what =
            if text.contains(":iam:") { "an IAM policy, not an EKS access policy" } else { "not an access policy" };
        let detail = format!(
            "{} is {what}; give a bare name such as AmazonEKSViewPolicy, \
             or arn:<partition>:eks::aws:cluster-access-policy/<name>",
            quoted(text)
        );
        out.add(pointer(at), detail);
    }
}

/// EKS answers a policy of another partition like one that does not exist.
pub(super) fn exist(reading: &Reading<'_>, context: &Context<'_>, out: &mut Report<'_>) {
    for (at, (partition, name)) in named(reading) {
        if context.catalogue.kind(name).is_none() {
            let hint = did_you_mean(name, context.catalogue.iter().map(|(name, _)| name));
            let detail =
                format!("there is no access policy {}{hint}; GET /v1/access-policies lists them", quoted(name));
            out.add(pointer(at), detail);
        } else if let Some(cluster) = context.cluster
            && cluster.partition() != partition
        {
            let detail = format!(
                "this ARN is of partition {}, and {} is in {}; give the bare name {name}, \
                 which is completed with the right one",
                quoted(partition),
                cluster.name,
                cluster.partition()
            );
            out.add(pointer(at), detail);
        }
    }
}

pub(super) fn are_for_customers(reading: &Reading<'_>, context: &Context<'_>, out: &mut Report<'_>) {
    for (at, (_, name)) in named(reading) {
        if context.catalogue.kind(name) == Some(PolicyKind::ServiceLinkedOnly) {
            let detail =
                format!("{name} can only be associated with AWS's own service-linked roles; choose another policy");
            out.add(pointer(at), detail);
        }
    }
}

pub(super) fn differ(reading: &Reading<'_>, _: &Context<'_>, out: &mut Report<'_>) {
    let mut seen = BTreeSet::new();
    for (at, policy) in named(reading) {
        if !seen.insert(policy) {
            let detail = format!("{} is in the list already; list it once, with all its namespaces", quoted(policy.1));
            out.add(pointer(at), detail);
        }
    }
}

/// The policies that can be read, each with its place in the list, its partition and its bare name.
fn named<'r>(reading: &'r Reading<'_>) -> impl Iterator<Item = (usize, (&'r str, &'r str))> {
    reading.policies.iter().enumerate().filter_map(|(at, policy)| Some((at, policy.named?)))
}

//! The ARNs that policies speak of (`Service Authorization Reference, Amazon EKS, resource types`).

use std::collections::BTreeSet;

use crate::domain::arn::PrincipalArn;
use crate::domain::cluster::Cluster;

/// The ARN of the cluster itself.
pub(super) fn cluster(cluster: &Cluster) -> String {
    of_eks(cluster, "cluster", "")
}

/// Every access entry on the cluster. EKS asks IAM about this ARN with empty parts (`…/prod////*`) where there is
/// no entry, which the pattern matches as well.
pub(super) fn entries(cluster: &Cluster) -> String {
    of_eks(cluster, "access-entry", "/*")
}

fn of_eks(cluster: &Cluster, kind: &str, rest: &str) -> String {
    let Cluster { region, account_id, eks_name, .. } = cluster;
    format!("arn:{}:eks:{region}:{account_id}:{kind}/{eks_name}{rest}", cluster.partition())
}

/// Every role and every user of an account: what Entryway takes for a principal.
pub(super) fn principals_of(partition: &str, account: &str) -> [String; 2] {
    ["role", "user"].map(|kind| format!("arn:{partition}:iam::{account}:{kind}/*"))
}

/// Principals whose entries nobody but their owner touches: service-linked roles, which are AWS's, the protected
/// ones, and the role that Entryway itself assumes. IAM has one role of a name per account whatever its path, so a
/// protected name is protected under every path, as in Entryway's own rules.
pub(super) fn protected(cluster: &Cluster) -> BTreeSet<String> {
    let service_linked = format!("arn:{}:iam::*:role/aws-service-role/*", cluster.partition());
    let named = cluster.protected_principals.iter().chain(&cluster.role_arn);
    let every_path = named.flat_map(|arn| match arn.parse::<PrincipalArn>() {
        Ok(arn) => ["", "*/"]
            .map(|path| {
                let (partition, account, kind, name) =
                    (arn.partition(), arn.account(), arn.kind().as_str(), arn.name());
                format!("arn:{partition}:iam::{account}:{kind}/{path}{name}")
            })
            .to_vec(),
        Err(_) => vec![arn.clone()],
    });
    every_path.chain([service_linked]).collect()
}

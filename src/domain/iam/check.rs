//! What no policy can make right: clusters and walls that do not go together.

use std::collections::{BTreeMap, BTreeSet};

use super::walls::Walls;
use crate::domain::arn::PrincipalArn;
use crate::domain::cluster::Cluster;

/// Everything that is wrong, one sentence each.
pub(super) fn refusals(clusters: &[Cluster], walls: &Walls) -> Vec<String> {
    if clusters.is_empty() {
        return vec!["there are no [[clusters]], so there is nothing to allow; add some".to_owned()];
    }
    let mut wrong = Vec::new();
    wrong.extend(partitions(clusters, walls));
    wrong.extend(own_clusters(clusters, walls));
    for (role, of_role) in by_role(clusters) {
        wrong.extend(the_service_itself(role, &of_role, walls));
        wrong.extend(external_id_or_none(role, &of_role));
    }
    wrong.extend(same_name(clusters));
    wrong.extend(node_roles_of_nobody(clusters, walls));
    wrong
}

/// Credentials of one partition are worth nothing in another.
fn partitions(clusters: &[Cluster], walls: &Walls) -> Option<String> {
    let service = walls.service_role.as_ref().map(|role| (role.partition(), "--service-role"));
    let mut found: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (partition, name) in clusters.iter().map(|cluster| (cluster.partition(), &*cluster.name)).chain(service) {
        found.entry(partition).or_default().push(name);
    }
    let told: Vec<_> = found.iter().map(|(partition, names)| format!("{partition} ({})", names.join(", "))).collect();
    (told.len() > 1).then(|| {
        format!(
            "no role can be assumed across partitions, and here are {}; run one Entryway in each",
            told.join(" and ")
        )
    })
}

/// EKS looks for a cluster in the account of the caller.
fn own_clusters(clusters: &[Cluster], walls: &Walls) -> Vec<String> {
    let own: Vec<_> = clusters.iter().filter(|cluster| cluster.role_arn.is_none()).collect();
    let Some(service) = &walls.service_role else {
        let accounts: BTreeSet<_> = own.iter().map(|cluster| &*cluster.account_id).collect();
        let names: Vec<_> = own.iter().map(|cluster| &*cluster.name).collect();
        let told = format!(
            "clusters {} have no role_arn and are in different accounts, but the service's own role is in one; add \
             role_arn to those of the other accounts",
            names.join(", ")
        );
        return if accounts.len() > 1 { vec![told] } else { Vec::new() };
    };
    let elsewhere = own.into_iter().filter(|cluster| cluster.account_id != service.account());
    let told = elsewhere.map(|cluster| {
        format!(
            "cluster {} is in account {} and has no role_arn, but --service-role is in {}, where EKS would look for it; add \
             role_arn",
            cluster.name,
            cluster.account_id,
            service.account()
        )
    });
    told.collect()
}

fn the_service_itself(role: &str, of_role: &[&Cluster], walls: &Walls) -> Option<String> {
    let is_it = walls.service_role.as_ref().is_some_and(|service| service.to_string() == role);
    is_it.then(|| {
        let names = names(of_role);
        format!("clusters {names}: role_arn is the --service-role itself, which it need not assume; remove role_arn")
    })
}

/// A trust policy demands an external id or it does not.
fn external_id_or_none(role: &str, of_role: &[&Cluster]) -> Option<String> {
    let (with, without): (Vec<_>, Vec<_>) = of_role.iter().copied().partition(|cluster| cluster.external_id.is_some());
    (!with.is_empty() && !without.is_empty()).then(|| {
        format!(
            "clusters {} assume {role} with an external_id and {} without; a trust policy demands one or does not: give them \
             the same external_id",
            names(&with),
            names(&without)
        )
    })
}

/// IAM has one role of a name per account, whatever its path and case (`IAM user guide, name requirements`).
fn same_name(clusters: &[Cluster]) -> Vec<String> {
    let mut found: BTreeMap<(String, String), &str> = BTreeMap::new();
    let mut wrong = Vec::new();
    for role in by_role(clusters).into_keys() {
        let Ok(arn) = role.parse::<PrincipalArn>() else { continue };
        if let Some(other) = found.insert((arn.account().to_owned(), arn.name().to_ascii_lowercase()), role) {
            wrong.push(format!(
                "{other} and {role} cannot both be there: an account has one role of a name, whatever its path; correct \
                 role_arn"
            ));
        }
    }
    wrong
}

fn node_roles_of_nobody(clusters: &[Cluster], walls: &Walls) -> Vec<String> {
    let is_here = |(partition, account): &(String, String)| {
        clusters.iter().any(|cluster| cluster.partition() == partition && cluster.account_id == *account)
    };
    let lost = walls.node_roles.iter().filter_map(|roles| roles.place.as_ref().filter(|place| !is_here(place)));
    let told = lost.map(|(_, account)| {
        format!("--node-role names account {account}, where no cluster is; nodes have roles of their cluster's account")
    });
    told.collect()
}

fn by_role(clusters: &[Cluster]) -> BTreeMap<&str, Vec<&Cluster>> {
    let mut by_role: BTreeMap<&str, Vec<&Cluster>> = BTreeMap::new();
    for cluster in clusters {
        if let Some(role) = &cluster.role_arn {
            by_role.entry(role).or_default().push(cluster);
        }
    }
    by_role
}

fn names(clusters: &[&Cluster]) -> String {
    clusters.iter().map(|cluster| &*cluster.name).collect::<Vec<_>>().join(", ")
}

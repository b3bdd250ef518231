//! What an identity needs on the clusters it works for, and the walls around it.
//!
//! Two rules keep the walls from standing in the way of what they should not:
//!
//! - **Ending is never walled.** Update, delete and disassociate are allowed on every entry of the cluster; what
//!   must not be touched is denied.
//! - **A missing key opens.** EKS asks IAM before it looks whether the entry is there, and for seconds after a create it
//!   may not be. A condition on what an *existing* entry is like would then turn "not found, wait" into "access denied,
//!   give up". Such conditions are therefore only in denials that need the key to be there, or end in `IfExists`.

use std::collections::{BTreeMap, BTreeSet};

use super::arns;
use super::statement::Statement;
use super::walls::Walls;
use crate::domain::cluster::{Cluster, ExistingEntries};
use crate::domain::entry::{EntryType, OWNER_TAG};

/// What is the same for every cluster.
#[derive(Debug, Clone, Copy)]
pub(super) struct House<'a> {
    pub(super) installation: &'a str,
    pub(super) walls: &'a Walls,
}

/// The statements about `clusters`, which share one account.
pub(super) fn on_clusters(clusters: &[&Cluster], house: House<'_>) -> Vec<Statement> {
    let entries = || clusters.iter().map(|cluster| arns::entries(cluster));
    let mut statements = vec![
        Statement::allow(
            "ReadClusters",
            "is the cluster there, ready, and does it take access entries; which entries are on it",
            ["eks:DescribeCluster", "eks:ListAccessEntries"],
        )
        .on(clusters.iter().map(|cluster| arns::cluster(cluster))),
        Statement::allow(
            "ReadEntries",
            "what an entry holds: before each write, for the proof, and for drift",
            ["eks:DescribeAccessEntry", "eks:ListAssociatedAccessPolicies"],
        )
        .on(entries()),
        Statement::allow(
            "ChangeAndEnd",
            "change what an entry holds and take access away, which nothing may block",
            ["eks:UpdateAccessEntry", "eks:DeleteAccessEntry", "eks:DisassociateAccessPolicy"],
        )
        .on(entries()),
    ];
    statements.extend(granting(clusters, house));
    statements.extend(denials(clusters, house));
    statements
}

/// What gives access: only to principals of the allowed accounts.
fn granting(clusters: &[&Cluster], house: House<'_>) -> Vec<Statement> {
    let may_grant: Vec<_> =
        clusters.iter().copied().filter(|cluster| !cluster.allowed_principal_accounts.is_empty()).collect();
    let groups = grouped(may_grant.iter().copied(), |cluster| {
        let accounts = cluster.allowed_principal_accounts.iter();
        accounts.flat_map(|account| arns::principals_of(cluster.partition(), account)).collect::<Vec<_>>()
    });
    let mut statements = Vec::new();
    for (number, principals, clusters) in groups {
        let create = create(&format!("CreateEntries{number}"), &clusters, house);
        statements.push(create.when("ArnLike", "eks:principalArn", principals.clone()));
        let associate = associate(&format!("AssociatePolicies{number}"), &clusters, house);
        statements.push(associate.when("ArnLikeIfExists", "eks:principalArn", principals));
    }
    if !statements.is_empty() {
        let tag = Statement::allow(
            "TagOnCreate",
            "CreateAccessEntry sets tags: only where our own is among them",
            ["eks:TagResource"],
        );
        statements.extend(associate_for_nodes(&may_grant, house.walls));
        statements.push(tag.on(may_grant.iter().map(|cluster| arns::entries(cluster))).tagged(house.installation));
    }
    statements
}

fn create(sid: &str, clusters: &[&Cluster], house: House<'_>) -> Statement {
    let nodes = clusters.first().map(|cluster| house.walls.node_types_in(cluster)).unwrap_or_default();
    let types = [EntryType::Standard].into_iter().chain(nodes).map(EntryType::as_str);
    let statement = Statement::allow(
        sid,
        "make entries: of these types, for principals of these accounts, with our tag",
        ["eks:CreateAccessEntry"],
    )
    .on(clusters.iter().map(|cluster| arns::cluster(cluster)))
    .when("StringEquals", "eks:accessEntryType", types)
    .tagged(house.installation);
    if house.walls.groups.is_empty() {
        return statement;
    }
    // Without groups the key is missing and the condition holds, which is right: no group is none too many.
    statement.when("ForAllValues:StringLike", "eks:kubernetesGroups", house.walls.groups.iter())
}

fn associate(sid: &str, clusters: &[&Cluster], house: House<'_>) -> Statement {
    let policies = clusters.first().map(|cluster| house.walls.policies_in(cluster)).unwrap_or_default();
    let statement =
        Statement::allow(sid, "put access policies on an entry: these, and no other", ["eks:AssociateAccessPolicy"])
            .on(clusters.iter().map(|cluster| arns::entries(cluster)))
            .when("ArnEquals", "eks:policyArn", policies);
    if !house.walls.only_namespaces() {
        return statement;
    }
    let statement = statement.when("StringEquals", "eks:accessScope", ["namespace"]);
    if house.walls.namespaces.is_empty() {
        return statement;
    }
    // ForAllValues holds for no values at all, so that there are some is said as well.
    statement.when("ForAllValues:StringLike", "eks:namespaces", house.walls.namespaces.iter()).when(
        "Null",
        "eks:namespaces",
        ["false"],
    )
}

/// Nodes of Auto Mode need their policy in the whole cluster, however narrow everybody else is kept.
fn associate_for_nodes(clusters: &[&Cluster], walls: &Walls) -> Option<Statement> {
    let has_nodes = |cluster: &&&Cluster| walls.node_types_in(cluster).contains(&EntryType::Ec2);
    let clusters: Vec<_> = clusters.iter().filter(has_nodes).collect();
    let policies: Vec<_> = clusters.first().and_then(|cluster| walls.node_policy_in(cluster)).into_iter().collect();
    (!policies.is_empty()).then(|| {
        Statement::allow(
            "AssociateNodePolicy",
            "the policy that nodes of EKS Auto Mode need, on their entries",
            ["eks:AssociateAccessPolicy"],
        )
        .on(clusters.iter().map(|cluster| arns::entries(cluster)))
        .when("ArnEquals", "eks:policyArn", policies)
        .when("StringEqualsIfExists", "eks:accessEntryType", [EntryType::Ec2.as_str()])
    })
}

/// What nothing else may allow either.
fn denials(clusters: &[&Cluster], house: House<'_>) -> Vec<Statement> {
    let mut statements = Vec::new();
    for (number, protected, clusters) in grouped(clusters.iter().copied(), arns::protected) {
        let both = clusters.iter().flat_map(|cluster| [arns::cluster(cluster), arns::entries(cluster)]);
        statements.push(
            Statement::deny(
                &format!("NeverProtected{number}"),
                "whatever else is allowed: not the protected principals, our own role, or AWS's service-linked roles",
                [
                    "eks:CreateAccessEntry",
                    "eks:UpdateAccessEntry",
                    "eks:DeleteAccessEntry",
                    "eks:AssociateAccessPolicy",
                    "eks:DisassociateAccessPolicy",
                    "eks:TagResource",
                ],
            )
            .on(both)
            .when("ArnLike", "eks:principalArn", protected),
        );
    }
    statements.extend(leave_nodes(clusters, house.walls));
    if house.walls.tag_walls {
        statements.extend(only_ours(clusters, house.installation));
    }
    statements
}

/// Entries of nodes stay as they are: to lose one is to lose nodes.
fn leave_nodes(clusters: &[&Cluster], walls: &Walls) -> Option<Statement> {
    let ours = clusters.first().map(|cluster| walls.node_types_in(cluster)).unwrap_or_default();
    let others = EntryType::ALL.into_iter().filter(|kind| *kind != EntryType::Standard && !ours.contains(kind));
    let others: Vec<_> = others.map(EntryType::as_str).collect();
    (!others.is_empty()).then(|| {
        Statement::deny(
            "LeaveNodes",
            "not the entries of nodes: losing one is losing nodes",
            [
                "eks:UpdateAccessEntry",
                "eks:DeleteAccessEntry",
                "eks:AssociateAccessPolicy",
                "eks:DisassociateAccessPolicy",
            ],
        )
        .on(clusters.iter().map(|cluster| arns::entries(cluster)))
        .when("StringEquals", "eks:accessEntryType", others)
    })
}

/// Entries without our tag stay as they are. That the type is known says that there is an entry; without it nothing
/// is denied, and EKS answers that there is none. Layering changes entries of others, and never deletes one.
fn only_ours(clusters: &[&Cluster], installation: &str) -> Vec<Statement> {
    let ours_only = |statement: Statement, clusters: Vec<&Cluster>| {
        let walled = statement
            .on(clusters.iter().map(|cluster| arns::entries(cluster)))
            .when("Null", "eks:accessEntryType", ["false"])
            .when("StringNotEquals", format!("aws:ResourceTag/{OWNER_TAG}"), [installation]);
        (!clusters.is_empty()).then_some(walled)
    };
    let layered = |cluster: &&&Cluster| cluster.existing_entries == ExistingEntries::Layer;
    let strict = Statement::deny(
        "OnlyOurs",
        "not the entries that lack our tag (optional: not tried against AWS)",
        ["eks:UpdateAccessEntry", "eks:DeleteAccessEntry", "eks:AssociateAccessPolicy", "eks:DisassociateAccessPolicy"],
    );
    let lenient = Statement::deny(
        "DeleteOnlyOurs",
        "layering changes entries of others, and still deletes none (optional: not tried against AWS)",
        ["eks:DeleteAccessEntry"],
    );
    [
        ours_only(strict, clusters.iter().filter(|cluster| !layered(cluster)).copied().collect()),
        ours_only(lenient, clusters.iter().filter(layered).copied().collect()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

impl Statement {
    fn tagged(self, installation: &str) -> Self {
        self.when("StringEquals", format!("aws:RequestTag/{OWNER_TAG}"), [installation])
    }
}

/// The clusters by what `key` says of them, each with what goes behind a statement's name to tell the groups apart:
/// nothing where there is but one.
fn grouped<'c, K: Ord + Clone>(
    clusters: impl Iterator<Item = &'c Cluster>,
    key: impl Fn(&Cluster) -> K,
) -> Vec<(String, K, Vec<&'c Cluster>)> {
    let mut groups: BTreeMap<K, Vec<&Cluster>> = BTreeMap::new();
    for cluster in clusters {
        groups.entry(key(cluster)).or_default().push(cluster);
    }
    let alone = groups.len() < 2;
    let numbered = groups.into_iter().enumerate();
    numbered
        .map(|(index, (key, clusters))| (if alone { String::new() } else { (index + 1).to_string() }, key, clusters))
        .collect()
}

/// The accounts that `clusters` take principals from.
pub(super) fn principal_accounts<'c>(clusters: impl IntoIterator<Item = &'c Cluster>) -> BTreeSet<&'c str> {
    clusters.into_iter().flat_map(|cluster| &cluster.allowed_principal_accounts).map(String::as_str).collect()
}

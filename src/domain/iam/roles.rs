//! Role by role: the one that Entryway runs as, and those that it assumes.

use std::collections::{BTreeMap, BTreeSet};

use super::arns;
use super::clusters::{House, on_clusters, principal_accounts};
use super::pack::packed;
use super::statement::Statement;
use super::{Named, PLACEHOLDER, Policy, ServiceRole, TargetRole};
use crate::domain::arn::PrincipalArn;
use crate::domain::cluster::Cluster;

/// The role that Entryway runs as: it assumes the others, and works on the clusters without one by itself.
pub(super) fn service(clusters: &[&Cluster], house: House<'_>) -> ServiceRole {
    let targets: Vec<&str> = clusters
        .iter()
        .filter_map(|cluster| cluster.role_arn.as_deref())
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    let own: Vec<_> = clusters.iter().copied().filter(|cluster| cluster.role_arn.is_none()).collect();
    let file = |name: &str| format!("service-role.{name}.json");
    let mut policies = packed("entryway-assume", file, &targets, |targets, _| vec![assume(targets, house)]);
    policies.extend(eks("entryway-eks", file, &own, clusters, house));
    ServiceRole { arn: house.walls.service_role.as_ref().map(ToString::to_string), clusters: named(&own), policies }
}

/// The roles that Entryway assumes, by ARN.
pub(super) fn targets(clusters: &[&Cluster], house: House<'_>) -> Vec<TargetRole> {
    let mut by_role: BTreeMap<&str, Vec<&Cluster>> = BTreeMap::new();
    for cluster in clusters {
        if let Some(role) = &cluster.role_arn {
            by_role.entry(role).or_default().push(cluster);
        }
    }
    by_role.into_iter().map(|(role, of_role)| target(role, &of_role, clusters, house)).collect()
}

fn target(arn: &str, of_role: &[&Cluster], all: &[&Cluster], house: House<'_>) -> TargetRole {
    let account_id = of_role.first().map(|cluster| cluster.account_id.clone()).unwrap_or_default();
    let role = arn.rsplit('/').next().unwrap_or(arn);
    let file = |name: &str| format!("{account_id}.{role}.{name}.json");
    TargetRole {
        arn: arn.to_owned(),
        clusters: named(of_role),
        trust_policy: Policy::new("trust", file("trust"), trust(of_role, house)),
        policies: eks("entryway-eks", file, of_role, all, house),
        account_id,
    }
}

/// What an identity needs that works on `own`, which share an account; principals of that account are looked up for
/// `all` clusters.
fn eks(name: &str, file: impl Fn(&str) -> String, own: &[&Cluster], all: &[&Cluster], house: House<'_>) -> Vec<Policy> {
    packed(name, file, own, |own, is_first| {
        let mut statements = on_clusters(own, house);
        if let (true, Some(cluster)) = (is_first, own.first()) {
            statements.extend(on_account(cluster.partition(), &cluster.account_id, all, house));
        }
        statements
    })
}

/// What is asked of an account, whatever clusters it has.
fn on_account(partition: &str, account: &str, all: &[&Cluster], house: House<'_>) -> Vec<Statement> {
    let mut statements = vec![
        Statement::allow(
            "ListPolicies",
            "which access policies EKS has; AWS knows no narrower resource for this call",
            ["eks:ListAccessPolicies"],
        )
        .on(["*"]),
    ];
    if principal_accounts(all.iter().copied()).contains(account) {
        statements.push(
            Statement::allow(
                "LookUpPrincipals",
                "does the principal exist, and is it still the same one (it only reads)",
                ["iam:GetRole", "iam:GetUser"],
            )
            .on(arns::principals_of(partition, account)),
        );
    }
    let node_roles = house.walls.node_roles_in(partition, account);
    if !node_roles.is_empty() {
        statements.push(
            Statement::allow(
                "PassNodeRoles",
                "EKS takes the entry of a node only from who may pass its role",
                ["iam:PassRole"],
            )
            .on(node_roles)
            .when("StringEquals", "iam:PassedToService", ec2(partition)),
        );
    }
    statements
}

/// What EKS passes the role of a node to (`Service Authorization Reference, Amazon EKS, CreateAccessEntry`), by the name
/// that EC2 has in China as well.
fn ec2(partition: &str) -> Vec<&'static str> {
    let mut names = vec!["ec2.amazonaws.com"];
    if partition == "aws-cn" {
        names.push("ec2.amazonaws.com.cn");
    }
    names
}

fn assume(targets: &[&str], house: House<'_>) -> Statement {
    let why = "become the role of each account, and no other role";
    let statement = if house.walls.pod_identity {
        Statement::allow("AssumeTargets", why, ["sts:AssumeRole", "sts:TagSession"])
    } else {
        Statement::allow("AssumeTargets", why, ["sts:AssumeRole"])
    };
    statement.on(targets.iter().copied())
}

/// Who may become the role. With EKS Pod Identity the tags of the pod's session come along, which needs a right of its
/// own (`EKS user guide, EKS Pod Identity session tags`), and one for which IAM is not told the external id.
fn trust(of_role: &[&Cluster], house: House<'_>) -> Vec<Statement> {
    let service = house.walls.service_role.as_ref().map(PrincipalArn::to_string);
    let service = service.unwrap_or_else(|| PLACEHOLDER.to_owned());
    let assume = Statement::allow(
        "TrustEntryway",
        "the service's role may become this one, and nobody else",
        ["sts:AssumeRole"],
    )
    .of(&service);
    let external_ids = external_ids(of_role);
    let assume =
        if external_ids.is_empty() { assume } else { assume.when("StringEquals", "sts:ExternalId", external_ids) };
    let mut statements = vec![assume];
    if house.walls.pod_identity {
        let why = "the tags that EKS Pod Identity gives a session come along; by itself this opens nothing";
        statements.push(Statement::allow("TrustSessionTags", why, ["sts:TagSession"]).of(&service));
    }
    statements
}

/// The external ids that are presented when one role is assumed.
pub(super) fn external_ids<'c>(of_role: &[&'c Cluster]) -> BTreeSet<&'c str> {
    of_role.iter().filter_map(|cluster| cluster.external_id.as_deref()).collect()
}

fn named(clusters: &[&Cluster]) -> Vec<Named> {
    clusters.iter().map(|cluster| Named { name: cluster.name.clone(), arn: arns::cluster(cluster) }).collect()
}

//! What is no mistake, and still worth knowing before the policies are put in place.

use std::collections::BTreeSet;

use super::clusters::{House, principal_accounts};
use super::roles::external_ids;
use super::walls::CLUSTER_ADMIN;
use super::{MAX_ATTACHED, MAX_MANAGED, MAX_TRUST, Policy, ServiceRole, TargetRole};
use crate::domain::catalogue::Catalogue;
use crate::domain::cluster::{Cluster, ExistingEntries};

/// The notes, the most pressing first.
pub(super) fn of(
    clusters: &[&Cluster],
    house: House<'_>,
    service: &ServiceRole,
    targets: &[TargetRole],
) -> Vec<String> {
    let mut notes = Vec::new();
    notes.extend(about_the_service(house, targets));
    notes.extend(about_sizes(service, targets));
    notes.extend(about_policies(house));
    notes.extend(about_clusters(clusters));
    notes.extend(about_principals(clusters));
    notes.extend(about_walls(clusters, house));
    notes
}

fn about_the_service(house: House<'_>, targets: &[TargetRole]) -> Option<String> {
    (house.walls.service_role.is_none() && !targets.is_empty()).then(|| {
        "the trust policies hold a placeholder that IAM refuses; say who the service is with --service-role arn:…"
            .to_owned()
    })
}

fn about_sizes(service: &ServiceRole, targets: &[TargetRole]) -> Vec<String> {
    let mut notes = Vec::new();
    let roles = targets.iter().map(|role| (&*role.arn, &role.policies));
    for (role, policies) in [("the service's role", &service.policies)].into_iter().chain(roles) {
        for policy in policies.iter().filter(|policy| policy.characters > MAX_MANAGED) {
            notes.push(format!(
                "{} for {role} has {} characters, and a managed policy holds {MAX_MANAGED}; it is about one cluster, so make \
                 its protected_principals or allowed_principal_accounts fewer",
                policy.name, policy.characters
            ));
        }
        if policies.len() > MAX_ATTACHED {
            notes.push(format!(
                "{role} needs {} managed policies and may have {MAX_ATTACHED} (20 on request to AWS); give some clusters \
                 of the account another role_arn",
                policies.len()
            ));
        }
    }
    let trusts = targets.iter().filter(|role| role.trust_policy.characters > MAX_TRUST);
    notes.extend(trusts.map(|TargetRole { arn, trust_policy: Policy { characters, .. }, .. }| {
        format!(
            "the trust policy of {arn} has {characters} characters, and IAM takes {MAX_TRUST}; use shorter external_ids"
        )
    }));
    notes
}

fn about_policies(house: House<'_>) -> Vec<String> {
    let mut notes = Vec::new();
    if house.walls.policies_by_default {
        notes.push(format!(
            "{CLUSTER_ADMIN} is left out: AWS will refuse it after people have signed it off. Allow it with --policy \
             (which then names every policy that is allowed), or forbid asking for it in the approval policy"
        ));
    }
    let known = Catalogue::built_in();
    notes.extend(house.walls.policies.iter().filter(|name| known.kind(name).is_none()).map(|name| {
        format!("--policy {name} is unknown to this build; `aws eks list-access-policies` shows whether EKS has it")
    }));
    notes
}

fn about_clusters(clusters: &[&Cluster]) -> Vec<String> {
    let closed = clusters.iter().filter(|cluster| cluster.allowed_principal_accounts.is_empty());
    let mut notes: Vec<_> = closed
        .map(|cluster| {
            format!("cluster {}: allowed_principal_accounts is empty, so nobody can be given access", cluster.name)
        })
        .collect();
    for role in clusters.iter().filter_map(|cluster| cluster.role_arn.as_deref()).collect::<BTreeSet<_>>() {
        let of_role: Vec<_> =
            clusters.iter().copied().filter(|cluster| cluster.role_arn.as_deref() == Some(role)).collect();
        match external_ids(&of_role).len() {
            0 => notes.push(format!(
                "{role} is assumed without an external_id; set one if the account is another party's, or the service \
                 works for several"
            )),
            1 => {}
            _ => {
                notes.push(format!("{role} is assumed with several external_ids; its trust policy takes each of them"))
            }
        }
    }
    notes
}

/// IAM tells of a principal only to its own account.
fn about_principals(clusters: &[&Cluster]) -> Option<String> {
    let reached: BTreeSet<_> = clusters.iter().map(|cluster| &*cluster.account_id).collect();
    let accounts = principal_accounts(clusters.iter().copied());
    let dark: Vec<_> = accounts.difference(&reached).copied().collect();
    (!dark.is_empty()).then(|| {
        format!(
            "principals of {} are not looked up, because no cluster is there; requests for them carry the warning \
             principal-not-checked",
            dark.join(", ")
        )
    })
}

fn about_walls(clusters: &[&Cluster], house: House<'_>) -> Vec<String> {
    let mut notes = Vec::new();
    if !house.walls.groups.is_empty() {
        notes.push(
            "--group binds new entries only: what IAM says of the groups in an update is not known well enough to rely \
             on, and a mistaken wall there would keep access from ending"
                .to_owned(),
        );
    }
    if house.walls.tag_walls {
        notes.push(
            "--tag-walls is by AWS's documentation and was not tried against AWS; try a request and its end on a cluster \
             that does not matter"
                .to_owned(),
        );
        let layered: Vec<_> = clusters
            .iter()
            .filter(|cluster| cluster.existing_entries == ExistingEntries::Layer)
            .map(|cluster| &*cluster.name)
            .collect();
        if !layered.is_empty() {
            notes.push(format!(
                "--tag-walls guards only deletes on {}, which layer on entries of others",
                layered.join(", ")
            ));
        }
    }
    if house.installation.chars().any(|c| c > '\u{ff}') {
        notes.push(
            "IAM takes no character beyond U+00FF, so those of the installation's name are written as JSON escapes; that \
             IAM reads these was not tried"
                .to_owned(),
        );
    }
    notes
}

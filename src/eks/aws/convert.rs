//! Between the SDK's types and ours. What EKS answers is checked before it is believed: about whom, where, and
//! whether all of it is there and understood.

use aws_sdk_eks::types;
use chrono::DateTime;

use super::super::{Class, ClusterGate, EksError, ListedPolicy};
use crate::domain::arn::PrincipalArn;
use crate::domain::cluster::Cluster;
use crate::domain::entry::{AccessScope, EntryContent, EntryType, ObservedEntry};

/// An entry, its policies still to come.
pub(super) fn entry(
    entry: types::AccessEntry,
    cluster: &Cluster,
    principal: &PrincipalArn,
) -> Result<ObservedEntry, EksError> {
    check_principal(entry.principal_arn(), principal)?;
    let access_entry_arn = present(entry.access_entry_arn, "accessEntryArn")?;
    check_home(&access_entry_arn, "access-entry", cluster)?;
    let spelled = present(entry.r#type, "type")?;
    let entry_type = EntryType::parse(&spelled)
        .ok_or_else(|| EksError::bad_answer(format!("the entry has type {spelled}, which Entryway does not know")))?;
    Ok(ObservedEntry {
        content: EntryContent {
            entry_type,
            username: entry.username,
            kubernetes_groups: entry.kubernetes_groups.unwrap_or_default().into_iter().collect(),
            access_policies: Default::default(),
        },
        tags: entry.tags.unwrap_or_default().into_iter().collect(),
        access_entry_arn,
        created_at: entry.created_at.and_then(|at| DateTime::from_timestamp(at.secs(), at.subsec_nanos())),
    })
}

/// An associated policy: its ARN and where it holds.
pub(super) fn policy(policy: &types::AssociatedAccessPolicy) -> Result<(String, AccessScope), EksError> {
    let arn = present(policy.policy_arn(), "policyArn")?;
    let scope = present(policy.access_scope(), "accessScope")?;
    let scope = match present(scope.r#type(), "accessScope.type")? {
        types::AccessScopeType::Cluster => AccessScope::Cluster,
        types::AccessScopeType::Namespace => {
            AccessScope::Namespace { namespaces: scope.namespaces().iter().cloned().collect() }
        }
        other => return Err(EksError::bad_answer(format!("{arn} has scope {other}, which Entryway does not know"))),
    };
    Ok((arn.to_owned(), scope))
}

/// EKS refuses namespaces beside cluster scope; none are sent.
pub(super) fn scope_to_aws(scope: &AccessScope) -> types::AccessScope {
    match scope {
        AccessScope::Cluster => types::AccessScope::builder().r#type(types::AccessScopeType::Cluster),
        AccessScope::Namespace { namespaces } => types::AccessScope::builder()
            .r#type(types::AccessScopeType::Namespace)
            .set_namespaces(Some(namespaces.iter().cloned().collect())),
    }
    .build()
}

/// A policy of the catalogue.
pub(super) fn listed(policy: &types::AccessPolicy) -> Result<ListedPolicy, EksError> {
    Ok(ListedPolicy { name: present(policy.name(), "name")?.to_owned(), arn: present(policy.arn(), "arn")?.to_owned() })
}

/// What decides whether the cluster can be worked on.
pub(super) fn gate(found: Option<types::Cluster>, cluster: &Cluster) -> Result<ClusterGate, EksError> {
    let found = present(found, "cluster")?;
    let arn = present(found.arn, "cluster.arn")?;
    check_home(&arn, "cluster", cluster)?;
    let mode = found.access_config.and_then(|access| access.authentication_mode);
    Ok(ClusterGate {
        status: present(found.status, "cluster.status")?.as_str().to_owned(),
        authentication_mode: mode.map(|mode| mode.as_str().to_owned()),
        platform_version: found.platform_version,
        version: found.version,
        arn,
    })
}

/// An answer about somebody else is no answer.
pub(super) fn check_principal(answered: Option<&str>, asked: &PrincipalArn) -> Result<(), EksError> {
    let answered = present(answered, "principalArn")?;
    if answered == asked.to_string() {
        return Ok(());
    }
    Err(EksError::bad_answer(format!("asked about {asked}, answered about {answered}")))
}

/// That an ARN of `kind` (`cluster`, `access-entry`) belongs to the cluster meant. Credentials of another account
/// find another cluster, which may bear the same name; nothing of it is to be believed, let alone changed.
fn check_home(arn: &str, kind: &str, cluster: &Cluster) -> Result<(), EksError> {
    let Cluster { region, account_id, eks_name, .. } = cluster;
    let home = format!("arn:{}:eks:{region}:{account_id}:{kind}/{eks_name}", cluster.partition());
    match arn.strip_prefix(&home) {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => Ok(()),
        _ => Err(EksError {
            cause: Some(format!("expected {home}, reached {arn}")),
            ambiguous: true,
            ..EksError::of(Class::ClusterGone)
        }),
    }
}

fn present<T>(value: Option<T>, member: &str) -> Result<T, EksError> {
    value.ok_or_else(|| EksError::bad_answer(format!("the answer lacks {member}")))
}

//! The principal: an IAM role or user that this cluster may know.

use super::reading::Reading;
use super::text::{quoted, shown};
use super::{Context, Report};
use crate::domain::arn::{ArnError, PrincipalArn, PrincipalKind};
use crate::domain::cluster::Cluster;
use crate::domain::entry::EntryType;
use crate::domain::principal::Presence;

const POINTER: &str = "/principalArn";

/// How much of an error's own words is shown: they may repeat parts of what was asked.
const ERROR_SHOWN: usize = 300;

pub(super) fn is_role_or_user(reading: &Reading<'_>, _: &Context<'_>, out: &mut Report<'_>) {
    if let Err(error @ ArnError::Malformed(_)) = &reading.principal {
        if reading.ask.principal_arn.is_empty() {
            return out.add(POINTER, "say whose access it is: the ARN of an IAM role or user".to_owned());
        }
        out.add(POINTER, refusal(reading, error));
    }
}

pub(super) fn is_no_session(reading: &Reading<'_>, _: &Context<'_>, out: &mut Report<'_>) {
    if let Err(error @ ArnError::StsSession { .. }) = &reading.principal {
        out.add(POINTER, refusal(reading, error));
    }
}

fn refusal(reading: &Reading<'_>, error: &ArnError) -> String {
    format!("{}: {}", quoted(&reading.ask.principal_arn), shown(&error.to_string(), ERROR_SHOWN))
}

pub(super) fn is_not_service_linked(reading: &Reading<'_>, _: &Context<'_>, out: &mut Report<'_>) {
    if let Ok(principal) = &reading.principal
        && principal.is_service_linked_role()
    {
        let detail = format!(
            "{} is a service-linked role, which only AWS makes entries for; use a role of your own",
            name(principal)
        );
        out.add(POINTER, detail);
    }
}

pub(super) fn shares_the_partition(reading: &Reading<'_>, context: &Context<'_>, out: &mut Report<'_>) {
    if let Some((principal, cluster)) = both(reading, context)
        && principal.partition() != cluster.partition()
    {
        let detail = format!(
            "the principal is in partition {} and {} is in {}; use a principal from there",
            principal.partition(),
            cluster.name,
            cluster.partition()
        );
        out.add(POINTER, detail);
    }
}

pub(super) fn of_nodes_shares_the_account(reading: &Reading<'_>, context: &Context<'_>, out: &mut Report<'_>) {
    if let Some(kind) = reading.node_type()
        && let Some((principal, cluster)) = both(reading, context)
        && principal.account() != cluster.account_id
    {
        let detail = format!(
            "type {} takes a role from the cluster's account {} only, and this one is from {}",
            kind.as_str(),
            cluster.account_id,
            principal.account()
        );
        out.add(POINTER, detail);
    }
}

pub(super) fn comes_from_an_allowed_account(reading: &Reading<'_>, context: &Context<'_>, out: &mut Report<'_>) {
    if let Some((principal, cluster)) = both(reading, context)
        && !cluster.allowed_principal_accounts.contains(principal.account())
    {
        let detail = format!(
            "principals from account {} are not allowed on {}; use one from an allowed account \
             or ask the operators to allow it",
            principal.account(),
            cluster.name
        );
        out.add(POINTER, detail);
    }
}

pub(super) fn of_nodes_is_a_role(reading: &Reading<'_>, _: &Context<'_>, out: &mut Report<'_>) {
    if let Some(kind) = reading.node_type()
        && let Ok(principal) = &reading.principal
        && principal.kind() == PrincipalKind::User
    {
        let detail = format!(
            "type {} takes a role, and this is a user; give the nodes' role, or use type {} for a person",
            kind.as_str(),
            EntryType::Standard.as_str()
        );
        out.add(POINTER, detail);
    }
}

pub(super) fn is_not_protected(reading: &Reading<'_>, context: &Context<'_>, out: &mut Report<'_>) {
    if let Some((principal, cluster)) = both(reading, context)
        && cluster.protected_principals.iter().chain(&cluster.role_arn).any(|protected| names(protected, principal))
    {
        let detail = format!(
            "{} is protected on {}: Entryway never touches its entry; use another principal",
            name(principal),
            cluster.name
        );
        out.add(POINTER, detail);
    }
}

pub(super) fn exists(reading: &Reading<'_>, context: &Context<'_>, out: &mut Report<'_>) {
    let Ok(principal) = &reading.principal else { return };
    let kind = principal.kind().as_str();
    match context.presence {
        Presence::Exists(known) if known.arn != *principal => {
            let detail = format!(
                "there is no {}; IAM knows the {kind} {} as {}: give that ARN, path included",
                name(principal),
                principal.name(),
                known.arn
            );
            out.add(POINTER, detail);
        }
        Presence::Missing => {
            let detail = format!(
                "IAM knows no {kind} {} in account {}; create it first, or wait some seconds if it was created just now",
                quoted(principal.name()),
                principal.account()
            );
            out.add(POINTER, detail);
        }
        Presence::Exists(_) | Presence::NotChecked(_) => {}
    }
}

fn both<'r>(reading: &'r Reading<'_>, context: &Context<'r>) -> Option<(&'r PrincipalArn, &'r Cluster)> {
    Some((reading.principal.as_ref().ok()?, context.cluster?))
}

/// IAM has one role (or user) of a name per account, whatever its path and case (`IAM user guide, name requirements`).
/// So an ARN with another path or case either is the protected principal or does not exist.
fn names(protected: &str, principal: &PrincipalArn) -> bool {
    match protected.parse::<PrincipalArn>() {
        Ok(protected) => {
            protected.account() == principal.account()
                && protected.kind() == principal.kind()
                && protected.name().eq_ignore_ascii_case(principal.name())
        }
        Err(_) => protected == principal.to_string(),
    }
}

fn name(principal: &PrincipalArn) -> String {
    quoted(&principal.to_string())
}

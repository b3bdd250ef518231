//! An ask as far as it can be understood: every field parsed on its own, so that each rule can look at what it needs
//! although other fields make no sense.

use chrono::{DateTime, TimeDelta, Utc};

use super::Context;
use super::times::is_now;
use crate::domain::arn::{ArnError, PrincipalArn};
use crate::domain::ask::{Ask, AskedPolicy};
use crate::domain::catalogue::{is_policy_name, policy_arn, split_policy_arn};
use crate::domain::duration::{self, DurationError};
use crate::domain::entry::{AccessScope, EntryContent, EntryType};
use crate::domain::request::Spec;

/// The parsed ask.
pub(super) struct Reading<'a> {
    pub(super) ask: &'a Ask,
    pub(super) principal: Result<PrincipalArn, ArnError>,
    /// `None` if there is no such type.
    pub(super) entry_type: Option<EntryType>,
    /// `None` if EKS is to derive it. An empty one means the same: clients that know no `null` send it so.
    pub(super) username: Option<&'a str>,
    pub(super) policies: Vec<PolicyReading<'a>>,
    pub(super) duration: Option<Result<TimeDelta, DurationError>>,
    pub(super) reason: String,
    pub(super) ticket: Option<&'a str>,
}

/// One access policy of the ask.
pub(super) struct PolicyReading<'a> {
    pub(super) asked: &'a AskedPolicy,
    /// Partition and bare name; `None` if this is neither an access policy's ARN nor a name.
    pub(super) named: Option<(&'a str, &'a str)>,
    /// `None` if EKS would not take the scope.
    pub(super) scope: Option<AccessScope>,
}

impl<'a> Reading<'a> {
    pub(super) fn of(ask: &'a Ask, context: &Context<'_>) -> Self {
        let principal = ask.principal_arn.parse::<PrincipalArn>();
        let partition = match (context.cluster, &principal) {
            (Some(cluster), _) => cluster.partition(),
            (None, Ok(principal)) => principal.partition(),
            (None, Err(_)) => "aws",
        };
        Self {
            ask,
            principal,
            entry_type: ask.entry_type.as_deref().map_or(Some(EntryType::Standard), EntryType::parse),
            username: ask.username.as_deref().filter(|name| !name.is_empty()),
            policies: ask.access_policies.iter().map(|asked| PolicyReading::of(asked, partition)).collect(),
            duration: ask.duration.as_deref().map(duration::parse),
            reason: ask.reason.as_deref().unwrap_or_default().trim().replace("\r\n", "\n"),
            ticket: ask.ticket.as_deref().map(str::trim).filter(|ticket| !ticket.is_empty()),
        }
    }

    /// The type, if it is known and is a node's.
    pub(super) fn node_type(&self) -> Option<EntryType> {
        self.entry_type.filter(|kind| *kind != EntryType::Standard)
    }

    /// What was asked, in its one canonical form. `None` if something in it could not be read.
    pub(super) fn into_spec(self, now: DateTime<Utc>) -> Option<Spec> {
        let policies = self.policies.into_iter().map(|policy| {
            let (partition, name) = policy.named?;
            Some((policy_arn(partition, name), policy.scope?))
        });
        Some(Spec {
            cluster_name: self.ask.cluster_name.clone(),
            principal: self.principal.ok()?,
            content: EntryContent {
                entry_type: self.entry_type?,
                username: self.username.map(str::to_owned),
                kubernetes_groups: self.ask.kubernetes_groups.iter().cloned().collect(),
                access_policies: policies.collect::<Option<_>>()?,
            },
            tags: self.ask.tags.clone(),
            reason: self.reason,
            ticket: self.ticket.map(str::to_owned),
            duration: self.duration.transpose().ok()?,
            start_at: self.ask.start_at.map(to_micros).filter(|at| !is_now(*at, now)),
            break_glass: self.ask.break_glass,
            extends: self.ask.extends,
        })
    }
}

impl<'a> PolicyReading<'a> {
    fn of(asked: &'a AskedPolicy, partition: &'a str) -> Self {
        let text = asked.policy_arn.as_str();
        let named = split_policy_arn(text).or_else(|| is_policy_name(text).then_some((partition, text)));
        let namespaces = asked.namespaces.as_deref().unwrap_or_default();
        let scope = match (asked.scope_type.as_deref(), namespaces) {
            (Some("cluster"), []) => Some(AccessScope::Cluster),
            (Some("namespace"), [_, ..]) => {
                Some(AccessScope::Namespace { namespaces: namespaces.iter().cloned().collect() })
            }
            _ => None,
        };
        Self { asked, named, scope }
    }
}

/// Postgres keeps microseconds; what is reviewed must be what is read back.
fn to_micros(at: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(at.timestamp_micros()).unwrap_or(at)
}

//! A request as the API takes it, for the command line: `policy test` and `policy explain` ask about requests that
//! were never filed. Only the shape is checked here; whether EKS would take it is for the rules to say.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::Deserialize;
use thiserror::Error;

use crate::domain::arn::{ArnError, PrincipalArn};
use crate::domain::catalogue::{bare_name, policy_arn};
use crate::domain::cluster::Cluster;
use crate::domain::duration::{self, DurationError};
use crate::domain::entry::{AccessScope, EntryContent, EntryType};
use crate::domain::request::Spec;

/// Why something is not a request. Each says which field, and what to write.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum AskedError {
    #[error("principalArn: {0}")]
    Principal(#[from] ArnError),
    #[error("type: \"{0}\" is none of {all}", all = EntryType::ALL.map(EntryType::as_str).join(", "))]
    Type(String),
    #[error("duration: {0}")]
    Duration(#[from] DurationError),
    #[error("accessPolicies: {0} is there twice; give it once, with all its namespaces")]
    PolicyTwice(String),
    #[error(
        "accessPolicies: the accessScope of {0} is {{\"type\": \"cluster\"}} or {{\"type\": \"namespace\", \
         \"namespaces\": [\"…\"]}}"
    )]
    Scope(String),
}

/// The body of `POST /v1/requests` for one cluster.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Asked {
    pub(super) cluster_name: String,
    principal_arn: String,
    #[serde(rename = "type")]
    entry_type: Option<String>,
    username: Option<String>,
    #[serde(default)]
    kubernetes_groups: BTreeSet<String>,
    #[serde(default)]
    access_policies: Vec<AskedPolicy>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    reason: Option<String>,
    ticket: Option<String>,
    duration: Option<String>,
    start_at: Option<DateTime<Utc>>,
    #[serde(default)]
    break_glass: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AskedPolicy {
    policy_arn: String,
    access_scope: AskedScope,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct AskedScope {
    #[serde(rename = "type")]
    scope_type: String,
    namespaces: Option<BTreeSet<String>>,
}

impl Asked {
    /// What is asked of `cluster`, with every spelling made canonical.
    pub(super) fn spec(self, cluster: &Cluster) -> Result<Spec, AskedError> {
        let entry_type = match self.entry_type {
            None => EntryType::Standard,
            Some(text) => EntryType::parse(&text).ok_or(AskedError::Type(text))?,
        };
        let mut access_policies = BTreeMap::new();
        for policy in self.access_policies {
            let name = bare_name(&policy.policy_arn).to_owned();
            let scope = policy.access_scope.read().ok_or_else(|| AskedError::Scope(name.clone()))?;
            if access_policies.insert(policy_arn(cluster.partition(), &name), scope).is_some() {
                return Err(AskedError::PolicyTwice(name));
            }
        }
        Ok(Spec {
            cluster_name: self.cluster_name,
            principal: self.principal_arn.parse::<PrincipalArn>()?,
            content: EntryContent {
                entry_type,
                username: self.username,
                kubernetes_groups: self.kubernetes_groups,
                access_policies,
            },
            tags: self.tags,
            reason: self.reason.unwrap_or_default(),
            ticket: self.ticket,
            duration: self.duration.as_deref().map(duration::parse).transpose()?,
            start_at: self.start_at,
            break_glass: self.break_glass,
            extends: None,
        })
    }
}

impl AskedScope {
    fn read(self) -> Option<AccessScope> {
        match (self.scope_type.as_str(), self.namespaces) {
            ("cluster", None) => Some(AccessScope::Cluster),
            ("cluster", Some(namespaces)) if namespaces.is_empty() => Some(AccessScope::Cluster),
            ("namespace", Some(namespaces)) if !namespaces.is_empty() => Some(AccessScope::Namespace { namespaces }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::testing::cluster;

    fn read(json: &str) -> Result<Spec, String> {
        let asked: Asked = serde_json::from_str(json).map_err(|error| error.to_string())?;
        asked.spec(&cluster("prod")).map_err(|error| error.to_string())
    }

    #[test]
    fn reads_the_example_of_the_contract() {
        let spec = read(
            r#"{ "clusterName": "prod", "principalArn": "arn:aws:iam::111122223333:role/dev/apps/my-role",
                 "type": "STANDARD", "username": null, "kubernetesGroups": ["viewers"],
                 "accessPolicies": [{"policyArn": "AmazonEKSViewPolicy",
                     "accessScope": {"type": "namespace", "namespaces": ["payments", "payments-*"]}}],
                 "tags": {"team": "payments"}, "reason": "Look into the failed settlement run",
                 "ticket": "PAY-1234", "duration": "8h", "startAt": null, "breakGlass": false }"#,
        )
        .expect("the contract's own example");
        assert_eq!(spec.duration, Some(chrono::TimeDelta::hours(8)));
        let policies: Vec<&String> = spec.content.access_policies.keys().collect();
        assert_eq!(policies, ["arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"]);
        assert_eq!(spec.ticket.as_deref(), Some("PAY-1234"));
    }

    #[test]
    fn refuses_what_it_does_not_understand() {
        let with = |rest: &str| {
            read(&format!(r#"{{"clusterName": "prod", "principalArn": "arn:aws:iam::111122223333:role/r", {rest}}}"#))
                .expect_err(rest)
        };
        assert!(with(r#""clusterNames": ["a"]"#).contains("unknown field `clusterNames`"));
        assert!(with(r#""duration": "P1M""#).starts_with("duration: "));
        assert!(with(r#""type": "EC3""#).contains("EC2_LINUX"));
        let policy = |scope: &str| format!(r#""accessPolicies": [{{"policyArn": "A", "accessScope": {scope}}}]"#);
        assert!(with(&policy(r#"{"type": "namespace"}"#)).contains("accessScope of A"));
        assert!(with(&policy(r#"{"type": "cluster", "namespaces": ["x"]}"#)).contains("accessScope of A"));
        let scope = r#""accessScope": {"type": "cluster"}"#;
        let twice = format!(
            r#""accessPolicies": [{{"policyArn": "A", {scope}}},
               {{"policyArn": "arn:aws:eks::aws:cluster-access-policy/A", {scope}}}]"#
        );
        assert!(with(&twice).contains("A is there twice"));
    }
}

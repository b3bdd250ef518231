//! The body of `POST /v1/requests`.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::extract::{TakenBody, object};
use super::super::problem::{Code, FieldError, Problem};
use crate::domain::ask::{Ask, AskedPolicy};

/// The most clusters one call files requests for.
const MOST_CLUSTERS: usize = 50;

/// What somebody asks for. Either `clusterName` or `clusterNames` must be given.
#[derive(Debug, Clone, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewRequest)]
pub(crate) struct NewRequest {
    /// Entryway's name for the cluster.
    #[schema(example = "prod")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cluster_name: Option<String>,
    /// Several clusters: one request each, all or none. Excludes `clusterName`.
    #[schema(example = json!(null), min_items = 1, max_items = 50)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cluster_names: Option<Vec<String>>,
    /// The ARN of the IAM role or user, path included.
    #[serde(default)]
    #[schema(example = "arn:aws:iam::111122223333:role/dev/apps/my-role", required = true)]
    pub(crate) principal_arn: String,
    /// The type of the entry; `STANDARD` unless given. `EC2_Linux` and `EC2 Linux` are understood as `EC2_LINUX`.
    #[serde(rename = "type")]
    #[schema(example = "STANDARD")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) entry_type: Option<String>,
    /// A Kubernetes username; leave it out and EKS derives one that names the principal.
    #[schema(example = json!(null), max_length = 256)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) username: Option<String>,
    /// Kubernetes groups that are bound by RBAC in the cluster.
    #[serde(default)]
    #[schema(example = json!(["viewers"]), max_items = 100)]
    pub(crate) kubernetes_groups: Vec<String>,
    /// EKS access policies, each with its scope.
    #[serde(default)]
    pub(crate) access_policies: Vec<NewAccessPolicy>,
    /// Tags for the entry.
    #[serde(default)]
    #[schema(example = json!({"team": "payments"}))]
    pub(crate) tags: BTreeMap<String, String>,
    /// Why it is needed: reviewers decide by it.
    #[schema(example = "Look into the failed settlement run", max_length = 1000)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// The ticket it belongs to.
    #[schema(example = "PAY-1234", max_length = 256)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ticket: Option<String>,
    /// How long access lasts from the first successful write: `8h`, `1h30m`, `2d` or ISO 8601 `PT8H`. Permanent
    /// unless given, where policy and configuration let it.
    #[schema(example = "8h")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) duration: Option<String>,
    /// When to start; as soon as it is signed off unless given.
    #[schema(example = json!(null))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) start_at: Option<DateTime<Utc>>,
    /// Apply now, review afterwards; where policy lets it.
    #[serde(default)]
    pub(crate) break_glass: bool,
}

/// An EKS access policy somebody asks for.
#[derive(Debug, Clone, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewAccessPolicy)]
pub(crate) struct NewAccessPolicy {
    /// The full ARN or the bare name, as `GET /v1/access-policies` lists them.
    #[serde(default)]
    #[schema(example = "AmazonEKSViewPolicy", required = true)]
    pub(crate) policy_arn: String,
    /// Where it is to hold.
    #[serde(default, deserialize_with = "object")]
    #[schema(required = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) access_scope: Option<NewAccessScope>,
}

/// Where an access policy is to hold.
#[derive(Debug, Clone, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewAccessScope)]
pub(crate) struct NewAccessScope {
    /// `cluster` or `namespace`.
    #[serde(rename = "type")]
    #[schema(example = "namespace", required = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) scope_type: Option<String>,
    /// The namespaces; `*` stands for any run of characters. Only with `namespace`.
    #[schema(example = json!(["payments", "payments-*"]), max_items = 100)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) namespaces: Option<Vec<String>>,
}

impl TakenBody for NewRequest {}

/// What one body asks for.
#[derive(Debug)]
pub(super) struct Asked {
    /// One ask for each cluster.
    pub(super) asks: Vec<Ask>,
    /// Whether the clusters came as a list, which is then answered as one.
    pub(super) many: bool,
}

impl NewRequest {
    /// One ask for each cluster.
    ///
    /// # Errors
    /// When the list of clusters is none.
    pub(super) fn asks(mut self) -> Result<Asked, Problem> {
        let (one, list) = (self.cluster_name.take(), self.cluster_names.take());
        let many = list.is_some();
        let names = match (one, list) {
            (one, None) => vec![one.unwrap_or_default()],
            (None, Some(names)) => checked(names)?,
            (Some(_), Some(_)) => {
                return Err(wrong_list(vec![flaw(
                    "/clusterNames",
                    "give either clusterName or clusterNames, not both",
                )]));
            }
        };
        let ask = self.ask();
        let asks = names.into_iter().map(|cluster_name| Ask { cluster_name, ..ask.clone() }).collect();
        Ok(Asked { asks, many })
    }

    fn ask(self) -> Ask {
        let policy = |NewAccessPolicy { policy_arn, access_scope }| {
            let (scope_type, namespaces) =
                access_scope.map_or((None, None), |scope| (scope.scope_type, scope.namespaces));
            AskedPolicy { policy_arn, scope_type, namespaces }
        };
        Ask {
            cluster_name: String::new(),
            principal_arn: self.principal_arn,
            entry_type: self.entry_type,
            username: self.username,
            kubernetes_groups: self.kubernetes_groups,
            access_policies: self.access_policies.into_iter().map(policy).collect(),
            tags: self.tags,
            reason: self.reason,
            ticket: self.ticket,
            duration: self.duration,
            start_at: self.start_at,
            break_glass: self.break_glass,
            extends: None,
        }
    }
}

fn checked(names: Vec<String>) -> Result<Vec<String>, Problem> {
    if !(1..=MOST_CLUSTERS).contains(&names.len()) {
        let detail = format!("there are {} names; give 1 to {MOST_CLUSTERS}", names.len());
        return Err(wrong_list(vec![flaw("/clusterNames", &detail)]));
    }
    let mut seen = BTreeSet::new();
    let repeated = names.iter().enumerate().filter(|(_, name)| !seen.insert(name.as_str()));
    let flaws: Vec<_> =
        repeated.map(|(place, _)| flaw(&format!("/clusterNames/{place}"), "the name is in the list already")).collect();
    if flaws.is_empty() { Ok(names) } else { Err(wrong_list(flaws)) }
}

fn flaw(pointer: &str, detail: &str) -> FieldError {
    FieldError::at(pointer, "cluster-names-invalid", detail)
}

fn wrong_list(errors: Vec<FieldError>) -> Problem {
    Problem::new(Code::ValidationFailed, "the list of clusters is not one; errors says where and what").listing(errors)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(json: &str) -> Result<Asked, Vec<String>> {
        let body: NewRequest = serde_json::from_str(json).expect(json);
        let pointers = |problem: Problem| problem.errors().iter().filter_map(|error| error.pointer.clone()).collect();
        body.asks().map_err(pointers)
    }

    #[test]
    fn the_example_of_the_contract_is_read_whole() {
        let asked = asks(
            r#"{ "clusterName": "prod", "principalArn": "arn:aws:iam::111122223333:role/dev/apps/my-role",
                 "type": "STANDARD", "username": null, "kubernetesGroups": ["viewers"],
                 "accessPolicies": [{"policyArn": "AmazonEKSViewPolicy",
                     "accessScope": {"type": "namespace", "namespaces": ["payments", "payments-*"]}}],
                 "tags": {"team": "payments"}, "reason": "Look into the failed settlement run",
                 "ticket": "PAY-1234", "duration": "8h", "startAt": null, "breakGlass": false }"#,
        )
        .expect("sound");
        assert!(!asked.many);
        let [ask] = asked.asks.as_slice() else { panic!("one cluster, one ask") };
        assert_eq!((ask.cluster_name.as_str(), ask.duration.as_deref()), ("prod", Some("8h")));
        assert_eq!(ask.access_policies[0].scope_type.as_deref(), Some("namespace"));
        assert_eq!(ask.access_policies[0].namespaces.as_ref().map(Vec::len), Some(2));
    }

    #[test]
    fn a_list_of_clusters_is_one_ask_each() {
        let asked = asks(r#"{"clusterNames": ["dev", "prod"], "principalArn": "x", "reason": "why"}"#).expect("sound");
        assert!(asked.many);
        let names: Vec<_> = asked.asks.iter().map(|ask| (ask.cluster_name.as_str(), ask.reason.as_deref())).collect();
        assert_eq!(names, [("dev", Some("why")), ("prod", Some("why"))]);
        assert!(asks(r#"{"clusterNames": ["dev"]}"#).expect("sound").many, "a list of one is answered as a list");
    }

    #[test]
    fn what_is_no_list_is_refused() {
        assert_eq!(asks(r#"{"clusterName": "a", "clusterNames": ["b"]}"#).expect_err("both"), ["/clusterNames"]);
        assert_eq!(asks(r#"{"clusterNames": []}"#).expect_err("none"), ["/clusterNames"]);
        assert_eq!(asks(r#"{"clusterNames": ["a", "b", "a"]}"#).expect_err("twice"), ["/clusterNames/2"]);
        let many = serde_json::json!({ "clusterNames": (0..51).map(|n| n.to_string()).collect::<Vec<_>>() });
        assert_eq!(asks(&many.to_string()).expect_err("too many"), ["/clusterNames"]);
    }
}

//! An access entry as the simulated EKS keeps it, and what EKS computes about it.

use std::collections::BTreeMap;

use rand::Rng;
use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::arn::Principal;
use super::clock::Ms;
use super::wire::timestamp;

/// The types of the API (`EKS API reference, CreateAccessEntry`), spelled as there and nowhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Kind {
    Standard,
    Ec2Linux,
    Ec2Windows,
    FargateLinux,
    HybridLinux,
    Ec2,
    HyperpodLinux,
}

impl Kind {
    /// EKS's spelling; any other case or separator is another word.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        serde_json::from_value(Value::from(text)).ok()
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Standard => "STANDARD",
            Self::Ec2Linux => "EC2_LINUX",
            Self::Ec2Windows => "EC2_WINDOWS",
            Self::FargateLinux => "FARGATE_LINUX",
            Self::HybridLinux => "HYBRID_LINUX",
            Self::Ec2 => "EC2",
            Self::HyperpodLinux => "HYPERPOD_LINUX",
        }
    }

    /// The username EKS computes. A role's path is dropped, a user's ARN stands as it is.
    pub(crate) fn username(self, principal: &Principal) -> String {
        match self {
            Self::Standard if principal.is_role => format!(
                "arn:{}:sts::{}:assumed-role/{}/{{{{SessionName}}}}",
                principal.partition, principal.account, principal.name
            ),
            Self::Standard => principal.text.clone(),
            Self::Ec2Linux | Self::Ec2Windows | Self::Ec2 => "system:node:{{EC2PrivateDNSName}}".to_owned(),
            Self::FargateLinux | Self::HybridLinux | Self::HyperpodLinux => "system:node:{{SessionName}}".to_owned(),
        }
    }

    /// The groups EKS computes: measured for `EC2_LINUX`, after `aws-auth`'s example for the others.
    pub(crate) fn groups(self) -> Vec<String> {
        let groups: &[&str] = match self {
            Self::Standard => &[],
            Self::Ec2Windows => &["system:nodes", "eks:kube-proxy-windows"],
            Self::FargateLinux => &["system:bootstrappers", "system:nodes", "system:node-proxier"],
            Self::Ec2Linux | Self::HybridLinux | Self::Ec2 | Self::HyperpodLinux => &["system:nodes"],
        };
        groups.iter().map(|group| (*group).to_owned()).collect()
    }
}

/// A policy on an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Association {
    pub(crate) scope: Scope,
    pub(crate) associated_at: Ms,
    pub(crate) modified_at: Ms,
}

/// `accessScope`, as it stood in the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Scope {
    /// `cluster` or `namespace`.
    #[serde(rename = "type", default)]
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) namespaces: Vec<String>,
}

impl Scope {
    /// The whole cluster.
    pub(crate) fn cluster() -> Self {
        Self { kind: "cluster".to_owned(), namespaces: Vec::new() }
    }
}

/// One version of an access entry.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) arn: String,
    pub(crate) principal: Principal,
    /// The unique id of the principal when the entry was made; what the authenticator really matches.
    pub(crate) principal_id: String,
    pub(crate) kind: Kind,
    pub(crate) username: String,
    pub(crate) groups: Vec<String>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) created_at: Ms,
    pub(crate) modified_at: Ms,
    pub(crate) policies: BTreeMap<String, Association>,
}

impl Entry {
    /// `accessEntry` as the API answers it. Associations are no part of it.
    pub(crate) fn to_json(&self, cluster: &str) -> Value {
        json!({
            "clusterName": cluster,
            "principalArn": self.principal.text,
            "kubernetesGroups": self.groups,
            "accessEntryArn": self.arn,
            "createdAt": timestamp(self.created_at),
            "modifiedAt": timestamp(self.modified_at),
            "tags": self.tags,
            "username": self.username,
            "type": self.kind.name(),
        })
    }

    /// `associatedAccessPolicies` as the API answers them, by ascending policy ARN.
    pub(crate) fn policies_json(&self) -> Vec<Value> {
        self.policies.iter().map(|(arn, association)| association.to_json(arn)).collect()
    }

    /// A change moves `modifiedAt`, always forward: two changes within one millisecond are still two.
    pub(crate) fn touch(&mut self, now: Ms) {
        self.modified_at = now.max(self.modified_at + 1);
    }
}

impl Association {
    /// `associatedAccessPolicy` as the API answers it.
    pub(crate) fn to_json(&self, policy_arn: &str) -> Value {
        json!({
            "policyArn": policy_arn,
            "accessScope": self.scope,
            "associatedAt": timestamp(self.associated_at),
            "modifiedAt": timestamp(self.modified_at),
        })
    }
}

/// A random UUID from the simulator's own sequence.
pub(crate) fn uuid(rng: &mut StdRng) -> String {
    uuid::Builder::from_random_bytes(rng.random()).into_uuid().to_string()
}

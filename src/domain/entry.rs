//! What an EKS access entry holds, in the one form that everything compares: ordered, de-duplicated, with the
//! spellings EKS uses.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::arn::PrincipalArn;

/// The type of an access entry (`EKS API reference, CreateAccessEntry`). It can never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EntryType {
    /// People and workloads. The only type with a username, groups or (besides `EC2`) access policies.
    Standard,
    /// Self-managed Linux and Bottlerocket nodes.
    Ec2Linux,
    /// Self-managed Windows nodes.
    Ec2Windows,
    /// Fargate pods.
    FargateLinux,
    /// EKS Hybrid Nodes.
    HybridLinux,
    /// EKS Auto Mode nodes.
    Ec2,
    /// SageMaker HyperPod nodes.
    HyperpodLinux,
}

impl EntryType {
    /// Every type EKS knows, in the order of its documentation.
    pub const ALL: [Self; 7] = [
        Self::Standard,
        Self::Ec2Linux,
        Self::Ec2Windows,
        Self::FargateLinux,
        Self::HybridLinux,
        Self::Ec2,
        Self::HyperpodLinux,
    ];

    /// EKS's own spelling.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
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

    /// Reads EKS's spelling, and the older ones of the user guide (`EC2_Linux`, `EC2 Linux`).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let canonical = text.trim().replace([' ', '-'], "_").to_ascii_uppercase();
        Self::ALL.into_iter().find(|kind| kind.as_str() == canonical)
    }

    /// Whether entries of this type are for nodes: everything but `STANDARD`. EKS computes their usernames and groups, never
    /// updates them, and without them their nodes are cut off.
    #[must_use]
    pub const fn is_of_nodes(self) -> bool {
        !matches!(self, Self::Standard)
    }

    /// Whether entries of this type may carry access policies: `STANDARD`, and `EC2` for the Auto Mode node policy.
    #[must_use]
    pub const fn takes_policies(self) -> bool {
        matches!(self, Self::Standard | Self::Ec2)
    }
}

/// Where an access policy holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum AccessScope {
    /// The whole cluster.
    Cluster,
    /// The named namespaces only. `*` matches any run of characters (`EKS user guide, access policies`).
    Namespace {
        /// Names or patterns, as written.
        namespaces: BTreeSet<String>,
    },
}

impl AccessScope {
    /// What two grants of the same policy add up to: the whole cluster absorbs namespaces, namespaces unite.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Namespace { namespaces: ours }, Self::Namespace { namespaces: theirs }) => {
                Self::Namespace { namespaces: ours.union(theirs).cloned().collect() }
            }
            _ => Self::Cluster,
        }
    }
}

/// What an access entry grants: everything about it but whose it is and how it is tagged.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EntryContent {
    /// The entry's type.
    #[serde(rename = "type")]
    pub entry_type: EntryType,
    /// The Kubernetes user name; `None` leaves it to EKS, which derives it from the principal.
    pub username: Option<String>,
    /// Kubernetes groups, for RBAC.
    pub kubernetes_groups: BTreeSet<String>,
    /// EKS access policies by full ARN, each with its scope. A policy stands at most once on an entry.
    pub access_policies: BTreeMap<String, AccessScope>,
}

/// What EKS answers about an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedEntry {
    /// Groups, policies, type and username (EKS always tells a username, asked for or not).
    pub content: EntryContent,
    /// All tags, Entryway's own included.
    pub tags: BTreeMap<String, String>,
    /// `arn:…:access-entry/<cluster>/<role|user>/<account>/<name>/<uuid>`: another uuid is another entry.
    pub access_entry_arn: String,
    /// When EKS made it; `None` where EKS does not tell.
    pub created_at: Option<DateTime<Utc>>,
}

/// The tag key that marks an entry as made by Entryway; its value is the installation's name.
pub const OWNER_TAG: &str = "entryway/installation";

impl ObservedEntry {
    /// Whether this entry carries the ownership tag of `installation`. Entryway changes nothing else.
    #[must_use]
    pub fn is_owned_by(&self, installation: &str) -> bool {
        self.tags.get(OWNER_TAG).is_some_and(|owner| owner == installation)
    }

    /// The content in the form in which requests ask for it: a username that EKS derived from `principal` is none, unless
    /// just that one is what is `wanted`.
    #[must_use]
    pub fn as_asked(&self, principal: &PrincipalArn, wanted: Option<&str>) -> EntryContent {
        let entry_type = self.content.entry_type;
        let mut content = self.content.clone();
        content.username = content
            .username
            .filter(|username| wanted == Some(username.as_str()) || !is_derived(username, principal, entry_type));
        content
    }
}

/// Whether EKS may have derived `username` from `principal`. Its derivation is not documented for every case, so the ARN
/// itself, with or without its path, counts too: taking it for somebody's choice would mean changing it for ever.
fn is_derived(username: &str, principal: &PrincipalArn, entry_type: EntryType) -> bool {
    let (partition, account, name) = (principal.partition(), principal.account(), principal.name());
    let kind = if principal.kind() == super::arn::PrincipalKind::Role { "role" } else { "user" };
    username == generated_username(principal, entry_type)
        || username == principal.to_string()
        || username == format!("arn:{partition}:iam::{account}:{kind}/{name}")
}

/// The username that an entry of `principal` which holds `content` has on EKS.
#[must_use]
pub fn username_on(principal: &PrincipalArn, content: &EntryContent) -> String {
    content.username.clone().unwrap_or_else(|| generated_username(principal, content.entry_type))
}

/// The username EKS sets when none is asked for (`EKS user guide, creating access entries`, the table of
/// generated usernames). The path of a role is dropped, that of a user is kept.
#[must_use]
pub fn generated_username(principal: &PrincipalArn, entry_type: EntryType) -> String {
    use super::arn::PrincipalKind::{Role, User};
    match (entry_type, principal.kind()) {
        (EntryType::Standard, User) => principal.to_string(),
        (EntryType::Standard, Role) => format!(
            "arn:{}:sts::{}:assumed-role/{}/{{{{SessionName}}}}",
            principal.partition(),
            principal.account(),
            principal.name()
        ),
        (EntryType::Ec2Linux | EntryType::Ec2Windows | EntryType::Ec2, _) => {
            "system:node:{{EC2PrivateDNSName}}".to_owned()
        }
        (EntryType::FargateLinux | EntryType::HybridLinux | EntryType::HyperpodLinux, _) => {
            "system:node:{{SessionName}}".to_owned()
        }
    }
}

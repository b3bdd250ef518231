//! The clusters Entryway looks after, as configuration describes them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

/// What to do about an access entry that was there before Entryway was asked about its principal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExistingEntries {
    /// Leave it alone and fail the request with `entry-not-owned`.
    #[default]
    Refuse,
    /// Remember what it holds, add to it, and put it back as it was at the end.
    Layer,
}

/// What to do when somebody changed an entry behind Entryway's back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DriftMode {
    /// Put it right, and say so.
    #[default]
    Repair,
    /// Only say so.
    Report,
}

/// One EKS cluster. Requests name it by [`Cluster::name`]; everything else is the operator's configuration, so
/// that nothing in a request can choose an account, a region or a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// How requests name it.
    pub name: String,
    /// EKS's name for it.
    pub eks_name: String,
    /// AWS region.
    pub region: String,
    /// The 12-digit account it lives in.
    pub account_id: String,
    /// The role to assume for this account, if any.
    pub role_arn: Option<String>,
    /// The external id to present when assuming [`Cluster::role_arn`].
    pub external_id: Option<String>,
    /// `prod`, `dev`, …: what policy groups clusters by.
    pub environment: String,
    /// Free labels that policy can read as tags of the cluster.
    pub labels: BTreeMap<String, String>,
    /// What to do about entries of others.
    pub existing_entries: ExistingEntries,
    /// What to do about drift.
    pub drift: DriftMode,
    /// Principals that Entryway never touches.
    pub protected_principals: BTreeSet<String>,
    /// Accounts principals may come from.
    pub allowed_principal_accounts: BTreeSet<String>,
}

impl Cluster {
    /// The partition its region belongs to.
    #[must_use]
    pub fn partition(&self) -> &'static str {
        partition_of(&self.region)
    }

    /// The ARN that EKS has it under, if there is such a cluster where configuration says.
    #[must_use]
    pub fn arn(&self) -> String {
        let Self { region, account_id, eks_name, .. } = self;
        format!("arn:{}:eks:{region}:{account_id}:cluster/{eks_name}", self.partition())
    }
}

/// The partition of a region, from the region's prefix (`AWS General Reference, partitions`).
#[must_use]
pub fn partition_of(region: &str) -> &'static str {
    const BY_PREFIX: [(&str, &str); 6] = [
        ("cn-", "aws-cn"),
        ("us-gov-", "aws-us-gov"),
        ("us-isob-", "aws-iso-b"),
        ("us-isof-", "aws-iso-f"),
        ("eu-isoe-", "aws-iso-e"),
        ("us-iso-", "aws-iso"),
    ];
    BY_PREFIX.iter().find(|(prefix, _)| region.starts_with(prefix)).map_or("aws", |(_, partition)| partition)
}

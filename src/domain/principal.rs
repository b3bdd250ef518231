//! What IAM knows of a principal. An ARN is only a name; who bears it may change.

use chrono::{DateTime, Utc};

use super::arn::PrincipalArn;

/// A role or user that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownPrincipal {
    /// Its ARN with its real path. IAM finds principals by name alone, so this may be another ARN than was asked about.
    pub arn: PrincipalArn,
    /// `AROA…` or `AIDA…`. EKS remembers it beside the ARN: a principal that was deleted and made anew has another one,
    /// and its old access entries are dead (`EKS user guide, access entries`).
    pub unique_id: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// Whether the principal of an ask exists, as far as that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// There is a role or user of this name.
    Exists(KnownPrincipal),
    /// IAM knows nobody of this name in this account.
    Missing,
    /// Nobody knows; why not, for people.
    NotChecked(String),
}

//! An ask as it came through the door: plain text, nothing believed yet.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// One access policy somebody wants, unchecked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AskedPolicy {
    /// The full ARN or the bare name.
    pub policy_arn: String,
    /// `cluster` or `namespace`; `None` where no scope was given.
    pub scope_type: Option<String>,
    /// Namespaces as written; `None` where the field was absent.
    pub namespaces: Option<Vec<String>>,
}

/// What somebody wants, unchecked. [`super::rules::check`] turns it into a [`super::request::Spec`] or says
/// everything that is wrong with it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ask {
    /// Entryway's name for the cluster.
    pub cluster_name: String,
    /// Whose entry it is to be.
    pub principal_arn: String,
    /// The type; `STANDARD` where absent.
    pub entry_type: Option<String>,
    /// A username of one's own; EKS derives one where absent.
    pub username: Option<String>,
    /// Kubernetes groups.
    pub kubernetes_groups: Vec<String>,
    /// Access policies with scopes.
    pub access_policies: Vec<AskedPolicy>,
    /// Tags for the entry.
    pub tags: BTreeMap<String, String>,
    /// Why.
    pub reason: Option<String>,
    /// The ticket it belongs to.
    pub ticket: Option<String>,
    /// How long, as text; permanent where absent.
    pub duration: Option<String>,
    /// When to start; at once where absent.
    pub start_at: Option<DateTime<Utc>>,
    /// Apply now, review afterwards.
    pub break_glass: bool,
    /// The request whose access this is to prolong.
    pub extends: Option<Uuid>,
}

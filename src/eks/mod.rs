//! The port to EKS: the few things Entryway asks of it, and what can come back. Nothing here knows of requests,
//! transactions or retries: one call here is one attempt there, and the worker decides what to do about the answer.
//! [`iam`] is the same for IAM.
//!
//! The only implementation is [`aws::AwsEks`]; the sandbox and the tests reach a simulated EKS through it, over a
//! socket.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;

use crate::domain::arn::{PrincipalArn, PrincipalKind};
use crate::domain::cluster::Cluster;
use crate::domain::entry::{AccessScope, EntryContent, ObservedEntry};
use crate::domain::inventory::EntryPage;

pub mod aws;
mod behalf;
mod classify;
mod error;
mod explain;
pub mod iam;

pub use behalf::on_behalf_of;
pub use error::{Class, EksError};
pub use explain::{Lack, auth_mode, pass_role, tried, used};

/// A write that EKS took. It says nothing about when the write can be read back: EKS is eventually consistent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The id under which AWS (CloudTrail, support) knows the call.
    pub aws_request_id: Option<String>,
    /// Only for what takes something away: EKS answered that it was not there. That is no proof that it is gone,
    /// since right after a write EKS may not see the thing yet; only reading back is.
    pub already: bool,
}

/// A new entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// ARN of the entry; its last part, a UUID, tells this entry from any before or after it on the same principal.
    pub access_entry_arn: String,
    /// The write itself.
    pub write: Written,
}

/// What decides whether a cluster can be worked on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterGate {
    /// `ACTIVE`, `UPDATING`, … (`EKS API reference, Cluster`).
    pub status: String,
    /// `API`, `API_AND_CONFIG_MAP` or `CONFIG_MAP`. Access entries need one of the first two; clusters too old to
    /// tell have none.
    pub authentication_mode: Option<String>,
    /// `eks.15`: old platform versions lack access entries (`EKS user guide, access entries, prerequisites`).
    pub platform_version: Option<String>,
    /// Kubernetes version: `1.33`.
    pub version: Option<String>,
    /// The cluster's ARN, checked to be in the account and region that configuration names.
    pub arn: String,
}

impl ClusterGate {
    /// Whether EKS takes access entries in the cluster's authentication mode.
    #[must_use]
    pub fn takes_access_entries(&self) -> bool {
        matches!(self.authentication_mode.as_deref(), Some("API" | "API_AND_CONFIG_MAP"))
    }
}

/// A permission to read, with what it is tried out on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// To list entries.
    Entries,
    /// To describe one; tried on one that there is none of.
    Entry,
    /// To list what is associated with one; tried on the same.
    Associated,
    /// To list the access policies that there are.
    Policies,
    /// To ask IAM about somebody of the cluster's account.
    Principal(PrincipalArn),
}

impl Reading {
    /// IAM's name for it.
    #[must_use]
    pub const fn action(&self) -> &'static str {
        match self {
            Self::Entries => "eks:ListAccessEntries",
            Self::Entry => "eks:DescribeAccessEntry",
            Self::Associated => "eks:ListAssociatedAccessPolicies",
            Self::Policies => "eks:ListAccessPolicies",
            Self::Principal(somebody) => match somebody.kind() {
                PrincipalKind::Role => "iam:GetRole",
                PrincipalKind::User => "iam:GetUser",
            },
        }
    }
}

/// An access policy as EKS lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedPolicy {
    /// `AmazonEKSViewPolicy`.
    pub name: String,
    /// `arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy`.
    pub arn: String,
}

/// What Entryway asks of EKS. Each call makes exactly one attempt per HTTP request it needs: retrying is the
/// worker's business, which sees every call and its cost.
///
/// Every method fails with [`EksError`], whose [`Class`] says what kind of no it was.
pub trait Eks: Send + Sync + 'static {
    /// The entry without its policies, or `None` when EKS says that the principal has none: one call.
    ///
    /// Reads may lag behind writes by seconds, and may go back and forth while they do.
    fn glance(
        &self,
        cluster: &Cluster,
        principal: &PrincipalArn,
    ) -> impl Future<Output = Result<Option<ObservedEntry>, EksError>> + Send;

    /// The policies of an entry whose type takes some, with their scopes, or `None` when there is no such entry: one call (EKS
    /// puts more on a page than an entry can have).
    fn policies(
        &self,
        cluster: &Cluster,
        principal: &PrincipalArn,
    ) -> impl Future<Output = Result<Option<BTreeMap<String, AccessScope>>, EksError>> + Send;

    /// [`Eks::glance`] and [`Eks::policies`] in a row, for whoever waits for no turn between the two. An entry that vanishes
    /// between them is `None`.
    fn observe(
        &self,
        cluster: &Cluster,
        principal: &PrincipalArn,
    ) -> impl Future<Output = Result<Option<ObservedEntry>, EksError>> + Send {
        async move {
            let Some(mut entry) = self.glance(cluster, principal).await? else { return Ok(None) };
            if entry.content.entry_type.takes_policies() {
                let Some(policies) = self.policies(cluster, principal).await? else { return Ok(None) };
                entry.content.access_policies = policies;
            }
            Ok(Some(entry))
        }
    }

    /// Creates the entry with the type, username and groups of `content`; its policies are associated one by one
    /// afterwards. `token` makes a repeat of the same create harmless (`clientRequestToken`). Username and groups
    /// are sent for `STANDARD` only: EKS sets them itself for all other types and refuses to be told.
    fn create(
        &self,
        cluster: &Cluster,
        principal: &PrincipalArn,
        content: &EntryContent,
        tags: &BTreeMap<String, String>,
        token: &str,
    ) -> impl Future<Output = Result<Created, EksError>> + Send;

    /// Replaces username and groups. EKS resets whichever is left out, so both are always sent. Only for
    /// `STANDARD` entries: EKS refuses it for the others.
    fn update(
        &self,
        cluster: &Cluster,
        principal: &PrincipalArn,
        username: &str,
        groups: &BTreeSet<String>,
        token: &str,
    ) -> impl Future<Output = Result<Written, EksError>> + Send;

    /// Deletes the entry, and with it all its policies.
    fn delete(
        &self,
        cluster: &Cluster,
        principal: &PrincipalArn,
    ) -> impl Future<Output = Result<Written, EksError>> + Send;

    /// Associates a policy, or changes the scope of one that is associated already, without a gap.
    fn associate(
        &self,
        cluster: &Cluster,
        principal: &PrincipalArn,
        policy_arn: &str,
        scope: &AccessScope,
    ) -> impl Future<Output = Result<Written, EksError>> + Send;

    /// Takes a policy off the entry.
    fn disassociate(
        &self,
        cluster: &Cluster,
        principal: &PrincipalArn,
        policy_arn: &str,
    ) -> impl Future<Output = Result<Written, EksError>> + Send;

    /// Puts `tags` on the entry of this ARN beside those that it has. An ARN names one entry: one that was deleted and made
    /// anew since is never meant.
    fn tag(
        &self,
        cluster: &Cluster,
        access_entry_arn: &str,
        tags: &BTreeMap<String, String>,
    ) -> impl Future<Output = Result<Written, EksError>> + Send;

    /// Whether the cluster is there, ready, and in a mode that takes access entries.
    fn describe_cluster(&self, cluster: &Cluster) -> impl Future<Output = Result<ClusterGate, EksError>> + Send;

    /// Makes sure that the credentials for the cluster are of its account, so that what EKS says of clusters it does not have
    /// is said of the right place. Seldom a call.
    fn check_account(&self, cluster: &Cluster) -> impl Future<Output = Result<(), EksError>> + Send;

    /// Tries out one permission to read with one call, with which nothing is changed. That another thing is wrong says that the
    /// permission is there.
    fn probe(&self, cluster: &Cluster, what: &Reading) -> impl Future<Output = Result<(), EksError>> + Send;

    /// Every access policy that EKS knows in the cluster's region, all pages.
    fn list_access_policies(
        &self,
        cluster: &Cluster,
    ) -> impl Future<Output = Result<Vec<ListedPolicy>, EksError>> + Send;

    /// The principal ARN of every entry on the cluster, all pages, Entryway's and everybody else's. As text:
    /// among them may be principals that no request could name.
    fn list_entries(&self, cluster: &Cluster) -> impl Future<Output = Result<Vec<String>, EksError>> + Send;

    /// One page of the same, of `most` (1 to 100) entries: all of them, or those with `policy_arn`. `token` is where the
    /// page before ended. One call.
    fn list_page(
        &self,
        cluster: &Cluster,
        policy_arn: Option<&str>,
        token: Option<&str>,
        most: u8,
    ) -> impl Future<Output = Result<EntryPage, EksError>> + Send;
}

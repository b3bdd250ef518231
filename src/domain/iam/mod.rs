//! The rights that Entryway needs in AWS, as IAM policies for exactly the clusters of the configuration. EKS's
//! condition keys make them a second wall behind Entryway's own rules and approvals: what a mistake or a thief could
//! do with Entryway's credentials is bounded by what is written here.
//!
//! Which action takes which resource and which condition keys is from the `Service Authorization Reference, Amazon
//! EKS`; `docs/AWS.md` says which of it was seen at work and which was only read.

mod arns;
mod check;
mod clusters;
mod notes;
mod pack;
mod roles;
mod statement;
#[cfg(test)]
mod tests;
mod text;
mod walls;

use std::collections::BTreeMap;

use serde::Serialize;
use thiserror::Error;

pub use statement::{Document, Effect, Principal, Statement, Values};
pub use walls::{Asked, Walls};

use crate::domain::cluster::Cluster;

/// IAM's limit for one managed policy (`IAM user guide, IAM and AWS STS quotas`), in characters that are no white
/// space. Documents that would be longer are made several.
pub const MAX_MANAGED: usize = 6_144;

/// IAM's limit for all inline policies of a role together, counted alike.
const MAX_INLINE: usize = 10_240;

/// IAM's limit for a trust policy, counted alike; AWS raises it on request.
const MAX_TRUST: usize = 2_048;

/// How many managed policies a role may have; AWS raises it to twenty on request.
const MAX_ATTACHED: usize = 10;

/// What stands in a trust policy for the service's role while nobody has said which it is. IAM takes it for no
/// principal, so a forgotten one trusts nobody.
pub const PLACEHOLDER: &str = "REPLACE-WITH-THE-ARN-OF-THE-SERVICE-ROLE";

/// Why no policies can be made: one sentence each, what is wrong and how to mend it. Never empty.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}", .0.join("\n"))]
pub struct Refused(pub Vec<String>);

impl Refused {
    fn unless(sound: bool, wrong: Vec<String>) -> Result<(), Self> {
        if sound { Ok(()) } else { Err(Self(wrong)) }
    }
}

/// Everything that Entryway needs in AWS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rights {
    /// The name of the installation, which is the value of the ownership tag.
    pub installation: String,
    /// The role that Entryway runs as.
    pub service_role: ServiceRole,
    /// The roles it assumes, by ARN.
    pub target_roles: Vec<TargetRole>,
    /// What is worth knowing before any of this is put in place.
    pub notes: Vec<String>,
}

/// The role that Entryway runs as.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceRole {
    /// Its ARN, where it was told.
    pub arn: Option<String>,
    /// The clusters that it works on itself.
    pub clusters: Vec<Named>,
    /// What it needs.
    pub policies: Vec<Policy>,
}

/// A role that Entryway assumes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TargetRole {
    /// Its ARN.
    pub arn: String,
    /// The account it is in.
    pub account_id: String,
    /// The clusters that it is for.
    pub clusters: Vec<Named>,
    /// Who may assume it.
    pub trust_policy: Policy,
    /// What it needs.
    pub policies: Vec<Policy>,
}

/// A cluster, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Named {
    /// How requests name it.
    pub name: String,
    /// Its ARN.
    pub arn: String,
}

/// One document, ready for IAM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Policy {
    /// A name for it, one of its kind on the role.
    pub name: String,
    /// The file it is written to, one of its kind in a folder.
    pub file: String,
    /// Its size as IAM counts it.
    pub characters: usize,
    /// What each statement is for, by its `Sid`.
    pub why: BTreeMap<String, &'static str>,
    /// The document.
    pub document: Document,
}

impl Policy {
    fn new(name: impl Into<String>, file: impl Into<String>, statements: Vec<Statement>) -> Self {
        let document = Document::new(statements);
        Self {
            name: name.into(),
            file: file.into(),
            characters: document.characters(),
            why: document.statements().iter().map(|statement| (statement.sid.clone(), statement.why)).collect(),
            document,
        }
    }
}

impl Rights {
    /// The policies for `clusters` with these walls, and what is to be said about them. The order of the clusters
    /// makes no difference.
    ///
    /// # Errors
    /// Everything about the clusters and the walls that no policies can make right, at once.
    pub fn of(installation: &str, clusters: &[Cluster], walls: &Walls) -> Result<Self, Refused> {
        let wrong = check::refusals(clusters, walls);
        Refused::unless(wrong.is_empty(), wrong)?;
        let mut clusters: Vec<_> = clusters.iter().collect();
        clusters.sort_by_key(|cluster| arns::cluster(cluster));
        let house = clusters::House { installation, walls };
        let service_role = roles::service(&clusters, house);
        let target_roles = roles::targets(&clusters, house);
        let notes = notes::of(&clusters, house, &service_role, &target_roles);
        Ok(Self { installation: installation.to_owned(), service_role, target_roles, notes })
    }

    /// Every document there is: those of the service's role, then role by role the trust and what it needs.
    pub fn policies(&self) -> impl Iterator<Item = &Policy> {
        let targets = self.target_roles.iter().flat_map(|role| [&role.trust_policy].into_iter().chain(&role.policies));
        self.service_role.policies.iter().chain(targets)
    }
}

//! What an operator asks of the policies beyond the configuration: who the service is, and how tight the walls are.

use std::collections::BTreeSet;

use super::Refused;
use crate::domain::arn::{PrincipalArn, PrincipalKind};
use crate::domain::catalogue::{Catalogue, PolicyKind, bare_name, is_policy_name, policy_arn};
use crate::domain::cluster::Cluster;
use crate::domain::entry::EntryType;

/// The one customer policy that is not allowed unless it is asked for: it is root on the cluster.
pub(super) const CLUSTER_ADMIN: &str = "AmazonEKSClusterAdminPolicy";

/// The policy of nodes of EKS Auto Mode, the only one that is for nodes.
const NODE_POLICY: &str = "AmazonEKSAutoNodePolicy";

/// What was asked for, as it was written.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// ARN of the role that Entryway runs as.
    pub service_role: Option<String>,
    /// Entryway gets its credentials from EKS Pod Identity.
    pub pod_identity: bool,
    /// Access policies that may be associated, by ARN or bare name; empty: the default ones.
    pub policies: Vec<String>,
    /// Access policies may only hold in namespaces, never in the whole cluster.
    pub namespaced_only: bool,
    /// Namespaces, with `*`, that access policies may hold in; empty: any.
    pub namespaces: Vec<String>,
    /// Kubernetes groups, with `*`, that a new entry may have; empty: any.
    pub groups: Vec<String>,
    /// Types of node entries that may be made.
    pub node_types: Vec<String>,
    /// Roles of nodes, by name or ARN, with `*`, that may be passed to EKS.
    pub node_roles: Vec<String>,
    /// Deny changes to entries without our tag.
    pub tag_walls: bool,
}

/// The same, found sound.
#[derive(Debug, Clone)]
pub struct Walls {
    pub(super) service_role: Option<PrincipalArn>,
    pub(super) pod_identity: bool,
    pub(super) policies: BTreeSet<String>,
    /// Nobody said which policies, so these are the default ones.
    pub(super) policies_by_default: bool,
    pub(super) namespaced_only: bool,
    pub(super) namespaces: BTreeSet<String>,
    pub(super) groups: BTreeSet<String>,
    pub(super) node_types: BTreeSet<EntryType>,
    pub(super) node_roles: BTreeSet<NodeRoles>,
    pub(super) tag_walls: bool,
}

/// Roles of nodes: of every account, or of the one that an ARN names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NodeRoles {
    /// Partition and account of an ARN.
    pub(super) place: Option<(String, String)>,
    /// Path and name, with `*`.
    pub(super) pattern: String,
}

impl Walls {
    /// Reads what was asked for.
    ///
    /// # Errors
    /// Everything that is wrong with it, at once.
    pub fn read(asked: &Asked) -> Result<Self, Refused> {
        let mut wrong = Vec::new();
        let service_role = asked.service_role.as_deref().and_then(|text| noted(service_role(text), &mut wrong));
        let node_types = all(&asked.node_types, node_type, &mut wrong);
        let node_roles = all(&asked.node_roles, node_roles, &mut wrong);
        if node_types.is_empty() != node_roles.is_empty() && asked.node_types.is_empty() != asked.node_roles.is_empty()
        {
            wrong.push(
                "--node-types and --node-role go together: which entries may be made, and which roles EKS may be \
                 given for them; add the other one"
                    .to_owned(),
            );
        }
        let policies = all(&asked.policies, |text| policy(text, &node_types), &mut wrong);
        let walls = Self {
            service_role,
            pod_identity: asked.pod_identity,
            policies_by_default: asked.policies.is_empty(),
            policies: if asked.policies.is_empty() { default_policies(&node_types) } else { policies },
            namespaced_only: asked.namespaced_only,
            namespaces: all(&asked.namespaces, namespace, &mut wrong),
            groups: all(&asked.groups, group, &mut wrong),
            node_types,
            node_roles,
            tag_walls: asked.tag_walls,
        };
        Refused::unless(wrong.is_empty(), wrong).map(|()| walls)
    }

    pub(super) fn only_namespaces(&self) -> bool {
        self.namespaced_only || !self.namespaces.is_empty()
    }

    /// The access policies that may be associated on the cluster with entries of people and workloads, by ARN.
    pub(super) fn policies_in(&self, cluster: &Cluster) -> Vec<String> {
        let names = self.policies.iter().filter(|name| *name != NODE_POLICY);
        names.map(|name| policy_arn(cluster.partition(), name)).collect()
    }

    /// The access policy of nodes, where it may be associated, by ARN.
    pub(super) fn node_policy_in(&self, cluster: &Cluster) -> Option<String> {
        self.policies.get(NODE_POLICY).map(|name| policy_arn(cluster.partition(), name))
    }

    /// The types of node entries that may be made on the cluster: none where there is no role to make them for.
    pub(super) fn node_types_in(&self, cluster: &Cluster) -> BTreeSet<EntryType> {
        let roles = self.node_roles_in(cluster.partition(), &cluster.account_id);
        if roles.is_empty() { BTreeSet::new() } else { self.node_types.clone() }
    }

    /// The roles of nodes in one account, as ARNs with `*`.
    pub(super) fn node_roles_in(&self, partition: &str, account: &str) -> Vec<String> {
        let here = |roles: &&NodeRoles| roles.place.as_ref().is_none_or(|(p, a)| p == partition && a == account);
        let arn = |roles: &NodeRoles| format!("arn:{partition}:iam::{account}:role/{}", roles.pattern);
        self.node_roles.iter().filter(here).map(arn).collect()
    }
}

fn noted<T>(read: Result<T, String>, wrong: &mut Vec<String>) -> Option<T> {
    read.map_err(|message| wrong.push(message)).ok()
}

fn all<T: Ord>(texts: &[String], read: impl Fn(&str) -> Result<T, String>, wrong: &mut Vec<String>) -> BTreeSet<T> {
    texts.iter().filter_map(|text| noted(read(text), wrong)).collect()
}

fn service_role(text: &str) -> Result<PrincipalArn, String> {
    let arn: PrincipalArn = text.parse().map_err(|error| format!("--service-role {text:?}: {error}"))?;
    match arn.kind() {
        PrincipalKind::Role => Ok(arn),
        PrincipalKind::User => Err(format!("--service-role {text} is a user; run Entryway as a role and give its ARN")),
    }
}

fn default_policies(node_types: &BTreeSet<EntryType>) -> BTreeSet<String> {
    let wanted = |(name, kind): &(&str, PolicyKind)| match kind {
        PolicyKind::Customer => *name != CLUSTER_ADMIN,
        PolicyKind::NodeOnly => node_types.contains(&EntryType::Ec2),
        PolicyKind::ServiceLinkedOnly | PolicyKind::Other => false,
    };
    Catalogue::built_in().iter().filter(wanted).map(|(name, _)| name.to_owned()).collect()
}

fn policy(text: &str, node_types: &BTreeSet<EntryType>) -> Result<String, String> {
    let name = bare_name(text);
    if !is_policy_name(name) {
        return Err(format!("--policy {text:?} is no EKS access policy; write it like AmazonEKSViewPolicy"));
    }
    match Catalogue::built_in().kind(name) {
        Some(PolicyKind::ServiceLinkedOnly) => {
            Err(format!("--policy {name}: EKS associates it with service-linked roles and nobody else; leave it out"))
        }
        Some(PolicyKind::NodeOnly) if !node_types.contains(&EntryType::Ec2) => Err(format!(
            "--policy {name}: only entries of type EC2 may have it; add --node-types EC2 and --node-role, or leave it out"
        )),
        _ => Ok(name.to_owned()),
    }
}

fn namespace(text: &str) -> Result<String, String> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'*';
    if (1..=63).contains(&text.len()) && text.bytes().all(allowed) {
        Ok(text.to_owned())
    } else {
        Err(format!("--namespace {text:?} is no namespace; use small letters, digits and -, and * for any run of them"))
    }
}

/// `$` and `?` mean something to IAM, so they are not among what is taken.
fn group(text: &str) -> Result<String, String> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-_.:/@+=,*".contains(&b);
    if (1..=256).contains(&text.len()) && text.bytes().all(allowed) {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "--group {text:?} cannot be written in an IAM policy; use letters, digits and -_.:/@+=, with * for any"
        ))
    }
}

fn node_type(text: &str) -> Result<EntryType, String> {
    match EntryType::parse(text) {
        Some(EntryType::Standard) => Err("--node-types STANDARD: that type is always there; leave it out".to_owned()),
        Some(kind) => Ok(kind),
        None => {
            let nodes = EntryType::ALL.into_iter().skip(1).map(EntryType::as_str).collect::<Vec<_>>().join(", ");
            Err(format!("--node-types {text:?} is no type of a node's entry; there are {nodes}"))
        }
    }
}

fn node_roles(text: &str) -> Result<NodeRoles, String> {
    let (place, pattern) = match text.split(':').collect::<Vec<_>>().as_slice() {
        [name] => (None, *name),
        ["arn", partition, "iam", "", account, role] => {
            (Some(((*partition).to_owned(), (*account).to_owned())), role.strip_prefix("role/").unwrap_or_default())
        }
        _ => (None, ""),
    };
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_+=,.@-/*".contains(&b);
    if pattern.is_empty() || !pattern.bytes().all(allowed) {
        return Err(format!("--node-role {text:?} is no role; write a name like eks-node-*, or the ARN of a role"));
    }
    if pattern.bytes().all(|b| b == b'*' || b == b'/') {
        return Err(format!(
            "--node-role {text:?} is every role there is; name those of the nodes, such as eks-node-*"
        ));
    }
    Ok(NodeRoles { place, pattern: pattern.to_owned() })
}

//! What `config iam` can be asked for.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use entryway::app::{IamFormat, IamOptions};
use entryway::domain::iam::Asked;

pub(crate) const EXAMPLES: &str = r"Examples:
  entryway config iam --config entryway.toml \
    --service-role arn:aws:iam::999988887777:role/entryway
  entryway config iam --config entryway.toml --out iam
  entryway config iam --config entryway.toml \
    --policy AmazonEKSViewPolicy --namespace 'payments-*'
  entryway config iam --config entryway.toml \
    --node-types EC2_LINUX --node-role 'eks-node-*'
  entryway config iam --config entryway.toml --format json

docs/AWS.md says what each statement is for, how to put it in place, and what
IAM cannot limit.";

#[derive(Debug, Args)]
pub(crate) struct IamArgs {
    /// The role that Entryway runs as, which the roles in other accounts trust
    #[arg(long, value_name = "ARN", help_heading = "Who")]
    service_role: Option<String>,
    /// Entryway runs with EKS Pod Identity, whose session tags need sts:TagSession
    #[arg(long, help_heading = "Who")]
    pod_identity: bool,
    /// An access policy that may be given, by name or ARN; may be repeated. Without it: those for people and workloads,
    /// but for AmazonEKSClusterAdminPolicy
    #[arg(long = "policy", value_name = "NAME", help_heading = "Walls")]
    policies: Vec<String>,
    /// Access policies may hold in namespaces only, never in the whole cluster
    #[arg(long, help_heading = "Walls")]
    namespaced_only: bool,
    /// A namespace that access policies may hold in, * for any run of characters; may be repeated
    #[arg(long = "namespace", value_name = "PATTERN", help_heading = "Walls")]
    namespaces: Vec<String>,
    /// A Kubernetes group that a new entry may have, * for any run of characters; may be repeated
    #[arg(long = "group", value_name = "PATTERN", help_heading = "Walls")]
    groups: Vec<String>,
    /// Types of node entries that may be made beside STANDARD, with commas between them; needs --node-role
    #[arg(long, value_name = "TYPES", value_delimiter = ',', help_heading = "Walls")]
    node_types: Vec<String>,
    /// A role of nodes that EKS may be given, by name or ARN, * for any run of characters; may be repeated
    #[arg(long = "node-role", value_name = "PATTERN", help_heading = "Walls")]
    node_roles: Vec<String>,
    /// Deny changes to entries without our tag; by AWS's documentation, not tried against AWS
    #[arg(long, help_heading = "Walls")]
    tag_walls: bool,
    /// What is printed
    #[arg(long, value_enum, default_value_t = Format::Text, help_heading = "Output")]
    format: Format,
    /// Write each document to a file in this folder
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    out: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// Sections for people, each document valid by itself
    Text,
    /// One object for programs
    Json,
}

impl From<IamArgs> for IamOptions {
    fn from(args: IamArgs) -> Self {
        let IamArgs { service_role, pod_identity, policies, namespaced_only, namespaces, groups, .. } = args;
        let IamArgs { node_types, node_roles, tag_walls, format, out, .. } = args;
        Self {
            asked: Asked {
                service_role,
                pod_identity,
                policies,
                namespaced_only,
                namespaces,
                groups,
                node_types,
                node_roles,
                tag_walls,
            },
            format: match format {
                Format::Text => IamFormat::Text,
                Format::Json => IamFormat::Json,
            },
            out,
        }
    }
}

//! What is said about an ask.

use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::Args;
use uuid::Uuid;

use super::words::EntryTypeName;
use super::{Connection, time_span};

/// `request`
#[derive(Debug, Args)]
pub struct Request {
    /// The cluster, as `entryway clusters` names it; may be repeated: one request each, all or none
    #[arg(long, value_name = "NAME", required_unless_present = "file")]
    pub(in crate::client) cluster: Vec<String>,
    /// The ARN of the IAM role or user, path included
    #[arg(long, value_name = "ARN", required_unless_present = "file")]
    pub(in crate::client) principal: Option<String>,
    /// An EKS access policy, by name or ARN; NAME@payments,billing-* gives it namespaces of its own; may be repeated
    #[arg(long, value_name = "NAME[@NAMESPACES]")]
    pub(in crate::client) policy: Vec<String>,
    /// A namespace in which the policies are to hold, * for any run of characters; may be repeated
    #[arg(long, value_name = "NAME")]
    pub(in crate::client) namespace: Vec<String>,
    /// The policies are to hold in the whole cluster
    #[arg(long, conflicts_with = "namespace")]
    pub(in crate::client) cluster_wide: bool,
    /// A Kubernetes group that RBAC in the cluster binds; may be repeated
    #[arg(long, value_name = "NAME")]
    pub(in crate::client) group: Vec<String>,
    /// The type of the entry; STANDARD otherwise
    #[arg(long = "type", value_name = "TYPE", value_parser = EntryTypeName)]
    pub(in crate::client) entry_type: Option<String>,
    /// A Kubernetes username; EKS derives one otherwise
    #[arg(long, value_name = "NAME")]
    pub(in crate::client) username: Option<String>,
    /// A tag for the entry; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = tag)]
    pub(in crate::client) tag: Vec<(String, String)>,
    /// Why it is needed: reviewers decide by it
    #[arg(long, value_name = "TEXT")]
    pub(in crate::client) reason: Option<String>,
    /// The ticket it belongs to
    #[arg(long, value_name = "TICKET")]
    pub(in crate::client) ticket: Option<String>,
    /// How long, such as 8h or 1h30m; permanent without it, where that is allowed
    #[arg(long, value_name = "TIME")]
    pub(in crate::client) duration: Option<String>,
    /// When to start (RFC 3339); as soon as it is signed off otherwise
    #[arg(long, value_name = "TIME")]
    pub(in crate::client) start: Option<DateTime<Utc>>,
    /// Apply it now and have it looked at afterwards, where policy lets it
    #[arg(long)]
    pub(in crate::client) break_glass: bool,
    /// Take what is asked for from this file instead, as JSON in the words of the API; - is stdin
    #[arg(long, value_name = "FILE", conflicts_with_all = ["cluster", "principal", "policy", "namespace", "cluster_wide",
        "group", "entry_type", "username", "tag", "reason", "ticket", "duration", "start", "break_glass"])]
    pub(in crate::client) file: Option<PathBuf>,
    /// Say what would come of it, and file nothing
    #[arg(long)]
    pub(in crate::client) dry_run: bool,
    #[command(flatten)]
    pub(in crate::client) filing: Filing,
    #[command(flatten)]
    pub(in crate::client) waiting: Waiting,
    #[command(flatten)]
    pub(in crate::client) connection: Connection,
}

/// `extend`
#[derive(Debug, Args)]
pub struct Extend {
    /// The request whose access is to last longer
    #[arg(value_parser = super::id)]
    pub(in crate::client) id: Uuid,
    /// How much longer, such as 2h
    #[arg(long, value_name = "TIME")]
    pub(in crate::client) duration: String,
    /// Why it is needed: reviewers decide by it
    #[arg(long, value_name = "TEXT")]
    pub(in crate::client) reason: Option<String>,
    #[command(flatten)]
    pub(in crate::client) filing: Filing,
    #[command(flatten)]
    pub(in crate::client) waiting: Waiting,
    #[command(flatten)]
    pub(in crate::client) connection: Connection,
}

/// How it is filed, and what is said of it.
#[derive(Debug, Args)]
pub(in crate::client) struct Filing {
    /// Print the id alone, a line for each request
    #[arg(long, short, conflicts_with = "json")]
    pub(in crate::client) quiet: bool,
    /// Filing again with the same key within 24 hours files nothing and answers the first request
    #[arg(long, value_name = "KEY")]
    pub(in crate::client) idempotency_key: Option<String>,
}

/// Whether to wait for what was filed.
#[derive(Debug, Clone, Copy, Args)]
pub(in crate::client) struct Waiting {
    /// Wait until it is active; exit code 0 then, and only then
    #[arg(long)]
    pub(in crate::client) wait: bool,
    #[command(flatten)]
    pub(in crate::client) patience: Patience,
}

/// For how long.
#[derive(Debug, Clone, Copy, Args)]
pub(in crate::client) struct Patience {
    /// How long to wait at most, such as 30m; as long as it takes otherwise
    #[arg(long, value_name = "TIME", value_parser = time_span)]
    pub(in crate::client) timeout: Option<Duration>,
}

fn tag(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write it like team=payments")?;
    Ok((key.to_owned(), value.to_owned()))
}

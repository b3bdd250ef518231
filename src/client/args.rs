//! What the commands for people are given. The texts are their help.

mod ask;
mod examples;
mod words;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use uuid::Uuid;

pub(super) use ask::{Extend, Patience, Request, Waiting};

use crate::domain::duration;
use crate::domain::states::RequestState;

/// The commands for people, all of which talk to a service.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Sign in: check a token with the service and keep it in a profile
    #[command(after_help = examples::LOGIN)]
    Login(Login),
    /// Forget a profile and its token
    #[command(after_help = examples::LOGOUT)]
    Logout(Connection),
    /// Say who you are to the service
    #[command(after_help = examples::WHOAMI)]
    Whoami(Connection),
    /// Ask for access to a cluster
    #[command(after_help = examples::REQUEST)]
    Request(Box<Request>),
    /// Ask for more time, before access ends
    #[command(after_help = examples::EXTEND)]
    Extend(Extend),
    /// List requests, newest first
    #[command(after_help = examples::LIST)]
    List(List),
    /// Show a request, with what is missing and what you may do
    #[command(after_help = examples::SHOW)]
    Show(Show),
    /// List the clusters that access can be asked for
    #[command(after_help = examples::CLUSTERS)]
    Clusters(Connection),
    /// List the access policies that can be asked for with --policy
    #[command(after_help = examples::ACCESS_POLICIES)]
    AccessPolicies(AccessPolicies),
    /// Sign off on a request, after looking at it
    #[command(after_help = examples::APPROVE)]
    Approve(Review),
    /// Turn a request down, which is final
    #[command(after_help = examples::DENY)]
    Deny(Deny),
    /// Say that you have looked at access that was applied without a sign-off
    #[command(after_help = examples::ACKNOWLEDGE)]
    Acknowledge(Review),
    /// Wait for a request to become active, or another state
    #[command(after_help = examples::WAIT)]
    Wait(Wait),
    /// Take back your own request while it is pending
    #[command(after_help = examples::WITHDRAW)]
    Withdraw(Act),
    /// Give your access back before its time is up
    #[command(after_help = examples::RELINQUISH)]
    Relinquish(Act),
    /// Try a failed request again, once what was in its way is mended
    #[command(after_help = examples::RETRY)]
    Retry(Act),
    /// Take somebody's access away
    #[command(after_help = examples::REVOKE)]
    Revoke(Revoke),
    /// End everything at once: of a person, of a principal, or on a cluster
    #[command(after_help = examples::INCIDENT)]
    Incident(Incident),
}

impl Command {
    pub(super) fn connection(&self) -> &Connection {
        match self {
            Self::Logout(connection) | Self::Whoami(connection) | Self::Clusters(connection) => connection,
            Self::Login(login) => &login.connection,
            Self::Request(request) => &request.connection,
            Self::Extend(extend) => &extend.connection,
            Self::List(list) => &list.connection,
            Self::Show(show) => &show.connection,
            Self::Approve(review) | Self::Acknowledge(review) => &review.connection,
            Self::Deny(deny) => &deny.connection,
            Self::Wait(wait) => &wait.connection,
            Self::Withdraw(act) | Self::Relinquish(act) | Self::Retry(act) => &act.connection,
            Self::Revoke(revoke) => &revoke.connection,
            Self::Incident(incident) => &incident.connection,
            Self::AccessPolicies(asked) => &asked.connection,
        }
    }
}

/// Which service, as whom, and how to answer.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Service")]
pub struct Connection {
    /// Where the service is; the profile says so otherwise
    #[arg(long, value_name = "URL", env = "ENTRYWAY_URL")]
    pub(super) url: Option<String>,
    /// The profile of `entryway login` to use
    #[arg(long, value_name = "NAME", env = "ENTRYWAY_PROFILE")]
    pub(super) profile: Option<String>,
    /// As a service: in the name of this person
    #[arg(long, value_name = "USER", env = "ENTRYWAY_ON_BEHALF_OF")]
    pub(super) on_behalf_of: Option<String>,
    /// Send the token over plain http to another machine
    #[arg(long)]
    pub(super) allow_http: bool,
    /// Print JSON as the API answers it, for scripts
    #[arg(long)]
    pub(super) json: bool,
}

/// `login`
#[derive(Debug, Args)]
pub struct Login {
    /// Read the token from this file; otherwise it is asked for, or read from stdin
    #[arg(long, value_name = "FILE")]
    pub(super) token_file: Option<PathBuf>,
    #[command(flatten)]
    pub(super) connection: Connection,
}

/// `list`
#[derive(Debug, Args)]
pub struct List {
    /// Only requests in this state; may be repeated
    #[arg(long, value_name = "STATE", value_parser = words::state())]
    pub(super) state: Vec<RequestState>,
    /// Only requests for this cluster
    #[arg(long, value_name = "NAME")]
    pub(super) cluster: Option<String>,
    /// Only requests for this IAM role or user
    #[arg(long, value_name = "ARN")]
    pub(super) principal: Option<String>,
    /// Only what this person asked for
    #[arg(long, value_name = "USER", conflicts_with = "mine")]
    pub(super) requester: Option<String>,
    /// Only what you asked for
    #[arg(long)]
    pub(super) mine: bool,
    /// Only what waits for your review
    #[arg(long)]
    pub(super) to_review: bool,
    /// Print the ids alone, a line each
    #[arg(long, short, conflicts_with = "json")]
    pub(super) quiet: bool,
    /// How many at most
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(super) limit: u32,
    #[command(flatten)]
    pub(super) connection: Connection,
}

/// `show`
#[derive(Debug, Args)]
pub struct Show {
    /// The request
    #[arg(value_parser = id)]
    pub(super) id: Uuid,
    /// Its timeline as well
    #[arg(long)]
    pub(super) events: bool,
    #[command(flatten)]
    pub(super) connection: Connection,
}

/// `approve`, `acknowledge`
#[derive(Debug, Args)]
pub struct Review {
    /// The request
    #[arg(value_parser = id)]
    pub(super) id: Uuid,
    /// What to say about it
    #[arg(long, value_name = "TEXT")]
    pub(super) comment: Option<String>,
    /// The digest of what you have seen: anything else is refused, and you are not asked
    #[arg(long, value_name = "SHA256")]
    pub(super) digest: Option<String>,
    /// Do not ask
    #[arg(long, short)]
    pub(super) yes: bool,
    #[command(flatten)]
    pub(super) connection: Connection,
}

/// `deny`
#[derive(Debug, Args)]
pub struct Deny {
    /// The request
    #[arg(value_parser = id)]
    pub(super) id: Uuid,
    /// Why; the requester will read it
    #[arg(long, value_name = "TEXT")]
    pub(super) comment: String,
    /// Nothing is asked; for whoever types it as with approve
    #[arg(long, short, hide = true)]
    pub(super) yes: bool,
    #[command(flatten)]
    pub(super) connection: Connection,
}

/// `wait`
#[derive(Debug, Args)]
pub struct Wait {
    /// The request
    #[arg(value_parser = id)]
    pub(super) id: Uuid,
    /// The state to wait for
    #[arg(long, value_name = "STATE", default_value = "active", value_parser = words::state())]
    pub(super) until: RequestState,
    #[command(flatten)]
    pub(super) patience: Patience,
    #[command(flatten)]
    pub(super) connection: Connection,
}

/// `withdraw`, `relinquish`, `retry`
#[derive(Debug, Args)]
pub struct Act {
    /// The request
    #[arg(value_parser = id)]
    pub(super) id: Uuid,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: Option<String>,
    #[command(flatten)]
    pub(super) connection: Connection,
}

/// `revoke`
#[derive(Debug, Args)]
pub struct Revoke {
    /// The request
    #[arg(value_parser = id)]
    pub(super) id: Uuid,
    /// Why; the requester will read it
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: String,
    #[command(flatten)]
    pub(super) connection: Connection,
}

/// `incident`
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("matching").args(["requester", "principal", "cluster"]).required(true).multiple(true))]
pub struct Incident {
    /// Everything that this person asked for
    #[arg(long, value_name = "USER")]
    pub(super) requester: Option<String>,
    /// Everything of this IAM role or user
    #[arg(long, value_name = "ARN")]
    pub(super) principal: Option<String>,
    /// Everything on this cluster
    #[arg(long, value_name = "NAME")]
    pub(super) cluster: Option<String>,
    /// Why; the requesters will read it
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: String,
    /// List what would end, and end nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Do not ask
    #[arg(long, short, conflicts_with = "dry_run")]
    pub(super) yes: bool,
    #[command(flatten)]
    pub(super) connection: Connection,
}

/// `access-policies`
#[derive(Debug, Args)]
pub struct AccessPolicies {
    /// Those that this cluster takes; those of the first one otherwise
    #[arg(long, value_name = "NAME")]
    pub(super) cluster: Option<String>,
    #[command(flatten)]
    pub(super) connection: Connection,
}

fn id(text: &str) -> Result<Uuid, String> {
    Uuid::parse_str(text).map_err(|_| "that is not the id of a request; entryway list shows them".to_owned())
}

fn time_span(text: &str) -> Result<std::time::Duration, String> {
    let span = duration::parse(text).map_err(|error| error.to_string())?;
    span.to_std().map_err(|error| error.to_string())
}

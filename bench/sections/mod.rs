//! What is measured, one file each.

mod expiry;
mod follow;
mod get;
mod hang;
mod idle;
mod list;
mod review;
mod slack;
mod submit;
mod wake;
mod worker;

use clap::ValueEnum;
use uuid::Uuid;

use super::calls::{approve, deny, submit as ask};
use super::database::Database;
use super::fill::Template;
use super::http::Client;
use super::stand::Stand;
use super::table::Table;
use super::{Failure, Result};

/// Requests that are there already when something is measured, so that no plan is one for empty tables.
const BACKGROUND: u64 = 20_000;

/// The number of the request that copies are made of; of no copy.
const TEMPLATE: u64 = 900_000_000;

/// A part of the benchmarks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Section {
    /// Filing a request
    Submit,
    /// The review that reaches quorum
    Review,
    /// Looking at one request
    Get,
    /// Pages of 50, near and far, in short lists and long ones
    List,
    /// From the approval to the first call to EKS
    Wake,
    /// The worker against a bare loop over the same calls
    Worker,
    /// Memory and start
    Idle,
    /// Answers while EKS hangs
    Hang,
    /// Slack's answers while EKS hangs
    Slack,
    /// Memory and computing for a thousand who wait, and a thousand who follow
    Follow,
    /// 10,000 grants that expire within a minute
    Expiry,
}

impl Section {
    /// All that a run measures unless told otherwise.
    pub(crate) fn usual() -> Vec<Self> {
        Self::value_variants().iter().copied().filter(|section| *section != Self::Expiry).collect()
    }

    /// Measures it.
    pub(crate) async fn run(self, stand: &Stand, table: &mut Table) -> Result<()> {
        match self {
            Self::Submit => submit::run(stand, table).await,
            Self::Review => review::run(stand, table).await,
            Self::Get => get::run(stand, table).await,
            Self::List => list::run(stand, table).await,
            Self::Wake => wake::run(stand, table).await,
            Self::Worker => worker::run(stand, table).await,
            Self::Idle => idle::run(stand, table).await,
            Self::Hang => hang::run(stand, table).await,
            Self::Slack => slack::run(stand, table).await,
            Self::Follow => follow::run(stand, table).await,
            Self::Expiry => expiry::run(stand, table).await,
        }
    }
}

/// Files the n-th request; answers its id.
async fn file(client: &mut Client, n: u64) -> Result<Uuid> {
    let request = client.json(ask(n)).await?;
    let id = request["id"].as_str().ok_or_else(|| Failure::from("a request without an id"))?;
    Ok(id.parse()?)
}

/// Files the n-th request and has it signed off; answers its id.
async fn file_and_approve(client: &mut Client, n: u64) -> Result<Uuid> {
    let id = file(client, n).await?;
    client.call(approve(id, n)).await?;
    Ok(id)
}

/// Fills the database with `count` requests that were turned down, which is a review each.
async fn fill_background(database: &Database, client: &mut Client, count: u64) -> Result<()> {
    let id = file(client, TEMPLATE).await?;
    client.call(deny(id, 1)).await?;
    Template::of(database, id).await?.copy(database, 0..count).await?;
    database.run("VACUUM ANALYZE").await
}

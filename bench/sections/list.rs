//! Pages of 50: as quick at the end of a long list as at its beginning, and as quick in a long list as in a short one.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::{TEMPLATE, file};
use crate::Result;
use crate::calls::{principal, read, requester, withdraw};
use crate::database::Database;
use crate::explain;
use crate::fill::{Template, columns};
use crate::http::Client;
use crate::load::{Calls, Load};
use crate::service::{Roles, Service};
use crate::settings::Settings;
use crate::stand::Stand;
use crate::table::{Row, Table};
use crate::versus::median;

/// How many requests the short list holds.
const SHORT: u64 = 1_000;

/// The far page, where the list is long enough.
const FAR: u64 = 10_000;

/// Items of a page, and the most that a page can have.
const PAGE: u64 = 50;
const MOST: u64 = 100;

/// One request of so many is undecided: enough for a page of them in the short list, too.
const UNDECIDED: u64 = 10;

/// The oldest one of so many is of a kind of its own, and over long ago. A list of these alone has to pass all others.
const OLD: u64 = 100;

/// Rows that may be sorted: where several lists become one, a page of each and one more row is looked at.
const MERGED: u64 = 4 * (PAGE + 1);

/// "The same speed" is within this factor.
const SAME: f64 = 1.25;

/// How many pages one turn looks at.
const LOOKS: u64 = 40;

/// Lists of which the short and the long are held against each other: the words for it and the query. Each finds as many
/// requests in the one as in the other.
fn queries() -> Vec<(&'static str, String)> {
    let requester = requester(7);
    vec![
        ("everything", String::new()),
        ("one cluster", "clusterName=prod".to_owned()),
        ("one state", "state=pending".to_owned()),
        ("reviewable", "reviewable=true".to_owned()),
        ("one requester, 10", format!("requester={requester}&maxResults=10")),
        ("one principal", format!("principalArn={}", principal(77))),
        ("two states, old ones, 10", "state=lapsed&state=failed&maxResults=10".to_owned()),
        ("one cluster and state, old ones, 10", "clusterName=prod&state=lapsed&maxResults=10".to_owned()),
        ("ended before, old ones, 10", "expiresBefore=2020-01-01T00:00:00Z&maxResults=10".to_owned()),
        ("filed within a day, none", "createdAfter=2020-01-01T00:00:00Z&createdBefore=2020-01-02T00:00:00Z".to_owned()),
    ]
}

pub(super) async fn run(stand: &Stand, table: &mut Table) -> Result<()> {
    let (_short, near) = filled(stand, "short_list", SHORT).await?;
    let (long, far) = filled(stand, "long_list", stand.args.rows).await?;
    depth(stand, table, &far).await?;
    let mut sorted = Vec::new();
    for (words, query) in queries() {
        let path = format!("/v1/requests?{query}");
        let times = compare(stand, [(&near, &path), (&far, &path)]).await?;
        add(table, &format!("list of {} against {SHORT}: {words}", stand.args.rows), times[1], times[0]);
        // In a short list Postgres may rather sort what little there is.
        let (name, steps, rows) = plan(stand, &long, &far, &path).await?;
        if let Some(rows) = rows.filter(|rows| *rows > MERGED) {
            sorted.push(rows);
            table.note(format!("{name} sorts {rows} rows, as Postgres expects: {}", steps.join(", ")));
        }
    }
    let most = sorted.iter().max().map_or_else(String::new, |most| format!(", {most} rows at most"));
    table.figure("list, plans that sort", format!("{}{most}", sorted.len()), "none", sorted.is_empty());
    near.end().await?;
    far.end().await
}

/// A database with `count` requests, and the service on it.
async fn filled(stand: &Stand, name: &str, count: u64) -> Result<(Database, Service)> {
    let database = stand.database(name).await?;
    let service = stand.serve(&database, Roles::Api, Settings::default()).await?;
    let mut client = service.client().await?;
    let id = file(&mut client, TEMPLATE).await?;
    client.call(withdraw(id, TEMPLATE)).await?;
    let template = Template::of(&database, id).await?;
    let over = columns(&[("expires_at", json!("2030-01-01T00:00:00Z"))]);
    let old = columns(&[("state", json!("lapsed")), ("expires_at", json!("2010-01-01T00:00:00Z"))]);
    let undecided = columns(&[("state", json!("pending")), ("moved_from", Value::Null)]);
    let change = |n: u64| {
        let kind = if n < count / OLD {
            &old
        } else if n.is_multiple_of(UNDECIDED) {
            &undecided
        } else {
            &over
        };
        (kind.clone(), None)
    };
    template.copy_with(&database, 0..count, change).await?;
    database.run("VACUUM ANALYZE").await?;
    Ok((database, service))
}

/// The first page against one far down.
async fn depth(stand: &Stand, table: &mut Table, service: &Service) -> Result<()> {
    let page = FAR.min(stand.args.rows / PAGE);
    let token = walk(&mut service.client().await?, (page - 1) * PAGE).await?;
    let (first, far) = ("/v1/requests".to_owned(), format!("/v1/requests?nextToken={token}"));
    let times = compare(stand, [(service, &first), (service, &far)]).await?;
    add(table, &format!("list, page {page} against page 1"), times[1], times[0]);
    Ok(())
}

/// The token of the page that starts after the first `skipped` items.
async fn walk(client: &mut Client, mut skipped: u64) -> Result<String> {
    let mut token = String::new();
    while skipped > 0 {
        let size = skipped.min(MOST);
        let after = if token.is_empty() { String::new() } else { format!("&nextToken={token}") };
        let page = client.json(read(format!("/v1/requests?maxResults={size}{after}"))).await?;
        page["nextToken"].as_str().ok_or("the list is shorter than it was made")?.clone_into(&mut token);
        skipped -= size;
    }
    Ok(token)
}

/// The median time of either page, by turns.
async fn compare(stand: &Stand, sides: [(&Service, &String); 2]) -> Result<[Duration; 2]> {
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..stand.args.rounds {
        for (place, (service, path)) in sides.into_iter().enumerate() {
            let path = path.clone();
            let calls: Calls = Arc::new(move |_, _| read(path.clone()));
            let mut load = Load::connect(service, 1).await?;
            load.closed(1, &calls).await?;
            times[place].push(load.closed(LOOKS, &calls).await?.quantile(500).as_secs_f64());
        }
    }
    Ok(times.map(|times| Duration::from_secs_f64(median(&times))))
}

fn add(table: &mut Table, what: &str, measured: Duration, reference: Duration) {
    let ratio = measured.as_secs_f64() / reference.as_secs_f64();
    table.add(Row {
        what: what.to_owned(),
        measured: format!("{measured:.2?}"),
        reference: format!("{reference:.2?}"),
        ratio: format!("{ratio:.2}"),
        budget: format!("≤ {SAME}"),
        kept: ratio <= SAME,
    });
}

/// The name of the list's statement, the steps that Postgres takes for it, and how many rows these sort at most.
async fn plan(
    stand: &Stand,
    database: &Database,
    service: &Service,
    path: &str,
) -> Result<(String, Vec<String>, Option<u64>)> {
    let mut client = service.client().await?;
    let wanted = if path.contains("reviewable=") { "requests.to_review" } else { "requests.list_by_" };
    let (statements, _) = stand.overhear(wanted, async || client.call(read(path.to_owned())).await).await?;
    let list = statements.iter().find(|statement| statement.name().starts_with(wanted));
    let list = list.ok_or("the list's statement was not overheard")?;
    let (steps, sorted) = explain::steps(database, list).await?;
    Ok((list.name().to_owned(), steps, sorted))
}

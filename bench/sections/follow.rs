//! What a thousand cost one process who wait for a request, and a thousand who follow the log.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;
use uuid::Uuid;

use super::file;
use crate::Result;
use crate::calls::{deny, requester, token};
use crate::service::{Roles, Service};
use crate::settings::Settings;
use crate::stand::Stand;
use crate::table::Table;

/// How many wait, each for a request of their own, and how many follow, each person several times.
const FOLLOWERS: u64 = 1000;

/// How long nothing happens while memory and computing are looked at.
const REST: Duration = Duration::from_secs(10);

/// The first principal.
const FIRST: u64 = 60_000_000;

pub(super) async fn run(stand: &Stand, table: &mut Table) -> Result<()> {
    let database = stand.database("follow").await?;
    let settings = Settings { requests: "max_pending_per_requester = 100000", ..Settings::default() };
    let service = stand.serve(&database, Roles::Api, settings).await?;
    let mut client = service.client().await?;
    let mut ids: Vec<Uuid> = Vec::new();
    for n in FIRST..FIRST + FOLLOWERS {
        ids.push(file(&mut client, n).await?);
    }
    sleep(REST).await;

    let before = service.memory("VmRSS");
    let mut waiting = Vec::new();
    for (n, id) in (FIRST..).zip(&ids) {
        waiting.push(call(&service, &format!("/v1/requests/{id}?wait=60s&until=active"), n).await?);
    }
    remember(table, "waits", &service, before).await;
    for (n, id) in (FIRST..).zip(&ids) {
        client.call(deny(*id, n)).await?;
    }
    let mut answered = 0;
    for mut connection in waiting {
        answered += u64::from(head(&mut connection).await?.starts_with("HTTP/1.1 200 "));
    }
    let all = format!("{answered} of {FOLLOWERS}");
    table.figure("waits that were answered", all, "all", answered == FOLLOWERS);

    sleep(REST).await;
    let before = service.memory("VmRSS");
    let mut following = Vec::new();
    for n in FIRST..FIRST + FOLLOWERS {
        let mut connection = call(&service, "/v1/events/stream", n).await?;
        let begun = head(&mut connection).await?;
        if !begun.starts_with("HTTP/1.1 200 ") {
            return Err(format!("no stream: {begun}").into());
        }
        following.push(connection);
    }
    remember(table, "streams", &service, before).await;
    drop(following);
    service.end().await
}

/// Sends a call of whoever filed the n-th request, and leaves it at that.
async fn call(service: &Service, path: &str, n: u64) -> Result<TcpStream> {
    let mut connection = TcpStream::connect(service.addr).await?;
    let token = token(&requester(n));
    let call = format!("GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n");
    connection.write_all(call.as_bytes()).await?;
    Ok(connection)
}

/// What comes first of the answer.
async fn head(connection: &mut TcpStream) -> Result<String> {
    let mut text = vec![0; 64];
    connection.read_exact(&mut text).await?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

async fn remember(table: &mut Table, what: &str, service: &Service, before: Option<u64>) {
    sleep(REST).await;
    let computed = service.cpu();
    sleep(REST).await;
    let spent = service.cpu().zip(computed).map(|(after, before)| after.saturating_sub(before));
    let grown = service.memory("VmRSS").zip(before).map(|(after, before)| after.saturating_sub(before));
    let figure = grown.map_or_else(|| "unknown".to_owned(), |kib| format!("{:.1} MiB", kib_to_mib(kib)));
    table.figure(&format!("memory for {FOLLOWERS} {what}"), figure, "", true);
    if let (Some(grown), Some(spent)) = (grown, spent) {
        let share = spent.as_secs_f64() / REST.as_secs_f64() * 100.0;
        table.note(format!("{} KiB each; while nothing happens, {share:.1} % of one core", grown / FOLLOWERS));
    }
}

fn kib_to_mib(kib: u64) -> f64 {
    f64::from(u32::try_from(kib).unwrap_or(u32::MAX)) / 1024.0
}

//! How long Slack waits for an answer to a click, whatever EKS does.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use entryway::clock::Clock;
use entryway::domain::request::hex;
use hmac::{Hmac, KeyInit as _, Mac as _};
use hyper::header::CONTENT_TYPE;
use hyper::{Method, StatusCode};
use serde_json::json;
use sha2::Sha256;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::{BACKGROUND, file_and_approve, fill_background};
use crate::calls::{reviewer, submit};
use crate::database::Database;
use crate::eks::hold_up;
use crate::http::Call;
use crate::load::{Calls, Load};
use crate::service::Roles;
use crate::settings::Settings;
use crate::stand::Stand;
use crate::table::Table;
use crate::{Failure, Result};

/// How many clicks are looked at, and how many come in a second.
const CLICKS: u64 = 1_000;
const RATE: u32 = 50;
/// Requests that the worker hangs on meanwhile: more than it has hands for.
const UNDER_WAY: u64 = 32;
/// Longer than anybody waits.
const HANG: Duration = Duration::from_secs(600);
/// How long the last click may take to count.
const PATIENCE: Duration = Duration::from_secs(60);
/// The first principal.
const FIRST: u64 = 70_000_000;
/// What 99 of 100 answers may take: Slack gives up after three seconds.
const BUDGET: Duration = Duration::from_millis(500);

const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
const TEAM: &str = "T0123";
const USER: &str = "UBENCH";

pub(super) async fn run(stand: &Stand, table: &mut Table) -> Result<()> {
    let (slack, _task) = stand_in().await?;
    let tables = format!(
        "[slack]\nsigning_secrets = [\"{SECRET}\"]\nbot_token = \"xoxb-for-benchmarks-only\"\nteam_id = \"{TEAM}\"\n\
         api_url = \"http://{slack}/api\""
    );
    let settings = Settings { requests: "max_pending_per_requester = 100000", slack: &tables, ..Settings::default() };
    let database = stand.database("slack").await?;
    let service = stand.serve(&database, Roles::All, settings).await?;
    let mut client = service.client().await?;
    fill_background(&database, &mut client, BACKGROUND).await?;
    let tie = format!("INSERT INTO slack_user VALUES ('{TEAM}', '{USER}', '{}', now())", reviewer(0));
    database.run(&tie).await?;
    let mut buttons = Vec::new();
    for n in FIRST..FIRST + CLICKS {
        let request = client.json(submit(n)).await?;
        let shown = (request["id"].as_str(), request["specDigest"].as_str());
        let (Some(id), Some(digest)) = shown else { return Err(Failure::from("a request without an id")) };
        buttons.push(format!("{id} {digest}"));
    }
    let reviews = count_reviews(&database).await?;
    hold_up(stand, HANG)?;
    for n in FIRST + CLICKS..FIRST + CLICKS + UNDER_WAY {
        file_and_approve(&mut client, n).await?;
    }
    let mut load = Load::connect(&service, stand.args.clients).await?;
    let callers = stand.args.clients;
    let calls: Calls = Arc::new(move |caller, place| {
        let n = usize::try_from(caller + place * callers).expect("few enough to count");
        click(slack, &buttons[n])
    });
    let window = load.open(RATE, Duration::from_secs(1) * u32::try_from(CLICKS)? / RATE, &calls).await?;
    let clicked = i64::try_from(window.latencies.len() + usize::try_from(UNDER_WAY)?)?;
    let begun = Instant::now();
    while count_reviews(&database).await? < reviews + clicked {
        if begun.elapsed() > PATIENCE {
            return Err(Failure::from("clicks that were answered never counted"));
        }
        sleep(Duration::from_millis(50)).await;
    }
    let (half, nearly_all) = (window.quantile(500), window.quantile(990));
    table.figure(
        "answer to a click while EKS hangs, 99 of 100",
        format!("{nearly_all:.1?}"),
        &format!("≤ {BUDGET:?}"),
        nearly_all <= BUDGET,
    );
    table.note(format!(
        "{} clicks, {RATE} a second, half of them answered after {half:.1?}; all had counted {:.1?} after the last",
        window.latencies.len(),
        begun.elapsed()
    ));
    stand.sim.heal();
    service.end().await
}

async fn count_reviews(database: &Database) -> Result<i64> {
    database.number("SELECT count(*) FROM review").await
}

/// Stands in for Slack's Web API and its addresses for answers, and is content with everything.
async fn stand_in() -> Result<(SocketAddr, JoinSet<()>)> {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    let addr = listener.local_addr()?;
    let user = json!({ "id": USER, "team_id": TEAM, "name": "bench", "deleted": false, "is_bot": false,
                       "is_restricted": false, "is_ultra_restricted": false });
    let content = json!({ "ok": true, "channel": "C0BENCH", "ts": "1780315200.000001", "user": user }).to_string();
    let answer = move || async move { ([(CONTENT_TYPE, "application/json")], content) };
    let mut task = JoinSet::new();
    task.spawn(async move {
        // Ends with the section.
        let _ = axum::serve(listener, Router::new().fallback(answer)).await;
    });
    Ok((addr, task))
}

/// The press of the button that says `value`, signed now.
fn click(slack: SocketAddr, value: &str) -> Call {
    let team = json!({ "id": TEAM, "domain": "example" });
    let payload = json!({
        "type": "block_actions", "team": team, "enterprise": null, "is_enterprise_install": false,
        "user": { "id": USER, "username": "bench", "name": "bench", "team_id": TEAM },
        "api_app_id": "A1", "token": "not looked at", "trigger_id": "1.trigger", "state": { "values": {} },
        "container": { "type": "message", "message_ts": "1780315200.000001", "channel_id": "C0BENCH", "is_ephemeral": false },
        "channel": { "id": "C0BENCH", "name": "bench" },
        "message": { "type": "message", "bot_id": "B1", "user": "UBOT", "app_id": "A1", "ts": "1780315200.000001",
                     "text": "pending", "team": TEAM, "blocks": [] },
        "response_url": format!("http://{slack}/answers/1"),
        "actions": [{ "action_id": "approve", "block_id": "x=Y1", "type": "button", "value": value, "action_ts": "1780315201.000002",
                      "text": { "type": "plain_text", "text": "Approve", "emoji": false } }],
    });
    let body = form_urlencoded::Serializer::new(String::new()).append_pair("payload", &payload.to_string()).finish();
    let now = Clock::database().approximate().timestamp();
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(format!("v0:{now}:{body}").as_bytes());
    let signature = format!("v0={}", hex(&mac.finalize().into_bytes()));
    Call {
        method: Method::POST,
        path: "/slack/interactions".to_owned(),
        token: String::new(),
        body,
        idempotency_key: None,
        signature: Some((now, signature)),
        expected: StatusCode::OK,
    }
}

//! `GET /v1/webhooks`, `POST /v1/webhooks/{name}/replay`

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::caller::Authenticated;
use super::extract::{Command, NoParameters, TakenBody, json_response};
use super::openapi::{CallerHeaders, OnceHeader, ReadFailures, ReplayFailures};
use super::problem::{Code, FieldError, Problem};
use super::requests::reply;
use super::state::Webhooks;
use super::views::Time;
use crate::workflow::webhooks::{GivenUp, Replay, Replayed, Standing, replay as replaying};
use crate::workflow::{Desk, Once, Rendered};

/// A webhook as the configuration has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookEntry {
    /// Its name.
    pub name: String,
    /// Its destination in the outbox.
    pub destination: String,
    /// Where it leads, without what may be secret.
    pub host: String,
    /// Whether it is switched on.
    pub enabled: bool,
    /// Its patterns of events.
    pub events: Vec<String>,
    /// Its clusters.
    pub clusters: Vec<String>,
}

/// The webhooks there are.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WebhookList {
    /// In the order of the configuration.
    items: Vec<WebhookView>,
    /// Always null: the list comes whole.
    #[schema(example = json!(null))]
    next_token: Option<String>,
}

/// A webhook, and how things stand with it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Webhook)]
pub(crate) struct WebhookView {
    /// Its name in the configuration.
    #[schema(example = "siem")]
    name: String,
    /// Scheme and host of its URL; the rest may be secret.
    #[schema(example = "https://siem.example.com")]
    host: String,
    /// `on`, `off` (`enabled = false`) or `gone` (it answered 410).
    #[schema(example = "on", pattern = "^(on|off|gone)$")]
    status: &'static str,
    /// The patterns of the events it wants; empty for all.
    #[schema(example = json!(["request.*", "entry.*"]))]
    events: Vec<String>,
    /// The clusters it wants to hear of; empty for all.
    #[schema(example = json!(["prod"]))]
    clusters: Vec<String>,
    /// The `seq` up to which it has read the log; null before it was first switched on.
    #[schema(example = 4711, minimum = 0)]
    position: Option<i64>,
    /// How many events it has read of and is still to be told of.
    #[schema(example = 0, minimum = 0)]
    waiting: i64,
    /// How many requests (and entries and clusters) wait because their first event failed.
    #[schema(example = 0, minimum = 0)]
    failing: i64,
    /// When the oldest event that it has not been told of happened; null where there is none.
    oldest_at: Option<Time>,
    /// One of the latest failures; null where nothing fails.
    #[schema(example = json!(null))]
    last_error: Option<String>,
    /// When it answered 410; null where it did not.
    gone_at: Option<Time>,
    /// How many events were given up after three days.
    #[schema(example = 0, minimum = 0)]
    given_up: i64,
    /// The oldest hundred of them.
    given_up_events: Vec<GivenUpView>,
}

/// An event that was given up.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = GivenUpEvent)]
pub(crate) struct GivenUpView {
    /// Its `seq`.
    #[schema(example = 4711, minimum = 1)]
    seq: i64,
    /// How often it was tried.
    #[schema(example = 440, minimum = 1)]
    attempts: i32,
    /// When it was tried first.
    first_tried_at: Time,
    /// When it was given up.
    given_up_at: Time,
    /// What the last failure was.
    #[schema(example = "it answered 400")]
    last_error: String,
}

impl From<GivenUp> for GivenUpView {
    fn from(given_up: GivenUp) -> Self {
        Self {
            seq: given_up.seq,
            attempts: given_up.attempts,
            first_tried_at: Time(given_up.first_tried_at),
            given_up_at: Time(given_up.given_up_at),
            last_error: given_up.last_error,
        }
    }
}

impl WebhookView {
    fn of(entry: &WebhookEntry, standing: Option<&Standing>, given_up: Vec<GivenUp>) -> Self {
        let gone_at = standing.and_then(|standing| standing.gone_at);
        Self {
            name: entry.name.clone(),
            host: entry.host.clone(),
            status: match gone_at {
                _ if !entry.enabled => "off",
                Some(_) => "gone",
                None => "on",
            },
            events: entry.events.clone(),
            clusters: entry.clusters.clone(),
            position: standing.map(|standing| standing.position),
            waiting: standing.map_or(0, |standing| standing.waiting),
            failing: standing.map_or(0, |standing| standing.failing),
            oldest_at: standing.and_then(|standing| standing.oldest_at).map(Time),
            last_error: standing.and_then(|standing| standing.last_error.clone()),
            gone_at: gone_at.map(Time),
            given_up: standing.map_or(0, |standing| standing.given_up),
            given_up_events: given_up.into_iter().map(Into::into).collect(),
        }
    }
}

/// Lists the webhooks
///
/// Every configured webhook, what waits for it, what fails, and what was given up. Needs the permission `audit`.
#[utoipa::path(get, path = "/v1/webhooks", tag = "audit", operation_id = "listWebhooks", params(CallerHeaders),
    responses((status = 200, description = "The webhooks", body = WebhookList), ReadFailures))]
pub(crate) async fn list(
    State(desk): State<Desk>,
    State(webhooks): State<Webhooks>,
    Authenticated(caller): Authenticated,
    _: NoParameters,
) -> Result<Response, Problem> {
    desk.permit_audit(&caller, "webhooks").await?;
    let standings = desk.destinations().await?;
    let mut items = Vec::new();
    for entry in webhooks.iter() {
        let standing = standings.iter().find(|standing| standing.destination == entry.destination);
        let given_up = match standing {
            Some(standing) if standing.given_up > 0 => desk.given_up(&entry.destination).await?,
            _ => Vec::new(),
        };
        items.push(WebhookView::of(entry, standing, given_up));
    }
    Ok(json_response(&WebhookList { items, next_token: None }))
}

/// From where on a receiver is to be told again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewReplay {
    /// Everything above this `seq`: that of the last event that arrived, or 0 for everything there ever was.
    #[schema(example = 4711, minimum = 0, required = true)]
    after: Option<i64>,
}

impl TakenBody for NewReplay {}

/// What is told again.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Replay)]
pub(crate) struct ReplayView {
    /// The webhook.
    #[schema(example = "siem")]
    name: String,
    /// Everything above this `seq` is told again.
    #[schema(example = 4711, minimum = 0)]
    after: i64,
    /// Only up to this `seq` anything comes a second time.
    #[schema(example = 4800, minimum = 0)]
    through: i64,
}

/// Tells a receiver again
///
/// Everything above `after` that the webhook wants is delivered again, in order, with the same `webhook-id` as the first time;
/// so is what was given up, and what came while the receiver had answered 410. Nothing is ever skipped by this.
/// Needs the permission `administer`.
#[utoipa::path(post, path = "/v1/webhooks/{name}/replay", tag = "audit", operation_id = "replayWebhook",
    params(CallerHeaders, OnceHeader,
        ("name" = String, Path, description = "Its name in the configuration", example = "siem")),
    request_body(content = NewReplay, description = "From where on"),
    responses(
        (status = 200, description = "It is on record, and being done", body = ReplayView, headers(
            ("Idempotency-Replayed" = String, description = "`true` when the first answer is given again"))),
        ReplayFailures,
    ))]
pub(crate) async fn replay(
    State(desk): State<Desk>,
    State(webhooks): State<Webhooks>,
    _: Authenticated,
    name: Result<Path<String>, PathRejection>,
    _: NoParameters,
    command: Command<NewReplay>,
) -> Result<Response, Problem> {
    let entry = name.ok().and_then(|Path(name)| webhooks.iter().find(|entry| entry.name == name));
    let Some(after) = command.body.after else {
        let detail = "say from where on: the seq of the last event that arrived, or 0 for everything";
        let errors = vec![FieldError::at("/after", "after-invalid", detail)];
        return Err(Problem::new(Code::ValidationFailed, detail).listing(errors));
    };
    let replay = Replay {
        caller: &command.caller,
        name: entry.map(|entry| entry.name.as_str()),
        destination: entry.map_or("", |entry| &entry.destination),
        after,
        once: command.key().map(|key| Once { key, render: &done }),
    };
    reply::answer(replaying(&desk, replay).await?, done)
}

fn done(replayed: &Replayed) -> Rendered {
    let Replayed { name, after, through } = replayed.clone();
    reply::rendered(StatusCode::OK, vec![], &ReplayView { name, after, through })
}

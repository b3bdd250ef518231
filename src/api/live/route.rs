//! `GET /v1/events/stream`

use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{StreamExt, once};
use tokio::time::timeout;

use super::super::caller::{Authenticated, Credentials};
use super::super::events::{filter, seq};
use super::super::extract::Parameters;
use super::super::openapi::{CallerHeaders, StreamFailures};
use super::super::problem::Problem;
use super::super::state::ApiState;
use super::super::views::{EventName, EventView};
use super::follower::{Follower, Start};
use super::frame;

/// Where a reader who was cut off goes on; browsers send it by themselves.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static(NAME);
const NAME: &str = "last-event-id";

/// No cache keeps it, nothing in between changes it, and nginx passes it on as it comes.
const HEADERS: [(HeaderName, &str); 3] = [
    (CONTENT_TYPE, "text/event-stream"),
    (CACHE_CONTROL, "no-store, no-transform"),
    (HeaderName::from_static("x-accel-buffering"), "no"),
];

/// How long finding the end of the log may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Follows what happens
///
/// Server-sent events, as they happen: each with its `seq` as `id`, its type as `event` and itself as `data`. Those whom policy
/// lets `audit` see every event; everybody else those of requests that they may see, as in their timelines. It starts with what
/// happens next, or above the `seq` in `Last-Event-ID` or `after`, and misses nothing from there, whichever replica answers.
/// A comment comes when nothing happened for 15 seconds. It ends when the process stops, when the token is no longer good, and
/// when what the caller may see has changed; the last frame says so, and browsers connect again by themselves.
#[utoipa::path(get, path = "/v1/events/stream", tag = "audit", operation_id = "streamEvents",
    params(CallerHeaders,
        ("Last-Event-ID" = Option<i64>, Header, description = "Only events above this `seq`, the last `id` that came. Counts before `after`",
            minimum = 0, example = 4711),
        ("after" = Option<i64>, Query, description = "Only events above this `seq`; 0 for all there are", minimum = 0, example = 4711),
        ("requestId" = Option<Uuid>, Query, description = "About this request, also where others are concerned as well",
            example = "01980a1b-7c3d-7e4f-8a5b-6c7d8e9fa0b1"),
        ("actor" = Option<String>, Query, description = "Done by this person or service; `entryway` for its own doings", example = "alice"),
        ("type" = Option<Vec<EventName>>, Query, description = "Of this type, or one of these", example = json!(["request.active"])),
        ("clusterName" = Option<String>, Query, description = "About this cluster", example = "prod")),
    responses(
        (status = 200, description = "Events without end, in the event stream format of the HTML standard",
            content((EventView = "text/event-stream"))),
        StreamFailures))]
pub(crate) async fn stream(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    credentials: Credentials,
    headers: HeaderMap,
    mut parameters: Parameters,
) -> Result<Response, Problem> {
    let last = last_event_id(&headers, &mut parameters);
    let after = parameters.one("after", seq);
    let filter = filter(&mut parameters);
    parameters.end()?;
    let seat = state.live.seats.take(&caller)?;
    let joined = timeout(PATIENCE, state.live.feed.join()).await;
    let (batches, head) = joined.map_err(|_| Problem::unavailable("the end of the log was not found in time"))?;
    let place = last.or(after).unwrap_or(head);
    if place > head && place > state.desk.log_newest().await? {
        let name = if last.is_some() { NAME } else { "after" };
        let detail = "is above everything in this log, so it is of another one, such as before a restore; leave it out, or \
                      start again with after=0";
        return Err(Problem::parameter(name, detail));
    }
    let follower = Follower::new(state, credentials, caller, filter, Start { place, head, batches }, seat);
    let frames = once(async move { Ok(frame::opening(place)) }).chain(follower.frames());
    Ok((HEADERS, Body::from_stream(frames)).into_response())
}

/// The last event that a reader has. Browsers send nothing before there is one.
fn last_event_id(headers: &HeaderMap, parameters: &mut Parameters) -> Option<i64> {
    let mut given = headers.get_all(LAST_EVENT_ID).iter().filter(|value| !value.is_empty());
    let first = given.next()?;
    let read = |value: &HeaderValue| value.to_str().ok().and_then(|text| seq(text).ok());
    let place = read(first).filter(|_| given.next().is_none());
    if place.is_none() {
        parameters.wrong(NAME, "is no seq; send the last id that came, once, or leave it out");
    }
    place
}

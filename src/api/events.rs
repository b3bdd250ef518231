//! `GET /v1/events`

use std::io;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use futures_util::stream::{Stream, try_unfold};
use uuid::Uuid;

use super::caller::Authenticated;
use super::cursor::{Listing, PageKey};
use super::extract::{Parameters, json_response, text};
use super::openapi::{CallerHeaders, ListFailures};
use super::problem::{Code, Problem};
use super::requests::{PAGE, page_size};
use super::views::{EventList, EventName, EventView};
use crate::audit::export::native;
use crate::domain::event::EventType;
use crate::workflow::Desk;
use crate::workflow::audit_log::{LogFilter, LogPage};

/// One event to a line.
const NDJSON: &str = "application/x-ndjson";

/// How many events of a stream are held at once.
const CHUNK: usize = 500;

/// Reads the audit log
///
/// Every event there is, oldest first, for those whom policy lets `audit`. Nothing ever turns up below a `seq` that was
/// answered: reading on with `after`, the last `seq` that came, misses nothing. Filters add up; `type` may be repeated and
/// then means any of them. With `Accept: application/x-ndjson` everything comes in one answer, one event to a line.
/// While a newer release is being rolled out beside this one, its events are told as they are, with a `type` that may not be listed here.
#[utoipa::path(get, path = "/v1/events", tag = "audit", operation_id = "listEvents",
    params(CallerHeaders,
        ("after" = Option<i64>, Query, description = "Only events above this `seq`", minimum = 0, example = 4711),
        ("requestId" = Option<Uuid>, Query, description = "About this request, also where others are concerned as well",
            example = "01980a1b-7c3d-7e4f-8a5b-6c7d8e9fa0b1"),
        ("actor" = Option<String>, Query, description = "Done by this person or service; `entryway` for its own doings", example = "alice"),
        ("type" = Option<Vec<EventName>>, Query, description = "Of this type, or one of these", example = json!(["request.submitted"])),
        ("clusterName" = Option<String>, Query, description = "About this cluster", example = "prod"),
        ("maxResults" = Option<u8>, Query, description = "How many at most; not for a stream", minimum = 1, maximum = 100, example = 50),
        ("nextToken" = Option<String>, Query, description = "Where to go on, as the page before said; send the same filters; not for a stream",
            example = "AZgKG3w9fk-KW2x9jp-gsQ")),
    responses(
        (status = 200, description = "A page of events, or all of them",
            content((EventList = "application/json"), (EventView = "application/x-ndjson"))),
        ListFailures))]
pub(crate) async fn list(
    State(desk): State<Desk>,
    State(pages): State<PageKey>,
    Authenticated(caller): Authenticated,
    headers: HeaderMap,
    mut parameters: Parameters,
) -> Result<Response, Problem> {
    let streams = wants_stream(&headers);
    let asked = parameters.all_but(&["maxResults", "nextToken"]);
    let token = parameters.one("nextToken", text);
    let limit = parameters.one("maxResults", page_size);
    let after = parameters.one("after", seq).unwrap_or_default();
    let filter = filter(&mut parameters);
    if streams && (token.is_some() || limit.is_some()) {
        parameters
            .wrong(if token.is_some() { "nextToken" } else { "maxResults" }, "a stream has no pages; leave it out");
    }
    parameters.end()?;
    desk.permit_audit(&caller, "audit").await?;
    if streams {
        let through = desk.log_end().await?;
        let mut answer = Response::new(Body::from_stream(lines(desk, filter, after, through)));
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(NDJSON));
        return Ok(answer);
    }
    let listing = Listing::of("events", pages.get(&desk).await?, &caller, &asked);
    let after = token.map_or(Ok(after), |token| start(&listing, &token))?;
    let through = desk.log_end().await?;
    let limit = limit.unwrap_or(PAGE);
    let page = desk.log_page(&filter, after, through, limit).await?;
    Ok(json_response(&answer(&listing, page)))
}

/// A page of events, as it is answered.
pub(super) fn answer(listing: &Listing<'_>, page: LogPage) -> EventList {
    let next_token = page.next.map(|seq| listing.sealed(&seq.to_be_bytes()));
    EventList { items: page.events.into_iter().map(Into::into).collect(), next_token }
}

/// The filters that the log is read with.
pub(super) fn filter(parameters: &mut Parameters) -> LogFilter {
    let id = |text: &str| text.parse::<Uuid>().map_err(|_| "is no id of a request".to_owned());
    let kind = |text: &str| match EventType::parse(text) {
        Some(kind) => Ok(kind.as_str().to_owned()),
        None => Err("is no type of event; the document of this API lists them".to_owned()),
    };
    LogFilter {
        request_id: parameters.one("requestId", id),
        actor: parameters.one("actor", text),
        types: parameters.many("type", kind),
        cluster_name: parameters.one("clusterName", text),
        requester: None,
    }
}

/// A place in the log.
pub(super) fn seq(text: &str) -> Result<i64, String> {
    let wrong = || "is no seq; send the last one that came, or leave it out".to_owned();
    text.parse().ok().filter(|seq| *seq >= 0).ok_or_else(wrong)
}

/// The `seq` after which the page of `token` starts.
pub(super) fn start(listing: &Listing<'_>, token: &str) -> Result<i64, Problem> {
    let place = listing.opened(token)?;
    let foreign = |_| Problem::new(Code::NextTokenInvalid, "nextToken is of another release; start again without it");
    place.as_slice().try_into().map(i64::from_be_bytes).map_err(foreign)
}

fn wants_stream(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted
        .flat_map(|value| value.split(','))
        .any(|kind| kind.split(';').next().is_some_and(|kind| kind.trim() == NDJSON))
}

/// All events that `filter` asks for, as they stand when it begins. A failure on the way cuts the answer off, so that nobody
/// takes a part for the whole.
fn lines(desk: Desk, filter: LogFilter, after: i64, through: i64) -> impl Stream<Item = io::Result<Bytes>> {
    try_unfold(Some(after), move |place| {
        let (desk, filter) = (desk.clone(), filter.clone());
        async move {
            let Some(after) = place else { return Ok(None) };
            let page = desk.log_page(&filter, after, through, CHUNK).await.map_err(|error| {
                tracing::error!(%error, "a stream of events was cut off");
                io::Error::other(error)
            })?;
            let text: String = page.events.iter().map(|event| format!("{}\n", native(event))).collect();
            Ok(Some((Bytes::from(text), page.next)))
        }
    })
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use serde_json::json;

    use super::*;
    use crate::domain::event::{Event, NewEvent};

    #[test]
    fn a_line_and_an_item_of_a_page_are_the_same() {
        let body = NewEvent::by_entryway(EventType::EntryCreated, json!({"awsRequestId": "a"}));
        let at = DateTime::UNIX_EPOCH;
        let event = Event {
            seq: 7,
            id: Uuid::nil(),
            at,
            body: body.about(Uuid::max(), "prod", "arn:aws:iam::111122223333:role/x"),
            prev_hash: Some("sha256:00".to_owned()),
            hash: "sha256:01".to_owned(),
        };
        assert_eq!(native(&event), json!(EventView::from(event.clone())));
    }
}

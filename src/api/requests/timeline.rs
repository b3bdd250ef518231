//! `GET /v1/requests/{id}/events`

use axum::extract::State;
use axum::response::Response;

use super::super::caller::Authenticated;
use super::super::cursor::{Listing, PageKey};
use super::super::events::{answer, start};
use super::super::extract::{Parameters, PathId, json_response, text};
use super::super::openapi::{CallerHeaders, FindListFailures};
use super::super::problem::Problem;
use super::super::views::EventList;
use super::{PAGE, page_size};
use crate::workflow::Desk;

/// Tells a request's story
///
/// Everything that happened to it, oldest first, as the audit log has it, a page at a time.
#[utoipa::path(get, path = "/v1/requests/{id}/events", tag = "requests", operation_id = "listRequestEvents",
    params(CallerHeaders,
        ("id" = Uuid, Path, description = "The request", example = "01980a1b-7c3d-7e4f-8a5b-6c7d8e9fa0b1"),
        ("maxResults" = Option<u8>, Query, description = "How many at most", minimum = 1, maximum = 100, example = 50),
        ("nextToken" = Option<String>, Query, description = "Where to go on, as the page before said",
            example = "AZgKG3w9fk-KW2x9jp-gsQ")),
    responses((status = 200, description = "A page of its timeline", body = EventList), FindListFailures))]
pub(crate) async fn timeline(
    State(desk): State<Desk>,
    State(pages): State<PageKey>,
    Authenticated(caller): Authenticated,
    PathId(id): PathId,
    mut parameters: Parameters,
) -> Result<Response, Problem> {
    let token = parameters.one("nextToken", text);
    let limit = parameters.one("maxResults", page_size).unwrap_or(PAGE);
    parameters.end()?;
    let listing = Listing::of(&format!("timeline of {id}"), pages.get(&desk).await?, &caller, &[]);
    let after = token.map_or(Ok(0), |token| start(&listing, &token))?;
    let page = desk.events(&caller, id, after, limit).await?;
    Ok(json_response(&answer(&listing, page)))
}

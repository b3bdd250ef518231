//! `GET /v1/requests/{id}/events`

use axum::extract::State;
use axum::response::Response;

use super::super::caller::Authenticated;
use super::super::extract::{NoParameters, PathId, json_response};
use super::super::openapi::{CallerHeaders, FindFailures};
use super::super::problem::Problem;
use super::super::views::EventList;
use crate::workflow::Desk;

/// Tells a request's story
///
/// Everything that happened to it, oldest first, as the audit log has it.
#[utoipa::path(get, path = "/v1/requests/{id}/events", tag = "requests", operation_id = "listRequestEvents",
    params(CallerHeaders,
        ("id" = Uuid, Path, description = "The request", example = "01980a1b-7c3d-7e4f-8a5b-6c7d8e9fa0b1")),
    responses((status = 200, description = "Its timeline", body = EventList), FindFailures))]
pub(crate) async fn timeline(
    State(desk): State<Desk>,
    Authenticated(caller): Authenticated,
    PathId(id): PathId,
    _: NoParameters,
) -> Result<Response, Problem> {
    let events = desk.events(&caller, id).await?;
    Ok(json_response(&EventList { items: events.into_iter().map(Into::into).collect(), next_token: None }))
}

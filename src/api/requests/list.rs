//! `GET /v1/requests`

use axum::extract::State;
use axum::response::Response;

use super::super::caller::Authenticated;
use super::super::cursor::{Listing, PageKey};
use super::super::extract::{Parameters, flag, json_response, text, time};
use super::super::openapi::{CallerHeaders, ListFailures};
use super::super::problem::Problem;
use super::super::views::{RequestList, State as StateName};
use crate::domain::identity::Caller;
use crate::domain::states::RequestState;
use crate::workflow::Desk;
use crate::workflow::read::Filter;

/// How many requests a page holds unless asked otherwise.
pub(in crate::api) const PAGE: usize = 50;

/// Lists requests
///
/// What the caller may see, newest first. Filters add up; `state` may be repeated and then means any of them.
#[utoipa::path(get, path = "/v1/requests", tag = "requests", operation_id = "listRequests",
    params(CallerHeaders,
        ("state" = Option<Vec<StateName>>, Query, description = "In this state, or one of these", example = json!(["pending"])),
        ("clusterName" = Option<String>, Query, description = "On this cluster", example = "prod"),
        ("principalArn" = Option<String>, Query, description = "For this principal",
            example = "arn:aws:iam::111122223333:role/dev/apps/my-role"),
        ("requester" = Option<String>, Query, description = "Asked for by this person; `me` is the caller", example = "me"),
        ("reviewable" = Option<bool>, Query, description = "`true`: only what the caller could review now, also afterwards where somebody broke the glass", example = true),
        ("createdAfter" = Option<String>, Query, format = DateTime, description = "Filed after this time", example = "2026-01-01T00:00:00Z"),
        ("createdBefore" = Option<String>, Query, format = DateTime, description = "Filed before this time", example = "2026-02-01T00:00:00Z"),
        ("expiresBefore" = Option<String>, Query, format = DateTime, description = "Access that ends before this time", example = "2026-02-01T00:00:00Z"),
        ("maxResults" = Option<u8>, Query, description = "How many at most", minimum = 1, maximum = 100, example = 50),
        ("nextToken" = Option<String>, Query, description = "Where to go on, as the page before said; send the same filters",
            example = "AZgKG3w9fk-KW2x9jp-gsQ")),
    responses((status = 200, description = "A page of requests", body = RequestList), ListFailures))]
pub(crate) async fn list(
    State(desk): State<Desk>,
    State(pages): State<PageKey>,
    Authenticated(caller): Authenticated,
    mut parameters: Parameters,
) -> Result<Response, Problem> {
    let asked = parameters.all_but(&["maxResults", "nextToken"]);
    let token = parameters.one("nextToken", text);
    let limit = parameters.one("maxResults", page_size).unwrap_or(PAGE);
    let reviewable = parameters.one("reviewable", flag).unwrap_or_default();
    let filter = filter(&mut parameters, &caller);
    parameters.end()?;
    let listing = Listing::new(pages.get(&desk).await?, &caller, &asked);
    let start = token.map(|token| listing.start(&token)).transpose()?;
    let page = desk.list(&caller, filter, reviewable, start, limit).await?;
    let next_token = page.next.map(|last| listing.token(last));
    Ok(json_response(&RequestList { items: page.items.iter().map(Into::into).collect(), next_token }))
}

fn filter(parameters: &mut Parameters, caller: &Caller) -> Filter {
    Filter {
        states: parameters.many("state", state),
        cluster_name: parameters.one("clusterName", text),
        principal_arn: parameters.one("principalArn", text),
        requester: parameters.one("requester", |name| match name {
            "me" => Ok(caller.user().to_owned()),
            other => text(other),
        }),
        created_after: parameters.one("createdAfter", time),
        created_before: parameters.one("createdBefore", time),
        expires_before: parameters.one("expiresBefore", time),
    }
}

/// A state by its name.
pub(super) fn state(name: &str) -> Result<RequestState, String> {
    let known = || RequestState::ALL.map(RequestState::as_str).join(", ");
    RequestState::parse(name).ok_or_else(|| format!("is no state; the states are {}", known()))
}

pub(in crate::api) fn page_size(value: &str) -> Result<usize, String> {
    let size = value.parse().ok().filter(|size| (1..=100).contains(size));
    size.ok_or_else(|| "is no whole number from 1 to 100".to_owned())
}

//! `POST /v1/requests/{id}/extend`

use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::extract::{Command, TakenBody, Target};
use super::super::openapi::{CallerHeaders, ExtendFailures, OnceHeader, VersionHeader};
use super::super::problem::Problem;
use super::super::views::RequestView;
use super::reply;
use crate::workflow::Desk;
use crate::workflow::extend as workflow;
use crate::workflow::standing::Act;

/// How much longer, and why.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Extension {
    /// How much longer: `2h` or ISO 8601 `PT2H`, from the end of the access that is extended.
    #[schema(example = "2h", required = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) duration: Option<String>,
    /// Why it is needed: reviewers decide by it.
    #[schema(example = "The settlement run takes longer than we thought", max_length = 1000)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}

impl TakenBody for Extension {}

/// Asks for more time
///
/// Files a request for the same access, which is signed off anew. Once it is proven it takes over: the request that it
/// extends ends as `superseded`, and the access is never taken away between the two. Its time counts from the end of what it
/// extends; where that has ended by then, from its own first write. It is not applied any more when what it extends is revoked
/// or given back meanwhile, and one that is turned down changes nothing.
#[utoipa::path(post, path = "/v1/requests/{id}/extend", tag = "requests", operation_id = "extendRequest",
    params(CallerHeaders, OnceHeader, VersionHeader,
        ("id" = Uuid, Path, description = "The request", example = "01980a1b-7c3d-7e4f-8a5b-6c7d8e9fa0b1")),
    request_body(content = Extension, description = "How much longer, and why"),
    responses(
        (status = 201, description = "It is filed; the new request", body = RequestView, headers(
            ("Location" = String, description = "The new request"),
            ("ETag" = String, description = "Its version"),
            ("Idempotency-Replayed" = String, description = "`true` when the first answer is given again"))),
        ExtendFailures,
    ))]
pub(crate) async fn extend(
    State(desk): State<Desk>,
    Target(target): Target,
    command: Command<Extension>,
) -> Result<Response, Problem> {
    let Extension { duration, reason } = &command.body;
    let once = command.once(&reply::created);
    let act = Act { caller: &command.caller, target, reason: reason.clone(), once };
    reply::answer(workflow::extend(&desk, act, duration.clone()).await?, reply::created)
}

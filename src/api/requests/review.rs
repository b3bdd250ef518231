//! `POST /v1/requests/{id}/reviews`

use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::extract::{Command, TakenBody, Target};
use super::super::openapi::{CallerHeaders, OnceHeader, ReviewFailures, VersionHeader};
use super::super::problem::Problem;
use super::super::views::{RequestView, ReviewDecision};
use super::reply;
use super::words::{COMMENT, said};
use crate::domain::review::Decision;
use crate::workflow::Desk;
use crate::workflow::acknowledge::acknowledge;
use crate::workflow::review as workflow;
use crate::workflow::review::Verdict;
use crate::workflow::standing::Act;

/// What a reviewer says.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewReview)]
pub(crate) struct NewReview {
    /// Approve or deny: one deny is final. Or acknowledge, after it was applied without a sign-off.
    #[schema(value_type = ReviewDecision)]
    pub(crate) decision: Verb,
    /// Why; a deny needs it.
    #[schema(example = "looks right to me", max_length = 1000)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) comment: Option<String>,
    /// The `specDigest` of what the reviewer saw. With another one the review is refused (412).
    #[schema(example = json!(null))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) spec_digest: Option<String>,
}

/// What a reviewer says, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verb {
    /// Signed off.
    Approve,
    /// Turned down.
    Deny,
    /// Seen, after it was applied without a sign-off.
    Acknowledge,
}

impl TakenBody for NewReview {}

/// Reviews a request
///
/// The review that completes the quorum sends the request on its way; a deny ends it. One person counts once, and nobody
/// reviews what they asked for or filed for somebody. What was applied without a sign-off, because somebody broke the glass,
/// waits for one of those who could have signed it off to `acknowledge` it.
#[utoipa::path(post, path = "/v1/requests/{id}/reviews", tag = "requests", operation_id = "reviewRequest",
    params(CallerHeaders, OnceHeader, VersionHeader,
        ("id" = Uuid, Path, description = "The request", example = "01980a1b-7c3d-7e4f-8a5b-6c7d8e9fa0b1")),
    request_body(content = NewReview, description = "What the reviewer says"),
    responses(
        (status = 201, description = "It is recorded; the request as it is now", body = RequestView, headers(
            ("ETag" = String, description = "The request's version"),
            ("Idempotency-Replayed" = String, description = "`true` when the first answer is given again"))),
        ReviewFailures,
    ))]
pub(crate) async fn review(
    State(desk): State<Desk>,
    Target(target): Target,
    command: Command<NewReview>,
) -> Result<Response, Problem> {
    let NewReview { decision, comment, spec_digest } = &command.body;
    let once = command.once(&reply::reviewed);
    let act = Act { caller: &command.caller, target, reason: said(COMMENT, comment.as_ref())?, once };
    let spec_digest = spec_digest.clone();
    let outcome = match decision {
        Verb::Approve => workflow::review(&desk, act, Verdict { decision: Decision::Approve, spec_digest }).await,
        Verb::Deny => workflow::review(&desk, act, Verdict { decision: Decision::Deny, spec_digest }).await,
        Verb::Acknowledge => acknowledge(&desk, act, spec_digest).await,
    };
    reply::answer(outcome?, reply::reviewed)
}

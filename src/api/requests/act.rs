//! What is done to a request besides reviewing it: withdraw, revoke, relinquish, retry.

use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::extract::{Command, TakenBody, Target};
use super::super::openapi::{ActFailures, CallerHeaders, OnceHeader, VersionHeader};
use super::super::problem::Problem;
use super::super::views::RequestView;
use super::reply;
use super::words::{REASON, said};
use crate::workflow::standing::Act;
use crate::workflow::{Desk, relinquish as giving_back, retry as trying, revoke as revoking, withdraw as withdrawing};

/// Why, where one says. The body may be left out.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reason {
    /// Why.
    #[schema(example = "not needed after all", max_length = 1000)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}

/// Why. The requester will read it.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GivenReason {
    /// Why.
    #[schema(example = "the incident is over", min_length = 1, max_length = 1000, required = true)]
    reason: Option<String>,
}

impl TakenBody for Reason {
    fn absent() -> Option<Self> {
        Some(Self::default())
    }
}

/// Without a body there is no reason, and that is what the answer then says.
impl TakenBody for GivenReason {
    fn absent() -> Option<Self> {
        Some(Self::default())
    }
}

macro_rules! act {
    ($(#[$doc:meta])* $name:ident, $path:literal, $operation:literal, $body:ident as $taken:ty, $use_case:path) => {
        $(#[$doc])*
        #[utoipa::path(post, path = $path, tag = "requests", operation_id = $operation,
            params(CallerHeaders, OnceHeader, VersionHeader,
                ("id" = Uuid, Path, description = "The request", example = "01980a1b-7c3d-7e4f-8a5b-6c7d8e9fa0b1")),
            request_body(content = $taken, description = "Why"),
            responses(
                (status = 200, description = "It is done; the request as it is now", body = RequestView, headers(
                    ("ETag" = String, description = "The request's version"),
                    ("Idempotency-Replayed" = String, description = "`true` when the first answer is given again"))),
                ActFailures,
            ))]
        pub(crate) async fn $name(
            State(desk): State<Desk>,
            Target(target): Target,
            command: Command<$body>,
        ) -> Result<Response, Problem> {
            let reason = said(REASON, command.body.reason.as_ref())?;
            let act = Act { caller: &command.caller, target, reason, once: command.once(&reply::changed) };
            reply::answer($use_case(&desk, act).await?, reply::changed)
        }
    };
}

act! {
    /// Withdraws a request
    ///
    /// By its requester, while it is pending. No policy can keep them from it.
    withdraw, "/v1/requests/{id}/withdraw", "withdrawRequest", Reason as Option<Reason>, withdrawing::withdraw
}

act! {
    /// Revokes access
    ///
    /// By a reviewer, from sign-off to the end, whatever the worker is doing with it. Needs a reason, and for an entry of
    /// nodes, which would lose the cluster, the right to `administer` besides.
    revoke, "/v1/requests/{id}/revoke", "revokeRequest", GivenReason as GivenReason, revoking::revoke
}

act! {
    /// Gives access back
    ///
    /// By its requester, from sign-off to the end. No policy can keep them from it; only for an entry of nodes, which would
    /// lose the cluster, it takes the right to `administer` besides.
    relinquish, "/v1/requests/{id}/relinquish", "relinquishRequest", Reason as Option<Reason>, giving_back::relinquish
}

act! {
    /// Tries a failed request again
    ///
    /// Once what was in its way is mended. Quorum and policy are checked again.
    retry, "/v1/requests/{id}/retry", "retryRequest", Reason as Option<Reason>, trying::retry
}

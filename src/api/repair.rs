//! `POST /v1/clusters/{name}/entries/{principalArn}/repair`

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::caller::Authenticated;
use super::extract::{Command, NoParameters};
use super::openapi::{CallerHeaders, OnceHeader, RepairFailures};
use super::problem::{Code, Problem};
use super::requests::words::{REASON, said};
use super::requests::{Reason, reply};
use crate::domain::arn::PrincipalArn;
use crate::workflow::repair::{self as repairing, Repair};
use crate::workflow::standing::Details;
use crate::workflow::{Desk, Rendered};

/// A repair that was asked for.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Repair)]
pub(crate) struct RepairView {
    /// The cluster.
    #[schema(example = "prod")]
    cluster_name: String,
    /// Whose entry it is.
    #[schema(example = "arn:aws:iam::111122223333:role/dev/apps/my-role")]
    principal_arn: String,
    /// The requests that the entry is made up of; each tells how it goes on.
    request_ids: Vec<Uuid>,
}

/// Repairs an entry
///
/// Entryway looks at the entry now and puts right whatever is wrong with it: drift, also where the cluster only has it reported,
/// and an entry that is dead because its principal was deleted and made anew, which is deleted and made anew with everything
/// that is live. Grants whose quorum no longer stands are not among that. An entry of somebody else's is never deleted.
#[utoipa::path(post, path = "/v1/clusters/{name}/entries/{principalArn}/repair", tag = "clusters",
    operation_id = "repairEntry",
    params(CallerHeaders, OnceHeader, ("name" = String, Path, description = "Entryway's name for it", example = "prod"),
        ("principalArn" = String, Path, description = "Whose entry it is: the ARN, percent-encoded",
            example = "arn:aws:iam::111122223333:role/dev/apps/my-role")),
    request_body(content = Option<Reason>, description = "Why"),
    responses(
        (status = 200, description = "It is on record, and being done", body = RepairView, headers(
            ("Idempotency-Replayed" = String, description = "`true` when the first answer is given again"))),
        RepairFailures,
    ))]
pub(crate) async fn repair(
    State(desk): State<Desk>,
    _: Authenticated,
    entry: Result<Path<(String, String)>, PathRejection>,
    _: NoParameters,
    command: Command<Reason>,
) -> Result<Response, Problem> {
    let missing = || Problem::new(Code::NotFound, "there is no such entry; write the principal's ARN percent-encoded");
    let Path((cluster_name, principal_arn)) = entry.map_err(|_| missing())?;
    let principal: PrincipalArn = principal_arn.parse().map_err(|_| missing())?;
    let repair = Repair {
        caller: &command.caller,
        cluster_name: &cluster_name,
        principal_arn: &principal.to_string(),
        reason: said(REASON, command.body.reason.as_ref())?,
        once: command.once(&asked_for),
    };
    reply::answer(repairing::repair(&desk, repair).await?, asked_for)
}

/// A repair of the entry that `details` make up.
fn asked_for(details: &[Details]) -> Rendered {
    let first = &details.first().expect("only what something is live on is repaired").request.spec;
    let view = RepairView {
        cluster_name: first.cluster_name.clone(),
        principal_arn: first.principal.to_string(),
        request_ids: details.iter().map(|details| details.request.id).collect(),
    };
    reply::rendered(StatusCode::OK, vec![], &view)
}

//! `POST /v1/requests`

use axum::extract::State;
use axum::response::Response;

use super::super::extract::{Command, Parameters, flag, json_response};
use super::super::openapi::{CallerHeaders, OnceHeader, SubmitFailures};
use super::super::problem::Problem;
use super::ask::{Asked, NewRequest};
use super::preview::{DryRun, DryRunOneOrMany};
use super::reply::{self, FiledOneOrMany};
use crate::workflow::{Desk, WorkflowError, submit as workflow};

/// Files a request
///
/// Everything that is wrong with it is said at once, before anything is stored. With `clusterNames` one request is
/// filed for each cluster, all or none. With `dryRun=true` nothing is stored, and the answer (200) says what would come
/// of it.
#[utoipa::path(post, path = "/v1/requests", tag = "requests", operation_id = "submitRequest",
    params(CallerHeaders, OnceHeader,
        ("dryRun" = Option<bool>, Query, description = "Say what would come of it, and store nothing", example = false)),
    request_body(content = NewRequest, description = "What is asked for"),
    responses(
        (status = 200, description = "What would come of it (`dryRun=true`)", body = DryRunOneOrMany),
        (status = 201, description = "It is filed", body = FiledOneOrMany, headers(
            ("Location" = String, description = "The request; absent with `clusterNames`"),
            ("ETag" = String, description = "Its version; absent with `clusterNames`"),
            ("Idempotency-Replayed" = String, description = "`true` when the first answer is given again"))),
        SubmitFailures,
    ))]
pub(crate) async fn submit(
    State(desk): State<Desk>,
    mut parameters: Parameters,
    command: Command<NewRequest>,
) -> Result<Response, Problem> {
    let dry = parameters.one("dryRun", flag).unwrap_or_default();
    parameters.end()?;
    let Asked { asks, many } = command.body.clone().asks()?;
    let placed = |error| if many { in_list(error) } else { error };
    if dry {
        let previews = workflow::dry_run(&desk, &command.caller, asks).await.map_err(placed)?;
        let items = previews.into_iter().map(|preview| DryRun::new(&desk, preview)).collect();
        return Ok(json_response(&DryRunOneOrMany::new(items, many)));
    }
    let render = if many { reply::created_many } else { reply::created };
    let outcome = workflow::submit(&desk, &command.caller, asks, command.once(&render)).await.map_err(placed)?;
    reply::answer(outcome, render)
}

/// Points at the list, where a list of one was given: a longer one the use case points into by itself.
fn in_list(error: WorkflowError) -> WorkflowError {
    match error {
        WorkflowError::Invalid(mut violations) => {
            for violation in violations.iter_mut().filter(|violation| violation.pointer == "/clusterName") {
                "/clusterNames/0".clone_into(&mut violation.pointer);
            }
            WorkflowError::Invalid(violations)
        }
        other => other,
    }
}

//! `GET /metrics`, for Prometheus: on a listener of its own where one is configured, else for those who may audit.
//! Nothing here names a person or a principal. How things stand is read from Postgres and the same everywhere; what happened
//! is counted by each process for itself.

mod counted;
mod standing;

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::caller::Authenticated;
use super::extract::NoParameters;
use super::openapi::{CallerHeaders, ReadFailures};
use super::problem::{Code, Problem};
use super::state::ApiState;
use super::webhooks::WebhookEntry;
use crate::workflow::webhooks::Standing;
use crate::workflow::{Desk, WorkflowError};
pub(super) use counted::begin;
pub use counted::keep_counting;
use standing::Now;

/// Tells Prometheus how things are
///
/// How things stand is the same on every replica; calls, connections, lost leases, its clock and its policy set each tells of itself. Needs the permission `audit`, unless `server.metrics_listen` gives it a listener of its own.
#[utoipa::path(get, path = "/metrics", tag = "service", operation_id = "getMetrics", params(CallerHeaders),
    responses((status = 200, description = "The figures in Prometheus' text format", body = String,
        content_type = "text/plain; version=0.0.4"), ReadFailures))]
pub(crate) async fn metrics(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    _: NoParameters,
) -> Result<Response, Problem> {
    state.desk.permit_audit(&caller, "metrics").await?;
    Ok(figures(&state).await?)
}

/// The figures on a listener of their own, for whoever can reach it.
pub fn figures_alone(state: ApiState) -> Router {
    let open = async |State(state): State<ApiState>, _: NoParameters| figures(&state).await.map_err(Problem::from);
    let only = async || Problem::new(Code::NotFound, "there is only /metrics here; the API listens elsewhere");
    super::behind_the_front(Router::new().route("/metrics", get(open)).fallback(only), state)
}

async fn figures(state: &ApiState) -> Result<Response, WorkflowError> {
    let desk = &state.desk;
    let (figures, destinations) = (desk.figures().await?, told(desk, &state.webhooks).await?);
    let clock_offset = desk.clock_offset().await?;
    let now = Now {
        figures: &figures,
        connections: desk.connections(),
        policies_refused: desk.policies.is_behind(),
        policy_digest: desk.policies.current().digest().to_owned(),
        clock_offset,
        destinations: &destinations,
    };
    let text = standing::text(&now) + &counted::text();
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response())
}

/// How things stand with every destination that somebody is to be told at: webhooks that are switched on, and all other
/// channels. What the configuration no longer has is nobody's worry.
async fn told(desk: &Desk, webhooks: &[WebhookEntry]) -> Result<Vec<Standing>, WorkflowError> {
    let mut all = desk.destinations().await?;
    all.retain(|standing| {
        let configured = webhooks.iter().any(|entry| entry.enabled && entry.destination == standing.destination);
        configured || !standing.destination.starts_with("webhook:")
    });
    Ok(all)
}

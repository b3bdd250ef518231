//! `GET /metrics`, for Prometheus: on a listener of its own where one is configured, else for those who may audit.
//! Nothing here names a person or a principal.

use std::fmt::Write as _;

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::caller::Authenticated;
use super::extract::NoParameters;
use super::openapi::{CallerHeaders, ReadFailures};
use super::problem::{Code, Problem};
use super::slack::write_figures;
use super::state::ApiState;
use super::webhooks::WebhookEntry;
use crate::domain::states::RequestState;
use crate::workflow::webhooks::Standing;
use crate::workflow::{Desk, WorkflowError};

/// Tells Prometheus how things are
///
/// The same on every replica, but for `entryway_policy_set_refused`, which each tells of itself. Needs the permission `audit`, unless `server.metrics_listen` gives it a listener of its own.
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
    let figures = desk.figures().await?;
    let destinations = told(desk, &state.webhooks).await?;
    let mut text = String::new();
    let mut gauge = |name: &str, help: &str, values: &[(String, i64)]| {
        let _ = writeln!(text, "# HELP entryway_{name} {help}\n# TYPE entryway_{name} gauge");
        for (labels, value) in values {
            let _ = writeln!(text, "entryway_{name}{labels} {value}");
        }
    };
    let of =
        |state: RequestState| figures.requests.iter().find(|(name, _)| name == state.as_str()).map_or(0, |(_, n)| *n);
    let by_state: Vec<_> =
        RequestState::ALL.map(|state| (format!("{{state=\"{}\"}}", state.as_str()), of(state))).into();
    let alone = |value| [(String::new(), value)];
    gauge("build_info", "The build that answers.", &[(format!("{{version=\"{}\"}}", env!("CARGO_PKG_VERSION")), 1)]);
    gauge("requests", "Requests by state.", &by_state);
    gauge("active_grants", "Grants that are proven.", &alone(of(RequestState::Active)));
    let help = "Age of the oldest grant that is signed off and not applied yet.";
    gauge("oldest_unapplied_approval_seconds", help, &alone(figures.oldest_unapplied_seconds));
    let help = "How long the latest grant should have ended without being proven gone: over its time, or taken back.";
    gauge("expiry_overdue_seconds_max", help, &alone(figures.expiry_overdue_seconds));
    let help = "Whether this process decides by an older policy set than the files hold, because theirs is not sound.";
    gauge("policy_set_refused", help, &alone(i64::from(desk.policies.is_behind())));
    gauge("entries_waiting", "Entries that are due and that nobody works on.", &alone(figures.entries_waiting));
    let each = |value: fn(&Standing) -> i64| -> Vec<_> {
        let label = |standing: &Standing| format!("{{destination=\"{}\"}}", escaped(&standing.destination));
        destinations.iter().map(|standing| (label(standing), value(standing))).collect()
    };
    gauge("deliveries_waiting", "Events that a destination is still to be told of.", &each(|s| s.waiting));
    let help = "Age of the oldest event that a destination has not been told of.";
    gauge("deliveries_oldest_seconds", help, &each(|s| s.oldest_seconds));
    gauge("deliveries_failing", "Requests whose next event could not be delivered yet.", &each(|s| s.failing));
    gauge("deliveries_given_up", "Events that were tried for three days in vain.", &each(|s| s.given_up));
    let help = "Whether a destination has said that it is gone for good.";
    gauge("destination_gone", help, &each(|s| i64::from(s.gone_at.is_some())));
    if let Some(slack) = state.slack.as_deref() {
        write_figures(&mut text, slack);
    }
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

/// As the value of a label.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

//! `/slack/link/{token}` and `/slack/unlink`: a signed-in person ties a Slack user to themselves, and takes that back.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_SECURITY_POLICY};
use axum::response::{Html, IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::super::caller::Authenticated;
use super::super::extract::{NoParameters, json_response};
use super::super::problem::{Code, Problem, escaped};
use super::super::state::ApiState;
use crate::api::openapi::{CallerHeaders, LinkFailures};
use crate::workflow::slack::Offer;

/// A Slack user and a person, before or after they are tied.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SlackTie {
    /// Who is signed in here.
    #[schema(example = "alice")]
    user: String,
    /// The workspace.
    #[schema(example = "T0123")]
    slack_team: String,
    /// The Slack user's id, which stays whatever they call themselves.
    #[schema(example = "U0456")]
    slack_user: String,
    /// What Slack called them when the link was made; null where that is over.
    #[schema(example = "Alice")]
    slack_name: Option<String>,
    /// Whether they are tied now.
    linked: bool,
}

impl SlackTie {
    fn new(user: &str, offer: Offer, linked: bool) -> Self {
        Self {
            user: user.to_owned(),
            slack_team: offer.who.team_id,
            slack_user: offer.who.user_id,
            slack_name: Some(offer.display_name),
            linked,
        }
    }
}

/// Says whom a link ties
///
/// And changes nothing: whoever follows it confirms with a POST to the same address. Answered as a page with a button to whoever accepts
/// HTML.
#[utoipa::path(get, path = "/slack/link/{token}", tag = "slack", operation_id = "getSlackLink",
    params(CallerHeaders, ("token" = String, Path, description = "The end of the link", example = "q2W…")),
    responses((status = 200, description = "Both, before they are tied", body = SlackTie), LinkFailures))]
pub(crate) async fn show_link(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    _: NoParameters,
    token: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let offer = state.desk.slack_link(&caller, &read(token)?).await?;
    let tie = SlackTie::new(caller.user(), offer, false);
    if !wants_html(&headers) {
        return Ok(json_response(&tie));
    }
    let (user, name) = (escaped(&tie.user), escaped(tie.slack_name.as_deref().unwrap_or_default()));
    Ok(page(&format!(
        "<h1>Is this you?</h1><p>You are signed in as <strong>{user}</strong>. The Slack user <strong>{name}</strong> \
         ({}, workspace {}) asked for this link. Whoever uses that Slack user will ask for access, and sign it off, as {user}.</p>\
         <p><strong>Go on only if you asked for it yourself, in Slack, within the last ten minutes.</strong> If somebody sent it to \
         you, close this page and tell your security team.</p>\
         <form method=\"post\"><button>Yes, tie {name} in Slack to {user}</button></form>",
        escaped(&tie.slack_user),
        escaped(&tie.slack_team)
    )))
}

/// Ties a Slack user to the caller
///
/// Uses the link up. From then on what the Slack user does counts as the caller's. It takes the person themselves: no service does it for
/// anybody.
#[utoipa::path(post, path = "/slack/link/{token}", tag = "slack", operation_id = "confirmSlackLink",
    params(CallerHeaders, ("token" = String, Path, description = "The end of the link", example = "q2W…")),
    responses((status = 200, description = "They are tied", body = SlackTie), LinkFailures))]
pub(crate) async fn confirm_link(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    _: NoParameters,
    token: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let offer = state.desk.link_slack_user(&caller, &read(token)?).await?;
    let tie = SlackTie::new(caller.user(), offer, true);
    if !wants_html(&headers) {
        return Ok(json_response(&tie));
    }
    let name = escaped(tie.slack_name.as_deref().unwrap_or_default());
    Ok(page(&format!(
        "<h1>Done</h1><p>{name} in Slack is {} now. Go back to Slack and try again.</p>",
        escaped(&tie.user)
    )))
}

/// Takes a tie to a Slack user back
///
/// What was done through it stays.
#[utoipa::path(post, path = "/slack/unlink", tag = "slack", operation_id = "unlinkSlackUser", params(CallerHeaders),
    responses((status = 200, description = "They are no longer tied", body = SlackTie), LinkFailures))]
pub(crate) async fn unlink(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    _: NoParameters,
) -> Result<Response, Problem> {
    let team_id = state.slack.as_ref().map_or("", |slack| slack.team_id.as_str());
    let left = state.desk.unlink_slack_user(&caller, team_id).await?;
    let left = left.ok_or_else(|| Problem::new(Code::NotFound, "no Slack user is tied to you"))?;
    Ok(json_response(&SlackTie {
        user: caller.user().to_owned(),
        slack_team: left.team_id,
        slack_user: left.user_id,
        slack_name: None,
        linked: false,
    }))
}

fn read(token: Result<Path<String>, PathRejection>) -> Result<String, Problem> {
    token.map(|Path(token)| token).map_err(|_| Problem::new(Code::NotFound, "there is no such link"))
}

fn wants_html(headers: &HeaderMap) -> bool {
    headers.get_all(ACCEPT).iter().any(|value| value.as_bytes().windows(9).any(|word| word == b"text/html"))
}

fn page(body: &str) -> Response {
    let policy = "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Slack and Entryway</title></head><body>{body}</body></html>"
    );
    ([(CONTENT_SECURITY_POLICY, policy)], Html(html)).into_response()
}

//! `POST /slack/interactions`: clicks, and views that were filled in.

use axum::extract::State;
use axum::response::Response;
use serde_json::Value;
use slack_morphism::events::{SlackInteractionBlockActionsEvent, SlackInteractionEvent};
use slack_morphism::{SlackBasicTeamInfo, SlackBasicUserInfo};

use super::super::problem::{Code, Problem};
use super::super::state::ApiState;
use super::signed::Signed;
use super::{Slack, answers, click, submission};
use crate::api::openapi::SlackFailures;

/// Takes a click of Slack's, or a view that was filled in
///
/// For Slack alone, which signs its calls. The answer says that it was taken, or what is wrong with what was filled in; everything else
/// is told in Slack.
#[utoipa::path(post, path = "/slack/interactions", tag = "slack", operation_id = "takeSlackInteraction",
    security(("slack" = [])),
    request_body(content = String, content_type = "application/x-www-form-urlencoded", description = "As Slack sends it"),
    responses((status = 200, description = "It was taken"), SlackFailures))]
pub(crate) async fn interaction(State(state): State<ApiState>, signed: Signed) -> Result<Response, Problem> {
    let form = signed.form()?;
    let odd = |error: serde_json::Error| {
        Problem::new(Code::BadParameter, format!("this is no interaction of Slack's: {error}"))
    };
    let payload = form.get("payload").map(String::as_str).unwrap_or_default();
    let mut payload: Value = serde_json::from_str(payload).map_err(odd)?;
    // The message that a button stands under is not read, so that nothing in it can keep a click from being understood.
    if let Some(fields) = payload.as_object_mut() {
        fields.remove("message");
    }
    let event: SlackInteractionEvent = serde_json::from_value(payload).map_err(odd)?;
    match event {
        SlackInteractionEvent::BlockActions(event) => {
            let SlackInteractionBlockActionsEvent { team, user: Some(user), .. } = &event else {
                return Ok(answers::taken());
            };
            if is_stranger(&signed.slack, team, user) {
                return Ok(turn_away(&state, &signed.slack, event.response_url.map(|url| url.0)).await);
            }
            Box::pin(click::click(&state, &signed, event)).await
        }
        SlackInteractionEvent::ViewSubmission(event) => {
            if is_stranger(&signed.slack, &event.team, &event.user) {
                return Ok(turn_away(&state, &signed.slack, None).await);
            }
            submission::submit(&state, &signed, event).await
        }
        // Nothing of ours sends any other.
        _ => Ok(answers::taken()),
    }
}

/// Whether the call comes from another workspace, or from somebody of another one in a channel that two share.
fn is_stranger(slack: &Slack, team: &SlackBasicTeamInfo, user: &SlackBasicUserInfo) -> bool {
    team.id.0 != slack.team_id || user.team_id.as_ref().is_some_and(|home| home.0 != slack.team_id)
}

async fn turn_away(state: &ApiState, slack: &std::sync::Arc<Slack>, answer_to: Option<reqwest::Url>) -> Response {
    state.turned_away.note(&state.desk, None, None, "slack-other-workspace").await;
    let slack = slack.clone();
    slack.clone().under_way.spawn(async move {
        let why = "Nothing was done: you belong to another workspace than the one that Entryway is set up for.";
        slack.tell(answer_to.as_ref(), why).await;
    });
    answers::taken()
}

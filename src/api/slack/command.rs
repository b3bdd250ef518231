//! `POST /slack/commands`: `/eks-access`

use axum::extract::State;
use axum::response::Response;
use serde_json::json;
use slack_morphism::events::SlackCommandEvent;

use super::super::problem::{Code, Problem};
use super::super::state::ApiState;
use super::people::{admit, leave};
use super::signed::Signed;
use super::{Call, Ended, Slack, answers, take};
use crate::api::openapi::SlackFailures;
use crate::slack::{Asking, COMMAND, ask_view};
use crate::workflow::slack::Choices;

const HELP: &str = "`/eks-access` opens the form to ask for access; `/eks-access CLUSTER` opens it for a cluster. \
                    `/eks-access unlink` takes back who you are tied to in Entryway.";

/// Takes a command of Slack's
///
/// For Slack alone, which signs its calls. The answer says that it was taken; what comes of it is told in Slack.
#[utoipa::path(post, path = "/slack/commands", tag = "slack", operation_id = "takeSlackCommand", security(("slack" = [])),
    request_body(content = String, content_type = "application/x-www-form-urlencoded", description = "As Slack sends it"),
    responses((status = 200, description = "It was taken"), SlackFailures))]
pub(crate) async fn command(State(state): State<ApiState>, signed: Signed) -> Result<Response, Problem> {
    let form = signed.form()?;
    // Slack looks now and then whether the certificate is good.
    if form.contains_key("ssl_check") {
        return Ok(answers::taken());
    }
    let event: SlackCommandEvent = serde_json::from_value(json!(form))
        .map_err(|error| Problem::new(Code::BadParameter, format!("this is no command of Slack's: {error}")))?;
    let slack = signed.slack.clone();
    // Whatever the command is called in this workspace.
    if event.team_id.0 != slack.team_id {
        state.turned_away.note(&state.desk, None, None, "slack-other-workspace").await;
        return Ok(answers::told("This Entryway belongs to another Slack workspace; nothing was done."));
    }
    let word = event.text.clone().unwrap_or_default().trim().to_owned();
    if word == "help" {
        return Ok(answers::told(HELP));
    }
    let call = Call {
        signature: signed.signature.clone(),
        user_id: event.user_id.0.clone(),
        what: COMMAND,
        answer_to: Some(event.response_url.0.clone()),
    };
    let (desk, at_work) = (state.clone(), slack.clone());
    let job = async move {
        let told = match word.as_str() {
            "unlink" => Some(leave(&desk, &at_work, &event.user_id.0).await),
            cluster => open_form(&desk, &at_work, &event, Some(cluster).filter(|name| !name.is_empty())).await.err(),
        };
        match told {
            Some(told) => at_work.tell(Some(&event.response_url.0), &told).await,
            None => Ended::Told,
        }
    };
    take(&state, &slack, call, job).await?;
    Ok(answers::taken())
}

/// Opens the form that asks for access. Answers what to tell instead where it does not.
async fn open_form(
    state: &ApiState,
    slack: &Slack,
    event: &SlackCommandEvent,
    cluster: Option<&str>,
) -> Result<(), String> {
    let caller = admit(state, slack, &event.user_id.0).await?;
    let choices = state.desk.choices(&caller, cluster).await.map_err(|error| answers::in_words(&error))?;
    if choices.clusters.is_empty() {
        return Err(format!(
            "Policy lets you ({}) ask for access to no cluster; its owners can change that.",
            caller.user()
        ));
    }
    if let Some(unknown) = cluster.filter(|name| choices.cluster.as_deref() != Some(*name)) {
        return Err(format!(
            "There is no cluster named {} that policy lets you ask for access to. There is: {}. \
             {COMMAND} unlink takes back who you are tied to; {COMMAND} help says what else there is.",
            unknown.chars().take(100).collect::<String>(),
            choices.clusters.join(", ")
        ));
    }
    let opened = slack.client.open(&event.trigger_id.0, &form(&choices, Asking::default(), None)).await;
    opened.map_err(|error| answers::not_shown(&error))
}

/// The form with what there is to choose from, what was filled in before, and what is wrong with it.
pub(super) fn form(choices: &Choices, filled: Asking, wrong: Option<&str>) -> slack_morphism::blocks::SlackView {
    let longest = choices.durations.iter().rev().find(|text| **text == "8h").or(choices.durations.first());
    let filled = Asking {
        cluster: choices.cluster.clone(),
        principal: filled.principal.or_else(|| choices.principal.clone()),
        duration: filled.duration.or_else(|| longest.map(|text| (*text).to_owned())),
        ..filled
    };
    ask_view((&choices.clusters, &choices.policies, &choices.durations), &filled, wrong)
}

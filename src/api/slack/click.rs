//! Buttons under a request, and the choice of a cluster in the form.

use std::time::Duration;

use axum::response::Response;
use slack_morphism::SlackTriggerId;
use slack_morphism::blocks::SlackView;
use slack_morphism::events::{
    SlackInteractionActionContainer, SlackInteractionActionInfo, SlackInteractionBlockActionsEvent,
};
use tokio::time::timeout;

use super::super::problem::Problem;
use super::super::state::ApiState;
use super::command::form;
use super::people::admit;
use super::signed::Signed;
use super::tidy::{adopt, place, tidy};
use super::{Call, Ended, Slack, answers, take};
use crate::domain::review::Decision;
use crate::slack::{Asking, CLUSTER, Denial, deny_view, read};
use crate::workflow::Outcome;
use crate::workflow::review::{Verdict, review};
use crate::workflow::standing::{Act, Target};

/// How long putting a message right may take. A process that is stopped waits for it.
const TIDY: Duration = Duration::from_secs(8);

/// A button that carries nothing Entryway knows.
const UNKNOWN: &str =
    "Nothing was done: this button is of another version of Entryway. Review the request through the API.";

pub(super) async fn click(
    state: &ApiState,
    signed: &Signed,
    event: SlackInteractionBlockActionsEvent,
) -> Result<Response, Problem> {
    let user_id = event.user.as_ref().map(|user| user.id.0.clone()).unwrap_or_default();
    let Some(action) = event.actions.clone().unwrap_or_default().into_iter().next() else {
        return Ok(answers::taken());
    };
    let what = match action.action_id.0.as_str() {
        "approve" => "an approval",
        "deny" => "a denial",
        CLUSTER => "the choice of a cluster",
        _ => return Ok(answers::taken()),
    };
    let answer_to = event.response_url.clone().map(|url| url.0);
    let call =
        Call { signature: signed.signature.clone(), user_id: user_id.clone(), what, answer_to: answer_to.clone() };
    let (state_at_work, slack) = (state.clone(), signed.slack.clone());
    let job = async move {
        let seen = action.value.as_deref().and_then(Denial::parse);
        let at = place(&event).zip(seen.map(|seen| seen.id));
        if let Some(((channel, ts), id)) = &at {
            adopt(&state_at_work, *id, &user_id, (channel, ts)).await;
        }
        let (told, as_it_was) = match action.action_id.0.as_str() {
            "approve" => match approve(&state_at_work, &slack, &user_id, &action).await {
                Ok(told) => (Some(told), false),
                Err(told) => (Some(told), true),
            },
            "deny" => (open_denial(&state_at_work, &slack, &user_id, &action, &event.trigger_id).await.err(), true),
            _ => (choose(&state_at_work, &slack, &user_id, &event).await.err(), true),
        };
        let ended = match told {
            Some(told) => slack.tell(answer_to.as_ref(), &told).await,
            None => Ended::Told,
        };
        if let Some(((channel, ts), id)) = &at {
            // The call counts as under way until then, and a message that stays as it was for once does no harm.
            let tidied = timeout(TIDY, tidy(&state_at_work, &slack, *id, (channel, ts), as_it_was)).await;
            if tidied.is_err() {
                tracing::info!("a message that was clicked on could not be put right in time");
            }
        }
        ended
    };
    take(state, &signed.slack, call, job).await?;
    Ok(answers::taken())
}

/// Approves, as the person the Slack user is; answers what to tell them, also where it does not count.
async fn approve(
    state: &ApiState,
    slack: &Slack,
    user_id: &str,
    action: &SlackInteractionActionInfo,
) -> Result<String, String> {
    let seen = action.value.as_deref().and_then(Denial::parse).ok_or(UNKNOWN)?;
    let caller = admit(state, slack, user_id).await?;
    let act = Act { caller: &caller, target: Target { id: seen.id, version: None }, reason: None, once: None };
    let verdict = Verdict { decision: Decision::Approve, spec_digest: Some(seen.digest) };
    match review(&state.desk, act, verdict).await {
        Ok(Outcome::Fresh(details)) => Ok(details.first().map_or_else(String::new, |details| {
            let missing = &details.standing.quorum.missing;
            let next =
                if missing.is_empty() { String::new() } else { format!("; still wanted: {}", missing.join("; ")) };
            format!(
                "Your approval as {} counts. The request is {}{next}.",
                caller.user(),
                details.request.state.as_str()
            )
        })),
        Ok(Outcome::Replayed(_)) => Ok("Your approval is on record.".to_owned()),
        Err(error) => Err(format!("Your approval does not count: {}", answers::in_words(&error))),
    }
}

/// Opens the view that asks why. Answers what to tell instead where it does not.
async fn open_denial(
    state: &ApiState,
    slack: &Slack,
    user_id: &str,
    action: &SlackInteractionActionInfo,
    trigger: &SlackTriggerId,
) -> Result<(), String> {
    let seen = action.value.as_deref().and_then(Denial::parse).ok_or(UNKNOWN)?;
    let caller = admit(state, slack, user_id).await?;
    let details = state.desk.get(&caller, seen.id).await.map_err(|error| answers::in_words(&error))?;
    let spec = &details.request.spec;
    let about = format!(
        "Access to {} for {}, asked by {}. A deny is final.",
        spec.cluster_name, spec.principal, details.request.requester
    );
    let opened = slack.client.open(&trigger.0, &deny_view(&seen, &about)).await;
    opened.map_err(|error| answers::not_shown(&error))
}

/// Another cluster was chosen in the form: what may be asked for there takes the place of what was offered.
async fn choose(
    state: &ApiState,
    slack: &Slack,
    user_id: &str,
    event: &SlackInteractionBlockActionsEvent,
) -> Result<(), String> {
    let (Some(SlackView::Modal(_)), SlackInteractionActionContainer::View(at)) = (&event.view, &event.container) else {
        return Ok(());
    };
    let chosen = event.actions.iter().flatten().find_map(|action| action.selected_option.as_ref());
    let filled = event.state.as_ref().map(read).unwrap_or_default();
    let caller = admit(state, slack, user_id).await?;
    let chosen = chosen.map(|option| option.value.as_str());
    let choices = state.desk.choices(&caller, chosen).await.map_err(|error| answers::in_words(&error))?;
    let view = form(&choices, Asking { cluster: None, ..filled }, None);
    // One that was closed meanwhile need not be changed.
    if let Err(error) = slack.client.replace(&at.view_id.0, &view).await {
        tracing::info!(%error, "the form was not changed");
    }
    Ok(())
}

//! Views that were filled in. What is wrong is said at its field where that is known soon enough; otherwise Slack is answered at once,
//! and the view is changed when it is.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::response::Response;
use sha2::{Digest, Sha256};
use slack_morphism::blocks::{SlackView, SlackViewState};
use slack_morphism::events::SlackInteractionViewSubmissionEvent;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout_at};

use super::super::problem::Problem;
use super::super::requests::words::{COMMENT, said};
use super::super::state::ApiState;
use super::command::form;
use super::people::admit;
use super::signed::Signed;
use super::{Call, Ended, Slack, answers, take};
use crate::domain::identity::Caller;
use crate::domain::review::Decision;
use crate::slack::{ASK, Asking, CLUSTER, DENY, DENY_FIELD, Denial, SlackError, deny_view, read, said_in, told_view};
use crate::workflow::review::{Verdict, review};
use crate::workflow::slack::PERMANENT;
use crate::workflow::standing::{Act, Target};
use crate::workflow::{Key, Once, Outcome, Rendered, submit as filing};

/// How long Slack's answer waits for what comes of it.
const SOON: Duration = Duration::from_millis(400);

/// How long to leave Slack with the answer it was given before the view is changed again.
const SETTLED: Duration = Duration::from_millis(500);

/// What came of a view.
enum Done {
    /// This takes its place.
    Told(String),
    /// An ask has mistakes.
    Ask(Box<(Caller, Asking)>, BTreeMap<&'static str, String>),
    /// A denial has.
    Denial(Denial, BTreeMap<&'static str, String>),
}

pub(super) async fn submit(
    state: &ApiState,
    signed: &Signed,
    event: SlackInteractionViewSubmissionEvent,
) -> Result<Response, Problem> {
    let until = Instant::now() + SOON;
    let SlackView::Modal(view) = &event.view.view else { return Ok(answers::taken()) };
    let callback = view.callback_id.as_ref().map(|id| id.0.clone()).unwrap_or_default();
    let denial = view.private_metadata.as_deref().and_then(Denial::parse);
    let (user_id, view_id) = (event.user.id.0.clone(), event.view.state_params.id.0.clone());
    let filled = event.view.state_params.state.clone();
    let what = match callback.as_str() {
        ASK => "an ask for access",
        DENY => "a denial",
        _ => return Ok(answers::taken()),
    };
    let call = Call { signature: signed.signature.clone(), user_id: user_id.clone(), what, answer_to: None };
    let (tell, mut known) = oneshot::channel();
    let (desk, slack) = (state.clone(), signed.slack.clone());
    let job = async move {
        let filled = filled.unwrap_or(SlackViewState { values: Default::default() });
        let done = match admit(&desk, &slack, &user_id).await {
            Err(told) => Done::Told(told),
            Ok(caller) if callback == ASK => ask(&desk, caller, &view_id, &filled).await,
            Ok(caller) => match denial {
                Some(denial) => deny(&desk, &caller, denial, &filled).await,
                None => Done::Told("Nothing was done: this view is of another version of Entryway.".to_owned()),
            },
        };
        match tell.send(done) {
            Ok(()) => Ended::Told,
            Err(late) => {
                sleep(SETTLED).await;
                show_late(&desk, &slack, &view_id, late).await
            }
        }
    };
    take(state, &signed.slack, call, job).await?;
    let soon = timeout_at(until, &mut known).await;
    known.close();
    Ok(match soon.ok().or_else(|| known.try_recv().ok().map(Ok)) {
        Some(Ok(done)) => at_once(&done),
        // A replay, of which nothing comes.
        Some(Err(_)) => answers::taken(),
        None => answers::shown(&told_view(
            "Entryway is at it. This view says what came of it in a moment; you may also close it.",
        )),
    })
}

fn at_once(done: &Done) -> Response {
    match done {
        Done::Told(told) => answers::shown(&told_view(told)),
        Done::Ask(_, fields) | Done::Denial(_, fields) => answers::wrong(fields),
    }
}

/// Slack has been answered already: the view itself is changed.
async fn show_late(state: &ApiState, slack: &Arc<Slack>, view_id: &str, done: Done) -> Ended {
    let view = match done {
        Done::Told(told) => told_view(&told),
        Done::Denial(denial, fields) => deny_view(&denial, &answers::in_one(&fields)),
        Done::Ask(asked, fields) => {
            let (caller, asking) = *asked;
            match state.desk.choices(&caller, asking.cluster.as_deref()).await {
                Ok(choices) => form(&choices, asking, Some(&answers::in_one(&fields))),
                Err(error) => told_view(&answers::in_words(&error)),
            }
        }
    };
    match slack.client.replace(view_id, &view).await {
        Ok(()) => Ended::Told,
        Err(error) => {
            tracing::info!(%error, "what came of a view could not be shown in it");
            // Closed by its author, most likely. What was done stands, and the messages tell of it.
            if matches!(error, SlackError::Refused(_)) { Ended::Told } else { Ended::Untold }
        }
    }
}

/// Files what was asked for. However often one view comes, it files once.
async fn ask(state: &ApiState, caller: Caller, view_id: &str, filled: &SlackViewState) -> Done {
    let asking = read(filled);
    let key = Key {
        caller: caller.user().to_owned(),
        route: "slack view".to_owned(),
        key: view_id.to_owned(),
        // What one view says when it comes again is the same call, whatever was changed in it: it has been filed.
        fingerprint: Sha256::digest(view_id).to_vec(),
    };
    let render = |details: &[crate::workflow::standing::Details]| Rendered {
        status: 200,
        headers: vec![],
        body: details.first().map(filed).unwrap_or_default().into_bytes(),
    };
    let once = Once { key, render: &render };
    match filing::submit(&state.desk, &caller, vec![asking.ask(PERMANENT)], Some(once)).await {
        Ok(Outcome::Fresh(details)) => Done::Told(details.first().map(filed).unwrap_or_default()),
        Ok(Outcome::Replayed(first)) => Done::Told(format!(
            "This form has been filed already, and is not filed again. What came of it: {}",
            String::from_utf8_lossy(&first.body)
        )),
        Err(error) => {
            let fields = answers::by_field(&error, CLUSTER);
            Done::Ask(Box::new((caller, asking)), fields)
        }
    }
}

fn filed(details: &crate::workflow::standing::Details) -> String {
    let request = &details.request;
    let missing = &details.standing.quorum.missing;
    let next =
        if missing.is_empty() { String::new() } else { format!(" It waits for sign-off: {}.", missing.join("; ")) };
    let warned: String = request.warnings.iter().map(|warning| format!("\nNote: {}.", warning.detail)).collect();
    format!("Filed as {}. The request {} is {}.{next}{warned}", request.requester, request.id, request.state.as_str())
}

/// Denies, as the person the Slack user is.
async fn deny(state: &ApiState, caller: &Caller, denial: Denial, filled: &SlackViewState) -> Done {
    let comment = match said(COMMENT, said_in(filled, DENY_FIELD).as_ref()) {
        Ok(comment) => comment,
        Err(problem) => return Done::Denial(denial, BTreeMap::from([(DENY_FIELD, problem.detail().to_owned())])),
    };
    let act = Act { caller, target: Target { id: denial.id, version: None }, reason: comment, once: None };
    let verdict = Verdict { decision: Decision::Deny, spec_digest: Some(denial.digest.clone()) };
    match review(&state.desk, act, verdict).await {
        Ok(_) => Done::Told(format!("Denied, as {}. The requester can read why.", caller.user())),
        Err(error) => Done::Denial(denial, answers::by_field(&error, DENY_FIELD)),
    }
}

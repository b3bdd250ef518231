//! Messages that somebody clicked on, put right where nobody else does: copies of one that Slack took without saying so, and one that
//! stayed as it was when nothing could be delivered.

use slack_morphism::events::{SlackInteractionActionContainer, SlackInteractionBlockActionsEvent};
use uuid::Uuid;

use super::super::state::ApiState;
use super::Slack;
use crate::domain::states::RequestState;
use crate::slack::{Card, DESTINATION, SlackError, UPDATE, as_copy};
use crate::workflow::WorkflowError;

/// The channel of the message that was clicked on, and its id there.
pub(super) fn place(event: &SlackInteractionBlockActionsEvent) -> Option<(String, String)> {
    let SlackInteractionActionContainer::Message(at) = &event.container else { return None };
    let channel = at.channel_id.as_ref().or(event.channel.as_ref().map(|channel| &channel.id))?;
    Some((channel.0.clone(), at.message_ts.0.clone()))
}

/// Has the message at `at` follow the request `id` from now on, where none is known to in that channel. Before anything else comes of the
/// click, so that what comes of it is shown there and not in yet another message.
pub(super) async fn adopt(state: &ApiState, id: Uuid, user_id: &str, at: (&str, &str)) {
    if let Err(error) = state.desk.adopt_in_slack(id, user_id, at).await {
        tracing::warn!(%error, "a message of Slack's could not be recognised");
    }
}

/// Has the message at `at` show what the request `id` is now. `as_it_was`: the click has changed nothing, so that nothing else will.
pub(super) async fn tidy(state: &ApiState, slack: &Slack, id: Uuid, at: (&str, &str), as_it_was: bool) {
    match put_right(state, slack, id, at, as_it_was).await {
        Ok(Some(SlackError::RateLimited(asked))) => {
            let asked = chrono::TimeDelta::from_std(asked).unwrap_or(chrono::TimeDelta::hours(1));
            if let Err(error) = state.desk.pause_slack(UPDATE, asked).await {
                tracing::warn!(%error, "that Slack wants to be left alone could not be put on record");
            }
        }
        Ok(Some(error)) => tracing::info!(%error, "a message that was clicked on could not be put right"),
        Ok(None) => {}
        Err(error) => tracing::warn!(%error, "a message that was clicked on could not be put right"),
    }
}

async fn put_right(
    state: &ApiState,
    slack: &Slack,
    id: Uuid,
    at: (&str, &str),
    as_it_was: bool,
) -> Result<Option<SlackError>, WorkflowError> {
    let Some(clicked) = state.desk.clicked_in_slack(id, DESTINATION, at).await? else { return Ok(None) };
    let (approvals, missing) = (clicked.quorum.approvals, clicked.quorum.missing.as_slice());
    let (request, reviews) = (&clicked.request, clicked.reviews.as_slice());
    let taken_back = clicked.taken_back.as_ref();
    let card = Card { request, reviews, approvals, missing, taken_back, public_url: &slack.public_url };
    let shows = card.shows();
    // The one that follows the request is brought up to date by whoever delivers, unless that was given up.
    let is_left_behind = as_it_was && request.state != RequestState::Pending && !clicked.is_behind;
    let blocks = match &clicked.known {
        None => as_copy(card.blocks()),
        Some(known) if is_left_behind && known.shows.as_deref() != Some(shows.as_str()) => card.blocks(),
        Some(_) => return Ok(None),
    };
    if state.desk.slack_pause(UPDATE).await?.is_some() {
        return Ok(None);
    }
    if let Err(error) = slack.client.update(at, &card.said(), &blocks).await {
        return Ok(Some(error));
    }
    if let Some(known) = &clicked.known {
        state.desk.shown_in_slack(id, &known.target, at, &shows).await?;
    }
    Ok(None)
}

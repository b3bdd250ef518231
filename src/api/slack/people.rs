//! Who a Slack user is: a full member of the workspace, tied to a person. Both are asked each time, so that neither a tie that was taken
//! back nor somebody who has become a guest goes on counting.

use super::super::state::ApiState;
use super::{Slack, answers};
use crate::domain::identity::Caller;
use crate::slack::{COMMAND, member};
use crate::workflow::slack::{Offer, SlackUser};

/// The caller that a Slack user is.
///
/// # Errors
/// What to tell them instead: that they are not let in, or how to tie themselves to who they are.
pub(super) async fn admit(state: &ApiState, slack: &Slack, user_id: &str) -> Result<Caller, String> {
    let who = SlackUser { team_id: slack.team_id.clone(), user_id: user_id.to_owned() };
    let (told, caller) = tokio::join!(slack.client.user(user_id), state.desk.slack_caller(&who));
    let told = told.map_err(|error| {
        tracing::warn!(%error, "Slack does not say who a user is");
        "Slack does not say who you are just now, so nothing was done. Try again in a minute.".to_owned()
    })?;
    let member = match member(&told, &slack.team_id) {
        Ok(member) => member,
        Err(why) => {
            state.turned_away.note(&state.desk, None, None, "slack-no-member").await;
            return Err(format!("Nothing was done: {why}."));
        }
    };
    match caller.map_err(|error| answers::in_words(&error))? {
        Some(caller) => Ok(caller),
        None => Err(invite(state, slack, Offer { who, display_name: member.name }).await),
    }
}

/// Hands out a link.
async fn invite(state: &ApiState, slack: &Slack, offer: Offer) -> String {
    match state.desk.offer_slack_link(&offer).await {
        Ok(token) => {
            let link = format!("{}/slack/link/{token}", slack.public_url);
            format!(
                "Nothing was done: Entryway does not know yet who you are. Open this within ten minutes, signed in as yourself, and \
                 confirm; then do it again. It is for you alone: {link}\n\
                 With a token and no browser: curl -X POST -H \"Authorization: Bearer $ENTRYWAY_TOKEN\" {link}"
            )
        }
        Err(error) => answers::in_words(&error),
    }
}

/// Takes a tie back, as the Slack user it ties.
pub(super) async fn leave(state: &ApiState, slack: &Slack, user_id: &str) -> String {
    let who = SlackUser { team_id: slack.team_id.clone(), user_id: user_id.to_owned() };
    let left = async {
        match state.desk.slack_caller(&who).await? {
            Some(caller) => state.desk.unlink_slack_user(&caller, &slack.team_id).await,
            None => Ok(None),
        }
    };
    match left.await {
        Ok(Some(_)) => format!("You are no longer tied to anybody in Entryway. {COMMAND} ties you anew."),
        Ok(None) => format!("You are tied to nobody in Entryway. {COMMAND} ties you."),
        Err(error) => answers::in_words(&error),
    }
}

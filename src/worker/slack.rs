//! Slack as a channel of the outbox: requests appear where routes say and with those who could sign them off, and every message follows
//! its request through all its states. A message shows what the request is when it is sent, not what one event says, so that
//! whatever comes twice or late does no harm.

mod told;

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::domain::delivery::{Brief, pattern_matches};
use crate::domain::event::Event;
use crate::notify::{Channel, Delivering, Parcel, Verdict};
use crate::slack::{Card, Client, SlackError};
use crate::workflow::slack::{Followed, Message};
use crate::workflow::{Desk, WorkflowError};
use told::Told;

/// What Slack says when it is Slack that failed, when it was too much, or what an operator mends: tried again.
const MENDABLE: [&str; 16] = [
    "internal_error",
    "fatal_error",
    "service_unavailable",
    "request_timeout",
    "ratelimited",
    "rate_limited",
    "message_limit_exceeded",
    // The workspace is being moved.
    "org_login_required",
    "team_added_to_org",
    "accesslimited",
    "invalid_auth",
    "not_authed",
    "account_inactive",
    "token_revoked",
    "token_expired",
    "missing_scope",
];

/// What is told where a route names no events, of what is about no request.
const TOLD_UNASKED: [&str; 6] = [
    "cluster.unhealthy",
    "cluster.healthy",
    "entry.drifted",
    "entry.conflict",
    "principal.missing",
    "principal.recreated",
];

/// How often to look for calls that a process left undone when it died.
const LOST_EVERY: Duration = Duration::from_secs(30);
/// How many of those looks go by before old calls are forgotten.
const FORGET_EVERY: u32 = 20;

/// Which channel hears of what. What is empty narrows nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlackRoute {
    /// The channel's id.
    pub channel: String,
    /// Environments of clusters.
    pub environments: Vec<String>,
    /// Names of clusters.
    pub clusters: Vec<String>,
    /// Patterns of event types.
    pub events: Vec<String>,
}

/// Messages in one workspace.
#[derive(Debug)]
pub struct SlackChannel {
    desk: Desk,
    client: Client,
    team_id: String,
    public_url: String,
    routes: Vec<SlackRoute>,
    told: Told,
}

impl SlackChannel {
    /// Messages by `client` in the workspace `team_id`, about the requests of `desk`, which people reach at `public_url`.
    #[must_use]
    pub fn new(desk: Desk, client: Client, team_id: String, public_url: String, routes: Vec<SlackRoute>) -> Arc<Self> {
        Arc::new(Self { desk, client, team_id, public_url, routes, told: Told::default() })
    }

    /// The channels that hear of `event_type` on `cluster`.
    fn channels(&self, event_type: &str, cluster: Option<&str>, about_request: bool) -> Vec<String> {
        let environment = cluster.and_then(|name| self.desk.clusters.get(name)).map(|found| found.environment.as_str());
        let among = |names: &[String], name: Option<&str>| {
            names.is_empty() || name.is_some_and(|name| names.iter().any(|one| one == name))
        };
        let hears = |route: &&SlackRoute| {
            let events = match route.events.as_slice() {
                [] => about_request || TOLD_UNASKED.contains(&event_type),
                some => some.iter().any(|pattern| pattern_matches(pattern, event_type)),
            };
            events && among(&route.clusters, cluster) && among(&route.environments, environment)
        };
        let mut channels: Vec<_> = self.routes.iter().filter(hears).map(|route| route.channel.clone()).collect();
        channels.sort();
        channels.dedup();
        channels
    }

    /// Brings every message about a request up to date, and posts those that are missing.
    async fn follow(&self, id: Uuid, event: &Event) -> Verdict {
        let channels = self.channels(event.body.event_type.as_str(), event.body.cluster_name.as_deref(), true);
        let followed = match self.desk.follow_in_slack(id, &self.team_id, &channels).await {
            Ok(Some(followed)) => followed,
            Ok(None) => return Verdict::Delivered,
            Err(error) => return Verdict::again(error.to_string()),
        };
        let shown = followed.messages.iter().map(|message| self.show(&followed, &channels, message));
        summed_up(join_all(shown).await)
    }

    async fn show(&self, followed: &Followed, channels: &[String], message: &Message) -> Result<(), Trouble> {
        let Followed { request, reviews, quorum, asked, .. } = followed;
        let (approvals, missing) = (quorum.approvals, quorum.missing.as_slice());
        let card = Card { request, reviews, approvals, missing, public_url: &self.public_url };
        let (said, blocks, shows) = (card.said(), card.blocks(), card.shows());
        let posted = match &message.posted {
            Some(_) if message.shows.as_deref() == Some(shows.as_str()) => return Ok(()),
            Some((channel, ts)) => match self.client.update((channel, ts), &said, &blocks).await {
                Ok(()) => (channel.clone(), ts.clone()),
                Err(error) => return told_of(error, &message.target),
            },
            // Who was to be asked, and need not be any more.
            None if !asked.contains(&message.target) && !channels.contains(&message.target) => return Ok(()),
            None => match self.client.post(&message.target, &said, &blocks).await {
                Ok(posted) => posted,
                Err(error) => return told_of(error, &message.target),
            },
        };
        let at = (posted.0.as_str(), posted.1.as_str());
        Ok(self.desk.shown_in_slack(request.id, &message.target, at, &shows).await?)
    }

    /// Tells of what is about no request.
    async fn tell(&self, event: &Event) -> Verdict {
        let body = &event.body;
        let event_type = body.event_type.as_str();
        let about =
            [&body.cluster_name, &body.principal_arn].into_iter().flatten().cloned().collect::<Vec<_>>().join(", ");
        let said = format!("{event_type}: {about} {}", body.data);
        let channels = self.channels(event_type, body.cluster_name.as_deref(), false);
        let left = channels.iter().filter(|channel| !self.told.knows(event.id, channel));
        let posts = left.map(|channel| self.post(event.id, channel, &said));
        let verdict = summed_up(join_all(posts).await);
        if verdict == Verdict::Delivered {
            self.told.forget(event.id);
        }
        verdict
    }

    /// Says something about an event in a channel, and remembers that it is said.
    async fn post(&self, event: Uuid, channel: &str, said: &str) -> Result<(), Trouble> {
        if let Err(error) = self.client.post(channel, said, &[]).await {
            told_of(error, channel)?;
        }
        self.told.note(event, channel);
        Ok(())
    }

    /// Tells the authors of calls that were left undone, until `stop`.
    pub async fn watch_lost_calls(self: Arc<Self>, stop: CancellationToken) {
        let mut looks = 0_u32;
        while stop.run_until_cancelled(tokio::time::sleep(LOST_EVERY)).await.is_some() {
            if let Err(error) = self.tell_of_lost_calls().await {
                tracing::warn!(%error, "cannot look for calls of Slack's that were left undone; trying again");
            }
            looks = looks.wrapping_add(1);
            if looks.is_multiple_of(FORGET_EVERY)
                && let Err(error) = self.desk.forget_slack_calls().await
            {
                tracing::warn!(%error, "cannot forget old calls of Slack's; trying again");
            }
        }
    }

    /// Tells the authors of calls that were left undone. They do them again, or not: a while later that is theirs to say.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn tell_of_lost_calls(&self) -> Result<(), WorkflowError> {
        for lost in self.desk.lost_slack_calls().await? {
            let told = format!(
                "Entryway was stopped while it was at {} of yours, and may not have done it. Look, and do it again if need be.",
                lost.what
            );
            if let Err(error) = self.client.post(&lost.user_id, &told, &[]).await {
                tracing::error!(%error, user = lost.user_id, what = lost.what, "a call of Slack's was lost, and its author is not told");
            }
        }
        Ok(())
    }
}

impl Channel for SlackChannel {
    fn destination(&self) -> &str {
        "slack"
    }

    fn address(&self) -> &str {
        &self.team_id
    }

    fn wants(&self, event: &Brief) -> bool {
        event.request_id.is_some() || !self.channels(&event.event_type, event.cluster_name.as_deref(), false).is_empty()
    }

    fn deliver<'a>(&'a self, parcel: &'a Parcel) -> Delivering<'a> {
        Box::pin(async move {
            match parcel.event.body.request_id {
                Some(id) => self.follow(id, &parcel.event).await,
                None => self.tell(&parcel.event).await,
            }
        })
    }
}

/// Why a message was not brought up to date.
enum Trouble {
    /// Slack's, or the network's.
    Slack(SlackError),
    /// Postgres'.
    Ours(WorkflowError),
}

impl From<WorkflowError> for Trouble {
    fn from(error: WorkflowError) -> Self {
        Self::Ours(error)
    }
}

/// What Slack refuses for good (the channel is gone, the bot is not in it, somebody deleted the message) is for operators to hear of, and
/// holds up nothing: the next event tries again.
fn told_of(error: SlackError, target: &str) -> Result<(), Trouble> {
    match error {
        SlackError::Refused(code) if !MENDABLE.contains(&code.as_str()) => {
            tracing::error!(
                target,
                code,
                "Slack does not take a message there; check the channel, and that the bot is in it"
            );
            Ok(())
        }
        other => Err(Trouble::Slack(other)),
    }
}

fn summed_up(results: Vec<Result<(), Trouble>>) -> Verdict {
    let mut worst: Option<(String, Option<TimeDelta>)> = None;
    for trouble in results.into_iter().filter_map(Result::err) {
        let (why, after) = match trouble {
            Trouble::Slack(SlackError::RateLimited(asked)) => {
                ("Slack takes no more for now".to_owned(), TimeDelta::from_std(asked).ok())
            }
            Trouble::Slack(error) => (error.to_string(), None),
            Trouble::Ours(error) => (error.to_string(), None),
        };
        if worst.as_ref().is_none_or(|(_, longest)| after > *longest) {
            worst = Some((why, after));
        }
    }
    worst.map_or(Verdict::Delivered, |(why, after)| Verdict::Again { why, after })
}

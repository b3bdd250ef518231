//! Slack as a channel of the outbox: requests appear where routes say and with those who could sign them off, and every message follows
//! its request through all its states. A message shows what the request is when it is sent, not what one event says, so that
//! whatever comes twice or late does no harm.

mod posting;
mod refusals;
mod told;

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::deliver::{DeliveryPace, HANDS};
use crate::domain::delivery::{Brief, pattern_matches};
use crate::domain::event::Event;
use crate::notify::{Channel, Delivering, Parcel, Verdict};
use crate::slack::{Card, Client, DESTINATION};
use crate::workflow::slack::{Followed, Message};
use crate::workflow::{Desk, WorkflowError};
use posting::Change;
use refusals::{Trouble, summed_up};
use told::Told;

/// What is told where a route names no events, of what is about no request.
const TOLD_UNASKED: [&str; 6] = [
    "cluster.unhealthy",
    "cluster.healthy",
    "entry.drifted",
    "entry.conflict",
    "principal.missing",
    "principal.recreated",
];

/// How long one delivery may take: a turn to post that is near, and an answer of Slack's that is late.
const PATIENCE: Duration = Duration::from_secs(45);

/// How long a claim of one holds. Nothing waits for it but the request that it is about.
const LEASE: TimeDelta = TimeDelta::seconds(90);

/// How Slack is told of what happens, which is looked for every `poll_interval`.
#[must_use]
pub const fn pace(poll_interval: Duration) -> DeliveryPace {
    DeliveryPace { hands: HANDS, patience: PATIENCE, lease: LEASE, poll_interval }
}

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
        let Followed { request, reviews, quorum, taken_back, asked, requester, .. } = followed;
        let (approvals, missing) = (quorum.approvals, quorum.missing.as_slice());
        let taken_back = taken_back.as_ref();
        let card = Card { request, reviews, approvals, missing, taken_back, public_url: &self.public_url };
        let (said, blocks, shows) = (card.said(), card.blocks(), card.shows());
        let mut stays_shown = false;
        if let Some((channel, ts)) = &message.posted {
            let at = (channel.as_str(), ts.as_str());
            if message.shows.as_deref() == Some(shows.as_str()) {
                // A replica of an older build brought it up to date, and knows of no trouble that is over with that.
                if message.post.first_tried_at.is_some() {
                    self.desk.shown_in_slack(request.id, &message.target, at, &shows).await?;
                }
                return Ok(());
            }
            match self.update((followed, message), at, &said, &blocks).await? {
                Change::Made => return Ok(self.desk.shown_in_slack(request.id, &message.target, at, &shows).await?),
                // Nobody is written to anew only to hear what became of a request that is not theirs to decide any more.
                Change::Impossible => stays_shown = !refusals::is_user(&message.target),
                Change::GivenUp => return Ok(()),
            }
        }
        // Who was to be asked, and need not be any more.
        let target = &message.target;
        let is_told = asked.contains(target) || channels.contains(target) || requester.as_ref() == Some(target);
        if !stays_shown && !is_told {
            return Ok(());
        }
        match self.post_about(followed, message, &said, &blocks).await? {
            Some((channel, ts)) => {
                Ok(self.desk.shown_in_slack(request.id, &message.target, (&channel, &ts), &shows).await?)
            }
            None => Ok(()),
        }
    }

    /// Tells of what is about no request.
    async fn tell(&self, parcel: &Parcel) -> Verdict {
        let event = &parcel.event;
        let body = &event.body;
        let event_type = body.event_type.as_str();
        let about =
            [&body.cluster_name, &body.principal_arn].into_iter().flatten().cloned().collect::<Vec<_>>().join(", ");
        let said = format!("{event_type}: {about} {}", body.data);
        let channels = self.channels(event_type, body.cluster_name.as_deref(), false);
        let left = channels.iter().filter(|channel| !self.told.knows(event.id, channel));
        let posts = left.map(|channel| self.post_alone((event.id, parcel.attempt), channel, &said));
        let told = join_all(posts).await;
        // Nothing but this delivery remembers that something may have been said already.
        let doubt = told.iter().filter_map(|result| match result {
            Err(Trouble::Failed(_, after)) => *after,
            _ => None,
        });
        match (doubt.max(), summed_up(told)) {
            (_, Verdict::Delivered) => {
                self.told.forget(event.id);
                Verdict::Delivered
            }
            (Some(after), Verdict::Again { why, .. }) => Verdict::Again { why, after: Some(after) },
            (_, verdict) => verdict,
        }
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

    /// Tells the authors of calls that were left undone, or that nobody could answer, one after the other, until one cannot be told yet.
    /// They do them again, or not: a while later that is theirs to say.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn tell_of_lost_calls(&self) -> Result<(), WorkflowError> {
        while let Some(lost) = self.desk.lost_slack_call().await? {
            let told = format!(
                "Entryway could not finish {} of yours, or could not tell you what came of it. Look, and do it again if need be.",
                lost.what
            );
            let (user, what) = (lost.user_id.as_str(), lost.what.as_str());
            match self.write_to(user, &told).await {
                Ok(()) => {}
                Err(Trouble::Slack(error)) if !refusals::is_passing(&error) => {
                    tracing::error!(%error, user, what, "a call of Slack's was lost, and its author is not told");
                }
                Err(error) => {
                    tracing::warn!(%error, user, what, "the author of a lost call of Slack's cannot be told yet; trying again");
                    self.desk.slack_call_is_still_lost(&lost).await?;
                    break;
                }
            }
        }
        Ok(())
    }
}

impl Channel for SlackChannel {
    fn destination(&self) -> &str {
        DESTINATION
    }

    fn address(&self) -> &str {
        &self.team_id
    }

    fn wants(&self, event: &Brief) -> bool {
        event.request_id.is_some() || !self.channels(&event.event_type, event.cluster_name.as_deref(), false).is_empty()
    }

    fn shows_what_is(&self) -> bool {
        true
    }

    fn deliver<'a>(&'a self, parcel: &'a Parcel) -> Delivering<'a> {
        Box::pin(async move {
            match parcel.event.body.request_id {
                Some(id) => self.follow(id, &parcel.event).await,
                None => self.tell(parcel).await,
            }
        })
    }
}

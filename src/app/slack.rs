//! Slack, made from the configuration: what answers it, and what is told there.

use std::sync::Arc;

use super::Failure;
use crate::api;
use crate::config::{Config, Slack};
use crate::lifecycle::Tasks;
use crate::slack::Client;
use crate::worker::deliver::Deliverer;
use crate::worker::slack::{SlackChannel, SlackRoute, pace};
use crate::workflow::Desk;

fn client(slack: &Slack) -> Result<Client, Failure> {
    let made = Client::new(&slack.api_url, slack.bot_token.clone());
    made.map_err(|error| Failure::Misconfigured(format!("slack.api_url: {error}")))
}

/// What answers Slack's calls, where it is configured.
pub(super) fn answering(config: &Config) -> Result<Option<Arc<api::Slack>>, Failure> {
    let Some(slack) = &config.slack else { return Ok(None) };
    let public_url = config.server.public_url.clone();
    Ok(Some(Arc::new(api::Slack::new(client(slack)?, &slack.signing_secrets, slack.team_id.clone(), public_url))))
}

/// Tells Slack of requests, where it is configured, until everything stops.
pub(super) fn tell(config: &Config, desk: &Desk, tasks: &Tasks) -> Result<(), Failure> {
    let Some(slack) = &config.slack else { return Ok(()) };
    let route = |route: &crate::config::SlackRoute| SlackRoute {
        channel: route.channel.clone(),
        environments: route.environments.clone(),
        clusters: route.clusters.clone(),
        events: route.events.clone(),
    };
    let routes = slack.routes.iter().map(route).collect();
    let public_url = config.server.public_url.clone();
    let channel = SlackChannel::new(desk.clone(), client(slack)?, slack.team_id.clone(), public_url, routes);
    let deliverer = Deliverer::new(desk.store.clone(), channel.clone(), pace(config.worker.poll_interval));
    tasks.spawn("slack", deliverer.run(tasks.soft()));
    tasks.spawn("slack-lost", channel.watch_lost_calls(tasks.soft()));
    Ok(())
}

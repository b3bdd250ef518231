//! Who is told of what happens: one line here for each kind of channel.

use std::sync::Arc;

use super::Failure;
use crate::api::WebhookEntry;
use crate::config::Config;
use crate::domain::delivery::WebhookOptions;
use crate::lifecycle::Tasks;
use crate::notify::webhook::{System, Webhook};
use crate::notify::{Channel, scheme_and_host};
use crate::store::Store;
use crate::worker::deliver::{Deliverer, DeliveryPace};

/// Every channel that is switched on.
///
/// # Errors
/// Which of them cannot be, and why.
pub(super) fn channels(config: &Config) -> Result<Vec<Arc<dyn Channel>>, Failure> {
    config.webhooks.iter().filter(|webhook| webhook.enabled).map(webhook).collect()
}

fn webhook(options: &WebhookOptions) -> Result<Arc<dyn Channel>, Failure> {
    let webhook = Webhook::new(options.clone(), Arc::new(System))
        .map_err(|error| Failure::Misconfigured(format!("the webhook {:?}: {error}", options.name)))?;
    Ok(Arc::new(webhook))
}

/// Delivers through each of `channels` on its own.
pub(super) fn start(config: &Config, store: &Store, channels: Vec<Arc<dyn Channel>>, tasks: &Tasks) {
    let pace = DeliveryPace::within(config.worker.lease, config.worker.poll_interval);
    for channel in channels {
        let deliverer = Deliverer::new(store.clone(), channel, pace);
        tasks.spawn("deliveries", deliverer.run(tasks.soft()));
    }
}

/// The webhooks as the API shows them.
pub(super) fn entries(config: &Config) -> Vec<WebhookEntry> {
    let entry = |webhook: &WebhookOptions| WebhookEntry {
        name: webhook.name.clone(),
        destination: Webhook::destination_of(&webhook.name),
        host: scheme_and_host(&webhook.url),
        enabled: webhook.enabled,
        events: webhook.events.clone(),
        clusters: webhook.clusters.clone(),
    };
    config.webhooks.iter().map(entry).collect()
}

//! Identity providers: made from the configuration, and kept in touch with while the process runs. Starting does not wait for
//! them: whoever has a token of ours gets in whatever they do.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::Failure;
use crate::config::Auth;
use crate::oidc::Providers;
use crate::workflow::Desk;

/// How often keys are fetched anew. A key that a provider takes back is trusted for so long at most, while it answers.
const KEYS_EVERY: Duration = Duration::from_secs(5 * 60);
/// How soon after a provider did not answer.
const KEYS_AGAIN: Duration = Duration::from_secs(10);
/// How often to look what other replicas were told of people.
const PEOPLE_EVERY: Duration = Duration::from_secs(5);

/// The providers that `auth` names.
pub(super) fn providers(auth: &Auth) -> Result<Providers, Failure> {
    if auth.oidc.is_empty() && auth.alb.is_none() {
        return Ok(Providers::default());
    }
    Providers::new(auth.oidc.clone(), auth.alb.clone())
        .map_err(|error| Failure::Failed(format!("no HTTPS client: {error}")))
}

/// Fetches the providers' keys again and again, until `stop`.
pub(super) async fn keep_keys(providers: Arc<Providers>, stop: CancellationToken) {
    loop {
        let Some(all) = stop.run_until_cancelled(providers.refresh()).await else { return };
        let pause = if all { KEYS_EVERY } else { KEYS_AGAIN };
        if stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
            return;
        }
    }
}

/// Takes in what any replica is told of people, until `stop`.
pub(super) async fn hear_of_people(desk: Desk, stop: CancellationToken) {
    let mut since = None;
    loop {
        match stop.run_until_cancelled(desk.hear_of_people(since)).await {
            Some(Ok(next)) => since = Some(next),
            Some(Err(error)) => warn!(%error, "what tokens told other replicas could not be read; trying again"),
            None => return,
        }
        if stop.run_until_cancelled(tokio::time::sleep(PEOPLE_EVERY)).await.is_none() {
            return;
        }
    }
}

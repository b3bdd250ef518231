//! What the handlers share.

use std::sync::Arc;

use axum::extract::FromRef;
use tokio_util::sync::CancellationToken;

use super::auth::TokenTable;
use super::cursor::PageKey;
use super::lanes::Lanes;
use super::live::{Live, Rhythm};
use super::metrics;
use super::rates::Rates;
use super::service::Handout;
use super::slack::Slack;
use super::turned_away::TurnedAway;
use super::webhooks::WebhookEntry;
use crate::oidc::Providers;
use crate::workflow::Desk;

/// The webhooks of the configuration.
pub(super) type Webhooks = Arc<[WebhookEntry]>;

/// Everything the API needs. Cheap to clone.
#[derive(Debug, Clone, FromRef)]
pub struct ApiState {
    /// The use cases.
    pub desk: Desk,
    /// Who may call.
    pub tokens: Arc<TokenTable>,
    /// Whose tokens are taken beside those.
    pub providers: Arc<Providers>,
    /// Cancelled when the process stops: long polls answer at once, and readiness says no.
    pub stop: CancellationToken,
    /// Slack, where it is set up.
    pub(super) slack: Option<Arc<Slack>>,
    pub(super) handout: Handout,
    pub(super) pages: PageKey,
    pub(super) lanes: Lanes,
    pub(super) live: Live,
    pub(super) rates: Rates,
    pub(super) turned_away: TurnedAway,
    pub(super) webhooks: Webhooks,
}

impl ApiState {
    /// An API over `desk` for the holders of `tokens`, which people reach at `public_url`, until `stop`.
    #[must_use]
    pub fn new(desk: Desk, tokens: Arc<TokenTable>, public_url: &str, stop: CancellationToken) -> Self {
        metrics::begin();
        Self {
            desk,
            tokens,
            providers: Arc::default(),
            stop,
            slack: None,
            handout: Handout::new(public_url),
            pages: PageKey::default(),
            lanes: Lanes::default(),
            live: Live::default(),
            rates: Rates::default(),
            turned_away: TurnedAway::default(),
            webhooks: Arc::new([]),
        }
    }

    /// The same, which also takes tokens of `providers`.
    #[must_use]
    pub fn taking_tokens_of(self, providers: Arc<Providers>) -> Self {
        Self { providers, ..self }
    }

    /// The same, whose streams and waits go by another rhythm.
    #[must_use]
    pub fn in_rhythm(self, rhythm: Rhythm) -> Self {
        Self { live: self.live.with_rhythm(rhythm), ..self }
    }

    /// Looks on behalf of everybody who follows the log or waits for a request, until the process stops. Without it, nobody hears
    /// of anything.
    pub fn keep_looking(&self) -> impl Future<Output = ()> + Send + use<> {
        self.live.clone().keep_looking(self.desk.clone(), self.stop.clone())
    }

    /// The same, where nobody calls more often than `rates` say.
    #[must_use]
    pub fn calling_at_most(self, rates: Rates) -> Self {
        Self { rates, ..self }
    }

    /// The same, which also answers Slack.
    #[must_use]
    pub fn answering(self, slack: Arc<Slack>) -> Self {
        Self { slack: Some(slack), ..self }
    }

    /// The same, which also knows of `webhooks`.
    #[must_use]
    pub fn knowing_webhooks(self, webhooks: Vec<WebhookEntry>) -> Self {
        Self { webhooks: webhooks.into(), ..self }
    }
}

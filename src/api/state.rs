//! What the handlers share.

use std::sync::Arc;

use axum::extract::FromRef;
use tokio_util::sync::CancellationToken;

use super::auth::TokenTable;
use super::cursor::PageKey;
use super::lanes::Lanes;
use super::service::Handout;
use super::slack::Slack;
use super::turned_away::TurnedAway;
use crate::oidc::Providers;
use crate::workflow::Desk;

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
    pub(super) turned_away: TurnedAway,
}

impl ApiState {
    /// An API over `desk` for the holders of `tokens`, which people reach at `public_url`, until `stop`.
    #[must_use]
    pub fn new(desk: Desk, tokens: Arc<TokenTable>, public_url: &str, stop: CancellationToken) -> Self {
        Self {
            desk,
            tokens,
            providers: Arc::default(),
            stop,
            slack: None,
            handout: Handout::new(public_url),
            pages: PageKey::default(),
            lanes: Lanes::default(),
            turned_away: TurnedAway::default(),
        }
    }

    /// The same, which also takes tokens of `providers`.
    #[must_use]
    pub fn taking_tokens_of(self, providers: Arc<Providers>) -> Self {
        Self { providers, ..self }
    }

    /// The same, which also answers Slack.
    #[must_use]
    pub fn answering(self, slack: Arc<Slack>) -> Self {
        Self { slack: Some(slack), ..self }
    }
}

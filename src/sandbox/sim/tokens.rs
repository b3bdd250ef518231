//! `clientRequestToken`: the same ask under the same token is done once (`EKS API reference, Ensuring idempotency`).

use serde_json::Value;

use super::clock::Ms;
use super::cluster::{Cluster, TokenUse};
use super::refusal::{Refused, parameter};

/// How long EKS remembers a token: 24 hours.
const VALID_MS: Ms = 24 * 60 * 60 * 1000;

/// What came of the same ask under the same token, if it was made before.
///
/// # Errors
/// `InvalidParameterException` when the token was used for something else.
pub(crate) fn replayed(cluster: &Cluster, token: Option<&str>, asked: &Value, now: Ms) -> Refused<Option<String>> {
    let used = token.and_then(|token| cluster.tokens.get(token)).filter(|used| now - used.used_at < VALID_MS);
    match used {
        None => Ok(None),
        Some(used) if used.asked == *asked => Ok(Some(used.outcome.clone())),
        Some(_) => Err(parameter("The clientRequestToken was already used for a request with other parameters.")),
    }
}

/// Remembers what came of an ask.
pub(crate) fn remember(cluster: &mut Cluster, token: Option<String>, asked: Value, outcome: &str, now: Ms) {
    if let Some(token) = token {
        let used = TokenUse { asked, outcome: outcome.to_owned(), used_at: now };
        cluster.tokens.insert(token, used);
    }
}

//! Whether a call is Slack's: an HMAC over the very bytes that came in, no older or newer than five minutes.

use secrecy::{ExposeSecret, SecretString};
use slack_morphism::SlackSigningSecret;
use slack_morphism::signature_verifier::SlackEventSignatureVerifier;

/// Checks signatures with every secret that Slack may be signing with: two, while one takes over from the other.
#[derive(Clone)]
pub struct Verifier(Vec<SlackEventSignatureVerifier>);

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Verifier({} secrets)", self.0.len())
    }
}

impl Verifier {
    /// Checks with `secrets`.
    #[must_use]
    pub fn new(secrets: &[SecretString]) -> Self {
        let one = |secret: &SecretString| {
            SlackEventSignatureVerifier::new(&SlackSigningSecret(secret.expose_secret().to_owned()))
        };
        Self(secrets.iter().map(one).collect())
    }

    /// Whether `signature` is Slack's over `body` at the time `timestamp`, which is now or nearly so. Every secret is tried, each in
    /// constant time.
    #[must_use]
    pub fn is_genuine(&self, signature: &str, timestamp: &str, body: &str) -> bool {
        self.0.iter().filter(|verifier| verifier.verify(signature, body, timestamp).is_ok()).count() > 0
    }
}

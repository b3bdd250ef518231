//! The signatures of Standard Webhooks (version 1, symmetric).

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use sha2::Sha256;

/// Signs with one secret, or with several while they are exchanged for each other.
pub(super) struct Signer(Vec<SecretSlice<u8>>);

impl Signer {
    /// `None` where one of `secrets` is no `whsec_…`, or there is none.
    pub(super) fn new(secrets: &[SecretString]) -> Option<Self> {
        let key = |secret: &SecretString| {
            let text = secret.expose_secret().strip_prefix("whsec_")?;
            BASE64_STANDARD.decode(text).ok().map(SecretSlice::from)
        };
        let keys: Vec<_> = secrets.iter().map(key).collect::<Option<_>>()?;
        (!keys.is_empty()).then_some(Self(keys))
    }

    /// What makes `body` the message `id`, sent at `at`.
    pub(super) fn headers(&self, id: &str, at: DateTime<Utc>, body: &[u8]) -> HeaderMap {
        let at = at.timestamp().to_string();
        let signatures: Vec<_> = self.0.iter().map(|key| signature(key, id, &at, body)).collect();
        let text = |text: &str| HeaderValue::from_str(text).expect("an id, a number and base64 are visible ASCII");
        [("webhook-id", text(id)), ("webhook-timestamp", text(&at)), ("webhook-signature", text(&signatures.join(" ")))]
            .into_iter()
            .map(|(name, value)| (HeaderName::from_static(name), value))
            .collect()
    }
}

fn signature(key: &SecretSlice<u8>, id: &str, at: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose_secret()).expect("HMAC takes keys of any length");
    for part in [id.as_bytes(), b".", at.as_bytes(), b".", body] {
        mac.update(part);
    }
    format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_signs_as_the_specification_shows() {
        // The example of the specification of Standard Webhooks, and of its libraries' tests.
        let secret = SecretString::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let at = DateTime::from_timestamp(1_614_265_330, 0).expect("an instant");
        let signer = Signer::new(&[secret.clone(), secret]).expect("a secret");
        let headers = signer.headers("msg_p5jXN8AQM9LWM0D4loKWxJek", at, br#"{"test": 2432232314}"#);
        let one = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(headers["webhook-signature"], format!("{one} {one}"));
        assert_eq!(headers["webhook-timestamp"], "1614265330");
        assert!(Signer::new(&[]).is_none() && Signer::new(&[SecretString::from("whsec_?")]).is_none());
    }
}

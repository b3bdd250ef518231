//! Webhooks, as Standard Webhooks says: one event to a POST, signed, answered with 2xx by whoever has taken it.

mod resolver;
mod sign;

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode, Url};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::{Channel, Delivering, Parcel, Verdict};
use crate::audit::export::native;
use crate::domain::delivery::{Brief, WebhookOptions, pattern_matches};
use crate::domain::request::hex;
use resolver::{Guard, Resolver};
use sign::Signer;

pub use resolver::{LookUp, LookingUp, System};

/// How long one delivery may take, from the first packet to the head of the answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a connection may take.
const CONNECTING: Duration = Duration::from_secs(5);

/// How much of an answer's body is read, so that the connection can be used again. It says nothing.
const MOST_READ: usize = 16 * 1024;

/// How long that may take.
const READING: Duration = Duration::from_secs(1);

/// Why there is no such webhook.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum BadWebhook {
    /// The URL is none.
    #[error("its URL cannot be read")]
    Url,
    /// A secret is none of Standard Webhooks.
    #[error("its secret is none of Standard Webhooks")]
    Secret,
    /// There is no HTTPS.
    #[error("there is no HTTPS client: {0}")]
    Client(String),
}

/// One receiver.
pub struct Webhook {
    destination: String,
    address: String,
    url: Url,
    signer: Signer,
    events: Vec<String>,
    clusters: Vec<String>,
    guard: Guard,
    client: Client,
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the URL: what comes after its host is often a secret.
        f.debug_struct("Webhook").field("destination", &self.destination).finish_non_exhaustive()
    }
}

impl Webhook {
    /// The destination of the webhook called `name`.
    #[must_use]
    pub fn destination_of(name: &str) -> String {
        format!("webhook:{name}")
    }

    /// A receiver whose host is looked up by `names`.
    ///
    /// # Errors
    /// Whatever is wrong with `options`.
    pub fn new(options: WebhookOptions, names: Arc<dyn LookUp>) -> Result<Self, BadWebhook> {
        let url: Url = options.url.parse().map_err(|_| BadWebhook::Url)?;
        let guard = Guard { allow_private: options.allow_private, in_the_clear: url.scheme() != "https" };
        let client = Client::builder()
            // Nobody sends us elsewhere, and what a proxy connects to could not be checked.
            .redirect(Policy::none())
            .no_proxy()
            .dns_resolver(Arc::new(Resolver::new(names, guard)))
            .https_only(!options.allow_private)
            .connect_timeout(CONNECTING)
            .timeout(PATIENCE)
            .user_agent(concat!("entryway/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| BadWebhook::Client(error.to_string()))?;
        Ok(Self {
            destination: Self::destination_of(&options.name),
            address: format!("sha256:{}", hex(&Sha256::digest(url.as_str()))),
            signer: Signer::new(&options.secrets).ok_or(BadWebhook::Secret)?,
            events: options.events,
            clusters: options.clusters,
            url,
            guard,
            client,
        })
    }

    async fn post(&self, parcel: &Parcel) -> Verdict {
        // An address in the URL is looked up by nobody, so that the resolver never sees it.
        if let Some(refusal) = self.url.host_str().and_then(|host| self.guard.refuse_literal(host)) {
            return Verdict::again(refusal);
        }
        let body = native(&parcel.event).to_string();
        let signed = self.signer.headers(&parcel.event.id.to_string(), parcel.sent_at, body.as_bytes());
        let call =
            self.client.post(self.url.clone()).header(CONTENT_TYPE, "application/json").headers(signed).body(body);
        match call.send().await {
            Ok(answer) => {
                let verdict = judge(answer.status(), answer.headers(), parcel.sent_at);
                drain(answer).await;
                verdict
            }
            Err(error) => Verdict::again(describe(error)),
        }
    }
}

impl Channel for Webhook {
    fn destination(&self) -> &str {
        &self.destination
    }

    fn address(&self) -> &str {
        &self.address
    }

    fn wants(&self, event: &Brief) -> bool {
        let any = |list: &[String], fits: &dyn Fn(&str) -> bool| list.is_empty() || list.iter().any(|item| fits(item));
        any(&self.events, &|pattern| pattern_matches(pattern, &event.event_type))
            && any(&self.clusters, &|name| event.cluster_name.as_deref() == Some(name))
    }

    fn deliver<'a>(&'a self, parcel: &'a Parcel) -> Delivering<'a> {
        Box::pin(self.post(parcel))
    }
}

/// What an answer means.
fn judge(status: StatusCode, headers: &HeaderMap, now: DateTime<Utc>) -> Verdict {
    let code = status.as_u16();
    if status.is_success() {
        return Verdict::Delivered;
    }
    if status == StatusCode::GONE {
        return Verdict::Gone { why: "it answered 410".to_owned() };
    }
    let why = if status.is_redirection() {
        format!("it answered {code}; redirects are not followed, so configure where they lead")
    } else {
        format!("it answered {code}")
    };
    let after = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()).and_then(|text| retry_after(text, now));
    Verdict::Again { why, after }
}

/// Seconds, or a date (RFC 9110, section 10.2.3).
fn retry_after(text: &str, now: DateTime<Utc>) -> Option<TimeDelta> {
    match text.trim().parse::<u32>() {
        Ok(seconds) => Some(TimeDelta::seconds(seconds.into())),
        Err(_) => DateTime::parse_from_rfc2822(text.trim()).ok().map(|at| at.with_timezone(&Utc) - now),
    }
}

/// Why there was no answer, without the URL.
fn describe(error: reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("it did not answer within {} s", PATIENCE.as_secs());
    }
    let error = error.without_url();
    let mut cause: &dyn Error = &error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    format!("it cannot be reached: {cause}")
}

/// Takes a short body off the connection, and gives the connection up with a long one.
async fn drain(mut answer: Response) {
    let read = async {
        let mut left = MOST_READ;
        while let Ok(Some(chunk)) = answer.chunk().await {
            match left.checked_sub(chunk.len()) {
                Some(rest) => left = rest,
                None => return,
            }
        }
    };
    // What it says does not matter, and neither does whether it came whole.
    let _ = tokio::time::timeout(READING, read).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(retry_after: &str) -> HeaderMap {
        [(RETRY_AFTER, retry_after.parse().expect("a header"))].into_iter().collect()
    }

    #[test]
    fn only_2xx_is_taken_only_410_is_gone_and_a_wait_is_heeded() {
        let now: DateTime<Utc> = "2026-06-01T12:00:00Z".parse().expect("an instant");
        let judged =
            |code: u16, after: &str| judge(StatusCode::from_u16(code).expect("a status"), &headers(after), now);
        for code in [200, 202, 204, 299] {
            assert_eq!(judged(code, "5"), Verdict::Delivered);
        }
        assert!(matches!(judged(410, "5"), Verdict::Gone { .. }));
        for code in [301, 302, 307, 400, 401, 404, 429, 500, 503] {
            let Verdict::Again { why, after } = judged(code, "120") else { panic!("{code}") };
            assert!(why.contains(&code.to_string()) && after == Some(TimeDelta::seconds(120)), "{why}");
        }
        let dated = judged(503, "Mon, 01 Jun 2026 12:00:30 GMT");
        assert!(matches!(dated, Verdict::Again { after: Some(after), .. } if after == TimeDelta::seconds(30)));
        assert!(matches!(judged(503, "soon"), Verdict::Again { after: None, .. }));
    }
}

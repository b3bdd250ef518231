//! Fetching from identity providers: never for long, never much, never in the clear.

use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use serde_json::Value;
use thiserror::Error;

/// How long one answer may take, from the first packet to the last byte.
const PATIENCE: Duration = Duration::from_secs(5);

/// The most bytes of an answer. The key sets of large providers have some 20 KiB.
const MOST: usize = 256 * 1024;

/// Why something could not be fetched.
#[derive(Debug, Error)]
pub(super) enum FetchError {
    #[error("{0:?} is not https")]
    InTheClear(String),
    #[error("{url} answered {status}")]
    Status { url: String, status: u16 },
    #[error("{0} answered more than {MOST} bytes")]
    TooMuch(String),
    #[error("{0} answered something else than what was asked for")]
    Odd(String),
    #[error("no answer: {0}")]
    Http(#[from] reqwest::Error),
}

/// Fetches.
#[derive(Debug, Default)]
pub(super) struct Fetcher {
    /// `None` where no provider is configured.
    clients: Option<Clients>,
}

#[derive(Debug)]
struct Clients {
    out: Client,
    /// What is on this machine is not asked through a proxy.
    loopback: Client,
}

impl Fetcher {
    pub(super) fn new() -> Result<Self, String> {
        let builder = || {
            let agent = concat!("entryway/", env!("CARGO_PKG_VERSION"));
            // An answer that sends elsewhere is none: where keys come from is configured, not told.
            Client::builder().timeout(PATIENCE).connect_timeout(PATIENCE).redirect(Policy::none()).user_agent(agent)
        };
        let build = |builder: reqwest::ClientBuilder| builder.build().map_err(|error| error.to_string());
        let clients = Clients { out: build(builder())?, loopback: build(builder().no_proxy())? };
        Ok(Self { clients: Some(clients) })
    }

    /// A JSON document.
    pub(super) async fn json(&self, url: &str) -> Result<Value, FetchError> {
        let bytes = self.bytes(url).await?;
        serde_json::from_slice(&bytes).map_err(|_| FetchError::Odd(url.to_owned()))
    }

    /// Whatever is there.
    pub(super) async fn bytes(&self, url: &str) -> Result<Vec<u8>, FetchError> {
        let parsed = permitted(url).ok_or_else(|| FetchError::InTheClear(url.to_owned()))?;
        let clients = self.clients.as_ref().ok_or_else(|| FetchError::Odd(url.to_owned()))?;
        let client = if is_loopback(&parsed) { &clients.loopback } else { &clients.out };
        let mut answer = client.get(parsed).send().await?;
        if answer.status() != 200 {
            return Err(FetchError::Status { url: url.to_owned(), status: answer.status().as_u16() });
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await? {
            if bytes.len() + chunk.len() > MOST {
                return Err(FetchError::TooMuch(url.to_owned()));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }
}

/// `url`, if keys may be fetched from there: over TLS, or from this very machine.
fn permitted(url: &str) -> Option<Url> {
    let url = Url::parse(url).ok()?;
    let safe = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url));
    (safe && url.username().is_empty() && url.password().is_none()).then_some(url)
}

fn is_loopback(url: &Url) -> bool {
    let Some(host) = url.host_str() else { return false };
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_over_tls_or_from_this_machine() {
        for url in ["https://login.example.com/keys", "http://127.0.0.1:9/keys", "http://[::1]/", "http://localhost:1/"]
        {
            assert!(permitted(url).is_some(), "{url}");
        }
        for url in [
            "http://login.example.com/keys",
            "http://127.0.0.1.example.com/",
            "http://169.254.169.254/latest",
            "file:///etc/passwd",
            "https://user:password@login.example.com/",
            "login.example.com",
        ] {
            assert!(permitted(url).is_none(), "{url}");
        }
    }
}

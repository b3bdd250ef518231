//! Calls to the service. What can be repeated without harm is: reads, and POSTs by their Idempotency-Key.

use std::time::Duration;

use reqwest::header::{IF_MATCH, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Session;
use super::connect::{self, Place};
use super::failure::{Failure, Problem};
use crate::api::wire::{ON_BEHALF_OF, ProblemView};

/// How long connecting may take.
const CONNECTING: Duration = Duration::from_secs(10);
/// How long an answer may take: longer than the longest hold.
const ANSWERING: Duration = Duration::from_secs(90);
/// How often a call is made at most, where the service cannot answer just now or the connection broke.
const ATTEMPTS: u32 = 3;
/// The longest that is waited between two of them.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A service to talk to, as somebody.
#[derive(Debug)]
pub(super) struct Service {
    client: Client,
    /// Where it is, without a slash at its end.
    pub(super) url: String,
    token: SecretString,
    on_behalf_of: Option<String>,
    /// The profile it is from.
    pub(super) profile: Option<String>,
    /// What says where it is.
    origin: String,
}

/// What was answered: as a view, and word by word for `--json`.
#[derive(Debug)]
pub(super) struct Answer<T> {
    pub(super) view: T,
    pub(super) json: Value,
}

impl Service {
    /// The one that `session` means.
    ///
    /// # Errors
    /// When that is not known, or there is no token for it.
    pub(super) fn of(session: &Session<'_>) -> Result<Self, Failure> {
        let place = connect::place(session.connection, session.environment)?;
        Self::at(place, session.connection.on_behalf_of.clone())
    }

    /// The one at `place`, in the name of `on_behalf_of`.
    ///
    /// # Errors
    /// When the machine has no TLS to speak.
    pub(super) fn at(place: Place, on_behalf_of: Option<String>) -> Result<Self, Failure> {
        let agent = concat!("entryway-cli/", env!("CARGO_PKG_VERSION"));
        // An answer that sends elsewhere would take the token along.
        let builder =
            Client::builder().connect_timeout(CONNECTING).timeout(ANSWERING).redirect(Policy::none()).user_agent(agent);
        let here = Url::parse(&place.url).is_ok_and(|url| connect::is_loopback(&url));
        let builder = if here { builder.no_proxy() } else { builder };
        let client = builder.build().map_err(|error| Failure::Here(format!("cannot speak HTTP: {error}")))?;
        let Place { url, token, profile, origin } = place;
        let on_behalf_of = on_behalf_of.filter(|name| !name.is_empty());
        Ok(Self { client, url, token, on_behalf_of, profile, origin })
    }

    /// Reads `path` with these parameters.
    ///
    /// # Errors
    /// What the service answered instead, or that it does not.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        parameters: &[(&str, String)],
    ) -> Result<Answer<T>, Failure> {
        let mut url = format!("{}{path}", self.url);
        for (place, (name, value)) in parameters.iter().enumerate() {
            let mark = if place == 0 { '?' } else { '&' };
            url.push_str(&format!("{mark}{name}={}", escaped(value)));
        }
        self.call(|| self.client.get(&url)).await
    }

    /// Posts `body` to `path`, under `key`, about version `version`.
    ///
    /// # Errors
    /// What the service answered instead, or that it does not.
    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
        key: Option<&str>,
        version: Option<i64>,
    ) -> Result<Answer<T>, Failure> {
        let url = format!("{}{path}", self.url);
        let key = key.map_or_else(|| uuid::Uuid::new_v4().to_string(), str::to_owned);
        self.call(|| {
            let call = self.client.post(&url).header("idempotency-key", &key).json(body);
            match version {
                Some(version) => call.header(IF_MATCH, format!("\"{version}\"")),
                None => call,
            }
        })
        .await
    }

    async fn call<T: DeserializeOwned>(&self, make: impl Fn() -> RequestBuilder) -> Result<Answer<T>, Failure> {
        let mut attempt = 1;
        loop {
            let mut call = make().bearer_auth(self.token.expose_secret());
            if let Some(person) = &self.on_behalf_of {
                call = call.header(ON_BEHALF_OF, person);
            }
            let pause = match call.send().await {
                Ok(answer) => match self.read(answer).await {
                    Err(Failure::Refused(problem))
                        if attempt < ATTEMPTS && matches!(problem.view.status, 429 | 503) =>
                    {
                        Duration::from_secs(problem.retry_after.unwrap_or(1)).min(LONGEST_PAUSE)
                    }
                    other => return other,
                },
                Err(error) if error.is_builder() => {
                    let how = "--idempotency-key and --on-behalf-of each take one line of text";
                    return Err(Failure::Usage(format!("the call cannot be sent as it was given: {how}")));
                }
                // Where nobody listens, nobody will in a second.
                Err(error) if error.is_connect() || attempt == ATTEMPTS => {
                    return Err(self.unreachable(&error));
                }
                Err(_) => Duration::from_millis(300),
            };
            attempt += 1;
            tokio::time::sleep(pause).await;
        }
    }

    async fn read<T: DeserializeOwned>(&self, answer: Response) -> Result<Answer<T>, Failure> {
        let status = answer.status();
        let retry_after = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let bytes = answer.bytes().await.map_err(|error| self.unreachable(&error))?;
        let odd = || {
            let what = "is that the address of Entryway, and nothing in between that wants a sign-in of its own?";
            Failure::Unreachable(format!("{} answered {status}, and not as Entryway does; {what}", self.url))
        };
        let json: Value = serde_json::from_slice(&bytes).map_err(|_| odd())?;
        if status.is_success() {
            let view = T::deserialize(&json).map_err(|_| odd())?;
            return Ok(Answer { view, json });
        }
        let view: ProblemView<'static> = serde_json::from_value(json.clone()).map_err(|_| odd())?;
        // Who is not known is in no group, and may ask for nothing.
        let speaking = self.on_behalf_of.as_ref().filter(|_| view.code == "request-not-permitted");
        let next = speaking.map(|person| {
            format!("See whether the service knows {person} by this name: entryway whoami --on-behalf-of {person}")
        });
        Err(Failure::Refused(Box::new(Problem { view, json, retry_after, next })))
    }

    /// Says why in the words of what is at the bottom of `error`.
    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        let mut cause: &dyn std::error::Error = error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        let why = if error.is_timeout() { "it took too long".to_owned() } else { cause.to_string() };
        let Self { url, origin, .. } = self;
        Failure::Unreachable(format!(
            "cannot reach {url}: {why}; is the service running there? {origin} says where it is"
        ))
    }
}

fn escaped(value: &str) -> String {
    percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC).to_string()
}

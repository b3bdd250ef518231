//! Calls to Slack: few methods, never for long, never anywhere else than where Slack is.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client as Http, RequestBuilder, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use slack_morphism::blocks::{SlackBlock, SlackView};
use thiserror::Error;

use super::kit::{MESSAGE, text};

/// How long Slack may take to answer somebody who waits, and to be connected to.
const PATIENCE: Duration = Duration::from_secs(8);

/// How long it may take to answer that it has a message. Nobody waits, and a message whose answer is lost may have to be posted twice.
const MESSAGES: Duration = Duration::from_secs(30);

/// The method that posts.
pub const POST: &str = "chat.postMessage";
/// The method that changes what was posted.
pub const UPDATE: &str = "chat.update";

/// How long to wait where Slack says that it was too much, and not how long.
const A_WHILE: Duration = Duration::from_secs(30);

/// The longest that it is left alone for, whatever it says: nobody would be told anything all the while.
const LONGEST_ASKED: Duration = Duration::from_hours(1);

/// The most bytes of an answer.
const MOST: usize = 1024 * 1024;

/// Where Slack takes answers to commands and clicks.
const RESPONSES: &str = "hooks.slack.com";

/// Why Slack did not do what it was asked to.
#[derive(Debug, Error)]
pub enum SlackError {
    /// It was too much; when to come again.
    #[error("Slack takes no more calls for {} seconds", .0.as_secs())]
    RateLimited(Duration),
    /// Slack said no, in its own word (`channel_not_found`, `invalid_auth`, …).
    #[error("Slack refused: {0}")]
    Refused(String),
    /// It cannot be reached, and has heard nothing.
    #[error("Slack cannot be reached: {0}")]
    Unreachable(String),
    /// It was told, and does not say what came of it.
    #[error("Slack does not say what came of it: {0}")]
    Lost(String),
    /// The address for answers is not Slack's.
    #[error("the address for the answer is not Slack's")]
    NotSlack,
}

/// Slack's Web API, as one bot.
#[derive(Debug, Clone)]
pub struct Client {
    http: Http,
    api: Url,
    token: SecretString,
}

impl Client {
    /// Slack at `api_url`, for the bot with `token`.
    ///
    /// # Errors
    /// When the address is none, or there is no TLS.
    pub fn new(api_url: &str, token: SecretString) -> Result<Self, String> {
        let api: Url = format!("{api_url}/").parse().map_err(|_| format!("{api_url:?} is no address"))?;
        let agent = concat!("entryway/", env!("CARGO_PKG_VERSION"));
        let builder = Http::builder().timeout(PATIENCE).connect_timeout(PATIENCE).redirect(Policy::none());
        let builder = if api.scheme() == "http" { builder.no_proxy() } else { builder };
        let http = builder.user_agent(agent).build().map_err(|error| error.to_string())?;
        Ok(Self { http, api, token })
    }

    /// Opens a view for whoever made the call that `trigger` came with, at most three seconds ago.
    ///
    /// # Errors
    /// [`SlackError`].
    pub async fn open(&self, trigger: &str, view: &SlackView) -> Result<(), SlackError> {
        self.call("views.open", &json!({ "trigger_id": trigger, "view": view })).await.map(drop)
    }

    /// Shows another view in place of an open one.
    ///
    /// # Errors
    /// [`SlackError`]; [`SlackError::Refused`] when it was closed meanwhile.
    pub async fn replace(&self, view_id: &str, view: &SlackView) -> Result<(), SlackError> {
        self.call("views.update", &json!({ "view_id": view_id, "view": view })).await.map(drop)
    }

    /// Posts a message to a channel, or to a user; answers where it stands, and its id there.
    ///
    /// # Errors
    /// [`SlackError`].
    pub async fn post(&self, to: &str, said: &str, blocks: &[SlackBlock]) -> Result<(String, String), SlackError> {
        let body = json!({
            "channel": to, "text": text(said, MESSAGE), "blocks": blocks, "unfurl_links": false, "unfurl_media": false,
        });
        let answer = self.call_patiently(POST, &body).await?;
        match (answer["channel"].as_str(), answer["ts"].as_str()) {
            (Some(channel), Some(ts)) => Ok((channel.to_owned(), ts.to_owned())),
            _ => Err(SlackError::Lost("chat.postMessage does not say where the message stands".to_owned())),
        }
    }

    /// Changes a message.
    ///
    /// # Errors
    /// [`SlackError`].
    pub async fn update(&self, at: (&str, &str), said: &str, blocks: &[SlackBlock]) -> Result<(), SlackError> {
        let body = json!({ "channel": at.0, "ts": at.1, "text": text(said, MESSAGE), "blocks": blocks });
        self.call_patiently(UPDATE, &body).await.map(drop)
    }

    /// What Slack knows of a user.
    ///
    /// # Errors
    /// [`SlackError`].
    pub async fn user(&self, user_id: &str) -> Result<Value, SlackError> {
        let mut url = self.method("users.info")?;
        url.query_pairs_mut().append_pair("user", user_id);
        let mut answer = self.send(self.http.get(url)).await?;
        Ok(answer["user"].take())
    }

    /// Tells whoever made a call, and nobody else, by the address that came with it.
    ///
    /// # Errors
    /// [`SlackError::NotSlack`] for any other address.
    pub async fn respond(&self, to: &Url, said: &str) -> Result<(), SlackError> {
        if !self.is_slacks(to) {
            return Err(SlackError::NotSlack);
        }
        let body = json!({
            "response_type": "ephemeral", "replace_original": false, "text": text(said, MESSAGE),
        });
        let sent =
            self.http.post(to.clone()).header(CONTENT_TYPE, "application/json").body(body.to_string()).send().await;
        let answer = sent.map_err(|error| unheard(&error))?;
        if answer.status().is_success() {
            return Ok(());
        }
        Err(SlackError::Refused(format!("status {}", answer.status().as_u16())))
    }

    /// Whether answers may go there: to Slack over TLS, or to where configuration says that Slack is.
    fn is_slacks(&self, url: &Url) -> bool {
        let plain = url.username().is_empty() && url.password().is_none();
        let slack = url.scheme() == "https" && url.host_str() == Some(RESPONSES) && url.port().is_none();
        plain && (slack || url.origin() == self.api.origin())
    }

    fn method(&self, name: &str) -> Result<Url, SlackError> {
        self.api.join(name).map_err(|error| SlackError::Unreachable(error.to_string()))
    }

    async fn call(&self, name: &str, body: &Value) -> Result<Value, SlackError> {
        self.send(self.request(name, body)?).await
    }

    async fn call_patiently(&self, name: &str, body: &Value) -> Result<Value, SlackError> {
        self.send(self.request(name, body)?.timeout(MESSAGES)).await
    }

    fn request(&self, name: &str, body: &Value) -> Result<RequestBuilder, SlackError> {
        let request = self.http.post(self.method(name)?).header(CONTENT_TYPE, "application/json; charset=utf-8");
        Ok(request.body(body.to_string()))
    }

    async fn send(&self, request: RequestBuilder) -> Result<Value, SlackError> {
        let sent = request.bearer_auth(self.token.expose_secret()).send().await;
        let mut answer = sent.map_err(|error| unheard(&error))?;
        if answer.status() == 429 {
            let told = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
            return Err(SlackError::RateLimited(told.map_or(A_WHILE, Duration::from_secs).min(LONGEST_ASKED)));
        }
        let status = answer.status();
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| unheard(&error))? {
            if bytes.len() + chunk.len() > MOST {
                return Err(SlackError::Lost("its answer is too long".to_owned()));
            }
            bytes.extend_from_slice(&chunk);
        }
        let value: Value = serde_json::from_slice(&bytes)
            .map_err(|_| SlackError::Lost(format!("status {} and no JSON", status.as_u16())))?;
        match (value["ok"].as_bool(), value["error"].as_str()) {
            (Some(true), _) => Ok(value),
            (_, Some(code)) => Err(SlackError::Refused(code.to_owned())),
            // Something in between, which does not know either what became of it.
            (_, None) => Err(SlackError::Lost(format!("status {} and JSON that is not Slack's", status.as_u16()))),
        }
    }
}

/// Without the address, which for answers is a secret.
fn unheard(error: &reqwest::Error) -> SlackError {
    let why = if error.is_timeout() { "no answer in time" } else { "the connection failed" };
    if error.is_connect() { SlackError::Unreachable(why.to_owned()) } else { SlackError::Lost(why.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_go_to_slack_and_nowhere_else() {
        let client = Client::new("https://slack.com/api", "xoxb-1".into()).expect("a client");
        let takes = |url: &str| client.is_slacks(&url.parse().expect(url));
        assert!(takes("https://hooks.slack.com/actions/T1/2/3") && takes("https://slack.com/x"));
        for url in [
            "http://hooks.slack.com/actions",
            "https://hooks.slack.com.example.com/",
            "https://user:pass@hooks.slack.com/",
            "https://hooks.slack.com:8443/",
            "http://169.254.169.254/latest/meta-data",
            "http://[::ffff:169.254.169.254]/",
            "http://2852039166/",
            "https://localhost/",
            "file:///etc/passwd",
        ] {
            assert!(!takes(url), "{url}");
        }
    }
}

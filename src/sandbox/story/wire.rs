//! HTTP with the API and the simulator, in the words of the people of the story.

use std::time::Duration;

use reqwest::{Client, RequestBuilder};
use serde_json::Value;

use super::{Stage, StoryError};

/// Longer than the longest wait that is asked of the server.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);

/// Calls as somebody.
pub(super) struct Wire {
    http: Client,
    base_url: String,
    sim_url: String,
    tokens: Vec<(String, String)>,
}

/// What was answered to a step.
#[derive(Debug)]
pub(super) struct Answer {
    /// What was being done, for when it did not work.
    step: String,
    status: u16,
    body: Value,
}

impl Wire {
    pub(super) fn new(stage: &Stage) -> Result<Self, StoryError> {
        let http = Client::builder().timeout(CALL_TIMEOUT).no_proxy().build();
        let http = http.map_err(|source| StoryError::Unreachable { url: stage.base_url.clone(), source })?;
        let (base_url, sim_url) = (stage.base_url.clone(), stage.sim_url.clone());
        Ok(Self { http, base_url, sim_url, tokens: stage.tokens.clone() })
    }

    /// `user` reads `path`. `step` says why, in case it does not work.
    pub(super) async fn get(&self, step: &str, user: &str, path: &str) -> Result<Answer, StoryError> {
        let url = format!("{}{path}", self.base_url);
        self.send(step, &url, self.http.get(&url).bearer_auth(self.token(user))).await
    }

    /// `user` posts `body` to `path`.
    pub(super) async fn post(&self, step: &str, user: &str, path: &str, body: &Value) -> Result<Answer, StoryError> {
        let url = format!("{}{path}", self.base_url);
        self.send(step, &url, self.http.post(&url).bearer_auth(self.token(user)).json(body)).await
    }

    /// Asks the simulator itself.
    pub(super) async fn simulator(&self, step: &str, path: &str, query: &[(&str, &str)]) -> Result<Value, StoryError> {
        let query: Vec<String> = query.iter().map(|(key, value)| format!("{key}={}", escape(value))).collect();
        let url = format!("{}{path}?{}", self.sim_url, query.join("&"));
        self.send(step, &url, self.http.get(&url)).await?.expect(200)
    }

    fn token(&self, user: &str) -> &str {
        self.tokens.iter().find(|(name, _)| name == user).map_or("", |(_, token)| token)
    }

    async fn send(&self, step: &str, url: &str, request: RequestBuilder) -> Result<Answer, StoryError> {
        let unreachable = |source: reqwest::Error| StoryError::Unreachable { url: url.to_owned(), source };
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status().as_u16();
        let text = response.text().await.map_err(unreachable)?;
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Ok(Answer { step: step.to_owned(), status, body })
    }
}

impl Answer {
    /// The body, if the status is this one.
    pub(super) fn expect(self, status: u16) -> Result<Value, StoryError> {
        if self.status == status { Ok(self.body) } else { Err(self.otherwise(&status.to_string())) }
    }

    /// The body of a refusal, if it is this one.
    pub(super) fn expect_refusal(self, status: u16, code: &str) -> Result<Value, StoryError> {
        if self.status == status && self.body["code"] == code {
            return Ok(self.body);
        }
        Err(self.otherwise(&format!("{status} {code}")))
    }

    fn otherwise(&self, wanted: &str) -> StoryError {
        let problem = [&self.body["code"], &self.body["detail"]].map(|part| part.as_str().unwrap_or_default());
        let said = problem.join(" ");
        let said = if said.trim().is_empty() { self.body.to_string() } else { said };
        otherwise(&self.step, wanted, &format!("was answered {} {said}", self.status))
    }
}

/// A step that did something else.
pub(super) fn otherwise(step: &str, wanted: &str, got: &str) -> StoryError {
    StoryError::Otherwise { step: step.to_owned(), wanted: wanted.to_owned(), got: got.to_owned() }
}

fn escape(value: &str) -> String {
    percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC).to_string()
}

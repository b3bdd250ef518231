//! What the people of the story do with requests.

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::wire::otherwise;
use super::{PATIENCE, Story, StoryError};

/// One access policy on a principal, as the story asks for it.
pub(super) struct Wish<'a> {
    pub(super) cluster: &'a str,
    pub(super) principal: &'a str,
    /// The bare name.
    pub(super) policy: &'a str,
    /// Empty for the whole cluster.
    pub(super) namespaces: &'a [&'a str],
    pub(super) duration: &'a str,
    pub(super) reason: &'a str,
}

impl Wish<'_> {
    fn body(&self) -> Value {
        let scope = if self.namespaces.is_empty() {
            json!({ "type": "cluster" })
        } else {
            json!({ "type": "namespace", "namespaces": self.namespaces })
        };
        json!({
            "clusterName": self.cluster,
            "principalArn": self.principal,
            "accessPolicies": [{ "policyArn": self.policy, "accessScope": scope }],
            "duration": self.duration,
            "reason": self.reason,
        })
    }
}

/// What a request answers, as far as the story cares.
pub(super) fn text<'a>(body: &'a Value, pointer: &str) -> &'a str {
    body.pointer(pointer).and_then(Value::as_str).unwrap_or("?")
}

/// What quorum still wants, in the policy's words.
pub(super) fn missing(request: &Value) -> String {
    let missing = request.pointer("/approval/missing").and_then(Value::as_array);
    missing.into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>().join("; ")
}

impl Story<'_> {
    /// `user` files `wish`; the answer, whatever it is.
    pub(super) async fn ask(&self, step: &str, user: &str, wish: &Wish<'_>) -> Result<super::wire::Answer, StoryError> {
        self.wire.post(step, user, "/v1/requests", &wish.body()).await
    }

    /// `user` files `wish`, which must then wait for people.
    pub(super) async fn ask_and_wait(&self, step: &str, user: &str, wish: &Wish<'_>) -> Result<Value, StoryError> {
        let request = self.ask(step, user, wish).await?.expect(201)?;
        in_state(step, request, &["pending"])
    }

    /// `user` reviews the request; the answer, whatever it is.
    pub(super) async fn review(
        &self,
        step: &str,
        user: &str,
        request: &Value,
        review: Value,
    ) -> Result<super::wire::Answer, StoryError> {
        let path = format!("/v1/requests/{}/reviews", text(request, "/id"));
        self.wire.post(step, user, &path, &review).await
    }

    /// `user` signs off and thereby completes the quorum.
    pub(super) async fn complete(&self, step: &str, user: &str, request: &Value) -> Result<Value, StoryError> {
        let request = self.review(step, user, request, json!({ "decision": "approve" })).await?.expect(201)?;
        // The worker may have been quicker than this answer.
        in_state(step, request, &["applying", "verifying", "active"])
    }

    /// Holds until the request is in `state`.
    pub(super) async fn until(&self, step: &str, request: &Value, state: &str) -> Result<Value, StoryError> {
        let deadline = Instant::now() + PATIENCE;
        let path = format!("/v1/requests/{}?wait=10s&until={state}", text(request, "/id"));
        loop {
            let request = self.wire.get(step, "bob", &path).await?.expect(200)?;
            let over = matches!(text(&request, "/state"), "ended" | "failed" | "denied" | "withdrawn" | "lapsed");
            if text(&request, "/state") == state || over || Instant::now() >= deadline {
                return in_state(step, request, &[state]);
            }
        }
    }

    /// Reads the request as it is now.
    pub(super) async fn look(&self, step: &str, request: &Value) -> Result<Value, StoryError> {
        self.wire.get(step, "bob", &format!("/v1/requests/{}", text(request, "/id"))).await?.expect(200)
    }

    /// Holds until every cluster has been looked at once: only then can the service say what a cluster takes.
    pub(super) async fn clusters(&self, step: &str) -> Result<Vec<String>, StoryError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = self.wire.get(step, "bob", "/v1/clusters").await?.expect(200)?;
            let clusters = answer["items"].as_array().cloned().unwrap_or_default();
            if !clusters.is_empty() && clusters.iter().all(|cluster| !cluster["health"]["checkedAt"].is_null()) {
                return Ok(clusters.iter().map(|cluster| text(cluster, "/name").to_owned()).collect());
            }
            if Instant::now() >= deadline {
                return Err(otherwise(step, "a checked state of each", &format!("they are {answer}")));
            }
            sleep(PATIENCE / 300).await;
        }
    }
}

/// The request, if it is in one of these states.
pub(super) fn in_state(step: &str, request: Value, states: &[&str]) -> Result<Value, StoryError> {
    let state = text(&request, "/state");
    if states.contains(&state) {
        return Ok(request);
    }
    let why = request.pointer("/lastError/detail").and_then(Value::as_str).unwrap_or("no reason given");
    Err(otherwise(step, states[0], &format!("the request is {state} ({why})")))
}

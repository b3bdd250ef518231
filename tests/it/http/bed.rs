//! The API on a socket of its own, callers with tokens, and answers that were looked at as every answer must be.

use std::collections::BTreeSet;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use entryway::api::{self, ApiState, Rhythm, TokenEntry, TokenTable, WebhookEntry};
use entryway::oidc::Providers;
use entryway::sandbox::sim::World;
use entryway::workflow::Desk;
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::harness::{Bed, ROLE, http};

/// What people reach the API at, as far as the API knows.
pub(super) const PUBLIC_URL: &str = "https://access.example.com";

/// The destination of the one webhook there is, which is called `dev`.
pub(super) const WEBHOOK: &str = "webhook:dev";

/// Whoever has a token, which is their name and `-token`: people, two services of which policy lets only `portal` speak for
/// people, and `erin`, whose groups come with the token.
const HOLDERS: [&str; 8] = ["alice", "dan", "bob", "carol", "olga", "erin", "portal", "robot"];

pub(super) struct Api {
    pub(super) bed: Bed,
    pub(super) base: String,
    http: Client,
    pub(super) stop: CancellationToken,
}

impl Api {
    pub(super) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// An API over a desk changed by `change`.
    pub(super) async fn with(change: impl FnOnce(&mut Desk)) -> Self {
        Self::over(Bed::with(World::default(), change).await).await
    }

    /// An API that takes tokens of `providers` too.
    pub(super) async fn with_providers(providers: Providers) -> Self {
        let listen = |desk: &mut Desk| Arc::make_mut(&mut desk.directory).listen_to_tokens();
        Self::taking(Bed::with(World::default(), listen).await, providers).await
    }

    /// An API that answers Slack too.
    pub(super) async fn answering(slack: Arc<api::Slack>, change: impl FnOnce(&mut Desk)) -> Self {
        let (bed, stop) = (Bed::with(World::default(), change).await, CancellationToken::new());
        let base = serve_all(state(&bed.desk, &stop).answering(slack)).await;
        Self { bed, base, http: http(), stop }
    }

    async fn over(bed: Bed) -> Self {
        Self::taking(bed, Providers::default()).await
    }

    pub(super) async fn taking(bed: Bed, providers: Providers) -> Self {
        let stop = CancellationToken::new();
        let base = serve_all(state(&bed.desk, &stop).taking_tokens_of(Arc::new(providers))).await;
        Self { bed, base, http: http(), stop }
    }

    /// Where another replica of it listens.
    pub(super) async fn replica(&self) -> String {
        serve_all(state(&self.another_desk(), &self.stop)).await
    }

    /// Where another replica listens that answers Slack too.
    pub(super) async fn replica_answering(&self, slack: Arc<api::Slack>) -> String {
        serve_all(state(&self.another_desk(), &self.stop).answering(slack)).await
    }

    /// The desk of another process on the same database.
    pub(super) fn another_desk(&self) -> Desk {
        let store = crate::harness::database::connect(&self.bed.url, self.bed.desk.store.clock().clone());
        Desk { store, ..self.bed.desk.clone() }
    }

    pub(super) fn get(&self, who: &str, path: &str) -> Call {
        self.call(Method::GET, path).by(who)
    }

    /// A POST with an empty JSON object.
    pub(super) fn post(&self, who: &str, path: &str) -> Call {
        self.call(Method::POST, path).by(who).json(&json!({}))
    }

    /// A call of nobody's.
    pub(super) fn call(&self, method: Method, path: &str) -> Call {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.base) };
        Call { request: self.http.request(method, url) }
    }

    /// Files `body`, which is sound and permitted; answers the request.
    pub(super) async fn file(&self, who: &str, body: &Value) -> Value {
        self.post(who, "/v1/requests").json(body).await.is(201).body
    }

    /// Files the usual ask; answers where its request is.
    pub(super) async fn filed(&self, who: &str) -> String {
        path(&self.file(who, &ask(json!({}))).await)
    }

    /// Files the usual ask of alice, and has bob approve it.
    pub(super) async fn granted(&self) -> String {
        let path = self.filed("alice").await;
        self.post("bob", &format!("{path}/reviews")).json(&json!({"decision": "approve"})).await.is(201);
        path
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// The state of an API over `desk` for everybody who has a token.
pub(super) fn state(desk: &Desk, stop: &CancellationToken) -> ApiState {
    let entry = |user: &str| TokenEntry {
        user: user.to_owned(),
        sha256: Sha256::digest(format!("{user}-token")).into(),
        service: matches!(user, "portal" | "robot"),
        groups: if user == "erin" { ["sre".to_owned()].into() } else { [].into() },
    };
    let tokens = TokenTable::new(HOLDERS.iter().map(|user| entry(user)).collect());
    let webhook = WebhookEntry {
        name: "dev".to_owned(),
        destination: WEBHOOK.to_owned(),
        host: "https://hook.example.com".to_owned(),
        enabled: true,
        events: vec!["request.*".to_owned()],
        clusters: vec![],
    };
    let state = ApiState::new(desk.clone(), Arc::new(tokens), PUBLIC_URL, stop.clone());
    state.in_rhythm(QUICK).knowing_webhooks(vec![webhook])
}

/// Often enough that no test waits for it.
pub(super) const QUICK: Rhythm = Rhythm {
    heartbeat: Duration::from_millis(200),
    check: Duration::from_millis(50),
    look: Duration::from_millis(100),
};

/// Serves the whole API of `state` until it stops; answers where.
pub(super) async fn serve_all(state: ApiState) -> String {
    tokio::spawn(state.keep_looking());
    let stop = state.stop.clone();
    serve(api::router(state), &stop).await
}

/// Serves `router` until `stop`; answers where.
pub(super) async fn serve(router: axum::Router, stop: &CancellationToken) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(api::serve(listener, router, stop.clone()));
    base
}

/// Where a request is.
pub(super) fn path(request: &Value) -> String {
    format!("/v1/requests/{}", request["id"].as_str().unwrap())
}

/// `AmazonEKSViewPolicy` in one namespace of `dev`, longer than what is let through without a sign-off; with `changes`.
pub(super) fn ask(changes: Value) -> Value {
    let mut body = json!({
        "clusterName": "dev",
        "principalArn": ROLE,
        "accessPolicies": [{"policyArn": "AmazonEKSViewPolicy",
                            "accessScope": {"type": "namespace", "namespaces": ["payments"]}}],
        "reason": "a test needs it",
        "duration": "481m",
    });
    body.as_object_mut().unwrap().extend(fields(changes));
    body
}

fn fields(object: Value) -> Map<String, Value> {
    match object {
        Value::Object(fields) => fields,
        other => panic!("no object: {other}"),
    }
}

/// A call on its way out. Awaited, it is an [`Answer`].
pub(super) struct Call {
    request: RequestBuilder,
}

impl Call {
    pub(super) fn by(self, who: &str) -> Self {
        self.header("authorization", &format!("Bearer {who}-token"))
    }

    pub(super) fn header(self, name: &str, value: &str) -> Self {
        Self { request: self.request.header(name, value) }
    }

    pub(super) fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    /// With this body instead of the one before.
    pub(super) fn json(self, body: &Value) -> Self {
        Self { request: self.request.json(body) }
    }

    /// With these bytes as the body, and no word about what they are.
    pub(super) fn body(self, bytes: impl Into<reqwest::Body>) -> Self {
        Self { request: self.request.body(bytes) }
    }
}

impl IntoFuture for Call {
    type Output = Answer;
    type IntoFuture = Pin<Box<dyn Future<Output = Answer> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let mut answer = self.request.send().await.unwrap();
            let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
            // A stream has no end; how it begins will do.
            let endless = headers.get("content-type").is_some_and(|kind| kind == "text/event-stream");
            let text = match endless {
                true => String::from_utf8(answer.chunk().await.unwrap().unwrap().to_vec()).unwrap(),
                false => answer.text().await.unwrap(),
            };
            let body = serde_json::from_str(&text).unwrap_or_default();
            let answer = Answer { status, headers, text, body };
            answer.look();
            answer
        })
    }
}

pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
    /// Null where it is no JSON.
    pub(super) body: Value,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.status, self.text)
    }
}

impl Answer {
    /// What holds for every answer whatsoever.
    fn look(&self) {
        let id = self.header("x-request-id").unwrap_or_else(|| panic!("an answer without an id: {self:?}"));
        assert_eq!(self.header("x-content-type-options").as_deref(), Some("nosniff"), "{self:?}");
        assert!(self.header("cache-control").is_some() && self.header("content-security-policy").is_some());
        if self.status < 400 || self.body["status"] == "stopping" || self.body["status"] == "unavailable" {
            return;
        }
        assert_eq!(self.header("content-type").as_deref(), Some("application/problem+json"), "{self:?}");
        let fields: BTreeSet<_> = self.body.as_object().unwrap().keys().map(String::as_str).collect();
        let all = ["code", "detail", "errors", "requestId", "status", "title", "type"];
        assert_eq!(fields, all.into(), "{self:?}");
        assert_eq!(self.body["status"], self.status);
        assert_eq!(self.body["requestId"], id.as_str());
        assert_eq!(self.body["type"], format!("/problems/{}", self.code()));
        assert!(!self.body["title"].as_str().unwrap().is_empty() && !self.body["detail"].as_str().unwrap().is_empty());
        assert_eq!(self.header("www-authenticate").is_some(), self.status == 401, "{self:?}");
        assert!(self.status != 503 || self.header("retry-after").is_some(), "{self:?}");
        if self.status >= 500 {
            for inside in ["sql", "postgres", "connection", "os error", "panick"] {
                assert!(!self.text.to_lowercase().contains(inside), "{inside}: {self:?}");
            }
        }
    }

    pub(super) fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name).map(|value| value.to_str().unwrap().to_owned())
    }

    pub(super) fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    /// A problem with this status and code.
    pub(super) fn fails(self, status: u16, code: &str) -> Self {
        assert_eq!((self.status, self.code()), (status, code), "{self:?}");
        self
    }

    pub(super) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    pub(super) fn detail(&self) -> &str {
        self.body["detail"].as_str().unwrap_or_default()
    }

    pub(super) fn etag(&self) -> String {
        self.header("etag").unwrap_or_else(|| panic!("no ETag: {self:?}"))
    }

    pub(super) fn replayed(&self) -> bool {
        self.header("idempotency-replayed").is_some_and(|value| value == "true")
    }

    /// Code and place (a pointer, or the name of a parameter) of everything that is wrong.
    pub(super) fn errors(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let errors = self.body["errors"].as_array().unwrap().iter();
        errors
            .map(|error| {
                assert!(!error["detail"].as_str().unwrap().is_empty(), "{error}");
                let place = text(&error["pointer"]).or_else(|| text(&error["parameter"]));
                (text(&error["code"]).unwrap(), place.unwrap())
            })
            .collect()
    }

    /// One field of each item of a list.
    pub(super) fn each(&self, field: &str) -> Vec<String> {
        let items = self.body["items"].as_array().unwrap_or_else(|| panic!("no list: {self:?}"));
        items.iter().map(|item| item[field].as_str().unwrap().to_owned()).collect()
    }
}

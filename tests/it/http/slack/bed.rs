//! Entryway and a fake Slack, which sign and answer each other as the real ones do.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use entryway::api;
use entryway::slack::{COMMAND, Client};
use entryway::worker::deliver::Deliverer;
use entryway::worker::slack::{SlackChannel, SlackRoute, pace};
use entryway::workflow::Desk;
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use sha2::Sha256;

use super::super::bed::{Api, PUBLIC_URL};
use super::fake::{FakeSlack, TEAM, TOKEN};
use crate::harness::{database, http};

pub(super) const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) struct Slacked {
    pub(super) api: Api,
    pub(super) slack: FakeSlack,
    pub(super) mine: Arc<api::Slack>,
}

/// What Slack got for an answer.
#[derive(Debug)]
pub(super) struct Got {
    pub(super) status: u16,
    pub(super) body: Value,
    pub(super) text: String,
    pub(super) after: Duration,
}

impl Slacked {
    pub(super) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(super) async fn with(change: impl FnOnce(&mut Desk)) -> Self {
        let slack = FakeSlack::start().await;
        for (id, name) in [("UALICE", "alice"), ("UBOB", "bob"), ("UCAROL", "carol"), ("UDAN", "dan")] {
            slack.user(id, name, json!({}));
        }
        let mine = mine(&slack);
        let api = Api::answering(mine.clone(), change).await;
        Self { api, slack, mine }
    }

    /// Ties the Slack users of these people to them, by the way that people go.
    pub(super) async fn tie(&self, people: &[&str]) {
        for who in people {
            let link = self.link(&user(who)).await;
            self.api.post(who, &link).body("").await.is(200);
        }
    }

    /// The link that a Slack user is given when they are not known.
    pub(super) async fn link(&self, user_id: &str) -> String {
        let said = self.command_as(user_id, "").await;
        let at = said.find("/slack/link/").unwrap_or_else(|| panic!("no link: {said}"));
        said[at..].split_whitespace().next().unwrap().to_owned()
    }

    /// Gives the command; answers what its author is told, or `opened`.
    pub(super) async fn command_as(&self, user_id: &str, text: &str) -> String {
        let to = self.slack.answers();
        let opened = self.slack.opened().len();
        let got = self.send("commands", &self.command(user_id, text, &to)).await;
        assert_eq!(got.status, 200, "{got:?}");
        if let Some(told) = got.body["text"].as_str() {
            return told.to_owned();
        }
        let said = || {
            let told = self.slack.told(&to).into_iter().next();
            told.or_else(|| (self.slack.opened().len() > opened).then(|| "opened".to_owned()))
        };
        until("the command is answered", said).await
    }

    pub(super) fn command(&self, user_id: &str, text: &str, to: &str) -> String {
        let trigger = self.slack.trigger();
        form(&[
            ("token", "gIkuvaNzQIHg97ATvDxqgjtO"),
            ("team_id", TEAM),
            ("team_domain", "example"),
            ("channel_id", "C0OPS"),
            ("channel_name", "ops"),
            ("user_id", user_id),
            ("user_name", "somebody"),
            ("command", COMMAND),
            ("text", text),
            ("api_app_id", "A1"),
            ("is_enterprise_install", "false"),
            ("response_url", to),
            ("trigger_id", &trigger),
        ])
    }

    /// A click on a button under a message; answers what its author is told.
    pub(super) async fn click(&self, user_id: &str, action: &str, value: &str) -> String {
        let to = self.slack.answers();
        let body = self.pressed(user_id, action, value, &to);
        self.clicked(&to, &body).await
    }

    /// A click on a certain message; answers what its author is told, after everything has come of it.
    pub(super) async fn click_on(&self, at: &(String, String), user_id: &str, action: &str, value: &str) -> String {
        let to = self.slack.answers();
        let body = self.pressed_on(at, TEAM, TEAM, user_id, action, value, &to);
        let told = self.clicked(&to, &body).await;
        self.mine.drain().await;
        told
    }

    async fn clicked(&self, to: &str, body: &str) -> String {
        let opened = self.slack.opened().len();
        let got = self.send("interactions", body).await;
        assert_eq!((got.status, got.text.as_str()), (200, ""), "{got:?}");
        let said = || {
            let told = self.slack.told(to).into_iter().next();
            told.or_else(|| (self.slack.opened().len() > opened).then(|| "opened".to_owned()))
        };
        until("the click is answered", said).await
    }

    pub(super) fn pressed(&self, user_id: &str, action: &str, value: &str, to: &str) -> String {
        self.pressed_in(TEAM, TEAM, user_id, action, value, to)
    }

    pub(super) fn pressed_in(
        &self,
        team: &str,
        home: &str,
        user_id: &str,
        action: &str,
        value: &str,
        to: &str,
    ) -> String {
        let at = self.slack.newest("C0OPS").unwrap_or_else(|| ("C0OPS".to_owned(), "1780315200.999999".to_owned()));
        self.pressed_on(&at, team, home, user_id, action, value, to)
    }

    /// The same on a certain message.
    #[expect(clippy::too_many_arguments, reason = "everything that a click says")]
    pub(super) fn pressed_on(
        &self,
        (channel, ts): &(String, String),
        team: &str,
        home: &str,
        user_id: &str,
        action: &str,
        value: &str,
        to: &str,
    ) -> String {
        let payload = json!({
            "type": "block_actions",
            "user": {"id": user_id, "username": "somebody", "name": "somebody", "team_id": home},
            "api_app_id": "A1", "token": "gIkuvaNzQIHg97ATvDxqgjtO",
            "container": {"type": "message", "message_ts": ts, "channel_id": channel, "is_ephemeral": false},
            "trigger_id": self.slack.trigger(),
            "team": {"id": team, "domain": "example"}, "enterprise": null, "is_enterprise_install": false,
            "channel": {"id": channel, "name": "ops"},
            "message": {"type": "message", "bot_id": "B1", "user": "UBOT", "app_id": "A1", "ts": ts,
                        "text": "pending", "team": TEAM, "blocks": []},
            "state": {"values": {}},
            "response_url": to,
            "actions": [{"action_id": action, "block_id": "x=Y1", "type": "button", "style": "primary", "value": value,
                         "text": {"type": "plain_text", "text": "Approve", "emoji": false}, "action_ts": "1780315201.000002"}],
        });
        form(&[("payload", &payload.to_string())])
    }

    /// A view with what was filled in, as `state.values`.
    pub(super) fn filled(&self, user_id: &str, view_id: &str, view: &Value, values: &Value) -> String {
        let mut view = view.clone();
        for (key, value) in json!({
            "id": view_id, "team_id": TEAM, "hash": "1780315200.aaaa", "root_view_id": view_id, "previous_view_id": null,
            "app_id": "A1", "bot_id": "B1", "external_id": "", "app_installed_team_id": TEAM, "clear_on_close": false,
            "notify_on_close": false, "state": {"values": values},
        })
        .as_object()
        .unwrap()
        {
            view[key] = value.clone();
        }
        let payload = json!({
            "type": "view_submission", "team": {"id": TEAM, "domain": "example"},
            "user": {"id": user_id, "username": "somebody", "name": "somebody", "team_id": TEAM},
            "api_app_id": "A1", "token": "gIkuvaNzQIHg97ATvDxqgjtO", "trigger_id": self.slack.trigger(), "view": view,
            "response_urls": [], "is_enterprise_install": false, "enterprise": null,
        });
        form(&[("payload", &payload.to_string())])
    }

    /// Sends a call as Slack does.
    pub(super) async fn send(&self, route: &str, body: &str) -> Got {
        self.send_to(&self.api.base, route, body, signed(SECRET, Utc::now().timestamp(), body)).await
    }

    pub(super) async fn send_to(&self, base: &str, route: &str, body: &str, headers: HeaderMap) -> Got {
        let begun = Instant::now();
        let request = http().post(format!("{base}/slack/{route}")).headers(headers).body(body.to_owned());
        let answer = request.send().await.unwrap();
        let after = begun.elapsed();
        let (status, text) = (answer.status().as_u16(), answer.text().await.unwrap());
        Got { status, body: serde_json::from_str(&text).unwrap_or_default(), text, after }
    }

    /// What tells Slack of requests: on `url`, as another process would.
    pub(super) fn teller(&self, routes: Vec<SlackRoute>) -> (Deliverer, Arc<SlackChannel>) {
        let store = database::connect(&self.api.bed.url, self.api.bed.desk.store.clock().clone());
        let desk = Desk { store: store.clone(), ..self.api.bed.desk.clone() };
        let channel = SlackChannel::new(desk, client(&self.slack), TEAM.to_owned(), PUBLIC_URL.to_owned(), routes);
        (Deliverer::new(store, channel.clone(), pace(Duration::from_secs(1))), channel)
    }
}

pub(super) fn mine(slack: &FakeSlack) -> Arc<api::Slack> {
    let secrets = ["another-while-rotating".into(), SECRET.into()];
    Arc::new(api::Slack::new(client(slack), &secrets, TEAM.to_owned(), PUBLIC_URL.to_owned()))
}

fn client(slack: &FakeSlack) -> Client {
    Client::new(&format!("{}/api", slack.base), TOKEN.into()).unwrap()
}

/// A channel that hears of everything.
pub(super) fn ops() -> Vec<SlackRoute> {
    vec![SlackRoute { channel: "C0OPS".to_owned(), environments: vec![], clusters: vec![], events: vec![] }]
}

pub(super) fn user(person: &str) -> String {
    format!("U{}", person.to_uppercase())
}

/// The value of the buttons under a request.
pub(super) fn button(request: &Value) -> String {
    format!("{} {}", request["id"].as_str().unwrap(), request["specDigest"].as_str().unwrap())
}

pub(super) fn form(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

pub(super) fn signature(secret: &str, timestamp: i64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("v0:{timestamp}:{body}").as_bytes());
    let bytes = mac.finalize().into_bytes();
    bytes.iter().fold("v0=".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

pub(super) fn signed(secret: &str, timestamp: i64, body: &str) -> HeaderMap {
    headers(&signature(secret, timestamp, body), &timestamp.to_string())
}

pub(super) fn headers(signature: &str, timestamp: &str) -> HeaderMap {
    let all = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("x-slack-signature", signature),
        ("x-slack-request-timestamp", timestamp),
    ];
    let pair = |(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    all.map(pair).into_iter().collect()
}

/// Waits until there is something.
pub(super) async fn until<T>(what: &str, found: impl Fn() -> Option<T>) -> T {
    let looking = async {
        loop {
            if let Some(found) = found() {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.unwrap_or_else(|_| panic!("never: {what}"))
}

//! Slack on the loopback: its Web API and its addresses for answers, as strict as Slack is where it matters here, and as unwell as a test
//! wants it to be.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, Response, StatusCode};
use axum::routing::post;
use serde_json::{Value, json};
use tokio::net::TcpListener;

pub(super) const TOKEN: &str = "xoxb-a-bot";
pub(super) const TEAM: &str = "T0123";

/// What a method does instead of its work.
#[derive(Clone)]
pub(super) enum Mood {
    /// 429 with `Retry-After`.
    TooMany(u64),
    /// `ok: false`.
    Refuses(&'static str),
    /// Never answers.
    Hangs,
    /// Does it, and answers after so long.
    Late(Duration),
    /// Does it, and the connection breaks before it says so.
    Loses,
}

#[derive(Default)]
struct World {
    users: BTreeMap<String, Value>,
    /// What each message showed, oldest first, by channel and ts.
    messages: BTreeMap<(String, String), Vec<Value>>,
    triggers: BTreeMap<String, Instant>,
    opened: Vec<Value>,
    replaced: Vec<(String, Value)>,
    told: Vec<(String, String)>,
    moods: Vec<(&'static str, Mood)>,
    calls: Vec<(String, Instant)>,
    complaints: Vec<String>,
    next: u64,
}

#[derive(Clone)]
pub(super) struct FakeSlack {
    pub(super) base: String,
    world: Arc<Mutex<World>>,
}

impl FakeSlack {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let slack = Self { base, world: Arc::default() };
        let router = Router::new()
            .route("/api/{method}", post(method).get(method))
            .route("/answers/{id}", post(answer))
            .with_state(slack.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        slack
    }

    /// A full member of the workspace, with changes.
    pub(super) fn user(&self, id: &str, name: &str, changes: Value) {
        let mut user = json!({
            "id": id, "team_id": TEAM, "name": name, "real_name": name, "deleted": false, "is_bot": false,
            "is_restricted": false, "is_ultra_restricted": false, "is_app_user": false,
            "profile": {"display_name": name, "email": format!("{name}@example.com"), "team": TEAM},
        });
        for (key, value) in changes.as_object().unwrap() {
            user[key] = value.clone();
        }
        self.world.lock().unwrap().users.insert(id.to_owned(), user);
    }

    /// The next call of `method` goes like this. `answers` stands for what is said to the addresses for those, which fails then.
    pub(super) fn once(&self, method: &'static str, mood: Mood) {
        self.world.lock().unwrap().moods.push((method, mood));
    }

    /// The next message for `target` goes like this.
    pub(super) fn once_to(&self, target: &'static str, mood: Mood) {
        self.once(target, mood);
    }

    pub(super) fn trigger(&self) -> String {
        let mut world = self.world.lock().unwrap();
        world.next += 1;
        let id = format!("{}.trigger", world.next);
        world.triggers.insert(id.clone(), Instant::now());
        id
    }

    pub(super) fn answers(&self) -> String {
        let mut world = self.world.lock().unwrap();
        world.next += 1;
        format!("{}/answers/{}", self.base, world.next)
    }

    /// What was said to an address for answers.
    pub(super) fn told(&self, to: &str) -> Vec<String> {
        let world = self.world.lock().unwrap();
        world.told.iter().filter(|(id, _)| to.ends_with(&format!("/{id}"))).map(|(_, said)| said.clone()).collect()
    }

    pub(super) fn opened(&self) -> Vec<Value> {
        self.world.lock().unwrap().opened.clone()
    }

    pub(super) fn replaced(&self) -> Vec<(String, Value)> {
        self.world.lock().unwrap().replaced.clone()
    }

    /// Every message by channel: what it has shown, oldest first.
    pub(super) fn messages(&self) -> BTreeMap<(String, String), Vec<Value>> {
        self.world.lock().unwrap().messages.clone()
    }

    /// What the one message in a channel shows now.
    pub(super) fn shown(&self, channel: &str) -> String {
        let messages = self.messages();
        let mut here = messages.iter().filter(|((at, _), _)| at == channel);
        let shown =
            here.next().unwrap_or_else(|| panic!("nothing in {channel}: {messages:?}")).1.last().unwrap().to_string();
        assert!(here.next().is_none(), "two messages in {channel}");
        shown
    }

    pub(super) fn calls(&self, method: &str) -> usize {
        self.called_at(method).len()
    }

    /// When each call of `method` came.
    pub(super) fn called_at(&self, method: &str) -> Vec<Instant> {
        let world = self.world.lock().unwrap();
        world.calls.iter().filter(|(call, _)| call == method).map(|(_, at)| *at).collect()
    }

    /// Where the newest message in `channel` stands.
    pub(super) fn newest(&self, channel: &str) -> Option<(String, String)> {
        self.messages().into_keys().rfind(|(at, _)| at == channel)
    }

    /// Nothing was sent that Slack would not have taken.
    pub(super) fn is_content(&self) {
        let world = self.world.lock().unwrap();
        assert_eq!(world.complaints, Vec::<String>::new());
    }
}

async fn method(
    State(slack): State<FakeSlack>,
    Path(method): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let mood = {
        let mut world = slack.world.lock().unwrap();
        world.calls.push((method.clone(), Instant::now()));
        let to = serde_json::from_slice::<Value>(&body).unwrap_or_default()["channel"].take();
        let at = world.moods.iter().position(|(of, _)| *of == method || to == **of);
        at.map(|at| world.moods.remove(at).1)
    };
    let (mut late, mut loses) = (None, false);
    match mood {
        Some(Mood::TooMany(seconds)) => {
            let limited = Response::builder().status(429).header("retry-after", seconds);
            return limited.body("{\"ok\":false,\"error\":\"ratelimited\"}".into()).unwrap();
        }
        Some(Mood::Refuses(error)) => return reply(&json!({"ok": false, "error": error})),
        Some(Mood::Hangs) => std::future::pending::<()>().await,
        Some(Mood::Late(time)) => late = Some(time),
        Some(Mood::Loses) => loses = true,
        None => {}
    }
    let done = done(&slack, &method, query, &headers, &body);
    if let Some(time) = late {
        tokio::time::sleep(time).await;
    }
    if loses {
        let broken = futures_util::stream::once(async { Err::<Bytes, _>(std::io::Error::other("broken")) });
        return Response::new(Body::from_stream(broken));
    }
    done
}

fn done(slack: &FakeSlack, method: &str, query: Option<String>, headers: &HeaderMap, body: &[u8]) -> Response<Body> {
    if headers.get("authorization").and_then(|value| value.to_str().ok()) != Some(&format!("Bearer {TOKEN}")) {
        return reply(&json!({"ok": false, "error": "invalid_auth"}));
    }
    let mut world = slack.world.lock().unwrap();
    if method == "users.info" {
        let id = query.unwrap_or_default().strip_prefix("user=").unwrap_or_default().to_owned();
        return reply(&match world.users.get(&id) {
            Some(user) => json!({"ok": true, "user": user}),
            None => json!({"ok": false, "error": "user_not_found"}),
        });
    }
    let json_body = headers.get("content-type").is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    let body: Value = if json_body { serde_json::from_slice(body).unwrap_or_default() } else { Value::Null };
    let done = match method {
        "chat.postMessage" => posted(&mut world, &body),
        "chat.update" => updated(&mut world, &body),
        "views.open" => opened(&mut world, &body),
        "views.update" => check_view(&body["view"]).map(|()| {
            world.replaced.push((body["view_id"].as_str().unwrap().to_owned(), body["view"].clone()));
            json!({"ok": true})
        }),
        _ => Err("unknown_method".to_owned()),
    };
    reply(&done.unwrap_or_else(|error| {
        world.complaints.push(format!("{method}: {error}: {body}"));
        json!({"ok": false, "error": error.split(':').next().unwrap()})
    }))
}

async fn answer(State(slack): State<FakeSlack>, Path(id): Path<String>, body: Bytes) -> StatusCode {
    let said: Value = serde_json::from_slice(&body).unwrap_or_default();
    let mut world = slack.world.lock().unwrap();
    if let Some(at) = world.moods.iter().position(|(of, _)| *of == "answers") {
        world.moods.remove(at);
        world.calls.push(("answers".to_owned(), Instant::now()));
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    let text = said["text"].as_str().unwrap_or_default().to_owned();
    if said["response_type"] != "ephemeral" || said["replace_original"] != false || text.is_empty() {
        world.complaints.push(format!("an answer to {id}: {said}"));
    }
    world.told.push((id, text));
    StatusCode::OK
}

fn posted(world: &mut World, body: &Value) -> Result<Value, String> {
    check_message(body)?;
    let to = body["channel"].as_str().ok_or("channel_not_found")?;
    let channel = match to.chars().next() {
        Some('C') => to.to_owned(),
        Some('U') if world.users.contains_key(to) => format!("D{}", &to[1..]),
        _ => return Err("channel_not_found".to_owned()),
    };
    world.next += 1;
    let ts = format!("1780315200.{:06}", world.next);
    world.messages.insert((channel.clone(), ts.clone()), vec![body.clone()]);
    Ok(json!({"ok": true, "channel": channel, "ts": ts, "message": {}}))
}

fn updated(world: &mut World, body: &Value) -> Result<Value, String> {
    check_message(body)?;
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    let at = (text("channel"), text("ts"));
    // Somebody deleted it: nobody can know before.
    let Some(shown) = world.messages.get_mut(&at) else {
        return Ok(json!({"ok": false, "error": "message_not_found"}));
    };
    shown.push(body.clone());
    Ok(json!({"ok": true, "channel": at.0, "ts": at.1}))
}

fn opened(world: &mut World, body: &Value) -> Result<Value, String> {
    let made = world.triggers.remove(body["trigger_id"].as_str().unwrap_or_default()).ok_or("invalid_trigger_id")?;
    if made.elapsed() > Duration::from_secs(3) {
        return Err("expired_trigger_id".to_owned());
    }
    check_view(&body["view"])?;
    world.opened.push(body["view"].clone());
    Ok(json!({"ok": true, "view": {"id": "V1"}}))
}

fn reply(body: &Value) -> Response<Body> {
    Response::builder().header("content-type", "application/json").body(body.to_string().into()).unwrap()
}

// ---- what Slack takes (Block Kit reference, views and message payloads) ----------------------------------------------

fn check_message(body: &Value) -> Result<(), String> {
    if body["text"].as_str().is_none_or(str::is_empty) {
        return Err("no_text".to_owned());
    }
    check_text(&body["text"], 4000)?;
    check_blocks(&body["blocks"], 50)
}

fn check_view(view: &Value) -> Result<(), String> {
    check_plain(&view["title"], 24)?;
    let has_input = view["blocks"].as_array().into_iter().flatten().any(|block| block["type"] == "input");
    if view["type"] != "modal" || has_input && view["submit"].is_null() {
        return Err("invalid_arguments: view".to_owned());
    }
    for optional in ["submit", "close"] {
        if !view[optional].is_null() {
            check_plain(&view[optional], 24)?;
        }
    }
    if view["private_metadata"].as_str().is_some_and(|text| text.len() > 3000) {
        return Err("invalid_arguments: private_metadata".to_owned());
    }
    check_blocks(&view["blocks"], 100)
}

fn check_blocks(blocks: &Value, most: usize) -> Result<(), String> {
    let blocks = blocks.as_array().ok_or("invalid_blocks: none")?;
    let ids: Vec<_> = blocks.iter().filter_map(|block| block["block_id"].as_str()).collect();
    if blocks.len() > most || ids.iter().collect::<BTreeSet<_>>().len() != ids.len() {
        return Err("invalid_blocks: too many, or one twice".to_owned());
    }
    blocks.iter().try_for_each(check_block)
}

fn check_block(block: &Value) -> Result<(), String> {
    let each = |items: &Value, most: usize, check: &dyn Fn(&Value) -> Result<(), String>| {
        let items =
            items.as_array().filter(|items| (1..=most).contains(&items.len())).ok_or("invalid_blocks: items")?;
        items.iter().try_for_each(check)
    };
    match block["type"].as_str().unwrap_or_default() {
        "section" => {
            if block["text"].is_null() && block["fields"].is_null() {
                return Err("invalid_blocks: an empty section".to_owned());
            }
            if !block["text"].is_null() {
                check_text(&block["text"]["text"], 3000)?;
            }
            if !block["fields"].is_null() {
                each(&block["fields"], 10, &|field| check_text(&field["text"], 2000))?;
            }
            Ok(())
        }
        "context" => each(&block["elements"], 10, &|element| check_text(&element["text"], 3000)),
        "actions" => each(&block["elements"], 25, &|button| {
            check_plain(&button["text"], 75)?;
            let sound = button["type"] == "button"
                && button["action_id"].is_string()
                && button["value"].as_str().is_none_or(|value| value.len() <= 2000);
            if sound { Ok(()) } else { Err(format!("invalid_blocks: {button}")) }
        }),
        "input" => {
            check_plain(&block["label"], 2000)?;
            let element = &block["element"];
            match element["type"].as_str().unwrap_or_default() {
                "plain_text_input" => Ok(()),
                "static_select" | "multi_static_select" => {
                    each(&element["options"], 100, &|option| check_plain(&option["text"], 75))?;
                    let offered = element["options"].as_array().unwrap();
                    let first = [&element["initial_option"]].into_iter().filter(|option| !option.is_null());
                    let mut chosen = first.chain(element["initial_options"].as_array().into_iter().flatten());
                    if chosen.all(|option| offered.contains(option)) {
                        return Ok(());
                    }
                    Err("invalid_blocks: what is chosen is not offered".to_owned())
                }
                other => Err(format!("invalid_blocks: {other}")),
            }
        }
        other => Err(format!("invalid_blocks: {other}")),
    }
}

fn check_plain(text: &Value, most: usize) -> Result<(), String> {
    if text["type"] != "plain_text" {
        return Err(format!("invalid_blocks: no plain text: {text}"));
    }
    check_text(&text["text"], most)
}

/// Neither empty nor too long, and nothing in it that Slack acts on but times.
fn check_text(text: &Value, most: usize) -> Result<(), String> {
    let text = text.as_str().unwrap_or_default();
    if text.is_empty() || text.chars().count() > most {
        return Err(format!("invalid_blocks: {} characters of {most}", text.chars().count()));
    }
    let acts = text.match_indices('<').any(|(at, _)| !text[at..].starts_with("<!date^"));
    if acts { Err(format!("invalid_blocks: acts on its reader: {text}")) } else { Ok(()) }
}

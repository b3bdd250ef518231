//! `GET /v1/events/stream`: what happens, to whoever may see it, while it happens.

mod ends;
mod losses;
pub(super) mod reader;

use serde_json::{Value, json};

use self::reader::Reader;
use super::bed::{Api, ask, path};

fn url(base: &str, query: &str) -> String {
    format!("{base}/v1/events/stream{query}")
}

async fn read(api: &Api, who: &str, query: &str) -> Reader {
    Reader::open(&url(&api.base, query), who, None).await
}

fn each(events: &[Value], field: &str) -> Vec<String> {
    events.iter().map(|event| event[field].as_str().unwrap_or("-").to_owned()).collect()
}

fn id(path: &str) -> String {
    path.rsplit('/').next().unwrap().to_owned()
}

#[tokio::test]
async fn everybody_hears_of_what_they_may_see_and_of_nothing_else() {
    let api = Api::new().await;
    let before = api.filed("alice").await;
    let (mut alice, mut dan) = (read(&api, "alice", "").await, read(&api, "dan", "").await);
    let (mut bob, mut olga) = (read(&api, "bob", "").await, read(&api, "olga", "").await);
    let (mut erin, mut robot) = (read(&api, "erin", "").await, read(&api, "robot", "").await);
    let speaks = [("authorization", "Bearer portal-token".to_owned()), ("entryway-on-behalf-of", "dan".to_owned())];
    let mut portal = Reader::with(&url(&api.base, ""), &speaks).await;
    let dans = path(&api.file("dan", &ask(json!({}))).await);
    api.get("dan", "/v1/events").await.fails(403, "forbidden");
    api.post("bob", &format!("{before}/reviews")).json(&json!({"decision": "deny", "comment": "no"})).await.is(201);
    let everything = api.get("olga", "/v1/events?after=1").await.is(200);
    let everything = everything.body["items"].as_array().unwrap();
    let types = ["request.submitted", "request.refused", "request.reviewed", "request.denied"];
    assert_eq!(each(everything, "type"), types);
    for auditor in [&mut bob, &mut olga, &mut erin] {
        assert_eq!(auditor.events(4).await, *everything, "as the log has it");
    }
    for own in [&mut dan, &mut portal] {
        assert_eq!(own.event().await["requestId"], id(&dans).as_str());
    }
    let hers = alice.events(2).await;
    let timeline = api.get("alice", &format!("{before}/events")).await.is(200);
    assert_eq!(hers, timeline.body["items"].as_array().unwrap()[1..], "as her request's timeline has it");
    // What dan had before that, and what robot had at all, are comments.
    let last = everything.last().unwrap()["seq"].as_i64();
    for reader in [&mut dan, &mut portal, &mut robot] {
        while reader.last < last {
            assert_eq!(
                reader.frame().await.expect("it goes on").data,
                None,
                "of what is not theirs, only how far it is"
            );
        }
    }
}

#[tokio::test]
async fn what_happens_to_an_entry_is_heard_by_everybody_whose_request_it_names() {
    let api = Api::new().await;
    let (first, second) = (api.granted().await, path(&api.file("dan", &ask(json!({}))).await));
    api.post("bob", &format!("{second}/reviews")).json(&json!({"decision": "approve"})).await.is(201);
    let mut readers =
        [read(&api, "alice", "?type=entry.created").await, read(&api, "dan", "?type=entry.created").await];
    api.bed.work().await;
    for reader in &mut readers {
        let named = &reader.event().await["data"]["requestIds"];
        for path in [&first, &second] {
            assert!(named.as_array().unwrap().contains(&json!(id(path))), "{named}");
        }
    }
    // And who comes later finds the same.
    for who in ["alice", "dan"] {
        assert_eq!(read(&api, who, "?after=0&type=entry.created").await.event().await["type"], "entry.created");
    }
}

#[tokio::test]
async fn filters_are_those_of_the_log() {
    let api = Api::new().await;
    let first = api.granted().await;
    let open = async |query: String| read(&api, "olga", &query).await;
    let mut readers = [
        open(format!("?after=0&requestId={}", id(&first))).await,
        open("?after=0&actor=bob".to_owned()).await,
        open("?after=0&clusterName=prod".to_owned()).await,
        open("?after=0&type=request.submitted&type=request.applying".to_owned()).await,
    ];
    api.file("dan", &ask(json!({"clusterName": "prod", "duration": "1h"}))).await;
    let expected: [&[&str]; 4] = [
        &["request.submitted", "request.reviewed", "request.applying"],
        &["request.reviewed"],
        &["request.submitted"],
        &["request.submitted", "request.applying", "request.submitted"],
    ];
    for (reader, expected) in readers.iter_mut().zip(expected) {
        assert_eq!(each(&reader.events(expected.len()).await, "type"), expected);
    }
    let call = |query: &str| api.get("olga", &format!("/v1/events/stream{query}"));
    for wrong in ["?after=-1", "?after=x", "?requestId=x", "?type=request.praised", "?maxResults=5", "?actor="] {
        call(wrong).await.fails(400, "bad-parameter");
    }
    for wrong in ["x", "-1", "1.5", "1 2"] {
        let answer = call("").header("last-event-id", wrong).await.fails(400, "bad-parameter");
        assert_eq!(answer.errors(), [("bad-parameter".to_owned(), "last-event-id".to_owned())]);
    }
    let ahead = call("?after=1000000").await.fails(400, "bad-parameter");
    assert!(ahead.detail().contains("another"), "of another log: {ahead:?}");
    call("?after=0").header("last-event-id", "1000000").await.fails(400, "bad-parameter");
    call("?after=1000000").header("last-event-id", "1").await.is(200);
    call("").header("last-event-id", "").await.is(200);
}

#[tokio::test]
async fn it_is_marked_as_what_it_is_and_shows_that_it_is_alive() {
    let api = Api::new().await;
    let mut reader = read(&api, "alice", "").await;
    assert_eq!(reader.header("content-type"), "text/event-stream");
    assert_eq!((reader.header("x-accel-buffering"), reader.header("cache-control")), ("no", "no-store, no-transform"));
    for _ in 0..3 {
        let beat = reader.frame().await.expect("it goes on");
        assert!(beat.comment.is_some() && beat.data.is_none(), "{beat:?}");
    }
}

#[tokio::test]
async fn nobody_opens_streams_without_end() {
    let api = Api::new().await;
    let mut open = vec![];
    for _ in 0..32 {
        open.push(read(&api, "alice", "").await);
    }
    let refused = api.get("alice", "/v1/events/stream").await.fails(429, "rate-limited");
    assert!(refused.header("retry-after").is_some() && refused.detail().contains("32"), "{refused:?}");
    api.get("dan", "/v1/events/stream").await.is(200);
    open.pop();
    let again = async {
        while api.get("alice", "/v1/events/stream").await.status != 200 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), again).await.expect("one is free again");
}

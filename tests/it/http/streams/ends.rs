//! Streams end when they have to, in good order: whoever may read on goes on where it ended.

use std::time::Duration;

use entryway::api;
use entryway::policy::PolicySet;
use reqwest::Method;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::super::bed::{Api, state};
use super::reader::Reader;
use super::{id, read, url};

const SOON: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_process_that_stops_sends_its_readers_to_another() {
    let api = Api::new().await;
    let stop = CancellationToken::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let one = state(&api.another_desk(), &stop);
    let looking = tokio::spawn(one.keep_looking());
    let served = tokio::spawn(api::serve(listener, api::router(one), stop.clone()));
    let mut readers = vec![];
    for who in ["alice", "olga"] {
        readers.push(Reader::open(&url(&base, ""), who, None).await);
    }
    let first = api.filed("alice").await;
    for reader in &mut readers {
        assert_eq!(reader.event().await["requestId"], id(&first).as_str());
    }
    stop.cancel();
    for reader in &mut readers {
        let farewell = reader.farewell().await;
        assert!(farewell.comment.as_deref().is_some_and(|why| why.contains("stopping")), "{farewell:?}");
        assert!(
            farewell.retry.is_some_and(|millis| (1..10_000).contains(&millis)),
            "and when to come back: {farewell:?}"
        );
    }
    tokio::time::timeout(SOON, served).await.expect("nobody holds it up").unwrap();
    tokio::time::timeout(SOON, looking).await.expect("nor does this").unwrap();
    let second = api.filed("alice").await;
    for (reader, who) in readers.iter().zip(["alice", "olga"]) {
        let mut again = Reader::open(&url(&api.base, ""), who, reader.last).await;
        assert_eq!(again.event().await["requestId"], id(&second).as_str(), "the next, and nothing twice");
    }
}

#[tokio::test]
async fn who_may_no_longer_read_the_log_is_shown_out_and_comes_back_as_what_they_are() {
    let api = Api::new().await;
    let (mut bob, mut olga) = (read(&api, "bob", "").await, read(&api, "olga", "").await);
    let starter = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/policies/starter.cedar")).unwrap();
    let folder = std::env::temp_dir().join(format!("entryway-stream-{}", Uuid::new_v4()));
    std::fs::create_dir_all(&folder).unwrap();
    let less = "\n@id(\"none\") forbid (principal in Entryway::Group::\"sre\", action in \
                [Entryway::Action::\"audit\", Entryway::Action::\"view\"], resource);\n";
    std::fs::write(folder.join("policies.cedar"), starter + less).unwrap();
    api.bed.desk.policies.replace(PolicySet::load(&folder).unwrap());
    std::fs::remove_dir_all(&folder).unwrap();
    api.filed("alice").await;
    let farewell = bob.farewell().await;
    assert!(farewell.comment.is_some_and(|why| why.contains("changed")), "before anything else is sent");
    assert_eq!(olga.event().await["type"], "request.submitted", "who still may goes on");
    let mut again = Reader::open(&url(&api.base, ""), "bob", bob.last).await;
    while again.last < olga.last {
        assert_eq!(again.frame().await.expect("it goes on").data, None, "of that, he hears no more");
    }
}

#[tokio::test]
async fn a_service_that_may_no_longer_speak_for_somebody_is_shown_out() {
    let api = Api::new().await;
    let speaks = [("authorization", "Bearer portal-token".to_owned()), ("entryway-on-behalf-of", "alice".to_owned())];
    let mut portal = Reader::with(&url(&api.base, ""), &speaks).await;
    let starter = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/policies/starter.cedar")).unwrap();
    let folder = std::env::temp_dir().join(format!("entryway-stream-{}", Uuid::new_v4()));
    std::fs::create_dir_all(&folder).unwrap();
    let less = "\n@id(\"none\") forbid (principal, action == Entryway::Action::\"actFor\", resource);\n";
    std::fs::write(folder.join("policies.cedar"), starter + less).unwrap();
    api.bed.desk.policies.replace(PolicySet::load(&folder).unwrap());
    std::fs::remove_dir_all(&folder).unwrap();
    let farewell = portal.farewell().await;
    assert!(farewell.comment.is_some_and(|why| why.contains("no longer lets you in")));
    let call = api.call(Method::GET, "/v1/events/stream").by("portal").header("entryway-on-behalf-of", "alice");
    call.await.fails(403, "forbidden");
    let failed = api.get("olga", "/v1/events?type=auth.failed").await.is(200);
    assert_eq!(failed.each("type").len(), 1, "the call, and not the stream: {failed:?}");
}

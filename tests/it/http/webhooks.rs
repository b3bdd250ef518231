//! Webhooks over the API: how they stand, and telling a receiver again.

use std::sync::{Arc, Mutex};

use entryway::domain::delivery::Brief;
use entryway::notify::{Channel, Delivering, Parcel, Verdict};
use entryway::worker::deliver::{Deliverer, DeliveryPace};
use serde_json::json;

use super::bed::{Api, WEBHOOK};
use crate::harness::database::number;

/// Takes everything, or nothing.
#[derive(Debug, Default)]
struct Receiver {
    closed: Mutex<bool>,
    heard: Mutex<Vec<i64>>,
}

impl Receiver {
    fn heard(&self) -> Vec<i64> {
        std::mem::take(&mut *self.heard.lock().unwrap())
    }
}

impl Channel for Receiver {
    fn destination(&self) -> &str {
        WEBHOOK
    }

    fn address(&self) -> &str {
        "there"
    }

    fn wants(&self, event: &Brief) -> bool {
        event.event_type.starts_with("request.")
    }

    fn deliver<'a>(&'a self, parcel: &'a Parcel) -> Delivering<'a> {
        Box::pin(async move {
            if *self.closed.lock().unwrap() {
                return Verdict::again("it answered 500");
            }
            self.heard.lock().unwrap().push(parcel.event.seq);
            Verdict::Delivered
        })
    }
}

#[tokio::test]
async fn a_receiver_is_told_again_from_where_it_says_once_for_each_key() {
    let api = Api::new().await;
    let receiver = Arc::new(Receiver::default());
    let pace = DeliveryPace::within(chrono::TimeDelta::seconds(60), std::time::Duration::from_secs(1));
    let deliverer = Deliverer::new(api.bed.desk.store.clone(), receiver.clone(), pace);
    let unknown = api.get("olga", "/v1/webhooks").await.is(200);
    assert_eq!(unknown.body["items"][0]["position"], json!(null));
    deliverer.open().await.unwrap();
    let at = api.filed("alice").await;
    deliverer.turn().await.unwrap();
    let first = receiver.heard();

    *receiver.closed.lock().unwrap() = true;
    api.post("alice", &format!("{at}/withdraw")).await.is(200);
    deliverer.turn().await.unwrap();
    let shown = api.get("olga", "/v1/webhooks").await.is(200);
    let one = &shown.body["items"][0];
    assert_eq!(
        (&one["name"], &one["status"], &one["host"]),
        (&json!("dev"), &json!("on"), &json!("https://hook.example.com"))
    );
    assert_eq!(
        (&one["waiting"], &one["failing"], &one["lastError"]),
        (&json!(1), &json!(1), &json!("it answered 500"))
    );
    let figures = api.get("olga", "/metrics").await.is(200).text;
    for line in ["deliveries_waiting", "deliveries_failing"] {
        assert!(figures.contains(&format!("entryway_{line}{{destination=\"{WEBHOOK}\"}} 1\n")), "{figures}");
    }

    *receiver.closed.lock().unwrap() = false;
    let replay = || api.post("bob", "/v1/webhooks/dev/replay").json(&json!({"after": 0})).key("again");
    let answer = replay().await.is(200);
    assert_eq!((&answer.body["name"], &answer.body["after"]), (&json!("dev"), &json!(0)));
    deliverer.turn().await.unwrap();
    let again = receiver.heard();
    assert!(again.starts_with(&first) && again.len() > first.len(), "{first:?} {again:?}");
    assert!(again.is_sorted());
    assert!(replay().await.is(200).replayed());
    deliverer.turn().await.unwrap();
    assert_eq!(receiver.heard(), Vec::<i64>::new(), "a repeated call does nothing");
    let noted = "SELECT count(*) FROM event WHERE type = 'destination.replayed' AND actor = 'bob'";
    assert_eq!(number(&api.bed.url, noted).await, 1);

    let end = number(&api.bed.url, "SELECT max(seq) FROM event").await;
    api.post("bob", "/v1/webhooks/dev/replay").json(&json!({"after": end})).await.is(200);
    deliverer.turn().await.unwrap();
    assert_eq!(receiver.heard(), Vec::<i64>::new(), "it has everything");
}

#[tokio::test]
async fn what_cannot_be_replayed_is_refused_and_changes_nothing() {
    let api = Api::new().await;
    let replay = |who: &str, name: &str, body: serde_json::Value| {
        api.post(who, &format!("/v1/webhooks/{name}/replay")).json(&body)
    };
    let after = || json!({"after": 0});
    replay("bob", "nothing-like-it", after()).await.fails(404, "not-found");
    replay("alice", "dev", after()).await.fails(403, "forbidden");
    replay("alice", "nothing-like-it", after()).await.fails(403, "forbidden");
    for bad in [json!({}), json!({"after": -1}), json!({"after": 1_000_000}), json!({"after": null})] {
        let answer = replay("bob", "dev", bad.clone()).await.fails(422, "validation-failed");
        assert_eq!(answer.errors(), vec![("after-invalid".to_owned(), "/after".to_owned())], "{bad}");
    }
    for odd in [json!({"after": "1"}), json!({"after": 0, "name": "dev"}), json!({"after": 1.5})] {
        assert_eq!(replay("bob", "dev", odd.clone()).await.status / 100, 4, "{odd}");
    }
    assert_eq!(number(&api.bed.url, "SELECT count(*) FROM destination").await, 0);
    api.get("alice", "/v1/webhooks").await.fails(403, "forbidden");
}

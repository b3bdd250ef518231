//! Webhooks against receivers on sockets: what they get, in which order, and what happens when they fail.

mod deaths;
mod forbidden;
mod receiver;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use entryway::audit::export::native;
use entryway::clock::Clock;
use entryway::config::{Config, Origin};
use entryway::domain::delivery::WebhookOptions;
use entryway::domain::event::{Event, EventType, NewEvent};
use entryway::domain::identity::Via;
use entryway::notify::webhook::{System, Webhook};
use entryway::notify::{Channel, Parcel, Verdict};
use entryway::store::{Store, outbox};
use entryway::worker::checkpoints::make_all;
use entryway::worker::deliver::{Deliverer, DeliveryPace};
use entryway::workflow::audit_log::LogFilter;
use entryway::workflow::checkpoint::Rhythm;
use serde_json::Value;

use crate::harness::{Bed, database, view};
use receiver::{Answer, Receiver};

const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3";
const OLD_SECRET: &str = "whsec_b2xkb2xkb2xkb2xkb2xkb2xkb2xkb2xk";

fn options(url: &str) -> WebhookOptions {
    WebhookOptions {
        name: "siem".to_owned(),
        url: url.to_owned(),
        secrets: vec![SECRET.into()],
        events: vec![],
        clusters: vec![],
        allow_private: true,
        enabled: true,
    }
}

fn deliverer(store: &Store, options: WebhookOptions) -> Deliverer {
    let webhook = Webhook::new(options, Arc::new(System)).unwrap();
    let pace = DeliveryPace {
        hands: 4,
        patience: Duration::from_secs(2),
        lease: TimeDelta::seconds(60),
        poll_interval: Duration::from_millis(100),
    };
    Deliverer::new(store.clone(), Arc::new(webhook), pace)
}

#[tokio::test]
async fn the_reference_verifier_takes_what_we_sign_with_either_secret_and_nothing_else() {
    let bed = Bed::new().await;
    let receiver = Receiver::start(|_| Answer::status(204)).await;
    // By the real time, which is what receivers hold the timestamp against.
    let store = database::connect(&bed.url, Clock::database());
    let both = WebhookOptions { secrets: vec![SECRET.into(), OLD_SECRET.into()], ..options(&receiver.url()) };
    let deliverer = deliverer(&store, both);
    deliverer.open().await.unwrap();
    bed.file("alice", view("payments")).await;
    deliverer.turn().await.unwrap();

    let heard = receiver.heard();
    assert!(!heard.is_empty());
    for message in &heard {
        for secret in [SECRET, OLD_SECRET] {
            let verifier = standardwebhooks::Webhook::new(secret).unwrap();
            verifier.verify(&message.body, &message.headers).unwrap();
            let mut forged = message.body.clone();
            forged[0] ^= 1;
            verifier.verify(&forged, &message.headers).unwrap_err();
            let mut other = message.headers.clone();
            other.insert("webhook-id", "another".parse().unwrap());
            verifier.verify(&message.body, &other).unwrap_err();
        }
        let stranger = standardwebhooks::Webhook::new("whsec_c3RyYW5nZXJzdHJhbmdlcnN0cmFuZ2Vy").unwrap();
        stranger.verify(&message.body, &message.headers).unwrap_err();
        assert_eq!(message.headers["content-type"], "application/json");
    }
}

#[tokio::test]
async fn what_arrives_is_what_the_log_answers_checkpoints_too_and_only_what_was_asked_for() {
    let bed = Bed::new().await;
    let (all, some) = (Receiver::start(|_| Answer::status(200)).await, Receiver::start(|_| Answer::status(200)).await);
    let everything = deliverer(&bed.desk.store, options(&all.url()));
    let narrow = WebhookOptions {
        name: "narrow".to_owned(),
        events: vec!["request.submitted".to_owned(), "audit.*".to_owned()],
        clusters: vec!["prod".to_owned()],
        ..options(&some.url())
    };
    let narrow = deliverer(&bed.desk.store, narrow);
    for each in [&everything, &narrow] {
        each.open().await.unwrap();
    }
    bed.file("alice", view("payments")).await;
    let mut prod = view("payments");
    prod.cluster_name = "prod".to_owned();
    prod.duration = Some("8h".to_owned());
    let prod = bed.file("alice", prod).await;
    make_all(&bed.desk, Rhythm { interval: TimeDelta::zero(), events: 1000 }, None).await.unwrap();
    for each in [&everything, &narrow] {
        each.turn().await.unwrap();
    }

    let log = bed.desk.log_page(&LogFilter::default(), 0, i64::MAX, 100).await.unwrap().events;
    let mut expected: Vec<Value> = log.iter().map(native).collect();
    let mut arrived: Vec<Value> = all.heard().iter().map(receiver::Heard::json).collect();
    arrived.sort_by_key(|event| event["seq"].as_i64());
    expected.sort_by_key(|event| event["seq"].as_i64());
    assert_eq!(arrived, expected);
    assert!(arrived.iter().any(|event| event["type"] == "audit.checkpoint"), "the anchor leaves the house");
    for message in all.heard() {
        assert_eq!(message.headers["webhook-id"].to_str().unwrap(), message.json()["id"].as_str().unwrap());
    }
    let narrow: Vec<_> = some.heard().iter().map(receiver::Heard::json).collect();
    assert_eq!(narrow.len(), 1, "{narrow:?}");
    assert_eq!(narrow[0]["requestId"], prod.id.to_string());
}

#[tokio::test]
async fn one_that_fails_hangs_and_comes_back_gets_everything_in_order_under_the_same_ids() {
    let bed = Bed::new().await;
    let store = &bed.desk.store;
    let receiver = Receiver::start(|nth| match nth {
        0 => Answer::status(500),
        1 => Answer::Hang,
        2 => Answer::CutOff,
        3 => Answer::status(302),
        _ => Answer::status(200),
    })
    .await;
    let deliverer = deliverer(store, options(&receiver.url()));
    deliverer.open().await.unwrap();
    let id = bed.file("alice", view("payments")).await.id;
    bed.approve("bob", id).await;
    for errors in ["it answered 500", "it took longer than", "it cannot be reached", "it answered 302; redirects"] {
        assert_eq!(deliverer.turn().await.unwrap(), 1);
        let standing = outbox::standing(store).await.unwrap().remove(0);
        let told = standing.last_error.unwrap();
        assert!(told.starts_with(errors), "{told}");
        assert!(!told.contains("hook"), "no URL: {told}");
        bed.hands.advance(TimeDelta::minutes(10));
    }
    deliverer.turn().await.unwrap();
    let heard = receiver.heard();
    let ids: Vec<_> = heard.iter().map(|message| message.headers["webhook-id"].to_str().unwrap()).collect();
    assert!(ids[..5].iter().all(|id| *id == ids[0]), "one message, five attempts: {ids:?}");
    let times: Vec<_> = heard[..5].iter().map(|message| &message.headers["webhook-timestamp"]).collect();
    assert_eq!(times.iter().collect::<std::collections::BTreeSet<_>>().len(), 5, "each attempt has its own time");
    let seqs: Vec<_> = heard[4..].iter().map(|message| message.json()["seq"].as_i64().unwrap()).collect();
    assert!(seqs.is_sorted() && seqs.len() >= 3, "{seqs:?}");
}

#[tokio::test]
async fn a_receiver_that_asks_to_be_left_alone_is_and_one_that_is_gone_is_told_nothing() {
    let bed = Bed::new().await;
    let store = &bed.desk.store;
    let busy = Receiver::start(|nth| match nth {
        0 => Answer::After(429, "3600"),
        1 => Answer::status(410),
        _ => Answer::status(200),
    })
    .await;
    let deliverer = deliverer(store, options(&busy.url()));
    deliverer.open().await.unwrap();
    bed.file("alice", view("payments")).await;
    deliverer.turn().await.unwrap();
    bed.hands.advance(TimeDelta::seconds(3599));
    assert_eq!(deliverer.turn().await.unwrap(), 0, "it asked for an hour");
    bed.hands.advance(TimeDelta::seconds(1));
    assert_eq!(deliverer.turn().await.unwrap(), 1);
    bed.hands.advance(TimeDelta::days(1));
    assert_eq!(deliverer.turn().await.unwrap(), 0, "it is gone");
    assert!(outbox::standing(store).await.unwrap()[0].gone_at.is_some());
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let bed = Bed::new().await;
    let receiver = Receiver::start(|_| Answer::Endless).await;
    let deliverer = deliverer(&bed.desk.store, options(&receiver.url()));
    deliverer.open().await.unwrap();
    bed.file("alice", view("payments")).await;
    let turned = tokio::time::timeout(Duration::from_secs(30), deliverer.turn()).await.expect("an end");
    assert!(turned.unwrap() > 0);
    assert_eq!(outbox::standing(&bed.desk.store).await.unwrap()[0].waiting, 0, "its head was enough");
}

/// The example of docs/WEBHOOKS.md: its headers, its body, and the secret it is signed with.
fn example() -> (Vec<(String, String)>, String, String) {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/WEBHOOKS.md")).unwrap();
    let message = page.split("```http\n").nth(1).unwrap().split("\n```").next().unwrap();
    let (head, body) = message.split_once("\n\n").unwrap();
    let header = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned())).unwrap();
    let secret = page.split("ENTRYWAY_WEBHOOK_SECRET=").nth(1).unwrap().split(' ').next().unwrap();
    (head.lines().skip(1).map(header).collect(), body.to_owned(), secret.to_owned())
}

#[tokio::test]
async fn the_page_for_receivers_shows_what_is_sent() {
    let (headers, body, secret) = example();
    let event: Value = serde_json::from_str(&body).unwrap();
    let text = |field: &str| event[field].as_str().map(str::to_owned);
    let sent_at: i64 = headers.iter().find(|(name, _)| name == "webhook-timestamp").unwrap().1.parse().unwrap();
    let parcel = Parcel {
        event: Event {
            seq: event["seq"].as_i64().unwrap(),
            id: text("id").unwrap().parse().unwrap(),
            at: text("at").unwrap().parse().unwrap(),
            body: NewEvent {
                event_type: EventType::parse(&text("type").unwrap()).unwrap(),
                actor: text("actor").unwrap(),
                submitted_by: text("submittedBy"),
                via: Via::parse(&text("via").unwrap()).unwrap(),
                request_id: text("requestId").map(|id| id.parse().unwrap()),
                cluster_name: text("clusterName"),
                principal_arn: text("principalArn"),
                data: event["data"].clone(),
            },
            prev_hash: text("prevHash"),
            hash: text("hash").unwrap(),
        },
        sent_at: DateTime::from_timestamp(sent_at, 0).unwrap(),
        attempt: 1,
    };
    let receiver = Receiver::start(|_| Answer::status(200)).await;
    let signed = WebhookOptions { secrets: vec![secret.clone().into()], ..options(&receiver.url()) };
    let webhook = Webhook::new(signed, Arc::new(System)).unwrap();
    assert_eq!(webhook.deliver(&parcel).await, Verdict::Delivered);
    let sent = receiver.heard().remove(0);
    assert_eq!(String::from_utf8(sent.body).unwrap(), body);
    for (name, value) in &headers {
        assert_eq!(sent.headers[name.as_str()], value.as_str(), "{name}");
    }
    let reference = standardwebhooks::Webhook::new(&secret).unwrap();
    let (id, signature) = (event["id"].as_str().unwrap(), &sent.headers["webhook-signature"]);
    assert_eq!(reference.sign(id, sent_at, body.as_bytes()).unwrap(), signature.to_str().unwrap());
}

#[test]
fn the_configuration_of_the_page_for_receivers_is_sound() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/WEBHOOKS.md")).unwrap();
    let webhook = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let folder = std::env::temp_dir().join(format!("entryway-webhooks-page-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("policies")).unwrap();
    std::fs::write(folder.join("siem"), format!("{SECRET}\n")).unwrap();
    let file = folder.join("entryway.toml");
    let rest = "installation = \"tests\"\n[database]\nurl = \"postgres://db\"\n[policy]\ndir = \"policies\"\n\
                [[clusters]]\nname = \"prod\"\nregion = \"eu-central-1\"\naccount_id = \"111122223333\"\n";
    let webhook = webhook.replace("/run/secrets/siem", folder.join("siem").to_str().unwrap());
    std::fs::write(&file, format!("{rest}{webhook}")).unwrap();
    let loaded = Config::load(Some(&file), [], Origin::Production);
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(loaded.unwrap_or_else(|errors| panic!("{errors}")).webhooks.len(), 1);
}

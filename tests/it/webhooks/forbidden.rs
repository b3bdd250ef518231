//! Where nothing is ever sent: whatever a URL or a name says, no connection is made to it.

use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use chrono::Utc;
use entryway::domain::delivery::WebhookOptions;
use entryway::domain::event::{Event, EventType, NewEvent};
use entryway::notify::webhook::{LookUp, LookingUp, System, Webhook};
use entryway::notify::{Channel, Parcel, Verdict};
use serde_json::json;
use uuid::Uuid;

use super::options;
use super::receiver::{Answer, Receiver};

/// Answers what it is told to, one answer after the other, the last one for ever.
#[derive(Debug)]
struct Liar(Mutex<VecDeque<Vec<IpAddr>>>);

impl Liar {
    fn says(answers: &[&[&str]]) -> Arc<Self> {
        let address = |text: &&str| text.parse().unwrap();
        Arc::new(Self(Mutex::new(answers.iter().map(|answer| answer.iter().map(address).collect()).collect())))
    }
}

impl LookUp for Liar {
    fn look_up(&self, _name: String) -> LookingUp {
        let mut answers = self.0.lock().unwrap();
        let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        Box::pin(async move { answer.ok_or_else(|| io::Error::other("no answer")) })
    }
}

fn parcel() -> Parcel {
    let event = Event {
        seq: 1,
        id: Uuid::nil(),
        at: Utc::now(),
        body: NewEvent::by_entryway(EventType::PolicyLoaded, json!({})),
        prev_hash: None,
        hash: "sha256:00".to_owned(),
    };
    Parcel { event, sent_at: Utc::now(), attempt: 1 }
}

async fn delivered(options: WebhookOptions, names: Arc<dyn LookUp>) -> Verdict {
    Webhook::new(options, names).unwrap().deliver(&parcel()).await
}

fn why(verdict: Verdict) -> String {
    match verdict {
        Verdict::Again { why, .. } => why,
        other => panic!("{other:?}"),
    }
}

/// A URL that leads to the port of `receiver`, and to `host` otherwise.
fn url(scheme: &str, host: &str, receiver: &Receiver) -> String {
    format!("{scheme}://{host}:{}/hook", receiver.addr.port())
}

#[tokio::test]
async fn a_28_no_spelling_of_an_address_leads_inside() {
    let receiver = Receiver::start(|_| Answer::status(200)).await;
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "[::7f00:1]",
        "10.0.0.1",
        "192.168.0.1",
        "169.254.169.254",
        "[fd00:ec2::254]",
        "[fe80::1]",
        "%31%32%37.0.0.1",
        "127.0.0.1.",
        "①②⑦.⓪.⓪.①",
    ] {
        let options = WebhookOptions { allow_private: false, ..options(&url("https", host, &receiver)) };
        let told = why(delivered(options, Arc::new(System)).await);
        assert!(told.contains("it leads to"), "{host}: {told}");
    }
    assert!(receiver.heard().is_empty());
}

#[tokio::test]
async fn a_28_no_name_leads_inside_whatever_it_says_later() {
    let receiver = Receiver::start(|_| Answer::status(200)).await;
    let named = |allow_private, scheme: &str| WebhookOptions {
        allow_private,
        ..options(&url(scheme, "siem.example.com", &receiver))
    };
    for inside in ["127.0.0.1", "10.1.2.3", "::1", "::ffff:127.0.0.1", "169.254.169.254", "100.64.0.1", "fd00::1"] {
        let told = why(delivered(named(false, "https"), Liar::says(&[&[inside]])).await);
        assert!(told.contains("it leads to"), "{inside}: {told}");
    }
    // Even an operator who allows private addresses does not mean these.
    for never in ["169.254.169.254", "fd00:ec2::254", "0.0.0.0", "100.100.100.200", "224.0.0.1"] {
        let told = why(delivered(named(true, "http"), Liar::says(&[&[never]])).await);
        assert!(told.contains("nothing is ever sent"), "{never}: {told}");
    }
    // A name that is good when it is looked at and bad when it is used: there is only one look, and what it says is used.
    let rebinding = Webhook::new(named(true, "http"), Liar::says(&[&["127.0.0.1"], &["169.254.169.254"]])).unwrap();
    assert_eq!(rebinding.deliver(&parcel()).await, Verdict::Delivered);
    // Of a mixed answer, only what is permitted is connected to.
    let mixed = Liar::says(&[&["169.254.169.254", "127.0.0.1"]]);
    assert_eq!(delivered(named(true, "http"), mixed).await, Verdict::Delivered);
    assert_eq!(receiver.heard().len(), 2);
    // In the clear it goes nowhere in public.
    let told = why(delivered(named(true, "http"), Liar::says(&[&["1.1.1.1"]])).await);
    assert!(told.contains("without TLS"), "{told}");
    let told = why(delivered(named(false, "https"), Liar::says(&[&[]])).await);
    assert!(told.contains("no address"), "{told}");
}

#[tokio::test]
async fn a_28_a_redirect_is_not_followed_and_no_proxy_asked() {
    let elsewhere = Receiver::start(|_| Answer::status(200)).await;
    let port = elsewhere.addr.port();
    let location: &'static str = format!("http://127.0.0.1:{port}/").leak();
    let receiver = Receiver::start(move |_| Answer::To(location)).await;
    let told = why(delivered(options(&receiver.url()), Arc::new(System)).await);
    assert!(told.contains("redirects are not followed"), "{told}");
    assert_eq!((receiver.heard().len(), elsewhere.heard().len()), (1, 0));

    // A redirect of the scheme is none either: `file:` and the like are no URLs of a webhook.
    for bad in ["file:///etc/passwd", "gopher://127.0.0.1/", "ftp://example.com/"] {
        assert!(why(delivered(options(bad), Arc::new(System)).await).starts_with("it cannot be reached"), "{bad}");
    }
}

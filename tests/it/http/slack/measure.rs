//! How much is said to Slack at once, by all processes together.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::json;

use super::super::bed::ask;
use super::bed::{Slacked, ops};
use super::fake::Mood;

#[tokio::test]
async fn what_slack_asks_of_one_it_asks_of_all() {
    let slacked = Slacked::new().await;
    let (one, _) = slacked.teller(ops());
    let (two, _) = slacked.teller(ops());
    one.open().await.unwrap();
    slacked.slack.once("chat.postMessage", Mood::TooMany(30));
    for _ in 0..3 {
        slacked.api.file("alice", &ask(json!({}))).await;
    }
    one.turn().await.unwrap();
    two.turn().await.unwrap();
    assert_eq!(slacked.slack.calls("chat.postMessage"), 1, "the others know");
    slacked.api.bed.pass(TimeDelta::seconds(28));
    slacked.api.file("alice", &ask(json!({}))).await;
    two.turn().await.unwrap();
    assert_eq!(slacked.slack.calls("chat.postMessage"), 1, "not before it said");
    slacked.api.bed.pass(TimeDelta::seconds(5));
    two.turn().await.unwrap();
    assert_eq!(slacked.slack.messages().len(), 4);
}

#[tokio::test]
async fn a_channel_gets_one_message_a_second() {
    let slacked = Slacked::new().await;
    let (one, _) = slacked.teller(ops());
    let (two, _) = slacked.teller(ops());
    one.open().await.unwrap();
    for _ in 0..3 {
        slacked.api.file("alice", &ask(json!({}))).await;
    }
    let (first, second) = tokio::join!(one.turn(), two.turn());
    first.and(second).unwrap();
    let at = slacked.slack.called_at("chat.postMessage");
    assert_eq!(at.len(), 3);
    // A timer may be late, which the next one need not be.
    assert!(at[2] - at[0] > Duration::from_millis(1500), "{at:?}");
}

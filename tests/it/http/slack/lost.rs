//! Slack takes a message and does not say so, or not in time, or to nobody who still lives: it is not said again in a hurry, and what
//! stands there twice is put right when somebody uses it.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::json;

use super::super::bed::{ask, path};
use super::bed::{Slacked, button, ops, until, user};
use super::fake::Mood;
use crate::harness::database::number;

#[tokio::test]
async fn slack_may_take_its_time_to_answer() {
    let slacked = Slacked::new().await;
    let (teller, _) = slacked.teller(ops());
    teller.open().await.unwrap();
    slacked.slack.once("chat.postMessage", Mood::Late(Duration::from_secs(9)));
    slacked.api.file("alice", &ask(json!({}))).await;
    teller.turn().await.unwrap();
    slacked.api.bed.pass(TimeDelta::hours(1));
    teller.turn().await.unwrap();
    assert_eq!(slacked.slack.calls("chat.postMessage"), 1);
}

#[tokio::test]
async fn what_may_have_been_said_is_said_again_after_a_while_and_copies_are_put_right() {
    let slacked = Slacked::new().await;
    slacked.tie(&["bob", "carol"]).await;
    let (teller, _) = slacked.teller(ops());
    teller.open().await.unwrap();
    let request = slacked.api.file("alice", &ask(json!({}))).await;
    slacked.slack.once_to("C0OPS", Mood::Loses);
    teller.turn().await.unwrap();
    let posts = || slacked.slack.messages().keys().filter(|(channel, _)| channel == "C0OPS").count();
    assert_eq!(posts(), 1, "it stands there, and nobody knows");
    slacked.api.bed.pass(TimeDelta::seconds(50));
    teller.turn().await.unwrap();
    assert_eq!(posts(), 1, "not in a hurry");
    slacked.slack.once_to("C0OPS", Mood::Loses);
    slacked.api.bed.pass(TimeDelta::seconds(15));
    teller.turn().await.unwrap();
    assert_eq!(posts(), 2);
    slacked.api.bed.pass(TimeDelta::minutes(5));
    teller.turn().await.unwrap();
    assert_eq!(posts(), 2, "and ever less so");
    slacked.api.bed.pass(TimeDelta::minutes(5));
    teller.turn().await.unwrap();
    assert_eq!(posts(), 3);

    let mut places: Vec<_> = slacked.slack.messages().into_keys().filter(|(channel, _)| channel == "C0OPS").collect();
    let known = places.pop().unwrap();
    let told = slacked.click_on(&places[0], &user("bob"), "approve", &button(&request)).await;
    assert!(told.contains("as bob"), "{told}");
    let shown = |at: &(String, String)| slacked.slack.messages()[at].last().unwrap().to_string();
    assert!(
        shown(&places[0]).contains("a copy") && !shown(&places[0]).contains("\"approve\""),
        "{}",
        shown(&places[0])
    );
    teller.turn().await.unwrap();
    assert!(shown(&known).contains("approved by bob"), "{}", shown(&known));
    // Whoever presses on the other copy hears that it is too late, and sees it.
    let told = slacked.click_on(&places[1], &user("carol"), "deny", &button(&request)).await;
    assert_eq!(told, "opened");
    assert!(
        shown(&places[1]).contains("a copy") && !shown(&places[1]).contains("\"approve\""),
        "{}",
        shown(&places[1])
    );
    slacked.slack.is_content();
}

#[tokio::test]
async fn a_lost_message_that_somebody_uses_is_the_one_that_follows() {
    let slacked = Slacked::new().await;
    let (teller, _) = slacked.teller(ops());
    teller.open().await.unwrap();
    slacked.slack.once("chat.postMessage", Mood::Loses);
    let request = slacked.api.file("alice", &ask(json!({}))).await;
    teller.turn().await.unwrap();
    slacked.tie(&["bob"]).await;
    let at = slacked.slack.newest("C0OPS").unwrap();
    slacked.click_on(&at, &user("bob"), "approve", &button(&request)).await;
    teller.turn().await.unwrap();
    slacked.api.bed.pass(TimeDelta::hours(1));
    teller.turn().await.unwrap();
    assert_eq!(slacked.slack.calls("chat.postMessage"), 1, "no other");
    assert!(slacked.slack.shown("C0OPS").contains("approved by bob"), "{}", slacked.slack.shown("C0OPS"));
}

#[tokio::test]
async fn a_process_that_is_killed_while_it_posts_leaves_nothing_that_stays_as_it_was() {
    let slacked = Slacked::new().await;
    slacked.tie(&["bob"]).await;
    let (killed, _) = slacked.teller(vec![]);
    killed.open().await.unwrap();
    slacked.slack.once("chat.postMessage", Mood::Late(Duration::from_secs(60)));
    let request = slacked.api.file("alice", &ask(json!({}))).await;
    let killed = tokio::spawn(async move { killed.turn().await });
    let at = until("bob is written to", || slacked.slack.newest("DBOB")).await;
    killed.abort();
    let approve = json!({"decision": "approve", "specDigest": request["specDigest"]});
    slacked.api.post("carol", &format!("{}/reviews", path(&request))).json(&approve).await.is(201);
    slacked.api.bed.pass(TimeDelta::minutes(2));
    let (other, _) = slacked.teller(vec![]);
    other.turn().await.unwrap();
    assert_eq!(number(&slacked.api.bed.url, "SELECT count(*) FROM delivery_lane").await, 0);
    assert!(slacked.slack.shown("DBOB").contains("\"approve\""), "nobody knows of it");
    let told = slacked.click_on(&at, &user("bob"), "approve", &button(&request)).await;
    assert!(told.contains("does not count"), "{told}");
    let shown = slacked.slack.shown("DBOB");
    assert!(
        shown.contains("approved by carol") && !shown.contains("\"approve\"") && !shown.contains("a copy"),
        "{shown}"
    );
}

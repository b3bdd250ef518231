//! Approve and Deny, as the person.

use serde_json::json;

use super::super::bed::{ask, path};
use super::bed::{Slacked, button, until, user};
use super::fake::Mood;
use crate::harness::database::{number, text};

#[tokio::test]
async fn a_click_counts_as_the_person_and_says_so() {
    let slacked = Slacked::new().await;
    slacked.tie(&["bob"]).await;
    let request = slacked.api.file("alice", &ask(json!({}))).await;
    let told = slacked.click(&user("bob"), "approve", &button(&request)).await;
    assert!(told.contains("as bob") && told.contains("applying"), "{told}");
    let review = slacked.api.get("alice", &path(&request)).await.is(200).body["reviews"][0].clone();
    assert_eq!((review["reviewer"].as_str(), review["via"].as_str()), (Some("bob"), Some("slack")));
    let told = slacked.click(&user("bob"), "approve", &button(&request)).await;
    assert!(told.contains("does not count"), "{told}");
    assert_eq!(number(&slacked.api.bed.url, "SELECT count(*) FROM review").await, 1);
    slacked.slack.is_content();
}

#[tokio::test]
async fn nobody_clicks_their_own_request_through_and_nobody_who_may_not() {
    let slacked = Slacked::new().await;
    slacked.tie(&["alice", "bob", "dan"]).await;
    let request = slacked.api.file("bob", &ask(json!({}))).await;
    let told = slacked.click(&user("bob"), "approve", &button(&request)).await;
    assert!(told.contains("does not count"), "{told}");
    let told = slacked.click(&user("dan"), "approve", &button(&request)).await;
    assert!(told.contains("not yours to see"), "{told}");
    let told = slacked.click(&user("dan"), "deny", &button(&request)).await;
    assert!(told.contains("not yours to see"), "{told}");
    assert_eq!(number(&slacked.api.bed.url, "SELECT count(*) FROM review").await, 0);
    let refused =
        "SELECT data ->> 'code' FROM event WHERE type = 'request.refused' AND actor = 'bob' AND via = 'slack'";
    assert_eq!(text(&slacked.api.bed.url, refused).await, "self-approval");
}

#[tokio::test]
async fn a_denial_wants_to_know_why_and_is_final() {
    let slacked = Slacked::new().await;
    slacked.tie(&["bob"]).await;
    let request = slacked.api.file("alice", &ask(json!({}))).await;
    assert_eq!(slacked.click(&user("bob"), "deny", &button(&request)).await, "opened");
    let view = slacked.slack.opened().pop().unwrap();
    assert_eq!(view["private_metadata"], button(&request));
    let said =
        |comment: serde_json::Value| json!({"comment": {"comment": {"type": "plain_text_input", "value": comment}}});
    for (comment, wrong) in [(json!(null), "say in the comment why"), (json!("a\u{202e}b"), "control character")] {
        let got = slacked.send("interactions", &slacked.filled(&user("bob"), "V1", &view, &said(comment))).await;
        assert_eq!(got.body["response_action"], "errors", "{got:?}");
        assert!(got.body["errors"]["comment"].as_str().unwrap().contains(wrong), "{got:?}");
    }
    let filled = slacked.filled(&user("bob"), "V1", &view, &said(json!("not before the release")));
    let got = slacked.send("interactions", &filled).await;
    assert_eq!(got.body["response_action"], "update", "{got:?}");
    assert!(got.text.contains("Denied, as bob"), "{got:?}");
    let now = slacked.api.get("alice", &path(&request)).await.is(200).body;
    assert_eq!(
        (now["state"].as_str(), now["reviews"][0]["comment"].as_str()),
        (Some("denied"), Some("not before the release"))
    );
    slacked.slack.is_content();
}

#[tokio::test]
async fn what_a_killed_process_left_undone_is_told_to_its_author_once() {
    let slacked = Slacked::new().await;
    slacked.tie(&["bob"]).await;
    let api = &slacked.api;
    assert!(api.bed.desk.take_slack_call(b"of one that was killed", "UBOB", "an approval").await.unwrap());
    let (_, one) = slacked.teller(vec![]);
    let (_, two) = slacked.teller(vec![]);
    one.tell_of_lost_calls().await.unwrap();
    assert!(slacked.slack.messages().is_empty(), "it may still be at it");
    api.bed.pass(chrono::TimeDelta::minutes(2));
    let (first, second) = tokio::join!(one.tell_of_lost_calls(), two.tell_of_lost_calls());
    first.and(second).unwrap();
    let told = until("bob is told", || slacked.slack.messages().keys().next().cloned()).await;
    assert_eq!(told.0, "DBOB");
    assert!(slacked.slack.shown("DBOB").contains("an approval of yours"));
    api.bed.desk.forget_slack_calls().await.unwrap();
}

#[tokio::test]
async fn who_pressed_a_button_while_slack_was_away_hears_of_it_when_it_is_back() {
    let slacked = Slacked::new().await;
    slacked.tie(&["bob"]).await;
    let request = slacked.api.file("alice", &ask(json!({}))).await;
    let (_, one) = slacked.teller(vec![]);
    slacked.slack.once("users.info", Mood::Refuses("service_unavailable"));
    slacked.slack.once("answers", Mood::Refuses("service_unavailable"));
    let body = slacked.pressed(&user("bob"), "approve", &button(&request), &slacked.slack.answers());
    assert_eq!(slacked.send("interactions", &body).await.status, 200);
    slacked.mine.drain().await;
    assert_eq!(slacked.slack.calls("answers"), 1, "he could not be told");
    assert_eq!(number(&slacked.api.bed.url, "SELECT count(*) FROM review").await, 0);
    slacked.api.bed.pass(chrono::TimeDelta::minutes(2));
    slacked.slack.once("chat.postMessage", Mood::Refuses("service_unavailable"));
    one.tell_of_lost_calls().await.unwrap();
    assert!(slacked.slack.messages().is_empty(), "it is still away");
    one.tell_of_lost_calls().await.unwrap();
    assert!(slacked.slack.shown("DBOB").contains("an approval of yours"));
    one.tell_of_lost_calls().await.unwrap();
    assert_eq!(slacked.slack.messages().len(), 1, "once");
}

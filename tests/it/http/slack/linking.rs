//! Who a Slack user is.

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::json;

use super::super::bed::ask;
use super::bed::{Slacked, button, user};
use crate::harness::database::{number, text};

#[tokio::test]
async fn a_09_a_link_ties_once_and_only_by_a_post_of_the_person() {
    let slacked = Slacked::new().await;
    let api = &slacked.api;
    let link = slacked.link(&user("bob")).await;
    let secret = link.rsplit('/').next().unwrap();
    assert!(secret.len() >= 40, "{secret}");
    let kept = "SELECT count(*) FROM slack_link WHERE encode(token_sha256, 'hex') LIKE '%' || $1";
    let kept = kept.replace("$1", &format!("'{secret}'"));
    assert_eq!(number(&api.bed.url, &kept).await, 0, "only its hash is kept");

    // Looking, however often, ties nobody: links are followed by scanners and previews too.
    for _ in 0..2 {
        let shown = api.get("bob", &link).await.is(200).body;
        assert_eq!((shown["user"].as_str(), shown["slackUser"].as_str()), (Some("bob"), Some("UBOB")));
        assert_eq!((shown["slackName"].as_str(), shown["linked"].as_bool()), (Some("bob"), Some(false)));
    }
    let page = api.get("bob", &link).header("accept", "text/html").await.is(200);
    assert!(page.text.contains("signed in as <strong>bob</strong>") && page.text.contains("UBOB"), "{}", page.text);
    assert!(page.text.contains("Go on only if you asked for it yourself"));
    assert_eq!(number(&api.bed.url, "SELECT count(*) FROM slack_user").await, 0);

    api.call(Method::POST, &link).await.fails(401, "unauthenticated");
    api.post("robot", &link).body("").await.fails(403, "forbidden");
    let behalf = api.post("portal", &link).header("entryway-on-behalf-of", "bob").body("");
    behalf.await.fails(403, "forbidden");
    api.post("bob", "/slack/link/guess").body("").await.fails(404, "not-found");

    let tied = api.post("bob", &link).body("").await.is(200).body;
    assert_eq!((tied["user"].as_str(), tied["linked"].as_bool()), (Some("bob"), Some(true)));
    api.post("bob", &link).body("").await.fails(404, "not-found");
    api.post("carol", &link).body("").await.fails(404, "not-found");
    let on_record = "SELECT data ->> 'slackUser' FROM event WHERE type = 'identity.linked' AND actor = 'bob'";
    assert_eq!(text(&api.bed.url, on_record).await, "UBOB");
    assert_eq!(slacked.command_as(&user("bob"), "").await, "opened", "and now he is known");
}

#[tokio::test]
async fn a_link_is_good_for_ten_minutes_and_the_newest_one_only() {
    let slacked = Slacked::new().await;
    let first = slacked.link(&user("bob")).await;
    let second = slacked.link(&user("bob")).await;
    slacked.api.post("bob", &first).body("").await.fails(404, "not-found");
    slacked.api.bed.pass(TimeDelta::minutes(10));
    slacked.api.post("bob", &second).body("").await.fails(404, "not-found");
    assert_eq!(number(&slacked.api.bed.url, "SELECT count(*) FROM slack_user").await, 0);
}

#[tokio::test]
async fn one_person_is_one_slack_user_and_the_other_way_round() {
    let slacked = Slacked::new().await;
    let (bobs, daves) = (slacked.link("UBOB").await, slacked.link("UDAN").await);
    slacked.api.post("bob", &bobs).body("").await.is(200);
    let taken = slacked.api.post("bob", &daves).body("").await.fails(409, "illegal-state");
    assert!(taken.detail().contains("unlink"), "{taken:?}");
    slacked.api.post("dan", &daves).body("").await.is(200);
}

#[tokio::test]
async fn a_tie_is_taken_back_here_or_there_and_counts_no_more() {
    let slacked = Slacked::new().await;
    slacked.tie(&["bob", "carol"]).await;
    let request = slacked.api.file("alice", &ask(json!({}))).await;
    let left = slacked.api.post("bob", "/slack/unlink").body("").await.is(200).body;
    assert_eq!((left["slackUser"].as_str(), left["linked"].as_bool()), (Some("UBOB"), Some(false)));
    slacked.api.post("bob", "/slack/unlink").body("").await.fails(404, "not-found");
    let told = slacked.command_as(&user("carol"), "unlink").await;
    assert!(told.contains("no longer tied"), "{told}");
    for who in ["bob", "carol"] {
        let told = slacked.click(&user(who), "approve", &button(&request)).await;
        assert!(told.contains("does not know yet who you are"), "{told}");
    }
    assert_eq!(number(&slacked.api.bed.url, "SELECT count(*) FROM review").await, 0);
    assert_eq!(number(&slacked.api.bed.url, "SELECT count(*) FROM event WHERE type = 'identity.unlinked'").await, 2);
}

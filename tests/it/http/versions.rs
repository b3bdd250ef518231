//! Acting only on what one saw: `ETag`, `If-Match`, and the digest of what was asked.

use serde_json::json;

use super::bed::{Api, Call, path};

#[tokio::test]
async fn the_etag_is_the_version_and_a_stale_one_changes_nothing() {
    let api = Api::new().await;
    let at = api.filed("alice").await;
    let read = api.get("bob", &at).await.is(200);
    assert_eq!(read.etag(), format!("\"{}\"", read.body["version"]));
    let approve = |tag: &str| {
        api.post("bob", &format!("{at}/reviews")).header("if-match", tag).json(&json!({"decision": "approve"}))
    };
    for stale in ["\"0\"", "\"2\"", "\"x\"", "\"\""] {
        approve(stale).await.fails(412, "stale");
    }
    for wrong in ["1", "W/\"1\"", "\"1\", \"2\"", "", "\"1"] {
        assert_eq!(approve(wrong).await.fails(400, "bad-parameter").errors()[0].1, "If-Match");
    }
    assert_eq!(api.get("bob", &at).await.etag(), read.etag());
    let approved = approve(&read.etag()).await.is(201);
    assert_ne!(approved.etag(), read.etag());
    assert_eq!(approved.etag(), api.get("bob", &at).await.etag());

    let act = |action: &str, tag: &str| -> Call {
        let who = if action == "revoke" { "bob" } else { "alice" };
        api.post(who, &format!("{at}/{action}")).header("if-match", tag).json(&json!({"reason": "why"}))
    };
    for action in ["withdraw", "revoke", "relinquish", "retry"] {
        act(action, &read.etag()).await.fails(412, "stale");
    }
    assert_eq!(act("relinquish", "*").await.is(200).body["state"], "revoking");
}

#[tokio::test]
async fn a_review_is_bound_to_what_was_seen() {
    let api = Api::new().await;
    let at = api.filed("alice").await;
    let seen = api.get("bob", &at).await.is(200).body;
    let approve = |digest: &str| {
        api.post("bob", &format!("{at}/reviews")).json(&json!({"decision": "approve", "specDigest": digest}))
    };
    for other in ["", "sha256:", &seen["specDigest"].as_str().unwrap().to_uppercase()] {
        approve(other).await.fails(412, "stale");
    }
    assert_eq!(api.get("bob", &at).await.body["reviews"], json!([]));
    approve(seen["specDigest"].as_str().unwrap()).await.is(201);

    let twin = api.filed("alice").await;
    let twin = api.get("bob", &twin).await.body;
    assert_eq!(twin["specDigest"], seen["specDigest"], "the same ask has the same digest");
    let other = api.file("alice", &super::bed::ask(json!({"duration": "482m"}))).await;
    assert_ne!(other["specDigest"], seen["specDigest"]);
    let review = api.post("bob", &format!("{}/reviews", path(&other)));
    let review = review.json(&json!({"decision": "deny", "comment": "no", "specDigest": seen["specDigest"]}));
    review.await.fails(412, "stale");
}

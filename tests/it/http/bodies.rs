//! What is no body of any call: malformed, unknown, repeated, marked as something else, too long, or not there.

use reqwest::Method;
use serde_json::json;

use super::bed::{Api, ask};

#[tokio::test]
async fn json_that_is_not_what_the_call_takes_is_refused_where_it_is_wrong() {
    let api = Api::new().await;
    let cases = [
        ("", ""),
        ("{", ""),
        ("[]", ""),
        ("null", ""),
        ("{} {}", ""),
        ("\u{feff}{}", ""),
        ("{'clusterName': 'dev'}", ""),
        (r#"{"clusterName": "dev",}"#, ""),
        (r#"{"clusterName": 7}"#, "/clusterName"),
        (r#"{"clusterName": "dev", "state": "active"}"#, ""),
        (r#"{"ClusterName": "dev"}"#, ""),
        (r#"{"cluster_name": "dev"}"#, ""),
        (r#"{"clusterName": "dev", "clusterName": "prod"}"#, ""),
        (r#"{"clusterName": "dev", "cluster\u004eame": "prod"}"#, ""),
        (r#"{"tags": {"a": "1", "a": "2"}}"#, "/tags"),
        (r#"{"tags": {"a": null}}"#, "/tags/a"),
        (r#"{"tags": []}"#, "/tags"),
        (r#"{"kubernetesGroups": "viewers"}"#, "/kubernetesGroups"),
        (r#"{"kubernetesGroups": ["a", 1]}"#, "/kubernetesGroups/1"),
        (r#"{"accessPolicies": [{"policy": "x"}]}"#, "/accessPolicies/0"),
        (r#"{"accessPolicies": [{"accessScope": {"kind": "cluster"}}]}"#, "/accessPolicies/0/accessScope"),
        (r#"{"accessPolicies": [{"accessScope": ["cluster"]}]}"#, "/accessPolicies/0/accessScope"),
        (r#"{"accessPolicies": [{"accessScope": ["namespace", ["a"]]}]}"#, "/accessPolicies/0/accessScope"),
        (r#"{"reason": "a\u0000b"}"#, "/reason"),
        (r#"{"startAt": "tomorrow"}"#, "/startAt"),
        (r#"{"duration": 8}"#, "/duration"),
        (r#"{"breakGlass": "yes"}"#, "/breakGlass"),
    ];
    for (body, place) in cases {
        let call = api.call(Method::POST, "/v1/requests").by("alice");
        let answer = call.header("content-type", "application/json").body(body).await.fails(400, "malformed-json");
        if !body.is_empty() {
            let (code, pointer) = answer.errors().remove(0);
            assert_eq!(code, "malformed-json");
            // An unknown field may be pointed at itself, or at the object it is in.
            assert!(
                pointer == place || pointer.rsplit_once('/').is_some_and(|(object, _)| object == place),
                "{body}: {pointer}"
            );
        }
    }
    let deep = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
    let call = api.call(Method::POST, "/v1/requests").by("alice");
    call.header("content-type", "application/json").body(deep).await.fails(400, "malformed-json");
    let latin = b"{\"reason\": \"Gr\xfc\xdfe\"}".to_vec();
    let call = api.call(Method::POST, "/v1/requests").by("alice");
    call.header("content-type", "application/json").body(latin).await.fails(400, "malformed-json");
}

#[tokio::test]
async fn actions_take_their_own_fields_and_no_others() {
    let api = Api::new().await;
    let at = api.filed("alice").await;
    for action in ["withdraw", "revoke", "relinquish", "retry"] {
        for body in
            [json!({"reason": "why", "comment": "x"}), json!({"reason": 1}), json!([]), json!({"Reason": "why"})]
        {
            api.post("alice", &format!("{at}/{action}")).json(&body).await.fails(400, "malformed-json");
        }
    }
    for body in [
        json!({}),
        json!({"decision": "maybe"}),
        json!({"decision": "Approve"}),
        json!({"decision": "approve", "reason": "x"}),
    ] {
        api.post("bob", &format!("{at}/reviews")).json(&body).await.fails(400, "malformed-json");
    }
    let still = api.get("alice", &at).await.is(200).body;
    assert_eq!((&still["state"], &still["version"]), (&json!("pending"), &json!(1)));
}

#[tokio::test]
async fn only_plain_json_is_taken() {
    let api = Api::new().await;
    let text = ask(json!({})).to_string();
    let post = |media_type: &str| {
        api.call(Method::POST, "/v1/requests?dryRun=true")
            .by("alice")
            .header("content-type", media_type)
            .body(text.clone())
    };
    for good in ["application/json", "application/json; charset=utf-8", "Application/JSON;charset=\"UTF-8\""] {
        post(good).await.is(200);
    }
    for bad in
        ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1", "application/jsonx", ""]
    {
        post(bad).await.fails(415, "unsupported-media-type");
    }
    let unmarked = api.call(Method::POST, "/v1/requests").by("alice").body(text.clone());
    unmarked.await.fails(415, "unsupported-media-type");
    post("application/json").header("content-encoding", "gzip").await.fails(415, "unsupported-media-type");
    post("application/json").header("content-encoding", "identity").await.is(200);
}

#[tokio::test]
async fn a_body_may_have_64_kib_and_not_a_byte_more() {
    let api = Api::new().await;
    let of = |length: usize| {
        let text = ask(json!({})).to_string();
        format!("{text}{}", " ".repeat(length - text.len()))
    };
    let post =
        || api.call(Method::POST, "/v1/requests?dryRun=true").by("alice").header("content-type", "application/json");
    post().body(of(64 * 1024)).await.is(200);
    post().body(of(64 * 1024 + 1)).await.fails(413, "too-large");
    // Long enough that it does not fit into the buffers on the way: the answer gets through all the same.
    post().body(of(8 * 1024 * 1024)).await.fails(413, "too-large");
    let at = api.filed("alice").await;
    api.call(Method::POST, &format!("{at}/withdraw")).by("alice").body(of(70_000)).await.fails(413, "too-large");
    api.call(Method::POST, "/v1/requests").body(of(70_000)).await.fails(401, "unauthenticated");
}

#[tokio::test]
async fn no_body_is_no_reason_and_only_revoke_needs_one() {
    let api = Api::new().await;
    let bare = |who: &str, path: String| api.call(Method::POST, &path).by(who);
    bare("alice", "/v1/requests".to_owned()).await.fails(400, "malformed-json");

    let withdrawn = api.filed("alice").await;
    bare("bob", format!("{withdrawn}/reviews")).await.fails(400, "malformed-json");
    assert_eq!(bare("alice", format!("{withdrawn}/withdraw")).await.is(200).body["state"], "withdrawn");

    let granted = api.granted().await;
    let revoke = || bare("bob", format!("{granted}/revoke"));
    let marked = || revoke().header("content-type", "application/x-www-form-urlencoded");
    for call in [revoke(), marked(), revoke().json(&json!({})), revoke().json(&json!({"reason": " \n"}))] {
        let answer = call.await.fails(422, "validation-failed");
        assert_eq!(answer.errors(), [("reason-required".to_owned(), "/reason".to_owned())]);
    }
    assert_eq!(bare("alice", format!("{granted}/relinquish")).await.is(200).body["state"], "revoking");
    bare("alice", format!("{granted}/retry")).await.fails(409, "illegal-state");
}

#[tokio::test]
async fn words_for_people_may_be_long_but_must_not_mislead() {
    let api = Api::new().await;
    let at = api.granted().await;
    for (reason, code) in [("x".repeat(1001), "reason-too-long"), ("fine\u{1b}[2J".to_owned(), "reason-invalid")] {
        let answer = api.post("bob", &format!("{at}/revoke")).json(&json!({"reason": reason})).await;
        assert_eq!(answer.fails(422, "validation-failed").errors(), [(code.to_owned(), "/reason".to_owned())]);
    }
    let other = api.filed("dan").await;
    for (comment, code) in [
        ("x".repeat(1001), "comment-too-long"),
        ("a\u{202e}b".to_owned(), "comment-invalid"),
        (" ".to_owned(), "comment-required"),
    ] {
        let body = json!({"decision": "deny", "comment": comment});
        let answer = api.post("bob", &format!("{other}/reviews")).json(&body).await.fails(422, "validation-failed");
        assert_eq!(answer.errors(), [(code.to_owned(), "/comment".to_owned())]);
    }
    let denied =
        api.post("bob", &format!("{other}/reviews")).json(&json!({"decision": "deny", "comment": " no\r\nway "}));
    assert_eq!(denied.await.is(201).body["reviews"][0]["comment"], "no\nway");
}

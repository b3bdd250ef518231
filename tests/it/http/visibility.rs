//! What one may not see is not there, whichever way one asks for it.

use reqwest::Method;
use serde_json::{Value, json};

use super::bed::{Api, ask, path};

/// Every call about one request: method, what comes after its path, body.
fn calls() -> Vec<(Method, &'static str, Value)> {
    let why = || json!({"reason": "why"});
    vec![
        (Method::GET, "", Value::Null),
        (Method::GET, "?wait=1s", Value::Null),
        (Method::GET, "?wait=60s&until=active", Value::Null),
        (Method::GET, "/events", Value::Null),
        (Method::POST, "/reviews", json!({"decision": "approve"})),
        (Method::POST, "/reviews", json!({"decision": "deny", "comment": "x"})),
        (Method::POST, "/withdraw", why()),
        (Method::POST, "/revoke", why()),
        (Method::POST, "/relinquish", why()),
        (Method::POST, "/retry", why()),
        (Method::POST, "/reviews", json!({"decision": "acknowledge"})),
        (Method::POST, "/extend", json!({"duration": "1h", "reason": "why"})),
    ]
}

#[tokio::test]
async fn others_requests_look_like_none_in_every_route() {
    let api = Api::new().await;
    let nowhere = "/v1/requests/01980a1b-7c3d-7e4f-8a5b-6c7d8e9fa0b1";
    let (pending, granted) = (api.filed("alice").await, api.granted().await);
    for at in [pending.as_str(), granted.as_str()] {
        let before = api.get("alice", at).await.is(200).body;
        for (method, rest, body) in calls() {
            for who in ["dan", "portal", "robot"] {
                let call = |at: &str| {
                    let call = api.call(method.clone(), &format!("{at}{rest}")).by(who);
                    if body.is_null() { call } else { call.json(&body).header("if-match", "\"99\"") }
                };
                let (hidden, missing) = (call(at).await.fails(404, "not-found"), call(nowhere).await);
                assert_eq!(hidden.body["detail"], missing.body["detail"], "{method} {rest}");
                assert_eq!((hidden.header("etag"), missing.status), (None, 404));
            }
        }
        assert_eq!(api.get("alice", at).await.body, before, "and nothing of it did anything");
    }
}

#[tokio::test]
async fn those_who_may_see_see_and_lists_hold_the_rest_back() {
    let api = Api::new().await;
    let mine = path(&api.file("alice", &ask(json!({}))).await);
    let dans = path(&api.file("dan", &ask(json!({}))).await);
    for who in ["alice", "bob", "carol", "olga", "erin"] {
        api.get(who, &mine).await.is(200);
        api.get(who, &format!("{mine}/events")).await.is(200);
    }
    let seen = async |who: &str| api.get(who, "/v1/requests").await.is(200).each("requester");
    assert_eq!((seen("alice").await, seen("dan").await), (vec!["alice".to_owned()], vec!["dan".to_owned()]));
    assert_eq!((seen("bob").await.len(), seen("olga").await.len(), seen("portal").await.len()), (2, 2, 0));
    let asked = api.get("alice", "/v1/requests?requester=dan").await.is(200);
    assert_eq!((asked.each("id").len(), &asked.body["nextToken"]), (0, &Value::Null));
    assert_eq!(api.get("olga", &dans).await.body["allowedActions"], json!([]));
}

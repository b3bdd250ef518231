//! Who is let in, as whom, and in whose name.

use reqwest::Method;
use serde_json::json;

use super::bed::{Api, ask, path};
use crate::harness::database::number;

const FOR: &str = "entryway-on-behalf-of";

#[tokio::test]
async fn only_one_bearer_token_that_somebody_has_opens_the_door() {
    let api = Api::new().await;
    let me = || api.call(Method::GET, "/v1/me");
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let answer = me().header("authorization", &format!("{scheme} alice-token")).await.is(200);
        assert_eq!(answer.body["user"], "alice");
    }
    let none = me().await.fails(401, "unauthenticated");
    assert_eq!(none.header("www-authenticate").as_deref(), Some("Bearer"));
    let twice = me().by("alice").by("alice").await;
    twice.fails(401, "unauthenticated");
    let long = "x".repeat(5000);
    for wrong in ["Bearer", "Bearer ", "alice-token", "Basic YWxpY2U6eA==", "Bearer alice-token2", "Bearer  ", &long] {
        me().header("authorization", wrong).await.fails(401, "unauthenticated");
    }
    let noted = "SELECT count(*) FROM event WHERE type = 'auth.failed'";
    assert_eq!(number(&api.bed.url, noted).await, 1, "on record, and no flood of it");
}

#[tokio::test]
async fn me_says_who_i_am_and_what_i_may() {
    let api = Api::new().await;
    let alice = api.get("alice", "/v1/me").await.is(200).body;
    assert_eq!(
        alice,
        json!({"user": "alice", "groups": ["engineering"], "displayName": null, "service": false, "submittedBy": null,
               "permissions": []})
    );
    let portal = api.get("portal", "/v1/me").await.is(200).body;
    assert_eq!((&portal["service"], &portal["permissions"]), (&json!(true), &json!(["actFor"])));
    let bob = api.get("bob", "/v1/me").await.is(200).body;
    assert_eq!(bob["permissions"], json!(["audit", "administer"]));
    let erin = api.get("erin", "/v1/me").await.is(200).body;
    assert_eq!((&erin["groups"], &erin["permissions"]), (&json!(["sre"]), &json!(["audit", "administer"])));
}

#[tokio::test]
async fn a_service_that_may_speaks_for_people_with_their_rights_and_no_others() {
    let api = Api::new().await;
    let me = api.get("portal", "/v1/me").header(FOR, "alice").await.is(200).body;
    assert_eq!(
        (&me["user"], &me["submittedBy"], &me["groups"]),
        (&json!("alice"), &json!("portal"), &json!(["engineering"]))
    );
    assert_eq!((&me["service"], &me["permissions"]), (&json!(false), &json!([])), "the service's own rights stay out");

    let filed = api.post("portal", "/v1/requests").header(FOR, "alice").json(&ask(json!({}))).await.is(201).body;
    assert_eq!((&filed["requester"], &filed["submittedBy"]), (&json!("alice"), &json!("portal")));
    let at = path(&filed);
    api.get("alice", &at).await.is(200);
    api.get("portal", &at).await.fails(404, "not-found");
    let review = || api.post("portal", &format!("{at}/reviews")).json(&json!({"decision": "approve"}));
    review().header(FOR, "alice").await.fails(403, "self-approval");
    let approved = review().header(FOR, "bob").await.is(201).body;
    assert_eq!(approved["reviews"][0]["reviewer"], "bob");
    assert_eq!(approved["reviews"][0]["submittedBy"], "portal");
    assert_eq!(approved["state"], "applying");
    let events = api.get("alice", &format!("{at}/events")).await.is(200);
    assert_eq!(events.body["items"][0]["submittedBy"], "portal");

    let stranger = api.get("portal", "/v1/me").header(FOR, "mallory").await.is(200).body;
    assert_eq!(stranger["groups"], json!([]), "whom the directory does not know is in no group");
    api.post("portal", "/v1/requests")
        .header(FOR, "mallory")
        .json(&ask(json!({})))
        .await
        .fails(403, "request-not-permitted");
}

#[tokio::test]
async fn nobody_else_speaks_for_anybody_and_nobody_for_a_service() {
    let api = Api::new().await;
    let me = |who| api.get(who, "/v1/me");
    me("alice").header(FOR, "bob").await.fails(403, "forbidden");
    me("alice").header(FOR, "alice").await.fails(403, "forbidden");
    me("robot").header(FOR, "alice").await.fails(403, "forbidden");
    for service in ["portal", "robot", "entryway"] {
        me("portal").header(FOR, service).await.fails(403, "forbidden");
    }
    for nobody in ["", "a\tb", "bob\u{200b}", "\u{202e}bob", "bo\u{ad}b", "b\u{200d}ob", "\u{3164}"] {
        let answer = me("portal").header(FOR, nobody).await.fails(400, "bad-parameter");
        assert_eq!(answer.errors(), [("bad-parameter".to_owned(), "Entryway-On-Behalf-Of".to_owned())]);
    }
    me("portal").header(FOR, "alice").header(FOR, "bob").await.fails(400, "bad-parameter");
}

/// A policy that lets everybody sign off is common in small teams; a portal passes on what people have typed.
#[tokio::test]
async fn a_36_nobody_is_somebody_else_in_another_spelling() {
    let anybody = r#"@id("anybody") permit (principal, action, resource);"#;
    let anybody = entryway::policy::PolicySet::parse(&[("any.cedar".to_owned(), anybody.to_owned())]).unwrap();
    let api = Api::with(|desk| {
        let directory = std::sync::Arc::make_mut(&mut desk.directory);
        directory.listen_to_tokens();
        directory.add_member("Jürgen", "engineering");
    })
    .await;
    api.bed.desk.directory.memory().unwrap().remember(entryway::domain::person::Person {
        user: "erin".to_owned(),
        issuer: "https://login.example.com".to_owned(),
        subject: "1".to_owned(),
        display_name: None,
        groups: ["sre".to_owned()].into(),
        service: false,
        issued_at: crate::harness::start(),
        known_until: crate::harness::start() + chrono::TimeDelta::days(30),
    });
    let at = api.filed("alice").await;
    api.bed.desk.policies.replace(anybody);
    for (other, spelt) in [("Alice", "alice"), ("ALICE", "alice"), ("JÜRGEN", "Jürgen"), ("Erin", "erin")] {
        let review =
            api.post("portal", &format!("{at}/reviews")).header(FOR, other).json(&json!({"decision": "approve"}));
        let answer = review.await.fails(400, "bad-parameter");
        assert!(answer.detail().contains(&format!("{spelt:?}")), "{other}: {answer:?}");
    }
    let own = api.post("portal", &format!("{at}/reviews")).header(FOR, "alice").json(&json!({"decision": "approve"}));
    own.await.fails(403, "self-approval");
    assert_eq!(api.get("alice", &at).await.is(200).body["reviews"], json!([]));
    api.get("portal", "/v1/me").header(FOR, "erin").await.is(200);
    api.bed.work().await;
    assert_eq!(api.bed.writes(), Vec::<String>::new(), "EKS is untouched");
}

#[tokio::test]
async fn services_never_review_as_themselves() {
    let api = Api::with(|desk| {
        let directory = std::sync::Arc::make_mut(&mut desk.directory);
        // In a group that reviews, for all the good it does it.
        directory.add_member("portal", "sre");
    })
    .await;
    let at = api.filed("alice").await;
    for decision in ["approve", "deny"] {
        let review = api.post("portal", &format!("{at}/reviews"));
        let review = review.json(&json!({"decision": decision, "comment": "beep"}));
        review.await.fails(403, "not-a-person");
    }
}

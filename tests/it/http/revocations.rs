//! An incident over the API: what matches ends, as far as the caller may end it.

use entryway::domain::states::RequestState;
use serde_json::{Value, json};
use uuid::Uuid;

use super::bed::{Answer, Api, ask, path};

const OTHER: &str = "arn:aws:iam::111122223333:role/other";

fn id(at: &str) -> Uuid {
    at.rsplit('/').next().unwrap().parse().unwrap()
}

/// Outcome by id.
fn outcomes(answer: &Answer) -> Vec<(String, String)> {
    answer.each("id").into_iter().zip(answer.each("outcome")).collect()
}

/// Alice has one active and one scheduled grant and one undecided ask, Dan one active grant of another principal.
async fn four() -> (Api, [String; 4]) {
    let api = Api::new().await;
    let active = api.granted().await;
    api.bed.until(id(&active), RequestState::Active).await;
    let later = ask(json!({"startAt": "2026-06-02T12:00:00Z"}));
    let scheduled = path(&api.file("alice", &later).await);
    let dans = path(&api.file("dan", &ask(json!({"principalArn": OTHER}))).await);
    for at in [&scheduled, &dans] {
        api.post("bob", &format!("{at}/reviews")).json(&json!({"decision": "approve"})).await.is(201);
    }
    api.bed.until(id(&dans), RequestState::Active).await;
    let pending = api.filed("alice").await;
    (api, [active, scheduled, dans, pending])
}

#[tokio::test]
async fn it_can_be_looked_at_first_and_then_ends_everything_once() {
    let (api, [active, scheduled, dans, pending]) = four().await;
    let revoke = |query: &str, body: &Value| api.post("bob", &format!("/v1/revocations{query}")).json(body);
    let alice = json!({"requester": "alice", "reason": "INC-7: her laptop was stolen"});
    let bare = |at: &String| at.rsplit('/').next().unwrap().to_owned();
    let expected = [(&active, "revoked"), (&scheduled, "revoked"), (&pending, "denied")];
    let expected: Vec<_> = expected.iter().map(|(at, outcome)| (bare(at), (*outcome).to_owned())).collect();

    for preview in [revoke("?dryRun=true", &alice).await.is(200), {
        let mut body = alice.clone();
        body["dryRun"] = json!(true);
        revoke("", &body).await.is(200)
    }] {
        assert_eq!(outcomes(&preview), expected);
        assert_eq!((&preview.body["dryRun"], &preview.body["id"]), (&json!(true), &json!(Uuid::nil())));
        assert_eq!(preview.each("state"), ["active", "scheduled", "pending"]);
    }
    assert_eq!(api.get("bob", &active).await.body["state"], "active", "that changed nothing");

    let done = revoke("", &alice).key("k").await.is(200);
    assert_eq!(outcomes(&done), expected);
    let counts = ["revoked", "denied", "refused", "dryRun"].map(|field| done.body[field].clone());
    assert_eq!(counts.to_vec(), vec![json!(2), json!(1), json!(0), json!(false)]);
    assert_eq!((&done.body["complete"], &done.body["left"]), (&json!(true), &json!(0)));
    assert_eq!(done.each("state"), ["revoking", "revoking", "denied"]);
    let again = revoke("", &alice).key("k").await.is(200);
    assert!(again.replayed() && again.body == done.body);
    assert_eq!(outcomes(&revoke("", &alice).await.is(200)), []);

    for at in [&active, &scheduled] {
        api.bed.until(id(at), RequestState::Ended).await;
        assert_eq!(api.get("alice", at).await.body["endReason"], "revoked");
    }
    let denied = api.get("alice", &pending).await.body;
    assert_eq!((&denied["state"], &denied["approval"]["status"]), (&json!("denied"), &json!("denied")));
    assert_eq!(api.get("dan", &dans).await.body["state"], "active", "dan's is another matter");
    for at in [&active, &pending] {
        let events = api.get("alice", &format!("{at}/events")).await.is(200).body;
        let told = events["items"].as_array().unwrap().iter().find(|e| e["data"]["revocationId"] == done.body["id"]);
        let told = told.unwrap_or_else(|| panic!("{events}"));
        assert_eq!(told["actor"], "bob");
        assert!(told["data"].to_string().contains("laptop"), "{told}");
    }
}

#[tokio::test]
async fn it_matches_by_person_principal_and_cluster_and_all_that_is_given() {
    let (api, [active, scheduled, dans, pending]) = four().await;
    let prod = path(&api.file("alice", &ask(json!({"clusterName": "prod", "duration": "8h"}))).await);
    let all = [active, scheduled, dans, pending, prod];
    let matching = async |mut body: Value| -> Vec<usize> {
        body["reason"] = json!("why");
        let answer = api.post("carol", "/v1/revocations?dryRun=true").json(&body).await.is(200);
        answer.each("id").iter().map(|id| all.iter().position(|at| at.ends_with(id.as_str())).unwrap()).collect()
    };
    assert_eq!(matching(json!({"requester": "dan"})).await, [2]);
    assert_eq!(matching(json!({"principalArn": OTHER})).await, [2]);
    assert_eq!(matching(json!({"clusterName": "dev"})).await, [0, 1, 2, 3]);
    assert_eq!(matching(json!({"clusterName": "dev", "requester": "alice"})).await, [0, 1, 3]);
}

#[tokio::test]
async fn nobody_ends_what_they_may_not_revoke_or_see() {
    let (api, [active, _, dans, _]) = four().await;
    let dev = json!({"clusterName": "dev", "reason": "why"});
    let mine = api.post("alice", "/v1/revocations").json(&dev).await.is(200);
    assert_eq!(mine.each("outcome"), ["refused"; 3], "dan's she does not see; her own she may give back, not revoke");
    assert!(mine.body["items"][0]["detail"].as_str().unwrap().contains("may not revoke"));
    let watching = api.post("olga", "/v1/revocations").json(&dev).await.is(200);
    assert_eq!((&watching.body["refused"], &watching.body["revoked"]), (&json!(4), &json!(0)));
    assert_eq!(outcomes(&api.post("portal", "/v1/revocations").json(&dev).await.is(200)), []);
    for at in [&active, &dans] {
        assert_eq!(api.get("bob", at).await.body["state"], "active");
    }
    let events = api.get("alice", &format!("{active}/events")).await.is(200);
    let refused = events.each("type").into_iter().filter(|kind| kind == "request.refused").count();
    assert_eq!(refused, 2, "who tried is part of the story");
}

#[tokio::test]
async fn everything_that_is_wrong_with_it_is_said_at_once() {
    let api = Api::new().await;
    let wrong = async |body: Value| api.post("bob", "/v1/revocations").json(&body).await;
    let both = wrong(json!({})).await.fails(422, "validation-failed").errors();
    let expected = [("revocation-matches-everything", ""), ("reason-required", "/reason")];
    assert_eq!(both, expected.map(|(code, at)| (code.to_owned(), at.to_owned())));
    for unset in ["requester", "principalArn", "clusterName"] {
        let body = json!({"requester": "alice", "reason": "why", unset: " "});
        let at = wrong(body).await.fails(422, "validation-failed").errors();
        assert_eq!(at, [("revocation-matches-everything".to_owned(), format!("/{unset}"))], "an unset variable");
    }
    for (body, code, at) in [
        (json!({"principalArn": "arn:aws:iam::1:role/x", "reason": "why"}), "principal-arn-invalid", "/principalArn"),
        (json!({"clusterName": "prdo", "reason": "why"}), "cluster-unknown", "/clusterName"),
        (json!({"clusterName": "prdo", "reason": "why", "dryRun": true}), "cluster-unknown", "/clusterName"),
    ] {
        assert_eq!(wrong(body).await.fails(422, "validation-failed").errors(), [(code.to_owned(), at.to_owned())]);
    }
    wrong(json!({"requester": "alice", "reason": " "})).await.fails(422, "validation-failed");
    wrong(json!({"state": "active", "reason": "why"})).await.fails(400, "malformed-json");
    api.post("bob", "/v1/revocations?dryRun=yes").json(&json!({})).await.fails(400, "bad-parameter");
    api.get("bob", "/problems/revocation-matches-everything").await.is(200);
}

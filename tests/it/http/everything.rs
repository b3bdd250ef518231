//! What the service does for those who call it, each kind of thing once: for whoever wants to see that it works.

use chrono::TimeDelta;
use entryway::api::{self, Rates};
use entryway::domain::states::RequestState;
use entryway::workflow::sweep;
use serde_json::{Value, json};
use uuid::Uuid;

use super::bed::{Api, WEBHOOK, ask, path, serve, state};
use super::break_glass::with_break_glass;
use super::oidc::newcomers;
use super::streams::reader::Reader;
use crate::harness::database::by_hand;
use crate::harness::{Bed, ROLE};

fn id(at: &str) -> Uuid {
    at.rsplit('/').next().unwrap().parse().unwrap()
}

/// All of it over `bed`, whose directory listens to tokens.
pub(crate) async fn everything(bed: Bed) {
    let api = newcomers(bed).await;
    live(&api).await;
    decide(&api).await;
    once_and_again(&api).await;
    look(&api).await;
}

/// What becomes of a grant.
async fn live(api: &Api) {
    let at = api.granted().await;
    api.bed.until(id(&at), RequestState::Active).await;
    api.bed.worker.check_clusters().await.unwrap();
    api.bed.worker.list_clusters().await.unwrap();
    let extended =
        api.post("alice", &format!("{at}/extend")).json(&json!({"duration": "1h", "reason": "a test"})).await.is(201);
    api.post("alice", &format!("{}/withdraw", path(&extended.body))).await.is(200);
    let entry = ROLE.replace(':', "%3A").replace('/', "%2F");
    api.post("bob", &format!("/v1/clusters/dev/entries/{entry}/repair"))
        .json(&json!({"reason": "a test"}))
        .await
        .is(200);
    api.post("alice", &format!("{at}/relinquish")).await.is(200);
    api.bed.until(id(&at), RequestState::Ended).await;

    let refusal = json!({"op": "CreateAccessEntry", "times": 1, "action": {"kind": "error", "status": 400,
        "code": "InvalidParameterException", "message": "No."}});
    let everything = json!({"requester": "nina", "reason": "a test"});
    api.post("bob", "/v1/revocations").json(&everything).await.is(200);
    api.bed.work().await;
    api.bed.pass(TimeDelta::minutes(5));
    api.bed.work().await;
    api.bed.sim.inject(serde_json::from_value(refusal).unwrap());
    let failing = api.granted().await;
    api.bed.until(id(&failing), RequestState::Failed).await;
    api.post("alice", &format!("{failing}/retry")).await.is(200);
    api.post("bob", &format!("{failing}/revoke")).json(&json!({"reason": "a test"})).await.is(200);
    api.bed.until(id(&failing), RequestState::Ended).await;
}

/// What people say about requests, and what they may not.
async fn decide(api: &Api) {
    let review = |who: &str, at: &str, body: Value| api.post(who, &format!("{at}/reviews")).json(&body);
    let denied = api.filed("alice").await;
    review("alice", &denied, json!({"decision": "approve"})).await.fails(403, "self-approval");
    review("bob", &denied, json!({"decision": "deny", "comment": "no"})).await.is(201);
    api.get("mallory", "/v1/me").await.fails(401, "unauthenticated");
    api.bed.desk.policies.replace(with_break_glass());
    let emergency = json!({"clusterName": "prod", "breakGlass": true, "duration": "1h",
        "reason": "payments are down, and nobody of the on-call answers"});
    let broken = path(&api.file("bob", &ask(emergency)).await);
    review("carol", &broken, json!({"decision": "acknowledge", "comment": "seen"})).await.is(201);
}

/// What is kept for those who repeat themselves, and for those who call too often.
async fn once_and_again(api: &Api) {
    let post = || api.post("alice", "/v1/requests").key("k").json(&ask(json!({})));
    assert!(!post().await.is(201).replayed());
    assert!(post().await.is(201).replayed());
    api.bed.pass(TimeDelta::hours(25));
    assert!(!post().await.is(201).replayed(), "the old answer is over, and stands there still");
    let base = serve(api::router(state(&api.bed.desk, &api.stop).calling_at_most(Rates::new(6, 0))), &api.stop).await;
    for _ in 0..3 {
        api.get("alice", &format!("{base}/v1/me")).await.is(200);
    }
    api.bed.pass(TimeDelta::hours(25));
    sweep::forget(&api.bed.desk).await.unwrap();
}

/// What there is to see.
async fn look(api: &Api) {
    by_hand(&api.bed.url, &format!("INSERT INTO destination (name, position) VALUES ('{WEBHOOK}', 0)")).await;
    api.post("bob", "/v1/webhooks/dev/replay").json(&json!({"after": 0})).await.is(200);
    let at = api.filed("alice").await;
    let own =
        [at.clone(), format!("{at}/events"), "/v1/requests".to_owned(), "/v1/me".to_owned(), "/v1/clusters".to_owned()];
    for path in &own {
        api.get("alice", path).await.is(200);
    }
    for path in ["/v1/requests?reviewable=true", "/v1/requests?state=pending&clusterName=dev", "/v1/access-policies"] {
        api.get("bob", path).await.is(200);
    }
    for path in ["/v1/events", "/v1/webhooks", "/v1/clusters/dev/entries", "/metrics", "/readyz"] {
        api.get("olga", path).await.is(200);
    }
    let mut stream = Reader::open(&format!("{}/v1/events/stream?after=0", api.base), "olga", None).await;
    assert_eq!(stream.event().await["type"], "request.submitted");
    api.get("alice", &format!("{at}?wait=1s")).await.is(200);
}

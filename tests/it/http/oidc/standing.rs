//! What somebody whom only tokens know has signed off: it counts while they are away, and no longer than they have the right.
//! Abuse case A-11.

use std::sync::Arc;

use chrono::TimeDelta;
use entryway::domain::identity::Directory;
use entryway::domain::states::{EndReason, RequestState};
use entryway::worker::Worker;
use entryway::workflow::Desk;
use serde_json::{Value, json};
use uuid::Uuid;

use super::provider::{Provider, Signer};
use super::{claims, me, post, taking};
use crate::harness::database::by_hand;
use crate::harness::{database, eks, pace};
use crate::http::bed::{Api, ask, path};

struct Scene {
    api: Api,
    provider: Provider,
    signer: Signer,
}

impl Scene {
    async fn new() -> Self {
        let signer = Signer::ec("e");
        let provider = Provider::start(std::slice::from_ref(&signer)).await;
        Self { api: taking(&provider).await, provider, signer }
    }

    fn token(&self, user: &str, groups: &[&str], minute: i64) -> String {
        self.signer.sign(&claims(&self.provider.issuer, user, groups, minute))
    }

    /// Somebody whom only tokens know asks, with `changes`, and another such person signs it off.
    async fn granted(&self, changes: Value) -> Uuid {
        let asker = self.token("nina", &["engineering"], 0);
        let filed = post(&self.api, &asker, "/v1/requests", &ask(changes)).await.is(201).body;
        let reviewer = self.token("erin", &["sre"], 0);
        let reviews = format!("{}/reviews", path(&filed));
        let body = post(&self.api, &reviewer, &reviews, &json!({"decision": "approve"})).await.is(201).body;
        assert_eq!((&body["approval"]["status"], &body["reviews"][0]["counts"]), (&json!("satisfied"), &json!(true)));
        filed["id"].as_str().unwrap().parse().unwrap()
    }

    /// A process that has the database in common with the API, and nothing else.
    fn elsewhere(&self) -> (Desk, Worker<entryway::eks::aws::AwsEks>) {
        let bed = &self.api.bed;
        let mut directory = Directory::default();
        directory.add_member("bob", "sre");
        directory.listen_to_tokens();
        let store = database::connect(&bed.url, bed.desk.store.clock().clone());
        let desk = Desk { store, directory: Arc::new(directory), ..bed.desk.clone() };
        (desk.clone(), Worker::new(desk, Arc::new(eks(&bed.sim)), pace()))
    }
}

#[tokio::test]
async fn a_worker_that_never_saw_the_tokens_applies_what_was_signed_off() {
    let scene = Scene::new().await;
    let id = scene.granted(json!({})).await;
    let (_, worker) = scene.elsewhere();
    scene.api.bed.work_with(&worker).await;
    assert_eq!(scene.api.bed.writes(), ["CreateAccessEntry", "AssociateAccessPolicy"]);
    assert_eq!(scene.api.bed.state(id).await, RequestState::Verifying);
}

#[tokio::test]
async fn whoever_has_lost_the_group_by_their_next_token_no_longer_counts() {
    let scene = Scene::new().await;
    let bed = &scene.api.bed;
    let id = scene.granted(json!({"startAt": "2026-06-01T14:00:00Z"})).await;
    bed.pass(TimeDelta::minutes(10));
    // Any call with a token without the group will do; the old token, still good for its time, brings nothing back.
    me(&scene.api, &scene.token("erin", &[], 10)).await.is(200);
    assert_eq!(me(&scene.api, &scene.token("erin", &["sre"], 0)).await.is(200).body["groups"], json!([]));
    let other = path(&scene.api.file("alice", &ask(json!({}))).await);
    let stale = scene.token("erin", &["sre"], 0);
    let review = post(&scene.api, &stale, &format!("{other}/reviews"), &json!({"decision": "approve"})).await;
    assert_eq!(review.status, 404, "A-11: who may no longer see it cannot approve it either: {review:?}");
    bed.pass(TimeDelta::minutes(110));
    let (_, worker) = scene.elsewhere();
    bed.work_with(&worker).await;
    assert_eq!(bed.get(id).await.request.end_reason, Some(EndReason::Policy));
    assert_eq!(bed.writes(), Vec::<String>::new(), "EKS is untouched");
}

#[tokio::test]
async fn what_is_remembered_does_not_count_for_ever() {
    let scene = Scene::new().await;
    let bed = &scene.api.bed;
    let id = scene.granted(json!({"startAt": "2026-06-01T14:00:00Z"})).await;
    // As if the token had been shown a month ago.
    by_hand(&bed.url, "UPDATE person SET known_until = '2026-06-01T13:00:00Z' WHERE user_name = 'erin'").await;
    bed.pass(TimeDelta::minutes(120));
    let (_, worker) = scene.elsewhere();
    bed.work_with(&worker).await;
    assert_eq!(bed.get(id).await.request.end_reason, Some(EndReason::Policy));
}

#[tokio::test]
async fn replicas_hear_of_one_another() {
    let scene = Scene::new().await;
    let (desk, _) = scene.elsewhere();
    me(&scene.api, &scene.token("erin", &["sre"], 0)).await.is(200);
    assert!(desk.directory.identity("erin").groups.is_empty());
    let next = desk.hear_of_people(None).await.unwrap();
    assert_eq!(desk.directory.identity("erin").groups, ["sre".to_owned()].into());
    scene.api.bed.pass(TimeDelta::minutes(5));
    me(&scene.api, &scene.token("erin", &["security"], 5)).await.is(200);
    desk.hear_of_people(Some(next)).await.unwrap();
    assert_eq!(desk.directory.identity("erin").groups, ["security".to_owned()].into());
}

#[tokio::test]
async fn a_service_that_speaks_for_somebody_brings_the_directorys_groups_alone() {
    let scene = Scene::new().await;
    me(&scene.api, &scene.token("erin", &["sre"], 0)).await.is(200);
    let spoken = scene.api.get("portal", "/v1/me").header("entryway-on-behalf-of", "erin").await.is(200).body;
    assert_eq!(spoken["groups"], json!([]), "she has shown no token with this call");
}

#[tokio::test]
async fn a_token_that_ends_lets_nobody_in_any_more() {
    let scene = Scene::new().await;
    let token = scene.token("erin", &["sre"], 0);
    me(&scene.api, &token).await.is(200);
    scene.api.bed.pass(TimeDelta::seconds(3629));
    me(&scene.api, &token).await.is(200);
    scene.api.bed.pass(TimeDelta::seconds(1));
    me(&scene.api, &token).await.fails(401, "unauthenticated");
}

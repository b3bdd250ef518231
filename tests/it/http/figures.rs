//! What operators read.

use chrono::TimeDelta;
use entryway::domain::states::RequestState;
use serde_json::json;

use super::bed::{Api, WEBHOOK, ask};
use crate::harness::database::{self, by_hand};

/// All that `GET /metrics` has to say, once there was something of everything.
pub(crate) async fn every_figure() -> String {
    let api = Api::new().await;
    let id = api.granted().await.rsplit('/').next().unwrap().parse().unwrap();
    api.bed.until(id, RequestState::Active).await;
    by_hand(&api.bed.url, &format!("INSERT INTO destination (name, position) VALUES ('{WEBHOOK}', 0)")).await;
    api.get("olga", "/metrics").await.is(200).text
}

pub(super) async fn figure(api: &Api, name: &str) -> i64 {
    read(&api.get("olga", "/metrics").await.is(200).text, name)
}

/// A figure of those in `text`.
pub(super) fn read<T: std::str::FromStr>(text: &str, name: &str) -> T {
    let found = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok());
    found.unwrap_or_else(|| panic!("no {name}: {text}"))
}

#[tokio::test]
async fn nobody_is_named_in_any_figure() {
    let text = every_figure().await;
    for name in ["alice", "bob", "arn:", "my-role", "payments"] {
        assert!(!text.contains(name), "{name}: {text}");
    }
}

#[tokio::test]
async fn how_long_nobody_looked_shows_for_each_cluster() {
    let api = Api::new().await;
    api.bed.worker.check_clusters().await.unwrap();
    let id = api.granted().await.rsplit('/').next().unwrap().parse().unwrap();
    api.bed.until(id, RequestState::Active).await;
    let (silent, age) =
        (r#"entryway_cluster_silent_seconds{cluster="dev"}"#, r#"entryway_reconcile_age_seconds{cluster="dev"}"#);
    assert_eq!(figure(&api, age).await, 0);
    let asked = figure(&api, silent).await;
    api.bed.pass(TimeDelta::minutes(30));
    assert_eq!((figure(&api, age).await, figure(&api, silent).await), (1800, asked + 1800));
    assert_eq!(figure(&api, r#"entryway_reconcile_age_seconds{cluster="prod"}"#).await, 0, "nothing is active there");
    api.bed.worker.check_clusters().await.unwrap();
    api.bed.work().await;
    assert_eq!((figure(&api, age).await, figure(&api, silent).await), (0, 0));
}

#[tokio::test]
async fn what_no_checkpoint_counts_yet_shows_by_its_age() {
    let api = Api::new().await;
    assert_eq!(figure(&api, "entryway_audit_anchor_age_seconds").await, 0);
    api.file("alice", &ask(json!({}))).await;
    api.bed.pass(TimeDelta::minutes(5));
    api.post("alice", "/v1/requests").json(&ask(json!({}))).await.is(201);
    assert_eq!(figure(&api, "entryway_audit_anchor_age_seconds").await, 300);
    let rhythm = entryway::workflow::checkpoint::Rhythm { interval: TimeDelta::zero(), events: 1000 };
    assert!(entryway::worker::checkpoints::make_all(&api.bed.desk, rhythm, None).await.unwrap() > 0);
    assert_eq!(figure(&api, "entryway_audit_anchor_age_seconds").await, 0);
}

/// What is over is counted once; nothing of it is lost or counted twice, whatever is counted through meanwhile and by whomever.
#[tokio::test]
async fn requests_are_counted_by_state_however_many_of_them_are_over() {
    let api = Api::new().await;
    let rhythm = entryway::workflow::checkpoint::Rhythm { interval: TimeDelta::zero(), events: 1000 };
    let mut replica = api.bed.desk.clone();
    replica.store = database::connect(&api.bed.url, api.bed.desk.store.clock().clone());
    for round in 0..3 {
        let (denied, withdrawn, ended) = (api.filed("alice").await, api.filed("alice").await, api.granted().await);
        let deny = json!({"decision": "deny", "comment": "no"});
        api.post("bob", &format!("{denied}/reviews")).json(&deny).await.is(201);
        api.post("alice", &format!("{withdrawn}/withdraw")).json(&json!({})).await.is(200);
        let id = ended.rsplit('/').next().unwrap().parse().unwrap();
        api.bed.until(id, RequestState::Active).await;
        let before = api.bed.desk.figures().await.unwrap().requests;
        assert!(before.contains(&("active".to_owned(), 1)), "{before:?}");
        api.post("alice", &format!("{ended}/relinquish")).json(&json!({})).await.is(200);
        api.bed.until(id, RequestState::Ended).await;
        api.filed("dan").await;
        if round == 1 {
            api.bed.pass(TimeDelta::days(4));
            entryway::worker::sweep::lapse_all(&api.bed.desk).await.unwrap();
        }
        for _ in 0..2 {
            let counted = "SELECT string_agg(state || ' ' || n, ', ' ORDER BY state COLLATE \"C\")
                             FROM (SELECT state, count(*) AS n FROM request GROUP BY state) AS all_of";
            let counted = database::text(&api.bed.url, counted).await;
            for desk in [&api.bed.desk, &replica] {
                let told = desk.figures().await.unwrap().requests;
                let told: Vec<_> = told.iter().map(|(state, count)| format!("{state} {count}")).collect();
                assert_eq!(told.join(", "), counted, "round {round}");
            }
            entryway::worker::checkpoints::make_all(&api.bed.desk, rhythm, None).await.unwrap();
        }
    }
    replica.store.close().await;
}

//! While Postgres is slow or all connections are taken: answers come in time, probes tell the truth, and nothing piles up.

use std::time::Duration;

use futures_util::FutureExt;
use reqwest::Method;
use serde_json::json;
use sqlx::{Connection, PgConnection};
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use super::bed::{Answer, Api, ask};
use crate::harness::database::number;

/// More than a lane takes, and far more than there are connections.
const MANY: usize = 400;

/// Longer than anything may wait for Postgres, and shorter than a call may take.
const BOUNDED: Duration = Duration::from_secs(25);

/// Every call is answered in time, and told to come back.
async fn put_off(calls: &mut JoinSet<Answer>) {
    let all = async {
        while let Some(answer) = calls.join_next().await {
            answer.unwrap().fails(503, "unavailable");
        }
    };
    tokio::time::timeout(BOUNDED, all).await.expect("every call is answered in time");
}

#[tokio::test]
async fn while_postgres_hangs_calls_are_answered_in_time_and_probes_tell() {
    let api = Api::new().await;
    let (known, fresh) = (api.filed("alice").await, ask(json!({"username": "other:{{SessionName}}"})));
    let mut hand = PgConnection::connect(&api.bed.url).await.unwrap();
    let mut lock = hand.begin().await.unwrap();
    sqlx::query("LOCK TABLE request IN ACCESS EXCLUSIVE MODE").execute(&mut *lock).await.unwrap();

    let calls = (0..MANY).map(|n| match n % 4 {
        0 => api.get("alice", "/v1/requests"),
        1 => api.get("alice", &known),
        2 => api.post("alice", &format!("{known}/withdraw")),
        _ => api.post("alice", "/v1/requests").json(&fresh),
    });
    let mut calls: JoinSet<_> = calls.map(IntoFuture::into_future).collect();
    // The probes are asked while all of these wait.
    api.call(Method::GET, "/livez").await.is(200);
    let ready = api.call(Method::GET, "/readyz").await;
    assert!([200, 503].contains(&ready.status), "{ready:?}");
    assert_eq!(calls.len(), MANY, "the probes were not asked meanwhile");
    put_off(&mut calls).await;
    let connections =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'entryway'";
    assert!(number(&api.bed.url, connections).await <= 8, "no more connections than the pool has");

    lock.rollback().await.unwrap();
    api.get("alice", &known).await.is(200);
    api.post("alice", &format!("{known}/withdraw")).await.is(200);
    assert_eq!(number(&api.bed.url, "SELECT count(*) FROM request").await, 1, "what was put off was not done");
}

#[tokio::test]
async fn without_a_free_connection_calls_are_put_off_and_those_who_hang_up_leave_nothing_behind() {
    let api = Api::new().await;
    let store = &api.bed.desk.store;
    let mut taken = vec![];
    for _ in 0..8 {
        taken.push(store.begin().await.unwrap());
    }
    let before = Handle::current().metrics().num_alive_tasks();
    for _ in 0..10 * MANY {
        assert!(store.begin().now_or_never().is_none(), "there was a connection left");
    }
    // Nothing goes on for somebody who no longer waits.
    assert_eq!(Handle::current().metrics().num_alive_tasks(), before);

    api.call(Method::GET, "/livez").await.is(200);
    assert_eq!(api.call(Method::GET, "/readyz").await.is(503).body["status"], "unavailable");
    let mut calls: JoinSet<_> = (0..MANY).map(|_| api.get("alice", "/v1/requests").into_future()).collect();
    put_off(&mut calls).await;
    drop(taken);
    api.get("alice", "/v1/requests").await.is(200);
    api.call(Method::GET, "/readyz").await.is(200);
}

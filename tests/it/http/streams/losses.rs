//! Nothing is lost and nothing comes twice: by whichever replica, while writers commit in another order than they began, and
//! however slowly it is read.

use std::time::Duration;

use entryway::api::Rhythm;
use entryway::store;
use serde_json::json;
use sqlx::{Connection, PgConnection};

use super::super::bed::{Api, QUICK, ask, path, serve_all, state};
use super::reader::Reader;
use super::{id, read, url};
use crate::harness::database::{by_hand, number, text};

const WRITERS: u64 = 8;
const EACH: u64 = 25;

/// Writes events in transactions that take a while, each of which ends in its own way.
async fn write(url: String, writer: u64) {
    let insert = "BEGIN; INSERT INTO event (id, type, at, actor, via, data, hash)
                  VALUES (gen_random_uuid(), 'auth.failed', now(), 'entryway', 'api', '{}', 'sha256:00')";
    let mut connection = PgConnection::connect(&url).await.unwrap();
    for round in 0..EACH {
        sqlx::raw_sql(insert).execute(&mut connection).await.unwrap();
        // How slow a writer is makes no difference to what holds, only to how often it is put to the test.
        tokio::time::sleep(Duration::from_millis((writer * 7 + round * 3) % 11)).await;
        let end = if round % 5 == 4 { "ROLLBACK" } else { "COMMIT" };
        sqlx::raw_sql(end).execute(&mut connection).await.unwrap();
    }
    connection.close().await.unwrap();
}

#[tokio::test]
async fn a_reader_who_is_cut_off_again_and_again_has_everything_once_by_whichever_replica() {
    let api = Api::new().await;
    let replicas = [api.base.clone(), api.replica().await];
    let writers = (0..WRITERS).map(|writer| tokio::spawn(write(api.bed.url.clone(), writer))).collect::<Vec<_>>();
    let steady = tokio::spawn({
        let mut reader = read(&api, "olga", "?after=0").await;
        let written = usize::try_from(WRITERS * EACH * 4 / 5).unwrap();
        async move { reader.events(written).await }
    });
    let (mut read, mut last) = (vec![], Some(0));
    let written = usize::try_from(WRITERS * EACH * 4 / 5).unwrap();
    for turn in 0.. {
        let mut reader = Reader::open(&url(&replicas[turn % 2], ""), "olga", last).await;
        // Sometimes before the first event.
        for _ in 0..(turn * 5 % 9).min(written - read.len()) {
            read.push(reader.event().await["seq"].as_i64().unwrap());
        }
        last = reader.last;
        if read.len() == written {
            break;
        }
    }
    for writer in writers {
        writer.await.unwrap();
    }
    let all = text(&api.bed.url, "SELECT json_agg(seq ORDER BY seq)::text FROM event").await;
    assert_eq!(json!(read).to_string(), all.replace(' ', ""));
    let steady: Vec<_> = steady.await.unwrap().iter().map(|event| event["seq"].as_i64().unwrap()).collect();
    assert_eq!(steady, read, "and so has one who was never cut off");
}

#[tokio::test]
async fn what_commits_late_comes_in_its_place() {
    let api = Api::new().await;
    let mut reader = read(&api, "olga", "").await;
    let mut slow = PgConnection::connect(&api.bed.url).await.unwrap();
    let insert = "BEGIN; INSERT INTO event (id, type, at, actor, via, data, hash)
                  VALUES (gen_random_uuid(), 'auth.failed', now(), 'entryway', 'api', '{}', 'sha256:00')";
    sqlx::raw_sql(insert).execute(&mut slow).await.unwrap();
    api.filed("alice").await;
    for _ in 0..5 {
        assert_eq!(reader.frame().await.expect("it goes on").data, None, "nobody is told before it is their turn");
    }
    sqlx::raw_sql("COMMIT").execute(&mut slow).await.unwrap();
    let events = reader.events(2).await;
    assert_eq!((&events[0]["type"], &events[1]["type"]), (&json!("auth.failed"), &json!("request.submitted")));
}

#[tokio::test]
async fn another_replica_hears_of_it_without_looking() {
    let api = Api::new().await;
    let never = Rhythm { look: Duration::from_secs(3600), ..QUICK };
    let desk = api.another_desk();
    let base = serve_all(state(&desk, &api.stop).in_rhythm(never)).await;
    for store in [api.bed.desk.store.clone(), desk.store] {
        let stop = api.stop.clone();
        tokio::spawn(async move { store::listen(&store, &stop).await });
    }
    let refuse = async || api.get("alice", "/v1/events").await.fails(403, "forbidden");
    let mut refused = Reader::open(&url(&base, "?type=request.refused"), "olga", None).await;
    // Until both listen.
    let mut tried = 1;
    refuse().await;
    while tokio::time::timeout(Duration::from_millis(500), refused.event()).await.is_err() {
        refuse().await;
        tried += 1;
    }
    refused.events(tried - 1).await;

    let mut reader = Reader::open(&url(&base, "?type=request.submitted&type=request.denied"), "olga", None).await;
    let at = path(&api.file("alice", &ask(json!({}))).await);
    assert_eq!(reader.event().await["requestId"], id(&at).as_str());
    let waiting = tokio::spawn(api.get("alice", &format!("{base}{at}?wait=60s&until=denied")).into_future());
    api.post("bob", &format!("{at}/reviews")).json(&json!({"decision": "deny", "comment": "no"})).await.is(201);
    assert_eq!(waiting.await.unwrap().is(200).body["state"], "denied");
    assert_eq!(reader.event().await["type"], "request.denied");
    // About no request at all.
    refuse().await;
    refused.event().await;
}

#[tokio::test]
async fn who_reads_slowly_holds_up_nobody_and_has_everything_in_the_end() {
    let api = Api::new().await;
    let (mut slow, mut quick) = (read(&api, "olga", "").await, read(&api, "olga", "").await);
    // More than fits into the buffers on the way, and more than is kept for anybody.
    const BATCHES: i64 = 6;
    const EVENTS: i64 = 1000;
    let fill = format!(
        "INSERT INTO event (id, type, at, actor, via, data, hash)
         SELECT gen_random_uuid(), 'auth.failed', now(), 'entryway', 'api', jsonb_build_object('x', repeat('x', 5000)), 'x'
           FROM generate_series(1, {EVENTS})"
    );
    for _ in 0..BATCHES {
        by_hand(&api.bed.url, &fill).await;
        let end = number(&api.bed.url, "SELECT max(seq) FROM event").await;
        while quick.last < Some(end) {
            quick.frame().await.expect("it goes on");
        }
    }
    let mut seqs = vec![];
    while seqs.len() < usize::try_from(BATCHES * EVENTS).unwrap() {
        seqs.push(slow.event().await["seq"].as_i64().unwrap());
    }
    let all = text(&api.bed.url, "SELECT json_agg(seq ORDER BY seq)::text FROM event").await;
    let read = json!(seqs).to_string();
    assert!(read == all.replace(' ', ""), "each once, in order");
}

#[tokio::test]
async fn who_sees_little_of_a_long_log_gets_to_the_end_of_it() {
    let api = Api::new().await;
    let first = api.filed("alice").await;
    let fill = "INSERT INTO event (id, type, at, actor, via, data, hash)
                SELECT gen_random_uuid(), 'auth.failed', now(), 'entryway', 'api', '{}', 'x' FROM generate_series(1, 25000)";
    by_hand(&api.bed.url, fill).await;
    let second = api.filed("alice").await;
    let mut alice = read(&api, "alice", "?after=0").await;
    for path in [first, second] {
        assert_eq!(alice.event().await["requestId"], id(&path).as_str());
    }
}

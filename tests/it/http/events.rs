//! `GET /v1/events`: the log over all requests, for those who may audit.

use serde_json::{Value, json};

use super::bed::{Answer, Api, ask, path};
use crate::harness::database;

fn seqs(answer: &Answer) -> Vec<i64> {
    answer.body["items"].as_array().unwrap().iter().map(|event| event["seq"].as_i64().unwrap()).collect()
}

fn lines(answer: &Answer) -> Vec<Value> {
    answer.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn it_is_for_those_who_may_audit_and_a_refusal_is_in_it() {
    let api = Api::new().await;
    for path in ["/v1/events", "/metrics", "/v1/clusters/dev/entries"] {
        // Anybody can write these.
        let from_elsewhere = api.get("alice", path).header("x-forwarded-for", "203.0.113.7");
        from_elsewhere.header("forwarded", "for=203.0.113.7").await.fails(403, "forbidden");
    }
    let found = api.get("olga", "/v1/events?type=request.refused&actor=alice").await.is(200);
    let items = found.body["items"].as_array().unwrap();
    let actions: Vec<_> = items.iter().map(|event| event["data"]["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["audit", "metrics", "takeStock"], "{found:?}");
    for event in items {
        assert_eq!(event["data"]["sourceIp"], "127.0.0.1", "from whom the connection is");
        assert!(event["data"]["policyDigest"].as_str().unwrap().starts_with("sha256:"), "by which policies");
    }
}

#[tokio::test]
async fn a_forged_word_about_whom_a_service_speaks_for_says_who_said_it() {
    let api = Api::new().await;
    api.get("robot", "/v1/me").header("entryway-on-behalf-of", "alice").await.fails(403, "forbidden");
    let found = api.get("olga", "/v1/events?type=auth.failed").await.is(200);
    assert_eq!(found.body["items"][0]["data"]["user"], "robot", "{found:?}");
}

#[tokio::test]
async fn a_timeline_comes_a_page_at_a_time_and_its_tokens_lead_nowhere_else() {
    let api = Api::new().await;
    let (at, other) = (api.granted().await, api.granted().await);
    let whole = seqs(&api.get("alice", &format!("{at}/events")).await.is(200));
    assert!(whole.len() >= 3 && whole.is_sorted());
    let (mut found, mut next) = (vec![], format!("{at}/events?maxResults=1"));
    loop {
        let page = api.get("alice", &next).await.is(200);
        found.extend(seqs(&page));
        let Some(token) = page.body["nextToken"].as_str() else { break };
        next = format!("{at}/events?maxResults=1&nextToken={token}");
        api.get("bob", &next).await.fails(400, "next-token-invalid");
        api.get("alice", &format!("{other}/events?nextToken={token}")).await.fails(400, "next-token-invalid");
    }
    assert_eq!(found, whole);
    api.get("alice", &format!("{at}/events?maxResults=0")).await.fails(400, "bad-parameter");
    api.get("alice", &format!("{at}/events?after=1")).await.fails(400, "bad-parameter");
}

#[tokio::test]
async fn pages_and_after_both_lead_through_all_of_it_once() {
    let api = Api::new().await;
    for _ in 0..3 {
        api.granted().await;
    }
    let all = seqs(&api.get("olga", "/v1/events?maxResults=100").await.is(200));
    assert!(all.len() >= 9 && all.is_sorted());
    let (mut by_token, mut next) = (vec![], "/v1/events?maxResults=2".to_owned());
    loop {
        let page = api.get("olga", &next).await.is(200);
        by_token.extend(seqs(&page));
        let Some(token) = page.body["nextToken"].as_str() else { break };
        next = format!("/v1/events?maxResults=2&nextToken={token}");
        api.get("bob", &next).await.fails(400, "next-token-invalid");
        api.get("olga", &format!("{next}&actor=alice")).await.fails(400, "next-token-invalid");
    }
    assert_eq!(by_token, all);
    let (mut by_after, mut after) = (vec![], 0);
    loop {
        let page = seqs(&api.get("olga", &format!("/v1/events?maxResults=2&after={after}")).await.is(200));
        let Some(last) = page.last() else { break };
        after = *last;
        by_after.extend(page);
    }
    assert_eq!(by_after, all);
}

#[tokio::test]
async fn filters_add_up() {
    let api = Api::new().await;
    let first = api.granted().await;
    let other = path(&api.file("dan", &ask(json!({"clusterName": "prod", "duration": "1h"}))).await);
    let id = |path: &str| path.rsplit('/').next().unwrap().to_owned();
    let get = async |query: &str| api.get("olga", &format!("/v1/events?{query}")).await.is(200);
    let of_first = get(&format!("requestId={}", id(&first))).await;
    assert!(of_first.each("requestId").iter().all(|of| *of == id(&first)) && of_first.each("type").len() >= 3);
    assert_eq!(get("clusterName=prod&type=request.submitted").await.each("requestId"), [id(&other)]);
    assert_eq!(get("actor=bob").await.each("type"), ["request.reviewed"]);
    assert_eq!(get("actor=bob&clusterName=prod").await.each("type"), Vec::<String>::new());
    let both = get("type=request.submitted&type=request.reviewed").await.each("type");
    assert_eq!(both, ["request.submitted", "request.reviewed", "request.submitted"]);
    for wrong in ["after=-1", "after=x", "requestId=x", "type=request.praised", "maxResults=0", "actor="] {
        api.get("olga", &format!("/v1/events?{wrong}")).await.fails(400, "bad-parameter");
    }
}

#[tokio::test]
async fn an_event_of_an_entry_is_found_by_every_request_it_names() {
    let api = Api::new().await;
    let paths = [api.granted().await, api.granted().await];
    api.bed.work().await;
    for path in paths {
        let id = path.rsplit('/').next().unwrap().to_owned();
        let found = api.get("olga", &format!("/v1/events?type=entry.created&requestId={id}")).await.is(200);
        let named = &found.body["items"][0]["data"];
        assert!(named["requestIds"].as_array().unwrap().contains(&json!(id)), "{found:?}");
        assert!(named["awsRequestId"].is_string(), "{named}");
    }
}

#[tokio::test]
async fn a_stream_has_everything_a_page_has() {
    let api = Api::new().await;
    api.granted().await;
    let fill = "INSERT INTO event (id, type, at, actor, via, data, hash)
                SELECT gen_random_uuid(), 'auth.failed', now(), 'entryway', 'api', '{}', 'x' FROM generate_series(1, 1200)";
    database::by_hand(&api.bed.url, fill).await;
    let stream = |query: &str| api.get("olga", &format!("/v1/events{query}")).header("accept", "application/x-ndjson");
    let all = stream("").await.is(200);
    assert_eq!(all.header("content-type").as_deref(), Some("application/x-ndjson"));
    let (all, page) = (lines(&all), api.get("olga", "/v1/events").await.is(200));
    assert_eq!(i64::try_from(all.len()).unwrap(), database::number(&api.bed.url, "SELECT count(*) FROM event").await);
    assert_eq!(all[..50], page.body["items"].as_array().unwrap()[..]);
    let some = lines(&stream("?type=auth.failed&after=700").await.is(200));
    assert!(some.iter().all(|event| event["seq"].as_i64() > Some(700) && event["type"] == "auth.failed"));
    assert_eq!(lines(&stream("?after=1000000").await.is(200)), Vec::<Value>::new());
    stream("?maxResults=5").await.fails(400, "bad-parameter");
    api.get("alice", "/v1/events").header("accept", "application/x-ndjson").await.fails(403, "forbidden");
}

/// What somebody wrote into the log by hand is left out where it makes no sense, and neither spoils a page nor ends the list.
#[tokio::test]
async fn an_event_that_makes_no_sense_keeps_nobody_from_the_others() {
    let api = Api::new().await;
    let at = api.granted().await;
    database::by_hand(&api.bed.url, "ALTER TABLE event DROP CONSTRAINT event_via_check").await;
    database::by_hand(&api.bed.url, "CREATE TABLE kept AS TABLE event").await;
    let timeline = format!("{at}/events");
    let whole = seqs(&api.get("alice", &timeline).await.is(200));
    assert!(whole.len() >= 3);
    for (place, set) in [(0, "data = '1e400'"), (1, "via = 'pigeon'"), (2, "type = 'Request Applied'")] {
        let odd = whole[place];
        database::by_hand(&api.bed.url, &format!("UPDATE event SET {set} WHERE seq = {odd}")).await;
        let rest: Vec<_> = whole.iter().copied().filter(|seq| *seq != odd).collect();
        for (who, path) in [("alice", &timeline), ("olga", &"/v1/events".to_owned())] {
            let (mut found, mut next) = (vec![], format!("{path}?maxResults=1"));
            loop {
                let page = api.get(who, &next).await.is(200);
                found.extend(seqs(&page));
                let Some(token) = page.body["nextToken"].as_str() else { break };
                next = format!("{path}?maxResults=1&nextToken={token}");
            }
            found.retain(|seq| whole.contains(seq));
            assert_eq!(found, rest, "{set}: {path}");
        }
        let all = api.get("olga", "/v1/events").header("accept", "application/x-ndjson").await.is(200);
        let told: Vec<_> = lines(&all).iter().map(|event| event["seq"].as_i64().unwrap()).collect();
        assert!(!told.contains(&odd) && rest.iter().all(|seq| told.contains(seq)), "{set}: {told:?}");
        let undo = "UPDATE event e SET (data, via, type) = (SELECT data, via, type FROM kept WHERE seq = e.seq)";
        database::by_hand(&api.bed.url, undo).await;
    }
    assert_eq!(seqs(&api.get("alice", &timeline).await.is(200)), whole);
}

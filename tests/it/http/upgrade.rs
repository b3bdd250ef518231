//! Two builds side by side on one database, as in an upgrade: what only the newer one knows of is told by the older one as it is.

use entryway::domain::states::RequestState;
use entryway::worker::checkpoints::make_all;
use entryway::workflow::checkpoint::{Rhythm, SigningKey};
use serde_json::{Value, json};

use super::bed::Api;
use super::streams::reader::Reader;
use crate::audit::{PRIVATE, entryway, verified};
use crate::harness::database::by_hand;

const NEWER: &str = "request.blessed";

/// What a newer build would write about the request `id`, in its chain: hashed by what docs/AUDIT.md says, and not by our code.
async fn write_newer(url: &str, id: &str) {
    let statement = format!(
        r#"WITH new AS (
            SELECT gen_random_uuid() AS id, r.id AS request_id, r.chain_head AS prev_hash, r.cluster_name, r.principal_arn,
                   '2026-06-01T12:00:00.25Z'::timestamptz AS at, '{{"by":"a newer build","levels":[1,2]}}' AS data
              FROM request r WHERE r.id = '{id}'
        ), hashed AS (
            SELECT new.*, (SELECT 'sha256:' || encode(sha256(convert_to(E'entryway/event/v1\n', 'UTF8')
                               || string_agg(coalesce(int8send(octet_length(convert_to(field, 'UTF8'))::bigint)
                                                      || convert_to(field, 'UTF8'), int8send(-1)), '' ORDER BY place)), 'hex')
                     FROM unnest(ARRAY[prev_hash, id::text, '{NEWER}',
                                       to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'entryway', NULL, 'worker',
                                       request_id::text, cluster_name, principal_arn, data])
                          WITH ORDINALITY AS fields (field, place)) AS hash
              FROM new
        ), written AS (
            INSERT INTO event (id, type, at, actor, via, request_id, cluster_name, principal_arn, data, prev_hash, hash)
            SELECT id, '{NEWER}', at, 'entryway', 'worker', request_id, cluster_name, principal_arn, data::jsonb, prev_hash, hash
              FROM hashed RETURNING request_id, hash
        )
        UPDATE request SET chain_head = written.hash FROM written WHERE request.id = written.request_id"#
    );
    assert_eq!(by_hand(url, &statement).await, 1);
}

fn told(items: &Value) -> &Value {
    let items = items.as_array().unwrap();
    items.iter().find(|event| event["type"] == NEWER).unwrap_or_else(|| panic!("it is left out: {items:?}"))
}

async fn is_sound(api: &Api) {
    let (sound, said) = verified(&api.bed.url, None).await;
    assert!(sound, "{said}");
}

#[tokio::test]
async fn what_a_newer_build_has_written_is_told_as_it_is_everywhere() {
    let api = Api::new().await;
    let at = api.granted().await;
    let mut live = Reader::open(&format!("{}/v1/events/stream", api.base), "alice", None).await;
    let id = at.rsplit('/').next().unwrap();
    write_newer(&api.bed.url, id).await;
    api.post("alice", &format!("{at}/relinquish")).await.is(200);
    api.bed.until(id.parse().unwrap(), RequestState::Ended).await;

    let log = api.get("olga", "/v1/events").await.is(200).body;
    let event = told(&log["items"]);
    assert_eq!(event["data"], json!({"by": "a newer build", "levels": [1, 2]}));
    assert_eq!((&event["requestId"], &event["at"]), (&json!(id), &json!("2026-06-01T12:00:00.250000Z")));
    let (mut paged, mut next) = (vec![], "/v1/events?maxResults=1".to_owned());
    loop {
        let page = api.get("olga", &next).await.is(200).body;
        paged.extend(page["items"].as_array().unwrap().clone());
        let Some(token) = page["nextToken"].as_str() else { break };
        next = format!("/v1/events?maxResults=1&nextToken={token}");
    }
    assert_eq!(json!(paged), log["items"], "page by page nothing is left out");
    let lines = api.get("olga", "/v1/events").header("accept", "application/x-ndjson").await.is(200).text;
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(told(&json!(lines)), event);
    let timeline = api.get("alice", &format!("{at}/events")).await.is(200).body;
    assert_eq!(told(&timeline["items"]), event);

    let mut again = Reader::open(&format!("{}/v1/events/stream?after=0", api.base), "alice", None).await;
    for reader in [&mut live, &mut again] {
        // What follows is heard, too.
        let mut heard = vec![];
        while heard.last().is_none_or(|event: &Value| event["type"] != "request.ended") {
            heard.push(reader.event().await);
        }
        assert_eq!(told(&json!(heard)), event);
    }
}

#[tokio::test]
async fn what_a_newer_build_has_written_is_verified_and_exported() {
    let api = Api::new().await;
    let at = api.granted().await;
    let id = at.rsplit('/').next().unwrap();
    write_newer(&api.bed.url, id).await;
    is_sound(&api).await;
    // The chain goes on from it, and checkpoints count it.
    api.post("alice", &format!("{at}/relinquish")).await.is(200);
    is_sound(&api).await;
    let rhythm = Rhythm { interval: chrono::TimeDelta::zero(), events: 1000 };
    assert!(make_all(&api.bed.desk, rhythm, Some(&SigningKey::parse(PRIVATE).unwrap())).await.unwrap() > 0);
    is_sound(&api).await;

    for (format, word) in [("native", NEWER), ("cloudevents", "entryway.request.blessed"), ("ocsf", NEWER)] {
        let output = entryway(&api.bed.url, &["export", "--format", format]).await;
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(text.lines().filter(|line| line.contains(word)).count(), 1, "{format}: {text}");
    }

    by_hand(&api.bed.url, &format!("UPDATE event SET data = '{{}}' WHERE type = '{NEWER}'")).await;
    let (sound, said) = verified(&api.bed.url, None).await;
    assert!(!sound && said.contains("is not what was written"), "{said}");
}

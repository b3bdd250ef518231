//! The program itself, on logs that somebody got at.

use std::process::{Command, Output};

use entryway::worker::checkpoints::make_all;
use entryway::workflow::checkpoint::{Rhythm, SigningKey};

use super::{AT_ONCE, a_life};
use crate::harness::{Bed, database};

/// As `openssl genpkey -algorithm ed25519` writes them (RFC 8410, 10.3 and 10.1).
pub(crate) const PRIVATE: &str = "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC";

/// What an UPDATE cannot do to a column that Postgres generates.
const MOVED: &str = "WITH gone AS (DELETE FROM event WHERE seq = 2 RETURNING *)
    INSERT INTO event OVERRIDING SYSTEM VALUE
    SELECT -5, id, type, at, actor, submitted_by, via, request_id, cluster_name, principal_arn, data, prev_hash, hash FROM gone";

pub(crate) async fn entryway(url: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_entryway"));
    command.args(["audit"]).args(arguments).env_clear().env("DATABASE_URL", url);
    command.env("ENTRYWAY__AUDIT__SIGNING_KEY", PRIVATE);
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

/// Whether it was found sound, and what was said.
pub(crate) async fn verified(url: &str, anchor: Option<&str>) -> (bool, String) {
    let mut arguments = vec!["verify"];
    arguments.extend(anchor.iter().flat_map(|anchor| ["--anchor", anchor]));
    let output = entryway(url, &arguments).await;
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    assert!(matches!(output.status.code(), Some(0 | 1)), "{}", text(&output.stderr));
    (output.status.success(), text(&output.stdout) + &text(&output.stderr))
}

/// A log of two lives with a few checkpoints, the last over all that was there, and its hash.
async fn log() -> (Bed, String) {
    let bed = Bed::new().await;
    let key = SigningKey::parse(PRIVATE).unwrap();
    a_life(&bed).await;
    make_all(&bed.desk, Rhythm { events: 5, ..AT_ONCE }, Some(&key)).await.unwrap();
    a_life(&bed).await;
    let anchor = {
        let made = entryway::workflow::checkpoint::checkpoint(&bed.desk, AT_ONCE, Some(&key)).await.unwrap();
        made.expect("much happened").hash
    };
    (bed, anchor)
}

#[tokio::test]
async fn what_nobody_touched_is_sound_and_every_tampering_is_named() {
    let (bed, anchor) = log().await;
    let (sound, said) = verified(&bed.url, Some(&anchor)).await;
    assert!(sound && said.starts_with("sound: ") && said.contains(&anchor), "{said}");
    database::by_hand(&bed.url, "CREATE TABLE kept AS TABLE event").await;
    // Whoever gets at the log this way is kept from nothing by its constraints.
    database::by_hand(&bed.url, "ALTER TABLE event DROP CONSTRAINT event_times").await;
    let middle = "(SELECT seq FROM event WHERE type = 'request.reviewed' ORDER BY seq LIMIT 1)";
    for (tampering, word) in [
        (format!("UPDATE event SET actor = 'mallory' WHERE seq = {middle}"), "is not what was written"),
        (format!("UPDATE event SET submitted_by = '' WHERE seq = {middle}"), "is not what was written"),
        (format!("UPDATE event SET data = data || '{{\"x\": 1.0}}' WHERE seq = {middle}"), "is not what was written"),
        (format!("UPDATE event SET data = '1e400' WHERE seq = {middle}"), "makes no sense"),
        (format!("UPDATE event SET at = 'infinity' WHERE seq = {middle}"), "makes no sense"),
        (
            format!("UPDATE event SET at = at + interval '1 microsecond' WHERE seq = {middle}"),
            "is not what was written",
        ),
        (format!("UPDATE event SET type = 'request.praised' WHERE seq = {middle}"), "is not what was written"),
        (format!("UPDATE event SET type = 'request praised' WHERE seq = {middle}"), "makes no sense"),
        (format!("UPDATE event SET hash = 'sha256:00' WHERE seq = {middle}"), "is not what was written"),
        (format!("UPDATE event SET at = '290000-01-01' WHERE seq = {middle}"), "makes no sense"),
        (MOVED.to_owned(), "are not those of checkpoint 1"),
        (format!("DELETE FROM event WHERE seq = {middle}"), "are not those of checkpoint 1"),
        ("DELETE FROM event WHERE type = 'auth.failed' OR seq = 1".to_owned(), "are not those of checkpoint 1"),
        (
            "DELETE FROM event WHERE seq = (SELECT min(seq) FROM event WHERE type = 'audit.checkpoint')".to_owned(),
            "checkpoint 1 is missing",
        ),
        ("DELETE FROM event WHERE seq = (SELECT max(seq) FROM event)".to_owned(), "there is no checkpoint sha256:"),
        ("DELETE FROM event WHERE seq > 12".to_owned(), "there is no checkpoint sha256:"),
        ("DELETE FROM event".to_owned(), "there is no checkpoint sha256:"),
    ] {
        database::by_hand(&bed.url, &tampering).await;
        let (sound, said) = verified(&bed.url, Some(&anchor)).await;
        assert!(!sound && said.contains(word) && said.lines().count() == 1, "{tampering}: {said}");
        for undo in ["TRUNCATE event", "INSERT INTO event OVERRIDING SYSTEM VALUE SELECT * FROM kept"] {
            database::by_hand(&bed.url, undo).await;
        }
    }
    let (sound, said) = verified(&bed.url, Some(&anchor)).await;
    assert!(sound, "as it was: {said}");
}

/// Reviews and requesters stand in tables of their own, and decide who has access: what the log does not tell of them is found.
#[tokio::test]
async fn a_review_that_nobody_gave_and_a_request_that_somebody_else_filed_are_found() {
    let (bed, anchor) = log().await;
    database::by_hand(&bed.url, "CREATE TABLE kept_reviews AS TABLE review").await;
    let forged =
        "INSERT INTO review SELECT gen_random_uuid(), id, 'mallory', 'approve', NULL, 'api', NULL, spec_digest, now()
                    FROM request LIMIT 1";
    for (tampering, word) in [
        (forged, "by \"mallory\" is not in the log"),
        ("UPDATE review SET reviewer = 'mallory'", "by \"mallory\" is not in the log"),
        ("UPDATE review SET spec_digest = 'sha256:00'", "is not in the log"),
        ("UPDATE review SET submitted_by = 'portal'", "is not in the log"),
        ("UPDATE review SET via = 'cli'", "is not in the log"),
    ] {
        assert!(database::by_hand(&bed.url, tampering).await > 0);
        let (sound, said) = verified(&bed.url, Some(&anchor)).await;
        assert!(!sound && said.contains(word) && said.lines().count() == 1, "{tampering}: {said}");
        for undo in ["DELETE FROM review", "INSERT INTO review SELECT * FROM kept_reviews"] {
            database::by_hand(&bed.url, undo).await;
        }
    }
    assert!(verified(&bed.url, Some(&anchor)).await.0, "as it was");
    database::by_hand(&bed.url, "UPDATE request SET requester = 'mallory'").await;
    let (sound, said) = verified(&bed.url, Some(&anchor)).await;
    assert!(!sound && said.contains("was not filed by whom it says"), "{said}");
}

#[tokio::test]
async fn without_an_anchor_the_end_of_a_chain_still_shows() {
    let (bed, _) = log().await;
    let (sound, said) = verified(&bed.url, None).await;
    assert!(sound && said.contains("note: without --anchor"), "{said}");
    let cut = "DELETE FROM event WHERE seq >= (SELECT max(seq) FROM event WHERE request_id IS NOT NULL)";
    database::by_hand(&bed.url, cut).await;
    let (sound, said) = verified(&bed.url, None).await;
    assert!(!sound && said.contains("the last events of request"), "{said}");
}

#[tokio::test]
async fn a_wrong_key_and_a_wrong_anchor_are_told_apart() {
    let (bed, _) = log().await;
    let output = entryway(&bed.url, &["verify", "--anchor", "sha256:0"]).await;
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    database::by_hand(
        &bed.url,
        "UPDATE event SET data = jsonb_set(data, '{signature}', 'null') WHERE seq = (SELECT max(seq) FROM event)",
    )
    .await;
    let (sound, said) = verified(&bed.url, None).await;
    assert!(!sound && said.contains("is not what was written"), "{said}");
}

#[tokio::test]
async fn it_is_exported_in_every_format_one_event_to_a_line() {
    let (bed, _) = log().await;
    let events = database::number(&bed.url, "SELECT count(*) FROM event").await;
    for (format, field) in [("native", "hash"), ("cloudevents", "specversion"), ("ocsf", "class_uid")] {
        let output = entryway(&bed.url, &["export", "--format", format, "--after", "2"]).await;
        let text = String::from_utf8(output.stdout).unwrap();
        let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(i64::try_from(lines.len()).unwrap(), events - 2, "{format}");
        assert!(lines.iter().all(|line| !line[field].is_null()), "{format}: {text}");
    }
}

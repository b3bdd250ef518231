//! Ending many at once, while everything else goes on.

use std::collections::BTreeMap;

use entryway::domain::request::Spec;
use entryway::domain::review::Decision;
use entryway::domain::states::{EndReason, RequestState};
use entryway::sandbox::sim::World;
use entryway::workflow::Outcome;
use entryway::workflow::incident::{self, Fate, Incident, Matching};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{Bed, database, policy, view};

const MANY: usize = 1_100;
const ROUNDS: usize = 5;

fn done(outcome: Outcome<Incident>) -> Incident {
    match outcome {
        Outcome::Fresh(incident) => incident,
        Outcome::Replayed(answer) => panic!("nothing was to be replayed: {answer:?}"),
    }
}

fn on_dev() -> Matching {
    Matching { cluster_name: Some("dev".to_owned()), ..Matching::default() }
}

/// `MANY` active grants of alice's on dev, each on an entry of its own; the first of them.
async fn many(bed: &Bed) -> Uuid {
    let request = bed.granted(view("payments")).await;
    let request = bed.until(request.id, RequestState::Active).await.request;
    let copies: Vec<Value> = (1..MANY)
        .map(|n| {
            let principal = format!("arn:aws:iam::111122223333:role/many/r{n}");
            let digest = Spec { principal: principal.parse().unwrap(), ..request.spec.clone() }.digest();
            json!({ "id": Uuid::now_v7(), "principal_arn": principal, "spec_digest": digest })
        })
        .collect();
    let copy = format!(
        "INSERT INTO request SELECT r.* FROM request t, jsonb_array_elements('{}') AS change, jsonb_populate_record(t, change) AS r WHERE t.id = '{}'",
        Value::from(copies),
        request.id
    );
    database::by_hand(&bed.url, &copy).await;
    request.id
}

#[tokio::test]
async fn one_that_is_broken_off_says_what_is_left_and_the_same_again_ends_the_rest() {
    // Something in the second thousand will not be changed, which comes out when it is, or only at the very end.
    let at_once = "CREATE TRIGGER stubborn BEFORE UPDATE ON request FOR EACH ROW";
    let at_last =
        "CREATE CONSTRAINT TRIGGER stubborn AFTER UPDATE ON request DEFERRABLE INITIALLY DEFERRED FOR EACH ROW";
    for trigger in [at_once, at_last] {
        broken_off_by(trigger).await;
    }
}

async fn broken_off_by(trigger: &str) {
    let bed = Bed::new().await;
    many(&bed).await;
    let stubborn = [
        "CREATE FUNCTION stubborn() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''not now''; END'".to_owned(),
        format!("{trigger} WHEN (NEW.principal_arn LIKE '%/many/r1050') EXECUTE FUNCTION stubborn()"),
    ];
    for statement in stubborn {
        database::by_hand(&bed.url, &statement).await;
    }
    let count = |incident: &Incident, fate: &Fate| incident.items.iter().filter(|(_, came)| came == fate).count();
    let end = async || incident::end(&bed.desk, &bed.caller("bob"), &on_dev(), "INC-7", None).await.map(done);
    let part = end().await.unwrap();
    let (ended, left) = (count(&part, &Fate::Revoked), count(&part, &Fate::Left));
    assert!(!part.complete && (ended, left) == (1_000, MANY - 1_000), "{ended} ended, {left} left");
    database::by_hand(&bed.url, "DROP TRIGGER stubborn ON request").await;
    while !end().await.unwrap().complete {}
    let left = "SELECT count(*) FROM request WHERE state <> 'revoking'";
    assert_eq!(database::number(&bed.url, left).await, 0);
}

#[tokio::test]
async fn thousands_end_a_batch_at_a_time_and_every_entry_is_due() {
    let bed = Bed::new().await;
    let first = many(&bed).await;
    let before = incident::preview(&bed.desk, &bed.caller("bob"), &on_dev()).await.unwrap();
    assert_eq!((before.items.len(), before.id), (MANY, Uuid::nil()));
    assert_eq!(bed.state(first).await, RequestState::Active, "a look changes nothing");

    let begun = std::time::Instant::now();
    let mut ended = BTreeMap::new();
    loop {
        let incident = incident::end(&bed.desk, &bed.caller("bob"), &on_dev(), "INC-7", None).await.map(done).unwrap();
        assert!(incident.items.is_sorted_by_key(|(request, _)| request.id));
        let came = incident.items.iter().filter(|(_, fate)| *fate == Fate::Revoked);
        ended.extend(came.map(|(request, _)| (request.id, request.state)));
        // On a busy machine it may take longer than a caller waits.
        if incident.complete {
            break;
        }
    }
    println!("{MANY} requests ended in {:?}", begun.elapsed());
    assert_eq!(ended.len(), MANY);
    assert!(ended.values().all(|state| *state == RequestState::Revoking));
    let revoking = "SELECT count(*) FROM request WHERE state = 'revoking' AND end_reason = 'revoked' AND version > 1";
    let due = "SELECT count(*) FROM entry WHERE ends_at <= next_run_at AND cluster_name = 'dev'";
    let told = "SELECT count(*) FROM event WHERE type = 'request.revoking' AND data ->> 'reason' = 'INC-7'";
    for query in [revoking, due, told] {
        assert_eq!(database::number(&bed.url, query).await, i64::try_from(MANY).unwrap(), "{query}");
    }
}

#[tokio::test]
async fn it_ends_what_is_being_applied_reviewed_and_proven_meanwhile_and_nothing_gets_stuck() {
    let name = |round: usize, n: usize| format!("arn:aws:iam::111122223333:role/r{round}-{n}");
    let pairs = (0..ROUNDS).flat_map(|round| (0..8).map(move |n| (round, n)));
    let world = pairs.fold(World::default(), |world, (round, n)| world.principal(&name(round, n)));
    let bed = Bed::with(world, |_| {}).await;
    for round in 0..ROUNDS {
        let mut filed = vec![];
        for n in 0..8 {
            let mut ask = policy("AmazonEKSViewPolicy", &["payments"]);
            ask.principal_arn = name(round, n);
            let id = bed.file("alice", ask).await.id;
            if n % 2 == 0 {
                bed.approve("bob", id).await;
            }
            filed.push(id);
        }
        let (carol, worker) = (bed.caller("carol"), bed.another_worker());
        let matching = Matching { requester: Some("alice".to_owned()), ..Matching::default() };
        let reviewing = async {
            for id in filed.iter().rev().step_by(2) {
                let _ = bed.review("bob", *id, Decision::Approve).await;
            }
        };
        let ((), (), incident, ()) = tokio::join!(
            bed.work(),
            bed.work_with(&worker),
            incident::end(&bed.desk, &carol, &matching, "INC-8", None),
            reviewing
        );
        incident.map(done).unwrap();
        for id in filed {
            let state = bed.get(id).await.request.state;
            if state == RequestState::Denied {
                continue;
            }
            let ended = bed.until(id, RequestState::Ended).await.request;
            assert_eq!(ended.end_reason, Some(EndReason::Revoked));
        }
    }
}

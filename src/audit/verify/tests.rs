//! A log in memory, and every way to tamper with it that comes to mind: all are found, given the anchor.

use std::collections::BTreeMap;
use std::convert::Infallible;

use chrono::{DateTime, TimeDelta};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::json;

use super::*;
use crate::audit::SigningKey;
use crate::domain::event::{EventType, NewEvent};
use crate::domain::identity::Via;

/// Events by `seq`, and the end of the chain of each request.
#[derive(Debug, Clone, Default)]
struct Copy {
    events: Vec<Event>,
    heads: BTreeMap<Uuid, String>,
}

impl Log for Copy {
    type Error = Infallible;

    async fn checkpoint(&mut self, seq: i64) -> Result<Option<Read>, Infallible> {
        let found = self.events.iter().find(|e| e.seq > seq && e.body.event_type == EventType::AuditCheckpoint);
        Ok(found.cloned().map(Ok))
    }

    async fn events(&mut self, after: i64, through: i64) -> Result<Vec<Read>, Infallible> {
        // Three at a time, so that pages end in the middle of everything.
        let found = self.events.iter().filter(|event| event.seq > after && event.seq <= through).take(3);
        Ok(found.cloned().map(Ok).collect())
    }

    async fn links(&mut self, after: (Uuid, i64)) -> Result<Vec<Link>, Infallible> {
        let mut links: Vec<_> = self.events.iter().filter_map(|event| self.link(event)).collect();
        links.sort_by_key(|link| (link.request_id, link.seq));
        links.retain(|link| (link.request_id, link.seq) > after);
        links.truncate(3);
        Ok(links)
    }

    async fn silent_request(&mut self) -> Result<Option<Uuid>, Infallible> {
        let told = |id: &Uuid| self.events.iter().any(|event| event.body.request_id == Some(*id));
        Ok(self.heads.keys().find(|id| !told(id)).copied())
    }

    async fn untold(&mut self) -> Result<Option<Untold>, Infallible> {
        Ok(None)
    }
}

impl Copy {
    fn link(&self, event: &Event) -> Option<Link> {
        let request_id = event.body.request_id?;
        let (prev_hash, hash) = (event.prev_hash.clone(), event.hash.clone());
        Some(Link { request_id, seq: event.seq, prev_hash, hash, head: self.heads.get(&request_id).cloned() })
    }

    /// These events as Entryway would have written them: chained, and with checkpoints that fit. Also what somebody who can
    /// write to everything in the database, and knows how, would make of them.
    fn written(events: Vec<Event>) -> Self {
        let key = SigningKey::for_tests();
        let mut log = Self::default();
        let mut last: Option<(Statement, String)> = None;
        for mut event in events {
            if event.body.event_type == EventType::AuditCheckpoint {
                let after = last.as_ref().map_or(0, |(last, _)| last.through);
                let mut tally = Tally::default();
                log.events.iter().filter(|event| event.seq > after).for_each(|event| tally.add(event.seq, &event.hash));
                let (events, digest) = tally.finish();
                let number = last.as_ref().map_or(1, |(last, _)| last.number + 1);
                let (previous, through) = (last.map(|(_, hash)| hash), event.seq - 1);
                let statement = Statement { number, previous, after, through, events, digest };
                event.body = statement.to_event(Some(&key));
                event.prev_hash.clone_from(&statement.previous);
                event.hash = event.body.hash(event.id, event.at, event.prev_hash.as_deref());
                last = Some((statement, event.hash.clone()));
            } else {
                event.prev_hash = event.body.request_id.and_then(|id| log.heads.get(&id).cloned());
                event.hash = event.body.hash(event.id, event.at, event.prev_hash.as_deref());
                if let Some(id) = event.body.request_id {
                    log.heads.insert(id, event.hash.clone());
                }
            }
            log.events.push(event);
        }
        log
    }

    fn verified(&mut self, trust: &Trust) -> Result<Report, Break> {
        let done = futures_util::FutureExt::now_or_never(verify(self, trust)).expect("nothing here waits");
        done.map_err(|flaw| match flaw {
            Flaw::Broken(found) => found,
            Flaw::Unread(never) => match never {},
        })
    }
}

/// Two dozen events: of three requests, of none, and a checkpoint after every six; numbers are left out between.
fn original() -> Copy {
    let event = |index: u128| {
        let data = json!({ "index": u64::try_from(index).unwrap_or_default(), "why": ["a", { "b": null }] });
        let mut body = NewEvent::by_entryway(EventType::RequestReviewed, data);
        if index % 6 == 5 {
            body.event_type = EventType::AuditCheckpoint;
        } else if index % 4 != 3 {
            body = body.about(Uuid::from_u128(1 + index % 3), "prod", "arn:aws:iam::111122223333:role/x");
        }
        Event {
            seq: i64::try_from(index).unwrap_or_default() * 3 + 2,
            id: Uuid::from_u128(100 + index),
            at: DateTime::UNIX_EPOCH + TimeDelta::seconds(i64::try_from(index).unwrap_or_default()),
            body,
            prev_hash: None,
            hash: String::new(),
        }
    };
    Copy::written((0..24).map(event).collect())
}

fn trust(log: &Copy) -> Trust {
    let last = log.events.iter().rfind(|event| event.body.event_type == EventType::AuditCheckpoint);
    Trust { anchors: last.iter().map(|last| last.hash.clone()).collect(), keys: vec![] }
}

/// Changes one field, or sets it to what it was.
fn change(event: &mut Event, random: &mut StdRng) {
    let text = format!("x{}", random.random_range(0..9));
    match random.random_range(0..13) {
        0 => event.id = Uuid::from_u128(random.random()),
        1 => event.body.event_type = EventType::ALL[random.random_range(0..EventType::ALL.len())].clone(),
        2 => event.at += TimeDelta::microseconds(random.random_range(1..1_000_000)),
        3 => event.body.actor = text,
        4 => event.body.submitted_by = Some(text),
        5 => event.body.via = [Via::Api, Via::Slack, Via::Cli][random.random_range(0..3)],
        6 => event.body.request_id = Some(Uuid::from_u128(random.random_range(1..5))),
        7 => event.body.cluster_name = [None, Some(text)][random.random_range(0..2)].clone(),
        8 => event.body.principal_arn = Some(text),
        9 => event.body.data["why"] = json!(text),
        10 => event.body.data = json!({}),
        11 => event.prev_hash = [None, Some(text)][random.random_range(0..2)].clone(),
        _ => event.hash = text,
    }
}

/// Tampers with `log` in some way, which may be none.
fn tamper(log: &mut Copy, random: &mut StdRng) {
    let at = random.random_range(0..log.events.len());
    // All but the anchor itself: where that stands is not for it to say.
    let below = random.random_range(0..log.events.len() - 1);
    match random.random_range(0..8) {
        0 => drop(log.events.remove(at)),
        1 => log.events.truncate(at),
        2 => {
            let other = random.random_range(0..log.events.len() - 1);
            let seqs = (log.events[below].seq, log.events[other].seq);
            (log.events[below].seq, log.events[other].seq) = (seqs.1, seqs.0);
            log.events.sort_by_key(|event| event.seq);
        }
        3 => log.events[below].seq += 1,
        4 => {
            // One that nobody wrote, and that holds by itself.
            let mut forged = log.events[below].clone();
            (forged.seq, forged.id) = (forged.seq + 1, Uuid::from_u128(random.random()));
            forged.body.request_id = None;
            forged.hash = forged.body.hash(forged.id, forged.at, forged.prev_hash.as_deref());
            log.events.insert(below + 1, forged);
        }
        5 => {
            let event = &mut log.events[at];
            change(event, random);
            event.hash = event.body.hash(event.id, event.at, event.prev_hash.as_deref());
        }
        6 => {
            // Everything written anew, as if it had been so from the start.
            let mut events = log.events.clone();
            change(&mut events[at], random);
            *log = Copy::written(events);
        }
        _ => change(&mut log.events[at], random),
    }
}

#[test]
fn a_log_as_it_was_written_is_sound() {
    let mut log = original();
    let key = SigningKey::for_tests().public();
    let trust = Trust { keys: vec![key], ..trust(&log) };
    let report = log.verified(&trust).expect("nobody touched it");
    assert_eq!((report.events, report.checkpoints, report.signed, report.since), (24, 4, 4, 1));
    assert_eq!(report.last, trust.anchors.first().cloned());
}

#[test]
fn ten_thousand_random_tamperings_are_all_found() {
    let original = original();
    let trust = trust(&original);
    let mut random = StdRng::seed_from_u64(4711);
    let mut done = 0;
    while done < 10_000 {
        let mut log = original.clone();
        tamper(&mut log, &mut random);
        if log.events == original.events {
            continue;
        }
        done += 1;
        assert!(log.verified(&trust).is_err(), "tampering {done} went unnoticed: {log:#?}");
    }
}

#[test]
fn the_first_break_is_named() {
    let named = |change: &dyn Fn(&mut Copy)| {
        let original = original();
        let mut log = original.clone();
        change(&mut log);
        log.verified(&trust(&original)).expect_err("tampered with")
    };
    assert_eq!(named(&|log| log.events[2].body.actor = "mallory".into()), Break::Altered { seq: 8 });
    let counted = |found| Break::Events { number: 1, after: 0, through: 16, counted: 5, found };
    assert_eq!(named(&|log| drop(log.events.remove(2))), counted(4));
    assert_eq!(named(&|log| log.events[2].seq += 1), counted(5));
    assert_eq!(named(&|log| drop(log.events.remove(5))), Break::CheckpointMissing { expected: 1, found: 2, seq: 35 });
    assert!(matches!(named(&|log| log.events.truncate(12)), Break::AnchorMissing { .. }));
    let request_id = Uuid::from_u128(1);
    let cut = |log: &mut Copy| drop(log.heads.insert(request_id, "sha256:00".into()));
    assert!(matches!(named(&cut), Break::CutOff { request_id: id, .. } if id == request_id));
    assert_eq!(named(&|log| drop(log.heads.remove(&request_id))), Break::Orphan { seq: 2, request_id });
    let silent = Uuid::from_u128(9);
    let add = |log: &mut Copy| drop(log.heads.insert(silent, "sha256:00".into()));
    assert_eq!(named(&add), Break::Silent { request_id: silent });
}

#[test]
fn whoever_lacks_the_key_cannot_write_a_log_anew() {
    let mut log = original();
    let key = SigningKey::for_tests().public();
    let trust = Trust { keys: vec![key], ..Trust::default() };
    let last = log.events.len() - 1;
    log.events[last].body.data["signature"]["value"] = json!("AAAA");
    let event = &mut log.events[last];
    event.hash = event.body.hash(event.id, event.at, event.prev_hash.as_deref());
    assert_eq!(log.verified(&trust), Err(Break::Forged { number: 4 }));

    let event = &mut log.events[last];
    event.body.data["signature"] = json!(null);
    event.hash = event.body.hash(event.id, event.at, event.prev_hash.as_deref());
    assert_eq!(log.verified(&trust), Err(Break::Unsigned { number: 4 }));
}

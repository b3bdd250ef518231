//! Checkpoints: what one says, how it is worked out, and what of it is signed.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::key::SigningKey;
use crate::domain::event::{Event, EventType, NewEvent};
use crate::domain::request::hex;

/// The digest of a run of events: over one line `<seq> <hash>` for each, in the order of `seq`.
#[derive(Debug, Clone)]
pub struct Tally {
    hasher: Sha256,
    events: i64,
}

impl Default for Tally {
    fn default() -> Self {
        Self { hasher: Sha256::new_with_prefix("entryway/events/v1\n"), events: 0 }
    }
}

impl Tally {
    /// Counts the next event in.
    pub fn add(&mut self, seq: i64, hash: &str) {
        self.hasher.update(format!("{seq} {hash}\n"));
        self.events += 1;
    }

    /// How many there were, and their digest.
    #[must_use]
    pub fn finish(self) -> (i64, String) {
        (self.events, format!("sha256:{}", hex(&self.hasher.finalize())))
    }
}

/// What a checkpoint says about the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// 1, 2, 3, … without gaps.
    pub number: i64,
    /// The hash of the checkpoint before it.
    pub previous: Option<String>,
    /// It is about the events above this `seq`, …
    pub after: i64,
    /// … up to and including this one. None of them can come later.
    pub through: i64,
    /// How many events there are between the two.
    pub events: i64,
    /// Their digest ([`Tally`]).
    pub digest: String,
}

/// A signature on a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal {
    /// Which key made it ([`super::PublicKey::id`]).
    pub key_id: String,
    /// The 64 bytes of Ed25519.
    pub signature: Vec<u8>,
}

impl Statement {
    /// What is signed.
    #[must_use]
    pub fn text(&self) -> String {
        let Self { number, previous, after, through, events, digest } = self;
        let previous = previous.as_deref().unwrap_or("none");
        format!(
            "entryway/checkpoint/v1\nnumber {number}\nprevious {previous}\nafter {after}\nthrough {through}\n\
             events {events}\ndigest {digest}\n"
        )
    }

    /// The event that says so, signed where there is a key. Its `prev_hash` is to be [`Statement::previous`].
    #[must_use]
    pub fn to_event(&self, key: Option<&SigningKey>) -> NewEvent {
        let signature = key.map(|key| {
            let Seal { key_id, signature } = key.sign(self);
            json!({ "algorithm": "Ed25519", "keyId": key_id, "value": STANDARD.encode(signature) })
        });
        let data = json!({
            "number": self.number,
            "after": self.after,
            "through": self.through,
            "events": self.events,
            "digest": self.digest,
            "signature": signature,
        });
        NewEvent::by_entryway(EventType::AuditCheckpoint, data)
    }

    /// What the event of a checkpoint says, and its signature if any; `None` for what is no such event.
    #[must_use]
    pub fn of(event: &Event) -> Option<(Self, Option<Seal>)> {
        let data = &event.body.data;
        let number = |name| data.get(name).and_then(Value::as_i64);
        let statement = Self {
            number: number("number")?,
            previous: event.prev_hash.clone(),
            after: number("after")?,
            through: number("through")?,
            events: number("events")?,
            digest: data.get("digest")?.as_str()?.to_owned(),
        };
        let seal = match data.get("signature")? {
            Value::Null => None,
            signature => Some(Seal {
                key_id: signature.get("keyId")?.as_str()?.to_owned(),
                signature: STANDARD.decode(signature.get("value")?.as_str()?).ok()?,
            }),
        };
        (event.body.event_type == EventType::AuditCheckpoint).then_some((statement, seal))
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn what_an_event_says_is_what_was_stated() {
        let key = SigningKey::for_tests();
        let (mut tally, previous) = (Tally::default(), Some("sha256:0a".to_owned()));
        tally.add(7, "sha256:01");
        let (events, digest) = tally.finish();
        let statement = Statement { number: 2, previous, after: 5, through: 9, events, digest };
        let body = statement.to_event(Some(&key));
        let at = DateTime::UNIX_EPOCH;
        let event =
            Event { seq: 11, id: Uuid::nil(), at, body, prev_hash: Some("sha256:0a".into()), hash: String::new() };
        let (read, seal) = Statement::of(&event).expect("a checkpoint");
        assert_eq!(read, statement);
        assert!(key.public().verifies(&statement, &seal.expect("signed")));
    }

    #[test]
    fn the_digest_knows_order_place_and_number() {
        let digest = |events: &[(i64, &str)]| {
            let mut tally = Tally::default();
            events.iter().for_each(|(seq, hash)| tally.add(*seq, hash));
            tally.finish()
        };
        let all = [(1, "a"), (2, "b")];
        for other in [&[(1, "a"), (3, "b")][..], &[(1, "b"), (2, "a")], &[(1, "a")], &[]] {
            assert_ne!(digest(other), digest(&all));
        }
    }
}

//! Holds the log against itself, its checkpoints and what is known of it elsewhere. Whatever is behind [`Log`] is walked
//! twice, once by `seq` and once by request, with nothing kept but where the walk is.

use std::collections::BTreeSet;
use std::fmt;

use thiserror::Error;
use uuid::Uuid;

use super::checkpoint::{Seal, Statement, Tally};
use super::key::PublicKey;
use crate::domain::event::Event;

/// An event as it was read; for one that makes no sense, its `seq`.
pub type Read = Result<Event, i64>;

/// One event as a link in the chain of its request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The request.
    pub request_id: Uuid,
    /// The event.
    pub seq: i64,
    /// What it says the hash before it is.
    pub prev_hash: Option<String>,
    /// Its own hash.
    pub hash: String,
    /// What the request says the end of its chain is; `None` where there is no such request.
    pub head: Option<String>,
}

/// A log that can be walked. All of it is to be seen as at one moment.
pub trait Log {
    /// Why it could not be read.
    type Error;

    /// The first checkpoint above `seq`.
    fn checkpoint(&mut self, seq: i64) -> impl Future<Output = Result<Option<Read>, Self::Error>>;
    /// The next events above `after`, up to `through`, in order; none when there are no more.
    fn events(&mut self, after: i64, through: i64) -> impl Future<Output = Result<Vec<Read>, Self::Error>>;
    /// The next links after this one, by request and then `seq`; none when there are no more.
    fn links(&mut self, after: (Uuid, i64)) -> impl Future<Output = Result<Vec<Link>, Self::Error>>;
    /// A request without any event.
    fn silent_request(&mut self) -> impl Future<Output = Result<Option<Uuid>, Self::Error>>;
    /// What is kept beside the log and is not in it.
    fn untold(&mut self) -> impl Future<Output = Result<Option<Untold>, Self::Error>>;
}

/// Something that decides who has access, and that the log does not tell as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Untold {
    /// A review.
    Review {
        /// The request.
        request_id: Uuid,
        /// Whose it says it is.
        reviewer: String,
    },
    /// Who asked for this request, or who filed it for them.
    Requester {
        /// The request.
        request_id: Uuid,
    },
}

/// What whoever verifies knows from elsewhere.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    /// Hashes of checkpoints, as the service's own log, or another place out of reach of the database, has kept them.
    pub anchors: BTreeSet<String>,
    /// Keys that checkpoints were signed with.
    pub keys: Vec<PublicKey>,
}

/// The first thing found that cannot be as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[expect(missing_docs, reason = "the sentences say it")]
pub enum Break {
    #[error("event {seq} makes no sense any more: it was changed by other means than Entryway")]
    Unreadable { seq: i64 },
    #[error("event {seq} is not what was written: its hash does not fit it")]
    Altered { seq: i64 },
    #[error("event {seq} stands in the place of a checkpoint and is none")]
    NoCheckpoint { seq: i64 },
    #[error("checkpoint {expected} is missing: checkpoint {found} (event {seq}) follows in its place")]
    CheckpointMissing { expected: i64, found: i64, seq: i64 },
    #[error("checkpoint {number} (event {seq}) does not follow from the one before it")]
    CheckpointUnlinked { number: i64, seq: i64 },
    #[error(
        "the events after {after} through {through} are not those of checkpoint {number}, which counted {counted}: \
         there are {found} now, and some were removed, added, moved or changed"
    )]
    Events { number: i64, after: i64, through: i64, counted: i64, found: i64 },
    #[error("the signature on checkpoint {number} is not of the key it names")]
    Forged { number: i64 },
    #[error("the last checkpoint ({number}) is not signed by any of the given keys")]
    Unsigned { number: i64 },
    #[error("there is no checkpoint {anchor}: it, or what comes before it, was removed or written anew")]
    AnchorMissing { anchor: String },
    #[error("event {seq} does not follow from the event of request {request_id} before it")]
    Unchained { seq: i64, request_id: Uuid },
    #[error("the last events of request {request_id} are missing: its chain ends at event {seq} and did not")]
    CutOff { seq: i64, request_id: Uuid },
    #[error("request {request_id} has no events any more")]
    Silent { request_id: Uuid },
    #[error("event {seq} is about the request {request_id}, which is not there")]
    Orphan { seq: i64, request_id: Uuid },
    #[error("the review of request {request_id} by {reviewer:?} is not in the log as it stands: nobody gave it")]
    ForgedReview { request_id: Uuid, reviewer: String },
    #[error("request {request_id} was not filed by whom it says")]
    ForgedRequester { request_id: Uuid },
}

/// Why a log was not found sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flaw<E> {
    /// It is not.
    Broken(Break),
    /// It could not be read.
    Unread(E),
}

impl<E> From<Break> for Flaw<E> {
    fn from(found: Break) -> Self {
        Self::Broken(found)
    }
}

/// What was found sound.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// All events.
    pub events: i64,
    /// All checkpoints.
    pub checkpoints: i64,
    /// Checkpoints whose signature was checked.
    pub signed: i64,
    /// The hash of the last checkpoint.
    pub last: Option<String>,
    /// Events that no checkpoint counts yet.
    pub since: i64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { events, checkpoints, signed, last, since } = self;
        write!(f, "sound: {events} events, {checkpoints} checkpoints ({signed} with a signature that was checked)")?;
        match last {
            Some(last) => write!(f, ", the last one {last}; {since} events since"),
            None => write!(f, ", so that only hashes and the chains of requests were checked"),
        }
    }
}

/// Walks all of `log`.
///
/// # Errors
/// The first break, or why the log cannot be read.
pub async fn verify<L: Log>(log: &mut L, trust: &Trust) -> Result<Report, Flaw<L::Error>> {
    let mut report = Report::default();
    let mut anchors = trust.anchors.clone();
    let (mut seen, mut through, mut number, mut signed) = (i64::MIN, 0, 0, true);
    while let Some(read) = log.checkpoint(seen).await.map_err(Flaw::Unread)? {
        let event = sound(read)?;
        let seq = event.seq;
        let (statement, seal) = Statement::of(&event).ok_or(Break::NoCheckpoint { seq })?;
        number += 1;
        if statement.number != number {
            return Err(Break::CheckpointMissing { expected: number, found: statement.number, seq }.into());
        }
        // The first starts before everything, so that nothing can hide below it.
        let after = if number == 1 { i64::MIN } else { through };
        let in_line = statement.after == through && (through..seq).contains(&statement.through);
        if statement.previous != report.last || !in_line {
            return Err(Break::CheckpointUnlinked { number, seq }.into());
        }
        signed = seal.is_some_and(|seal| trust.keys.iter().any(|key| key.id() == seal.key_id));
        report.signed += i64::from(signed);
        check_seal(&event, &trust.keys)?;
        let (found, digest) = tally(log, after, statement.through).await?;
        if (found, &digest) != (statement.events, &statement.digest) {
            let Statement { after, through, events: counted, .. } = statement;
            return Err(Break::Events { number, after, through, counted, found }.into());
        }
        anchors.remove(&event.hash);
        report.events += found;
        (seen, through, report.last) = (seq, statement.through, Some(event.hash));
    }
    report.checkpoints = number;
    report.since = tally(log, if number == 0 { i64::MIN } else { through }, i64::MAX).await?.0;
    report.events += report.since;
    if let Some(anchor) = anchors.pop_first() {
        return Err(Break::AnchorMissing { anchor }.into());
    }
    if !trust.keys.is_empty() && number > 0 && !signed {
        return Err(Break::Unsigned { number }.into());
    }
    walk_chains(log).await?;
    Ok(report)
}

/// The event, if it is what was written.
fn sound(read: Read) -> Result<Event, Break> {
    let event = read.map_err(|seq| Break::Unreadable { seq })?;
    let hash = event.body.hash(event.id, event.at, event.prev_hash.as_deref());
    if hash == event.hash { Ok(event) } else { Err(Break::Altered { seq: event.seq }) }
}

/// What is signed with a key that is known has to be signed with that key.
fn check_seal(event: &Event, keys: &[PublicKey]) -> Result<(), Break> {
    let Some((statement, Some(seal))) = Statement::of(event) else { return Ok(()) };
    let Seal { key_id, .. } = &seal;
    match keys.iter().find(|key| key.id() == *key_id) {
        Some(key) if !key.verifies(&statement, &seal) => Err(Break::Forged { number: statement.number }),
        _ => Ok(()),
    }
}

async fn tally<L: Log>(log: &mut L, mut after: i64, through: i64) -> Result<(i64, String), Flaw<L::Error>> {
    let mut tally = Tally::default();
    loop {
        let page = log.events(after, through).await.map_err(Flaw::Unread)?;
        if page.is_empty() {
            return Ok(tally.finish());
        }
        for read in page {
            let event = sound(read)?;
            tally.add(event.seq, &event.hash);
            after = event.seq;
        }
    }
}

async fn walk_chains<L: Log>(log: &mut L) -> Result<(), Flaw<L::Error>> {
    let mut last: Option<Link> = None;
    loop {
        let after = last.as_ref().map_or((Uuid::nil(), i64::MIN), |link| (link.request_id, link.seq));
        let page = log.links(after).await.map_err(Flaw::Unread)?;
        if page.is_empty() {
            break;
        }
        for link in page {
            let (seq, request_id) = (link.seq, link.request_id);
            let before = last.take_if(|last| last.request_id == request_id);
            if let Some(ended) = &last {
                ends_well(ended)?;
            }
            if link.head.is_none() {
                return Err(Break::Orphan { seq, request_id }.into());
            }
            if link.prev_hash != before.map(|before| before.hash) {
                return Err(Break::Unchained { seq, request_id }.into());
            }
            last = Some(link);
        }
    }
    if let Some(ended) = &last {
        ends_well(ended)?;
    }
    let silent = log.silent_request().await.map_err(Flaw::Unread)?;
    if let Some(request_id) = silent {
        return Err(Break::Silent { request_id }.into());
    }
    match log.untold().await.map_err(Flaw::Unread)? {
        None => Ok(()),
        Some(Untold::Review { request_id, reviewer }) => Err(Break::ForgedReview { request_id, reviewer }.into()),
        Some(Untold::Requester { request_id }) => Err(Break::ForgedRequester { request_id }.into()),
    }
}

fn ends_well(last: &Link) -> Result<(), Break> {
    let Link { seq, request_id, .. } = *last;
    if last.head.as_deref() == Some(last.hash.as_str()) { Ok(()) } else { Err(Break::CutOff { seq, request_id }) }
}

#[cfg(test)]
mod tests;

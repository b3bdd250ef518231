//! Checkpoints over the log of events, one replica at a time. Each counts every event since the one before it: only those
//! that can no longer be joined by another with a lower `seq` are counted, the others by the next.

use chrono::TimeDelta;

use super::WorkflowError;
use super::desk::Desk;
use crate::audit::{Statement, Tally};
use crate::domain::event::Event;
use crate::store::{self, StoreError, audit};

pub use crate::audit::SigningKey;

/// How often checkpoints are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rhythm {
    /// After this time, where anything happened.
    pub interval: TimeDelta,
    /// After this many events, and over no more at once.
    pub events: i64,
}

/// A checkpoint that was made. Its hash vouches for everything up to it, wherever it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// What it says.
    pub statement: Statement,
    /// Its hash: the anchor.
    pub hash: String,
    /// Its signature in base64, where there is a key.
    pub signature: Option<String>,
}

/// Makes the next checkpoint, if it is due and nobody else is at it.
///
/// # Errors
/// Those of the store.
pub async fn checkpoint(desk: &Desk, rhythm: Rhythm, key: Option<&SigningKey>) -> Result<Option<Made>, WorkflowError> {
    let pulse = audit::pulse(&desk.store).await?;
    let (through, last_at) = match &pulse.last {
        Some(last) => (statement(last)?.through, Some(last.at)),
        None => (0, None),
    };
    if pulse.newest <= through {
        return Ok(None);
    }
    let in_time = last_at.is_none_or(|at| pulse.now >= at + rhythm.interval);
    if !in_time && pulse.newest - through < rhythm.events {
        return Ok(None);
    }
    let settled = store::settled(&desk.store).await?;
    let mut tx = desk.store.begin().await?;
    if !audit::take_turn(&mut tx).await? {
        tx.rollback().await?;
        return Ok(None);
    }
    let last = audit::last(&mut tx).await?;
    let before = last.as_ref().map(statement).transpose()?;
    let after = before.as_ref().map_or(0, |before| before.through);
    let counted = audit::counted(&mut tx, after, settled, rhythm.events).await?;
    let full = i64::try_from(counted.len()).is_ok_and(|count| count >= rhythm.events);
    let in_time = last.as_ref().is_none_or(|last| tx.now() >= last.at + rhythm.interval);
    if counted.iter().all(|event| event.is_checkpoint) || !(full || in_time) {
        tx.rollback().await?;
        return Ok(None);
    }
    let mut tally = Tally::default();
    counted.iter().for_each(|event| tally.add(event.seq, &event.hash));
    let (events, digest) = tally.finish();
    let statement = Statement {
        number: before.map_or(1, |before| before.number + 1),
        previous: last.map(|last| last.hash),
        after,
        through: counted.last().filter(|_| full).map_or(settled, |last| last.seq),
        events,
        digest,
    };
    let event = statement.to_event(key);
    let signature = event.data["signature"]["value"].as_str().map(str::to_owned);
    let hash = audit::append(&mut tx, event, statement.previous.clone()).await?;
    tx.commit().await?;
    Ok(Some(Made { statement, hash, signature }))
}

fn statement(event: &Event) -> Result<Statement, StoreError> {
    let corrupt = || StoreError::Corrupt { table: "event", column: "data", key: event.seq.to_string() };
    Statement::of(event).map(|(statement, _)| statement).ok_or_else(corrupt)
}

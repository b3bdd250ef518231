//! The log as it grows, read once for all streams of this process.
//!
//! What is read is passed on in batches, each of which says where it begins and ends. Only the last few are kept: who is too
//! slow for them finds that the next batch does not begin where they are, and reads what is missing for themselves. So nobody
//! makes anybody wait, nobody misses anything, and memory does not grow with the number of the slow.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::body::Bytes;
use tokio::sync::{Notify, Semaphore, broadcast, watch};
use uuid::Uuid;

use super::frame;
use crate::domain::event::{Event, EventType};
use crate::domain::request::Request;
use crate::workflow::audit_log::LogFilter;
use crate::workflow::{Desk, WorkflowError, live};

/// How many events are read, and passed on, at once.
pub(super) const PAGE: usize = 100;

/// How many batches are kept for those who are not as fast.
const KEPT: usize = 32;

/// How many streams may read what they missed at the same time: fewer than there are connections to Postgres.
const CATCHING_UP: usize = 2;

/// What the streams of a process share. Clones are the same.
#[derive(Debug, Clone)]
pub(super) struct Feed(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    batches: broadcast::Sender<Arc<Batch>>,
    asked: AtomicU64,
    ask: Notify,
    place: watch::Sender<Place>,
    turns: Semaphore,
}

/// How far the log was read.
#[derive(Debug, Default, Clone, Copy)]
struct Place {
    /// Whoever asked up to here is answered.
    answered: u64,
    head: i64,
}

/// A stretch of the log.
#[derive(Debug)]
pub(super) struct Batch {
    /// It begins above this `seq`.
    pub(super) after: i64,
    /// It ends with this one. Nothing can turn up in between later.
    pub(super) through: i64,
    /// Its events, oldest first.
    pub(super) events: Vec<Told>,
    /// The requests they are about.
    pub(super) requests: HashMap<Uuid, Request>,
}

/// An event, ready to be sent to whoever asks for it and may see it.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) seq: i64,
    pub(super) frame: Bytes,
    pub(super) about: Vec<Uuid>,
    kind: EventType,
    actor: String,
    cluster_name: Option<String>,
}

impl Told {
    fn new(event: Event) -> Self {
        Self {
            seq: event.seq,
            about: live::about(&event),
            kind: event.body.event_type.clone(),
            actor: event.body.actor.clone(),
            cluster_name: event.body.cluster_name.clone(),
            frame: frame::event(event),
        }
    }

    /// Whether `filter` asks for it: as the log does when it is paged through.
    pub(super) fn is_asked_for(&self, filter: &LogFilter) -> bool {
        filter.request_id.is_none_or(|id| self.about.contains(&id))
            && filter.actor.as_ref().is_none_or(|actor| *actor == self.actor)
            && filter.cluster_name.as_ref().is_none_or(|name| Some(name) == self.cluster_name.as_ref())
            && (filter.types.is_empty() || filter.types.iter().any(|kind| kind == self.kind.as_str()))
    }
}

impl Batch {
    /// The next stretch of the log that `filter` asks for, at most [`PAGE`] events above `after` and up to `through`.
    ///
    /// # Errors
    /// Those of the store.
    async fn read(desk: &Desk, filter: &LogFilter, after: i64, through: i64) -> Result<Self, WorkflowError> {
        let stretch = desk.log_stretch(filter, after, through, PAGE).await?;
        let requests = desk.requests_of(&stretch.events).await?;
        Ok(Self {
            after,
            through: stretch.through,
            events: stretch.events.into_iter().map(Told::new).collect(),
            requests: requests.into_iter().map(|request| (request.id, request)).collect(),
        })
    }
}

impl Default for Feed {
    fn default() -> Self {
        Self(Arc::new(Inner {
            batches: broadcast::channel(KEPT).0,
            asked: AtomicU64::new(0),
            ask: Notify::new(),
            place: watch::channel(Place::default()).0,
            turns: Semaphore::new(CATCHING_UP),
        }))
    }
}

impl Feed {
    /// Batches from now on, and the end of the log as it is found after this call. Whoever has read up to there, and takes
    /// every batch, has everything.
    pub(super) async fn join(&self) -> (broadcast::Receiver<Arc<Batch>>, i64) {
        let batches = self.0.batches.subscribe();
        let mine = self.0.asked.fetch_add(1, Ordering::AcqRel) + 1;
        self.0.ask.notify_one();
        let mut place = self.0.place.subscribe();
        let head = place.wait_for(|place| place.answered >= mine).await.map(|place| place.head);
        match head {
            Ok(head) => (batches, head),
            // Not while `self` lives.
            Err(_) => std::future::pending().await,
        }
    }

    /// What somebody missed, when it is their turn to read it.
    ///
    /// # Errors
    /// Those of the store.
    pub(super) async fn missed(
        &self,
        desk: &Desk,
        filter: &LogFilter,
        after: i64,
        through: i64,
    ) -> Result<Batch, WorkflowError> {
        // It is never closed.
        let _turn = self.0.turns.acquire().await;
        Batch::read(desk, filter, after, through).await
    }

    /// Reads on whenever there may be more, or at the latest after `look`. Looks at nothing while there is no stream.
    pub(super) async fn keep_reading(&self, desk: &Desk, look: Duration) {
        let mut head = None;
        loop {
            let asked = self.0.asked.load(Ordering::Acquire);
            let listening = self.0.batches.receiver_count() > 0;
            if listening {
                match self.read_on(desk, &mut head).await {
                    Ok(head) => {
                        self.0.place.send_replace(Place { answered: asked, head });
                    }
                    Err(error) => {
                        tracing::warn!(%error, "the log could not be read for its streams; trying again");
                        tokio::time::sleep(look).await;
                        continue;
                    }
                }
            } else {
                // Whoever comes next starts with what is the end then.
                head = None;
            }
            tokio::select! {
                () = self.0.ask.notified() => {}
                () = desk.logged(), if listening => {}
                () = tokio::time::sleep(look), if listening => {}
            }
        }
    }

    /// Passes on everything from `head` to the end of the log, which it answers.
    async fn read_on(&self, desk: &Desk, head: &mut Option<i64>) -> Result<i64, WorkflowError> {
        let end = desk.log_end().await?;
        let place = head.get_or_insert(end);
        while *place < end {
            let batch = Batch::read(desk, &LogFilter::default(), *place, end).await?;
            *place = batch.through;
            // No receiver: the last stream has just ended.
            let _ = self.0.batches.send(Arc::new(batch));
        }
        Ok(*place)
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use serde_json::json;

    use super::*;
    use crate::domain::event::NewEvent;

    fn told(filter: LogFilter) -> bool {
        let body = NewEvent::by_entryway(EventType::EntryCreated, json!({"requestIds": [Uuid::nil(), Uuid::max()]}));
        let body = body.about(Uuid::nil(), "prod", "arn:aws:iam::111122223333:role/x");
        let at = DateTime::UNIX_EPOCH;
        Told::new(Event { seq: 7, id: Uuid::nil(), at, body, prev_hash: None, hash: String::new() })
            .is_asked_for(&filter)
    }

    #[test]
    fn filters_add_up_and_an_event_is_about_every_request_it_names() {
        let any = LogFilter::default;
        let some = |text: &str| Some(text.to_owned());
        let kinds = |kinds: &[&str]| kinds.iter().map(|kind| (*kind).to_owned()).collect::<Vec<_>>();
        assert!(told(any()));
        assert!(told(LogFilter { request_id: Some(Uuid::nil()), ..any() }));
        assert!(told(LogFilter { request_id: Some(Uuid::max()), ..any() }));
        assert!(!told(LogFilter { request_id: Some(Uuid::from_u128(7)), ..any() }));
        assert!(told(LogFilter { actor: some("entryway"), cluster_name: some("prod"), ..any() }));
        assert!(!told(LogFilter { actor: some("entryway"), cluster_name: some("dev"), ..any() }));
        assert!(!told(LogFilter { actor: some("bob"), ..any() }));
        assert!(told(LogFilter { types: kinds(&["entry.deleted", "entry.created"]), ..any() }));
        assert!(!told(LogFilter { types: kinds(&["entry.deleted"]), ..any() }));
    }

    #[tokio::test]
    async fn who_does_not_read_holds_no_more_than_the_last_few_batches() {
        let feed = Feed::default();
        let mut slow = feed.0.batches.subscribe();
        for n in 0..10_000 {
            let batch = Batch { after: n, through: n + 1, events: vec![], requests: HashMap::new() };
            feed.0.batches.send(Arc::new(batch)).expect("a receiver");
        }
        assert!(slow.len() > KEPT, "it was told of all of them");
        assert!(matches!(slow.recv().await, Err(broadcast::error::RecvError::Lagged(_))), "and that some are gone");
        let next = slow.recv().await.expect("the rest is kept");
        assert_eq!(next.after, 10_000 - i64::try_from(KEPT).expect("few"), "from where they do not begin where it is");
    }
}

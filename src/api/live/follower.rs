//! One stream: what one reader asked for and may see, from where they were.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Bytes;
use futures_util::stream::{Stream, unfold};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

use super::super::caller::Credentials;
use super::super::state::ApiState;
use super::feed::{Batch, Told};
use super::frame;
use super::seats::Seat;
use crate::domain::identity::Caller;
use crate::workflow::WorkflowError;
use crate::workflow::audit_log::LogFilter;
use crate::workflow::live::Sight;

/// How far is looked for events in one statement, whether or not any are found: who sees little of a long log gets to the end of
/// it in steps.
const WINDOW: i64 = 10_000;

const STOPPING: &str = "this process is stopping; connect again, and another will go on from here";
const NOT_KNOWN: &str = "the token that was shown no longer lets you in; sign in anew, and connect again";
const OTHER_RIGHTS: &str = "what you may see has changed; connect again, and go on with that";
const UNREADABLE: &str = "the events cannot be read just now; connect again, and go on from here";

/// A reader of the log. Nothing is done for them but while they take what they are sent.
pub(super) struct Follower {
    state: ApiState,
    credentials: Credentials,
    caller: Caller,
    sight: Sight,
    filter: LogFilter,
    batches: Receiver<Arc<Batch>>,
    /// Everything up to here was sent, or is not for them.
    place: i64,
    /// The last place that they know of.
    told: i64,
    /// Up to here they have to be read to from the log: it was there before they came, or went by too fast.
    behind: i64,
    check_at: Instant,
    beat_at: Instant,
    over: bool,
    _seat: Seat,
}

/// Where a reader starts.
pub(super) struct Start {
    /// The last `seq` that they have.
    pub(super) place: i64,
    /// How far the log goes without `batches`.
    pub(super) head: i64,
    pub(super) batches: Receiver<Arc<Batch>>,
}

impl Follower {
    pub(super) fn new(
        state: ApiState,
        credentials: Credentials,
        caller: Caller,
        filter: LogFilter,
        start: Start,
        seat: Seat,
    ) -> Self {
        let Start { place, head, batches } = start;
        let (now, rhythm) = (Instant::now(), state.live.rhythm);
        Self {
            sight: state.desk.sight(&caller),
            credentials,
            caller,
            filter,
            batches,
            place,
            told: place,
            behind: head,
            check_at: now + rhythm.check,
            beat_at: now + rhythm.heartbeat,
            over: false,
            _seat: seat,
            state,
        }
    }

    /// What goes over the wire, piece by piece, as it is asked for.
    pub(super) fn frames(self) -> impl Stream<Item = Result<Bytes, Infallible>> {
        unfold(self, async |mut follower| Some((Ok(follower.next().await?), follower)))
    }

    async fn next(&mut self) -> Option<Bytes> {
        if self.over {
            return None;
        }
        loop {
            let heard = if self.place < self.behind { self.missed().await } else { Ok(self.heard().await) };
            if self.state.stop.is_cancelled() {
                return Some(self.end(STOPPING));
            }
            // After whatever took its time, and before anything is sent.
            if let Err(why) = self.check().await {
                return Some(self.end(why));
            }
            match heard {
                Ok(None) => {}
                Ok(Some(batch)) if batch.after > self.place => self.behind = batch.through,
                Ok(Some(batch)) => {
                    let frames = self.pick(&batch);
                    if !frames.is_empty() {
                        return Some(self.say(frames.into()));
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "a stream of events was cut off");
                    return Some(self.end(UNREADABLE));
                }
            }
            if Instant::now() >= self.beat_at {
                let news = (self.place > self.told).then_some(self.place);
                self.told = self.place;
                return Some(self.say(frame::heartbeat(news)));
            }
        }
    }

    /// The next batch; nothing when it is time to do something else.
    async fn heard(&mut self) -> Option<Arc<Batch>> {
        loop {
            tokio::select! {
                biased;
                () = self.state.stop.cancelled() => return None,
                heard = self.batches.recv() => match heard {
                    Ok(batch) if batch.through <= self.place => {}
                    Ok(batch) => return Some(batch),
                    // The next one says how much went by.
                    Err(RecvError::Lagged(_)) => {}
                    // Not while the process runs.
                    Err(RecvError::Closed) => std::future::pending().await,
                },
                () = sleep_until(self.check_at.min(self.beat_at)) => return None,
            }
        }
    }

    /// The next stretch of what went by, as far as they could see any of it.
    async fn missed(&self) -> Result<Option<Arc<Batch>>, WorkflowError> {
        let through = self.behind.min(self.place.saturating_add(WINDOW));
        let own = !self.sight.everything && !self.sight.others;
        let filter = LogFilter { requester: own.then(|| self.caller.user().to_owned()), ..self.filter.clone() };
        let reading = self.state.live.feed.missed(&self.state.desk, &filter, self.place, through);
        Ok(self.state.stop.run_until_cancelled(reading).await.transpose()?.map(Arc::new))
    }

    /// What of `batch` they asked for and may see.
    fn pick(&mut self, batch: &Batch) -> Vec<u8> {
        let mut frames = Vec::new();
        let mut seen: HashMap<Uuid, bool> = HashMap::new();
        let mut told = self.told;
        let mut may_see = |told: &Told| {
            let mut sees = |id: &Uuid| {
                let look = |request| self.state.desk.sees(&self.caller, &self.sight, request);
                *seen.entry(*id).or_insert_with(|| batch.requests.get(id).is_some_and(look))
            };
            self.sight.everything || told.about.iter().any(&mut sees)
        };
        for event in batch.events.iter().filter(|event| event.seq > self.place) {
            if event.is_asked_for(&self.filter) && may_see(event) {
                frames.extend_from_slice(&event.frame);
                told = event.seq;
            }
        }
        (self.place, self.told) = (batch.through, told);
        frames
    }

    /// Whether they still are who they were, and may still see what they saw; looked at when it is time to, and whenever the
    /// policies were replaced.
    async fn check(&mut self) -> Result<(), &'static str> {
        let (now, desk) = (Instant::now(), &self.state.desk);
        if now < self.check_at && desk.is_current(&self.sight) {
            return Ok(());
        }
        self.check_at = now + self.state.live.rhythm.check;
        let caller = self.credentials.caller(&self.state).await.map_err(|_| NOT_KNOWN)?;
        let sight = desk.sight(&caller);
        if caller != self.caller || sight.everything != self.sight.everything {
            return Err(OTHER_RIGHTS);
        }
        self.sight = sight;
        Ok(())
    }

    fn say(&mut self, bytes: Bytes) -> Bytes {
        self.beat_at = Instant::now() + self.state.live.rhythm.heartbeat;
        bytes
    }

    fn end(&mut self, why: &str) -> Bytes {
        self.over = true;
        frame::farewell(why, self.place)
    }
}

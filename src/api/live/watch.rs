//! The states of requests that somebody waits for (`?wait=`), looked at once for all who wait.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

use crate::domain::identity::Caller;
use crate::domain::states::RequestState;
use crate::workflow::standing::Details;
use crate::workflow::{Desk, Notice, WorkflowError};

/// How many of those who wait may look at their request at the same time, when they come and when they go: a thousand may do so
/// at once, and everybody else wants their connection to Postgres, too.
const LOOKS_AT_ONCE: usize = 3;

/// How often a look is tried that Postgres was too busy for, which is known after three seconds: who has come to wait can wait for
/// that as well.
const TRIES: usize = 4;

/// How many requests are asked about in one statement.
const AT_ONCE: usize = 1000;

/// Who waits in this process. Clones are the same.
#[derive(Debug, Clone)]
pub(in super::super) struct Watch(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    watched: Mutex<HashMap<Uuid, watch::Sender<Option<RequestState>>>>,
    turns: Semaphore,
}

impl Default for Watch {
    fn default() -> Self {
        Self(Arc::new(Inner { watched: Mutex::default(), turns: Semaphore::new(LOOKS_AT_ONCE) }))
    }
}

impl Watch {
    /// Follows where the request `id` is. To be called before the first look at it, so that no change falls between the two.
    pub(in super::super) fn follow(&self, id: Uuid) -> Following {
        let mut seen = self.watched().entry(id).or_insert_with(|| watch::channel(None).0).subscribe();
        seen.mark_changed();
        Following { watch: self.clone(), id, seen }
    }

    /// Where the request is, when it is one's turn.
    ///
    /// # Errors
    /// Those of [`Desk::glance`].
    pub(in super::super) async fn glance(
        &self,
        desk: &Desk,
        caller: &Caller,
        id: Uuid,
    ) -> Result<RequestState, WorkflowError> {
        // It is never closed.
        let _turn = self.0.turns.acquire().await;
        let mut tries = 1;
        loop {
            let answer = desk.glance(caller, id).await;
            if !is_worth_another(&answer, &mut tries) {
                return answer;
            }
        }
    }

    /// The request in full, when it is one's turn.
    ///
    /// # Errors
    /// Those of [`Desk::get`].
    pub(in super::super) async fn look(
        &self,
        desk: &Desk,
        caller: &Caller,
        id: Uuid,
    ) -> Result<Details, WorkflowError> {
        // It is never closed.
        let _turn = self.0.turns.acquire().await;
        let mut tries = 1;
        loop {
            let answer = desk.get(caller, id).await;
            if !is_worth_another(&answer, &mut tries) {
                return answer;
            }
        }
    }

    /// Looks at what changed as soon as it is heard of, and at everything that is waited for at least once in `look`.
    pub(super) async fn keep_looking(&self, desk: &Desk, look: Duration) {
        let mut notices = desk.notices();
        let mut next = Instant::now() + look;
        loop {
            let ids = tokio::select! {
                () = sleep_until(next) => {
                    next = Instant::now() + look;
                    self.all()
                }
                heard = notices.recv() => self.concerned(heard, &mut notices),
            };
            for ids in ids.chunks(AT_ONCE) {
                match desk.states(ids).await {
                    Ok(states) => self.tell(&states),
                    Err(error) => tracing::warn!(%error, "requests that are waited for could not be looked at"),
                }
            }
        }
    }

    /// Which of those that are waited for may have changed, by everything there is to hear.
    fn concerned(&self, first: Result<Notice, RecvError>, notices: &mut Receiver<Notice>) -> Vec<Uuid> {
        let mut heard = HashSet::new();
        let mut next = first.ok();
        loop {
            match next {
                Some(Notice::Changed(id)) => heard.insert(id),
                // Some were missed.
                Some(Notice::Resync) | None => return self.all(),
            };
            next = match notices.try_recv() {
                Ok(notice) => Some(notice),
                Err(TryRecvError::Lagged(_)) => None,
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            };
        }
        let watched = self.watched();
        heard.retain(|id| watched.contains_key(id));
        heard.into_iter().collect()
    }

    fn all(&self) -> Vec<Uuid> {
        self.watched().keys().copied().collect()
    }

    fn tell(&self, states: &[(Uuid, RequestState)]) {
        let watched = self.watched();
        for (id, state) in states {
            if let Some(followers) = watched.get(id) {
                followers.send_if_modified(|known| known.replace(*state) != Some(*state));
            }
        }
    }

    fn watched(&self) -> MutexGuard<'_, HashMap<Uuid, watch::Sender<Option<RequestState>>>> {
        self.0.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether to try again, after so many `tries`, which it counts.
fn is_worth_another<T>(answer: &Result<T, WorkflowError>, tries: &mut usize) -> bool {
    *tries += 1;
    *tries <= TRIES && matches!(answer, Err(WorkflowError::Store(error)) if error.is_passing())
}

/// Somebody who waits for something to happen to a request.
#[derive(Debug)]
pub(in super::super) struct Following {
    watch: Watch,
    id: Uuid,
    seen: watch::Receiver<Option<RequestState>>,
}

impl Following {
    /// Waits until the request is seen in a state that `wanted` picks, which it may have left again by the time of a look. Called
    /// again, it waits for another state than that.
    pub(in super::super) async fn seen_in(&mut self, wanted: impl Fn(RequestState) -> bool) {
        while self.seen.changed().await.is_ok() {
            if self.seen.borrow_and_update().is_some_and(&wanted) {
                return;
            }
        }
        // Nobody else can let go of the other end.
        std::future::pending().await
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let mut watched = self.watch.watched();
        if watched.get(&self.id).is_some_and(|followers| followers.receiver_count() <= 1) {
            watched.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::broadcast;

    use super::*;

    #[tokio::test]
    async fn only_what_is_waited_for_is_looked_at_and_everything_when_some_notice_was_missed() {
        let (id, other) = (Uuid::now_v7(), Uuid::now_v7());
        let watch = Watch::default();
        let following = watch.follow(id);
        let (send, mut notices) = broadcast::channel(2);
        let mut hear = async |sent: &[Notice]| {
            for notice in sent {
                send.send(notice.clone()).expect("a receiver");
            }
            let first = notices.recv().await;
            watch.concerned(first, &mut notices)
        };
        let (mine, others) = (Notice::Changed(id), Notice::Changed(other));
        assert_eq!(
            hear(std::slice::from_ref(&others)).await,
            Vec::<Uuid>::new(),
            "another request's notice is passed over"
        );
        assert_eq!(hear(&[others.clone(), mine.clone()]).await, [id]);
        assert_eq!(hear(&[others.clone(), Notice::Resync]).await, [id]);
        assert_eq!(hear(&[others.clone(), others.clone(), others]).await, [id], "more than are kept");
        drop(following);
        assert_eq!(watch.all(), Vec::<Uuid>::new(), "nobody waits any more");
    }

    #[tokio::test]
    async fn everybody_who_waits_is_told_and_nobody_is_told_twice() {
        let id = Uuid::now_v7();
        let watch = Watch::default();
        let (mut one, mut two) = (watch.follow(id), watch.follow(id));
        drop(watch.follow(id));
        let active = |state| state == RequestState::Active;
        watch.tell(&[(id, RequestState::Verifying), (Uuid::now_v7(), RequestState::Active)]);
        let mut three = watch.follow(id);
        watch.tell(&[(id, RequestState::Active)]);
        for following in [&mut one, &mut two, &mut three] {
            following.seen_in(active).await;
            watch.tell(&[(id, RequestState::Active)]);
            let again = tokio::time::timeout(Duration::ZERO, following.seen_in(active)).await;
            assert!(again.is_err(), "it has not changed since");
        }
        watch.follow(id).seen_in(active).await;
    }
}

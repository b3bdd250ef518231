//! Who waits for what is told of it after the commit: tasks of this process at once, other replicas by `NOTIFY`.
//! Nothing depends on it. Polling is the truth; this only makes it quick.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgListener;
use tokio::sync::Notify;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::broadcast::{self, Receiver};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Store, StoreError};

const CHANNEL: &str = "entryway";

/// Notices that a slow reader may fall behind before it is told that it missed some.
const BACKLOG: usize = 1024;

/// The least time between two `NOTIFY`s of one process. The first after a quiet while goes out at once; under load, what is
/// committed within this time goes together: a commit for each change would cost Postgres half as much as the change.
const BETWEEN: Duration = Duration::from_millis(20);

/// The most ids in one `NOTIFY`, whose payload Postgres limits to 8000 bytes.
const IDS_PER_PAYLOAD: usize = 200;

/// Something was committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// This request changed.
    Changed(Uuid),
    /// Notices may have been missed; look for yourself.
    Resync,
}

/// Requests that changed, and whether there is work for a worker.
type Told = (Vec<Uuid>, bool);

/// The switchboard of one process.
#[derive(Debug, Clone)]
pub struct Hub {
    notices: broadcast::Sender<Notice>,
    outbox: broadcast::Sender<Told>,
    work: Arc<Notify>,
}

impl Default for Hub {
    fn default() -> Self {
        Self { notices: broadcast::channel(BACKLOG).0, outbox: broadcast::channel(BACKLOG).0, work: Arc::default() }
    }
}

impl Hub {
    /// Says that `changed` were committed, and whether there is work for a worker.
    pub(super) fn announce(&self, changed: &[Uuid], work: bool) {
        if changed.is_empty() && !work {
            return;
        }
        self.tell(changed, work);
        // No receiver: nothing forwards to other replicas, which then find out by polling.
        let _ = self.outbox.send((changed.to_vec(), work));
    }

    fn tell(&self, changed: &[Uuid], work: bool) {
        for id in changed {
            // No receiver: nobody waits.
            let _ = self.notices.send(Notice::Changed(*id));
        }
        if work {
            self.work.notify_one();
        }
    }

    /// Notices from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Notice> {
        self.notices.subscribe()
    }

    /// Waits until there may be work. A call that came before the wait is not lost.
    pub async fn work(&self) {
        self.work.notified().await;
    }
}

/// Carries notices between replicas until `stop`. Ends with an error when the connection breaks; call it again.
///
/// # Errors
/// [`StoreError::Unavailable`], as behind a pooler that does not pass `LISTEN` on.
pub async fn listen(store: &Store, stop: &CancellationToken) -> Result<(), StoreError> {
    let mut listener = PgListener::connect_with(&store.pool).await?;
    listener.listen(CHANNEL).await?;
    // What was announced while nobody listened is gone.
    let _ = store.hub.notices.send(Notice::Resync);
    store.hub.work.notify_one();
    let mut outbox = store.hub.outbox.subscribe();
    let me = Uuid::now_v7().to_string();
    let mut next = Instant::now();
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            heard = listener.try_recv() => match heard? {
                Some(notification) => hear(store, &me, notification.payload()),
                None => {
                    let _ = store.hub.notices.send(Notice::Resync);
                    store.hub.work.notify_one();
                }
            },
            sent = async {
                sleep_until(next).await;
                outbox.recv().await
            } => {
                next = Instant::now() + BETWEEN;
                let (changed, work) = gather(sent, &mut outbox);
                forward(store, &me, &changed, work).await?;
            }
        }
    }
}

/// What there is to tell, together: every `NOTIFY` is a commit of its own. Too much to tell one by one is told without
/// ids: whoever hears none looks for themselves.
fn gather(first: Result<Told, RecvError>, outbox: &mut Receiver<Told>) -> Told {
    let missed = (Vec::new(), true);
    let Ok((mut changed, mut work)) = first else { return missed };
    loop {
        match outbox.try_recv() {
            Ok((more, also)) => {
                changed.extend(more);
                work |= also;
            }
            Err(TryRecvError::Lagged(_)) => return missed,
            Err(TryRecvError::Empty | TryRecvError::Closed) => return (changed, work),
        }
    }
}

fn hear(store: &Store, me: &str, payload: &str) {
    let mut words = payload.split(' ');
    if words.next() == Some(me) {
        return;
    }
    let work = words.next() == Some("work");
    let changed: Vec<_> = words.filter_map(|word| word.parse().ok()).collect();
    if changed.is_empty() {
        let _ = store.hub.notices.send(Notice::Resync);
    }
    store.hub.tell(&changed, work);
}

async fn forward(store: &Store, me: &str, changed: &[Uuid], work: bool) -> Result<(), StoreError> {
    let mut chunks: Vec<_> = changed.chunks(IDS_PER_PAYLOAD).collect();
    if chunks.is_empty() {
        chunks.push(&[]);
    }
    for chunk in chunks {
        let ids: Vec<_> = chunk.iter().map(Uuid::to_string).collect();
        let payload = format!("{me} {} {}", if work { "work" } else { "-" }, ids.join(" "));
        sqlx::query!(
            "-- wake.forward
            SELECT pg_notify($1, $2)",
            CHANNEL,
            payload
        )
        .fetch_one(&store.pool)
        .await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_committed_meanwhile_is_told_together_and_what_was_missed_without_ids() {
        let (send, mut outbox) = broadcast::channel(2);
        let ids: Vec<_> = (0..2).map(|_| Uuid::now_v7()).collect();
        for (id, work) in ids.iter().zip([false, true]) {
            send.send((vec![*id], work)).expect("a receiver");
        }
        let first = outbox.recv().await;
        assert_eq!(gather(first, &mut outbox), (ids.clone(), true));

        for id in ids.iter().chain(&ids) {
            send.send((vec![*id], false)).expect("a receiver");
        }
        let first = outbox.recv().await;
        assert!(first.is_err(), "more than it holds");
        assert_eq!(gather(first, &mut outbox), (vec![], true));
        assert_eq!(gather(outbox.recv().await, &mut outbox), (ids, false), "what it still held");
    }
}

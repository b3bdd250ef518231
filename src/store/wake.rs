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

/// The words of a payload, after who sends it and before the ids. A build that does not know the second takes a payload without
/// ids to mean that something was missed, which is right as well.
const WORK: &str = "work";
const LOGGED: &str = "log";

/// Notices that a slow reader may fall behind before it is told that it missed some.
const BACKLOG: usize = 1024;

/// The least time between two `NOTIFY`s of one process. The first after a quiet while goes out at once; under load, what is
/// committed within this time goes together, because each `NOTIFY` is a commit of its own.
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

/// What a commit has to tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// Requests that changed; their events are in the log.
    pub(super) changed: Vec<Uuid>,
    /// There is work for a worker.
    pub(super) work: bool,
    /// Events about no request are in the log.
    pub(super) logged: bool,
}

impl Told {
    const fn is_nothing(&self) -> bool {
        self.changed.is_empty() && !self.work && !self.logged
    }
}

/// The switchboard of one process.
#[derive(Debug, Clone)]
pub struct Hub {
    notices: broadcast::Sender<Notice>,
    outbox: broadcast::Sender<Told>,
    work: Arc<Notify>,
    log: Arc<Notify>,
}

impl Default for Hub {
    fn default() -> Self {
        Self {
            notices: broadcast::channel(BACKLOG).0,
            outbox: broadcast::channel(BACKLOG).0,
            work: Arc::default(),
            log: Arc::default(),
        }
    }
}

impl Hub {
    /// Says what was committed.
    pub(super) fn announce(&self, told: Told) {
        if told.is_nothing() {
            return;
        }
        self.tell(&told);
        // No receiver: nothing forwards to other replicas, which then find out by polling.
        let _ = self.outbox.send(told);
    }

    fn tell(&self, told: &Told) {
        for id in &told.changed {
            // No receiver: nobody waits.
            let _ = self.notices.send(Notice::Changed(*id));
        }
        if told.work {
            self.work.notify_one();
        }
        if told.logged || !told.changed.is_empty() {
            self.log.notify_one();
        }
    }

    /// Has everybody look for themselves: something may have been missed.
    fn resync(&self) {
        let _ = self.notices.send(Notice::Resync);
        self.work.notify_one();
        self.log.notify_one();
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

    /// Waits until there may be more in the log. A call that came before the wait is not lost. For one reader alone: a
    /// call wakes one.
    pub async fn logged(&self) {
        self.log.notified().await;
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
    store.hub.resync();
    let mut outbox = store.hub.outbox.subscribe();
    let me = Uuid::now_v7().to_string();
    let mut next = Instant::now();
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            heard = listener.try_recv() => match heard? {
                Some(notification) => hear(store, &me, notification.payload()),
                None => store.hub.resync(),
            },
            sent = async {
                sleep_until(next).await;
                outbox.recv().await
            } => {
                next = Instant::now() + BETWEEN;
                forward(store, &me, &gather(sent, &mut outbox)).await?;
            }
        }
    }
}

/// What there is to tell, together: every `NOTIFY` is a commit of its own. Too much to tell one by one is told without
/// ids: whoever hears none looks for themselves.
fn gather(first: Result<Told, RecvError>, outbox: &mut Receiver<Told>) -> Told {
    let missed = Told { work: true, ..Told::default() };
    let Ok(mut told) = first else { return missed };
    loop {
        match outbox.try_recv() {
            Ok(more) => {
                told.changed.extend(more.changed);
                told.work |= more.work;
                told.logged |= more.logged;
            }
            Err(TryRecvError::Lagged(_)) => return missed,
            Err(TryRecvError::Empty | TryRecvError::Closed) => return told,
        }
    }
}

fn hear(store: &Store, me: &str, payload: &str) {
    let mut words = payload.split(' ');
    if words.next() == Some(me) {
        return;
    }
    let mut told = Told { work: words.next() == Some(WORK), ..Told::default() };
    for word in words {
        told.logged |= word == LOGGED;
        told.changed.extend(word.parse::<Uuid>().ok());
    }
    if told.changed.is_empty() && !told.logged {
        // Whoever sent it lost count itself.
        let _ = store.hub.notices.send(Notice::Resync);
        told.logged = true;
    }
    store.hub.tell(&told);
}

async fn forward(store: &Store, me: &str, told: &Told) -> Result<(), StoreError> {
    let mut chunks: Vec<_> = told.changed.chunks(IDS_PER_PAYLOAD).collect();
    if chunks.is_empty() {
        chunks.push(&[]);
    }
    for chunk in chunks {
        let mut words = vec![me.to_owned(), if told.work { WORK } else { "-" }.to_owned()];
        words.extend(told.logged.then(|| LOGGED.to_owned()));
        words.extend(chunk.iter().map(Uuid::to_string));
        let payload = words.join(" ");
        sqlx::query!(
            "-- wake.forward
            SELECT pg_notify($1, $2)",
            CHANNEL,
            payload
        )
        .fetch_one(&mut *store.connection().await?)
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
        let told = |changed: &[Uuid], work, logged| Told { changed: changed.to_vec(), work, logged };
        for (id, work) in ids.iter().zip([false, true]) {
            send.send(told(&[*id], work, !work)).expect("a receiver");
        }
        let first = outbox.recv().await;
        assert_eq!(gather(first, &mut outbox), told(&ids, true, true));

        for id in ids.iter().chain(&ids) {
            send.send(told(&[*id], false, false)).expect("a receiver");
        }
        let first = outbox.recv().await;
        assert!(first.is_err(), "more than it holds");
        assert_eq!(gather(first, &mut outbox), told(&[], true, false));
        assert_eq!(gather(outbox.recv().await, &mut outbox), told(&ids, false, false), "what it still held");
    }
}

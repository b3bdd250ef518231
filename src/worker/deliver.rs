//! Deliveries: each destination reads the log of events in its own time, and is told of what it wants in order per request, at
//! least once, by one replica at a time. One that hangs holds up no other, and what cannot be delivered holds up only what
//! is about the same request.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use rand::Rng;
use serde_json::json;
use tokio::sync::broadcast::Receiver;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::domain::delivery::{RETRY_FOR, wait};
use crate::domain::event::{EventType, NewEvent};
use crate::notify::{Channel, Parcel, Verdict};
use crate::store::outbox::{self, Lease};
use crate::store::{Notice, Store, StoreError, events};

/// How many deliveries to one destination a process has under way at once.
pub(super) const HANDS: usize = 8;

/// How long one attempt may take, where the lease allows for it.
const LONGEST: Duration = Duration::from_secs(15);

/// How a process goes about deliveries.
#[derive(Debug, Clone, Copy)]
pub struct DeliveryPace {
    /// How many deliveries to one destination are under way at once.
    pub hands: usize,
    /// How long one attempt may take.
    pub patience: Duration,
    /// How long a claim holds; well above `patience`.
    pub lease: TimeDelta,
    /// How often to look for what nobody told of.
    pub poll_interval: Duration,
}

impl DeliveryPace {
    /// Deliveries that take well less than `lease`, at most [`LONGEST`].
    #[must_use]
    pub fn within(lease: TimeDelta, poll_interval: Duration) -> Self {
        let patience = lease.to_std().map_or(LONGEST, |lease| LONGEST.min(lease / 3));
        Self { hands: HANDS, patience, lease, poll_interval }
    }
}

/// Delivers to one destination.
#[derive(Debug, Clone)]
pub struct Deliverer {
    store: Store,
    channel: Arc<dyn Channel>,
    pace: DeliveryPace,
}

impl Deliverer {
    /// Delivers what is in the log of `store` through `channel`.
    #[must_use]
    pub fn new(store: Store, channel: Arc<dyn Channel>, pace: DeliveryPace) -> Self {
        Self { store, channel, pace }
    }

    /// Makes the destination known, from which moment on it is told of what happens.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn open(&self) -> Result<(), StoreError> {
        outbox::open(&self.store, self.channel.destination()).await
    }

    /// Delivers until `stop`, then finishes what it has begun and takes nothing more.
    pub async fn run(self, stop: CancellationToken) {
        let destination = self.channel.destination().to_owned();
        let mut news = self.store.hub().subscribe();
        let mut under_way = JoinSet::new();
        let (mut is_open, mut look) = (false, true);
        while !stop.is_cancelled() {
            let passed = async {
                if !is_open {
                    self.open().await?;
                    is_open = true;
                }
                self.pass(look, &mut under_way).await
            };
            let (more, idle) = passed.await.unwrap_or_else(|error| {
                tracing::warn!(%error, destination, "cannot look for what to deliver; trying again");
                (true, self.pace.poll_interval)
            });
            look = more;
            tokio::select! {
                () = stop.cancelled() => {}
                Some(ended) = under_way.join_next() => tell_of_panic(ended),
                () = heard(&mut news) => look = true,
                () = tokio::time::sleep(idle) => look = true,
            }
            // Whoever else has finished meanwhile: what there is to do next is looked for once for all of them.
            while let Some(ended) = under_way.try_join_next() {
                tell_of_panic(ended);
            }
        }
        while let Some(ended) = under_way.join_next().await {
            tell_of_panic(ended);
        }
    }

    /// Reads all of the log, delivers what is due now until nothing is, and answers how many attempts that took.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn turn(&self) -> Result<usize, StoreError> {
        let mut attempts = 0;
        loop {
            let mut under_way = JoinSet::new();
            let (more, _) = self.pass(true, &mut under_way).await?;
            let taken = under_way.len();
            while let Some(ended) = under_way.join_next().await {
                tell_of_panic(ended);
            }
            attempts += taken;
            if taken == 0 && !more {
                return Ok(attempts);
            }
        }
    }

    /// Reads on in the log if it is to `look`, and takes as much as there are hands for. Answers whether there is more to read,
    /// and how long nothing more will be due.
    async fn pass(&self, look: bool, under_way: &mut JoinSet<()>) -> Result<(bool, Duration), StoreError> {
        let (destination, address) = (self.channel.destination(), self.channel.address());
        let channel = &self.channel;
        let eager = channel.shows_what_is();
        let more =
            look && outbox::take_in(&self.store, destination, address, eager, |brief| channel.wants(brief)).await?;
        let free = self.pace.hands.saturating_sub(under_way.len());
        if free > 0 {
            let mut tx = self.store.begin().await?;
            let limit = i64::try_from(free).unwrap_or(i64::MAX);
            let leases = outbox::claim(&mut tx, destination, address, self.pace.lease, limit).await?;
            tx.commit().await?;
            let taken = leases.len();
            for lease in leases {
                let deliverer = self.clone();
                under_way.spawn(async move { deliverer.deliver(lease).await });
            }
            if taken < free && !more {
                let due = outbox::next_due(&self.store, destination, address).await?;
                let due = due.map_or(self.pace.poll_interval, |due| due.to_std().unwrap_or_default());
                return Ok((false, due.min(self.pace.poll_interval)));
            }
        }
        Ok((more, if more { Duration::ZERO } else { self.pace.poll_interval }))
    }

    async fn deliver(&self, lease: Lease) {
        let request_id = lease.event.as_ref().and_then(|event| event.body.request_id).map(tracing::field::display);
        let (destination, seq) = (lease.destination.as_str(), lease.seq);
        let span = tracing::error_span!("delivery", destination, seq, request_id);
        self.try_once(lease).instrument(span).await;
    }

    async fn try_once(&self, lease: Lease) {
        let verdict = match lease.event.clone() {
            None => Verdict::again("this build of Entryway does not know what the event says; a newer one does"),
            Some(event) => {
                let parcel = Parcel { event, sent_at: lease.claimed_at, attempt: lease.attempts };
                let attempt = tokio::time::timeout(self.pace.patience, self.channel.deliver(&parcel));
                let late = || Verdict::again(format!("it took longer than {} s", self.pace.patience.as_secs()));
                attempt.await.unwrap_or_else(|_| late())
            }
        };
        match self.record(&lease, verdict).await {
            Ok(()) => {}
            Err(StoreError::LeaseLost) => {
                metrics::counter!("entryway_leases_lost_total", "work" => "delivery").increment(1);
                tracing::info!(
                    destination = lease.destination,
                    seq = lease.seq,
                    "a delivery was somebody else's meanwhile"
                );
            }
            // The lease ends by itself, and it is delivered again.
            Err(error) => {
                tracing::warn!(%error, destination = lease.destination, seq = lease.seq, "a delivery could not be put on record");
            }
        }
    }

    async fn record(&self, lease: &Lease, verdict: Verdict) -> Result<(), StoreError> {
        let (destination, seq, attempts) = (lease.destination.as_str(), lease.seq, lease.attempts);
        let mut tx = self.store.begin().await?;
        match verdict {
            Verdict::Delivered => outbox::delivered(&mut tx, lease).await?,
            Verdict::Gone { why } => {
                if outbox::gone(&mut tx, lease, self.channel.address(), &why).await? {
                    tracing::error!(
                        destination,
                        why,
                        "a destination is gone; it is told nothing until it leads elsewhere or somebody replays"
                    );
                    let data = json!({ "destination": destination, "detail": why });
                    events::append(&mut tx, vec![NewEvent::by_entryway(EventType::DestinationGone, data)]).await?;
                }
            }
            Verdict::Later { after } => {
                // Whoever else was put off until then need not all come at once.
                let after = after.max(TimeDelta::zero()) + TimeDelta::milliseconds(rand::rng().random_range(0..=1000));
                let at = tx.now() + after;
                outbox::put_off(&mut tx, lease, at, self.channel.shows_what_is()).await?;
            }
            Verdict::Again { why, after } => {
                let last = lease.first_tried_at + RETRY_FOR;
                if tx.now() >= last {
                    tracing::error!(destination, seq, attempts, why, "a delivery was given up");
                    outbox::give_up(&mut tx, lease, &why).await?;
                } else {
                    tracing::warn!(destination, seq, attempts, why, "a delivery failed; it is tried again");
                    let spread = rand::rng().random_range(0.0..=1.0);
                    let at = (tx.now() + wait(attempts, spread, after)).min(last);
                    outbox::postpone(&mut tx, lease, at, self.channel.shows_what_is(), &why).await?;
                }
            }
        }
        tx.commit().await
    }
}

/// Waits until something was committed, and takes everything that was told meanwhile together.
async fn heard(news: &mut Receiver<Notice>) {
    // Having missed some is news as well.
    let _ = news.recv().await;
    while news.try_recv().is_ok() {}
}

fn tell_of_panic(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        // The lease ends by itself, and the attempt is counted; the other deliveries go on.
        tracing::error!(%error, "a delivery broke off");
    }
}

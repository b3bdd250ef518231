//! The outbox, with a channel that does as it is told: what is delivered when, how often, and in which order.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::TimeDelta;
use entryway::domain::delivery::{Brief, RETRY_FOR};
use entryway::domain::event::{EventType, NewEvent};
use entryway::notify::{Channel, Delivering, Parcel, Verdict};
use entryway::store::{Store, events, outbox};
use entryway::worker::deliver::{Deliverer, DeliveryPace};
use serde_json::json;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::harness::{Bed, database, policy};

mod news;

type Rule = Box<dyn Fn(&Parcel) -> Option<Verdict> + Send + Sync>;

/// A channel that answers what its rule says; `None` hangs until its gate is opened. Remembers what it was told.
struct Puppet {
    name: &'static str,
    address: &'static str,
    rule: Rule,
    gate: Semaphore,
    told: Mutex<Vec<(i64, String, i32)>>,
    /// Deliveries under way by lane, and whether two ever were at once.
    under_way: Mutex<BTreeMap<String, usize>>,
    overlaps: AtomicUsize,
}

impl std::fmt::Debug for Puppet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Puppet {
    fn new(name: &'static str, rule: impl Fn(&Parcel) -> Option<Verdict> + Send + Sync + 'static) -> Arc<Self> {
        Self::at(name, "here", rule)
    }

    fn at(
        name: &'static str,
        address: &'static str,
        rule: impl Fn(&Parcel) -> Option<Verdict> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            name,
            address,
            rule: Box::new(rule),
            gate: Semaphore::new(0),
            told: Mutex::default(),
            under_way: Mutex::default(),
            overlaps: AtomicUsize::new(0),
        })
    }

    fn seqs(&self) -> Vec<i64> {
        self.told.lock().unwrap().iter().map(|(seq, ..)| *seq).collect()
    }

    fn seqs_of(&self, lane: Uuid) -> Vec<i64> {
        let told = self.told.lock().unwrap();
        told.iter().filter(|(_, of, _)| *of == lane.to_string()).map(|(seq, ..)| *seq).collect()
    }
}

impl Channel for Puppet {
    fn destination(&self) -> &str {
        self.name
    }

    fn address(&self) -> &str {
        self.address
    }

    fn wants(&self, event: &Brief) -> bool {
        event.event_type.starts_with("request.")
    }

    fn deliver<'a>(&'a self, parcel: &'a Parcel) -> Delivering<'a> {
        Box::pin(async move {
            let lane = parcel.event.body.request_id.map(|id| id.to_string()).unwrap_or_default();
            self.told.lock().unwrap().push((parcel.event.seq, lane.clone(), parcel.attempt));
            let others = {
                let mut under_way = self.under_way.lock().unwrap();
                let mine = under_way.entry(lane.clone()).or_default();
                *mine += 1;
                *mine - 1
            };
            self.overlaps.fetch_add(others, Ordering::SeqCst);
            tokio::task::yield_now().await;
            let verdict = match (self.rule)(parcel) {
                Some(verdict) => verdict,
                None => {
                    self.gate.acquire().await.unwrap().forget();
                    Verdict::Delivered
                }
            };
            *self.under_way.lock().unwrap().get_mut(&lane).unwrap() -= 1;
            verdict
        })
    }
}

fn pace() -> DeliveryPace {
    DeliveryPace {
        hands: 4,
        patience: Duration::from_secs(20),
        lease: TimeDelta::seconds(60),
        poll_interval: Duration::from_millis(200),
    }
}

fn deliverer(store: &Store, puppet: &Arc<Puppet>) -> Deliverer {
    Deliverer::new(store.clone(), puppet.clone(), pace())
}

/// A request, whose life has written a few events.
async fn filed(bed: &Bed, namespace: &str) -> Uuid {
    bed.file("alice", policy("AmazonEKSAdminPolicy", &[namespace])).await.id
}

/// Everything a destination can go through.
pub(crate) async fn exercise(bed: &Bed) {
    let store = &bed.desk.store;
    let puppet = Puppet::new("test:exercise", |parcel| {
        Some(match parcel.attempt {
            1 => Verdict::again("not now"),
            2 => Verdict::Gone { why: "no more".to_owned() },
            _ => Verdict::Delivered,
        })
    });
    let deliverer = deliverer(store, &puppet);
    deliverer.open().await.unwrap();
    filed(bed, "exercise").await;
    deliverer.turn().await.unwrap();
    bed.hands.advance(RETRY_FOR);
    assert_eq!(deliverer.turn().await.unwrap(), 1);
    let mut tx = store.begin().await.unwrap();
    outbox::replay(&mut tx, "test:exercise", i64::MAX).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    deliverer.turn().await.unwrap();
    let failing = Puppet::new("test:exercise", |_| Some(Verdict::again("never")));
    filed(bed, "exercise-more").await;
    for _ in 0..2 {
        self::deliverer(store, &failing).turn().await.unwrap();
        bed.hands.advance(RETRY_FOR);
    }
    assert_eq!(
        standing(store, "test:exercise").await.given_up,
        2,
        "what was replayed begins anew, and fails with the other"
    );
    let given_up = outbox::given_up(store, "test:exercise", 1).await.unwrap().pop().unwrap();
    give_up_once_more(bed, "test:exercise", given_up).await;
    let mut tx = store.begin().await.unwrap();
    outbox::replay(&mut tx, "test:exercise", 0).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    assert_eq!(standing(store, "test:exercise").await.given_up, 0, "it is taken up again");
}

/// As after a process that took an event into a lane again which others had given up meanwhile: it is kept once, with all attempts.
async fn give_up_once_more(bed: &Bed, destination: &'static str, before: outbox::GivenUp) {
    let store = &bed.desk.store;
    let again = format!(
        "INSERT INTO delivery_lane (destination, lane, queue, next_attempt_at, attempts, first_tried_at)
         VALUES ('{destination}', 'again', ARRAY[{}], '2026-01-01', 7, '2026-01-01')",
        before.seq
    );
    database::by_hand(&bed.url, &again).await;
    let many = standing(store, destination).await.given_up;
    deliverer(store, &Puppet::new(destination, |_| Some(Verdict::again("still not")))).turn().await.unwrap();
    let after = outbox::given_up(store, destination, 1).await.unwrap().pop().unwrap();
    assert_eq!((after.seq, after.attempts), (before.seq, before.attempts + 8), "{after:?}");
    assert_eq!((after.first_tried_at, after.last_error.as_str()), (before.first_tried_at, "still not"));
    assert_eq!(standing(store, destination).await.given_up, many);
}

async fn standing(store: &Store, name: &str) -> outbox::Standing {
    let all = outbox::standing(store).await.unwrap();
    all.into_iter().find(|standing| standing.destination == name).unwrap()
}

pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..3000 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never {what}");
}

#[tokio::test]
async fn everything_wanted_arrives_in_order_and_what_was_before_does_not() {
    let bed = Bed::new().await;
    let before = filed(&bed, "before").await;
    let puppet = Puppet::new("test:a", |_| Some(Verdict::Delivered));
    let deliverer = deliverer(&bed.desk.store, &puppet);
    deliverer.open().await.unwrap();
    let (one, two) = (filed(&bed, "one").await, filed(&bed, "two").await);
    bed.approve("bob", one).await;
    bed.withdraw("alice", two).await.unwrap();
    deliverer.turn().await.unwrap();

    assert_eq!(puppet.seqs_of(before), Vec::<i64>::new());
    for id in [one, two] {
        let told = puppet.seqs_of(id);
        assert!(told.len() >= 2 && told.is_sorted(), "{told:?}");
    }
    let wanted = "SELECT count(*) FROM event WHERE type LIKE 'request.%'";
    let first = format!("{wanted} AND request_id = '{before}'");
    let all = database::number(&bed.url, wanted).await - database::number(&bed.url, &first).await;
    assert_eq!(i64::try_from(puppet.seqs().len()).unwrap(), all);
    let standing = standing(&bed.desk.store, "test:a").await;
    assert_eq!((standing.waiting, standing.given_up, standing.failing), (0, 0, 0));
    assert_eq!(deliverer.turn().await.unwrap(), 0, "nothing twice");
}

#[tokio::test]
async fn what_happened_first_is_told_first_whichever_request_it_is_about() {
    let bed = Bed::new().await;
    let clock = bed.hands.clone();
    let puppet = Puppet::new("test:a", move |_| {
        clock.advance(TimeDelta::seconds(1));
        Some(Verdict::Delivered)
    });
    let one_at_a_time = DeliveryPace { hands: 1, ..pace() };
    let deliverer = Deliverer::new(bed.desk.store.clone(), puppet.clone(), one_at_a_time);
    deliverer.open().await.unwrap();
    let mut ids = vec![];
    for namespace in ["one", "two", "three"] {
        let id = filed(&bed, namespace).await;
        bed.hands.advance(TimeDelta::seconds(1));
        bed.withdraw("alice", id).await.unwrap();
        bed.hands.advance(TimeDelta::seconds(1));
        ids.push(id);
    }
    deliverer.turn().await.unwrap();
    let told = puppet.seqs();
    assert!(told.len() == 6 && told.is_sorted(), "{told:?} of {ids:?}");
}

#[tokio::test]
async fn what_is_poisoned_holds_back_its_own_request_and_is_given_up_after_three_days() {
    let bed = Bed::new().await;
    let store = &bed.desk.store;
    let poison: Arc<Mutex<Option<Uuid>>> = Arc::default();
    let knows = poison.clone();
    let puppet = Puppet::new("test:a", move |parcel| {
        let poisoned = parcel.event.body.request_id == *knows.lock().unwrap();
        let submitted = parcel.event.body.event_type == EventType::RequestSubmitted;
        Some(if poisoned && submitted { Verdict::again("it answered 400") } else { Verdict::Delivered })
    });
    let deliverer = deliverer(store, &puppet);
    deliverer.open().await.unwrap();
    let (bad, good) = (filed(&bed, "bad").await, filed(&bed, "good").await);
    *poison.lock().unwrap() = Some(bad);
    for id in [bad, good] {
        bed.withdraw("alice", id).await.unwrap();
    }
    deliverer.turn().await.unwrap();
    assert_eq!(puppet.seqs_of(good).len(), 2);
    assert_eq!(puppet.seqs_of(bad).len(), 1, "the second waits for the first");
    let now = standing(store, "test:a").await;
    assert_eq!((now.waiting, now.failing, now.last_error.as_deref()), (2, 1, Some("it answered 400")));

    let mut tries = 1;
    let start = bed.hands.now();
    while standing(store, "test:a").await.given_up == 0 {
        let due = outbox::next_due(store, "test:a", "here").await.unwrap().unwrap();
        assert!(due <= TimeDelta::minutes(10), "{due}");
        bed.hands.advance(due.max(TimeDelta::milliseconds(1)));
        tries += deliverer.turn().await.unwrap();
        assert!(bed.hands.now() <= start + RETRY_FOR + TimeDelta::minutes(1), "tried for longer than three days");
    }
    assert!(bed.hands.now() >= start + RETRY_FOR, "given up after {}", bed.hands.now() - start);
    assert!((400..1000).contains(&tries), "{tries}");
    assert_eq!(puppet.seqs_of(bad).last(), puppet.seqs_of(bad).iter().max(), "then the next of its request comes");
    let given_up = outbox::given_up(store, "test:a", 10).await.unwrap();
    assert_eq!(given_up.len(), 1);
    assert!(given_up[0].attempts > 400 && given_up[0].last_error == "it answered 400", "{given_up:?}");

    // Mended and replayed, all of it comes once more, in order.
    *poison.lock().unwrap() = None;
    let before = puppet.seqs_of(bad).len();
    let mut tx = store.begin().await.unwrap();
    outbox::replay(&mut tx, "test:a", 0).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    deliverer.turn().await.unwrap();
    let again = puppet.seqs_of(bad)[before..].to_vec();
    assert!(again.len() == 2 && again.is_sorted(), "{again:?}");
    assert_eq!(standing(store, "test:a").await.given_up, 0);
}

#[tokio::test]
async fn one_that_hangs_holds_up_no_other() {
    let bed = Bed::new().await;
    let store = &bed.desk.store;
    let (stuck, quick) = (Puppet::new("test:stuck", |_| None), Puppet::new("test:quick", |_| Some(Verdict::Delivered)));
    let stop = CancellationToken::new();
    let mut running = vec![];
    for puppet in [&stuck, &quick] {
        let deliverer = deliverer(store, puppet);
        deliverer.open().await.unwrap();
        running.push(tokio::spawn(deliverer.run(stop.clone())));
    }
    let mut ids = vec![];
    for namespace in ["a", "b", "c", "d", "e", "f"] {
        ids.push(filed(&bed, namespace).await);
    }
    until("the quick one is told of all", async || ids.iter().all(|id| !quick.seqs_of(*id).is_empty())).await;
    until("the stuck one has its hands full", async || stuck.seqs().len() == pace().hands).await;

    // What is under way is finished before the process ends.
    stop.cancel();
    stuck.gate.add_permits(100);
    for task in running {
        task.await.unwrap();
    }
    assert_eq!(stuck.seqs().len(), pace().hands, "nothing new was taken");
    let left = standing(store, "test:stuck").await.waiting;
    assert_eq!(left, i64::try_from(ids.len() - pace().hands).unwrap());
}

#[tokio::test]
async fn two_replicas_deliver_each_event_once_and_one_of_a_request_at_a_time() {
    let bed = Bed::new().await;
    let puppet = Puppet::new("test:a", |_| Some(Verdict::Delivered));
    let stop = CancellationToken::new();
    let others: Vec<_> = (0..2).map(|_| database::connect(&bed.url, bed.desk.store.clock().clone())).collect();
    deliverer(&others[0], &puppet).open().await.unwrap();
    let running: Vec<_> =
        others.iter().map(|store| tokio::spawn(deliverer(store, &puppet).run(stop.clone()))).collect();
    for namespace in ["a", "b", "c", "d", "e", "f", "g", "h"] {
        let id = filed(&bed, namespace).await;
        bed.approve("bob", id).await;
        bed.relinquish("alice", id).await.unwrap();
    }
    let wanted = "SELECT count(*) FROM event WHERE type LIKE 'request.%'";
    let all = usize::try_from(database::number(&bed.url, wanted).await).unwrap();
    until("all arrived", async || puppet.seqs().len() >= all).await;
    stop.cancel();
    for task in running {
        task.await.unwrap();
    }
    let mut told = puppet.seqs();
    assert_eq!(told.len(), all);
    told.sort_unstable();
    told.dedup();
    assert_eq!(told.len(), all, "each of them once");
    assert_eq!(puppet.overlaps.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_worker_that_dies_in_the_middle_is_followed_by_another_and_what_it_finds_out_is_dropped() {
    let bed = Bed::new().await;
    let store = &bed.desk.store;
    let dies = Puppet::new("test:a", |_| None);
    let first = deliverer(store, &dies);
    first.open().await.unwrap();
    let id = filed(&bed, "one").await;
    let dying = tokio::spawn({
        let first = first.clone();
        async move { first.turn().await }
    });
    until("it is under way", async || !dies.seqs().is_empty()).await;

    let next = Puppet::new("test:a", |_| Some(Verdict::Delivered));
    let second = deliverer(store, &next);
    assert_eq!(second.turn().await.unwrap(), 0, "it is leased");
    bed.hands.advance(pace().lease);
    assert_eq!(second.turn().await.unwrap(), 1);
    assert_eq!(next.told.lock().unwrap()[0].2, 2, "the attempt of the dead counts");
    bed.withdraw("alice", id).await.unwrap();
    dies.gate.add_permits(100);
    dying.await.unwrap().unwrap();
    second.turn().await.unwrap();
    let all = dies.seqs_of(id).into_iter().chain(next.seqs_of(id)).collect::<std::collections::BTreeSet<_>>();
    assert_eq!(all.len(), 2, "the late word of the first has not taken the second event out of the queue");
}

#[tokio::test]
async fn one_that_is_gone_is_left_alone_until_it_leads_elsewhere_or_somebody_replays() {
    let bed = Bed::new().await;
    let store = &bed.desk.store;
    let gone = Puppet::new("test:a", |_| Some(Verdict::Gone { why: "it answered 410 Gone".to_owned() }));
    let old = deliverer(store, &gone);
    old.open().await.unwrap();
    let id = filed(&bed, "one").await;
    old.turn().await.unwrap();
    filed(&bed, "two").await;
    bed.hands.advance(TimeDelta::hours(1));
    assert_eq!(old.turn().await.unwrap(), 0);
    assert_eq!(gone.seqs().len(), 1);
    assert!(standing(store, "test:a").await.gone_at.is_some());
    assert_eq!(database::number(&bed.url, "SELECT count(*) FROM event WHERE type = 'destination.gone'").await, 1);

    let moved = Puppet::at("test:a", "there", |_| Some(Verdict::Delivered));
    deliverer(store, &moved).turn().await.unwrap();
    assert_eq!(moved.seqs_of(id).len(), 1, "nothing was lost");
    assert_eq!(moved.seqs().len(), 2);
    assert_eq!(standing(store, "test:a").await.gone_at, None, "nobody is told that it is gone while it is not");

    filed(&bed, "three").await;
    old.turn().await.unwrap();
    assert_eq!(gone.seqs().len(), 2, "whoever leads it back there finds out anew");
    let back = Puppet::new("test:a", |_| Some(Verdict::Delivered));
    let again = deliverer(store, &back);
    assert_eq!(again.turn().await.unwrap(), 0);
    let mut tx = store.begin().await.unwrap();
    outbox::replay(&mut tx, "test:a", i64::MAX).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    again.turn().await.unwrap();
    assert_eq!(back.seqs().len(), 1, "a replay of nothing skips nothing and repeats nothing");
}

#[tokio::test]
async fn what_only_a_newer_build_can_read_waits_for_one() {
    let bed = Bed::new().await;
    let store = &bed.desk.store;
    let puppet = Puppet::new("test:a", |_| Some(Verdict::Delivered));
    let deliverer = deliverer(store, &puppet);
    deliverer.open().await.unwrap();
    let newer = "INSERT INTO event (id, type, at, actor, via, data, hash)
                 VALUES (gen_random_uuid(), 'request.blessed', now(), 'entryway', 'worker', '{}', 'x')";
    database::by_hand(&bed.url, newer).await;
    let mut tx = store.begin().await.unwrap();
    let refused = NewEvent::by_entryway(EventType::RequestRefused, json!({}));
    events::append(&mut tx, vec![refused]).await.unwrap();
    tx.commit().await.unwrap();
    deliverer.turn().await.unwrap();
    assert_eq!(puppet.seqs().len(), 1, "the other one went its way");
    let waiting = standing(store, "test:a").await;
    assert!(waiting.waiting == 1 && waiting.last_error.unwrap().contains("newer"));
}

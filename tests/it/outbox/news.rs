//! News of a request whose last delivery has failed.

use chrono::TimeDelta;
use entryway::store::outbox;

use super::filed;
use crate::harness::Bed;

/// Where a delivery shows what is now, news does not wait for the next attempt, also where it came while the last was under way.
#[tokio::test]
async fn news_that_comes_during_an_attempt_is_due_at_once_where_what_is_now_is_shown() {
    const HOUR: TimeDelta = TimeDelta::hours(1);
    let bed = Bed::new().await;
    let store = &bed.desk.store;
    let take_in = async |name, eager| outbox::take_in(store, name, "here", eager, |_| true).await.unwrap();
    let claim = async |name| {
        let mut tx = store.begin().await.unwrap();
        let lease = outbox::claim(&mut tx, name, "here", TimeDelta::minutes(1), 9).await.unwrap().pop().unwrap();
        tx.commit().await.unwrap();
        lease
    };
    let fail = async |lease: &outbox::Lease, eager| {
        let mut tx = store.begin().await.unwrap();
        let later = tx.now() + HOUR;
        outbox::postpone(&mut tx, lease, later, eager, "no").await.unwrap();
        tx.commit().await.unwrap();
        outbox::next_due(store, &lease.destination, "here").await.unwrap().unwrap()
    };
    let both = [("test:eager", true), ("test:patient", false)];
    for (name, _) in both {
        outbox::open(store, name).await.unwrap();
    }
    let id = filed(&bed, "news").await;
    let mut leases = vec![];
    for (name, eager) in both {
        take_in(name, eager).await;
        let first = claim(name).await;
        assert_eq!(fail(&first, eager).await, HOUR, "nothing new has come");
        bed.hands.advance(HOUR);
        leases.push(claim(name).await);
    }
    bed.withdraw("alice", id).await.unwrap();
    let mut waits = vec![];
    for ((name, eager), lease) in both.into_iter().zip(&leases) {
        take_in(name, eager).await;
        waits.push(fail(lease, eager).await);
    }
    assert_eq!(waits, [TimeDelta::zero(), HOUR]);
}

//! The log of events as evidence: nothing is missed, nothing can be changed unseen, and the service cannot change it.

mod role;
mod settled;
mod tampered;

pub(crate) use tampered::{PRIVATE, entryway, verified};

use chrono::TimeDelta;
use entryway::domain::states::RequestState;
use entryway::worker::checkpoints::make_all;
use entryway::workflow::checkpoint::{Rhythm, checkpoint};
use sqlx::{Connection, PgConnection};

use crate::harness::{Bed, database, view};

/// Whatever there is, at once.
const AT_ONCE: Rhythm = Rhythm { interval: TimeDelta::zero(), events: 1000 };

/// A request that lived and ended.
async fn a_life(bed: &Bed) {
    let request = bed.granted(view("payments")).await;
    bed.until(request.id, RequestState::Active).await;
    bed.relinquish("alice", request.id).await.unwrap();
    bed.until(request.id, RequestState::Ended).await;
}

async fn checkpoints(url: &str) -> i64 {
    database::number(url, "SELECT count(*) FROM event WHERE type = 'audit.checkpoint'").await
}

/// An event that its writer has not committed.
async fn uncommitted(connection: &mut PgConnection) {
    let insert = "BEGIN; INSERT INTO event (id, type, at, actor, via, data, hash)
                  VALUES (gen_random_uuid(), 'auth.failed', now(), 'entryway', 'api', '{}', 'sha256:00')";
    sqlx::raw_sql(insert).execute(connection).await.unwrap();
}

#[tokio::test]
async fn a_checkpoint_comes_in_time_or_after_so_many_events_and_never_for_nothing() {
    let bed = Bed::new().await;
    let rhythm = Rhythm { interval: TimeDelta::seconds(60), events: 4 };
    assert_eq!(checkpoint(&bed.desk, rhythm, None).await.unwrap(), None, "nothing happened");
    bed.file("alice", view("a")).await;
    let first = checkpoint(&bed.desk, rhythm, None).await.unwrap().expect("the first comes at once");
    assert_eq!((first.statement.number, first.statement.after, first.statement.events), (1, 0, 1));
    bed.pass(TimeDelta::seconds(61));
    assert_eq!(checkpoint(&bed.desk, rhythm, None).await.unwrap(), None, "a checkpoint is no news");

    bed.file("alice", view("b")).await;
    let second = checkpoint(&bed.desk, rhythm, None).await.unwrap().expect("time is up");
    assert_eq!((second.statement.events, second.statement.previous), (2, Some(first.hash)), "the first is counted too");
    bed.file("alice", view("c")).await;
    assert_eq!(checkpoint(&bed.desk, rhythm, None).await.unwrap(), None, "neither time nor number is up");
    for namespace in ["d", "e", "f", "g"] {
        bed.file("alice", view(namespace)).await;
    }
    let third = checkpoint(&bed.desk, rhythm, None).await.unwrap().expect("six wait");
    assert_eq!(third.statement.events, 4, "no more at once than were asked for");
    assert_eq!(third.statement.after, second.statement.through);
}

#[tokio::test]
async fn replicas_never_fork_the_chain() {
    let bed = Bed::new().await;
    a_life(&bed).await;
    let rhythm = Rhythm { interval: TimeDelta::zero(), events: 2 };
    let replicas = [(); 4].map(|()| make_all(&bed.desk, rhythm, None));
    let made: usize = futures_util::future::join_all(replicas).await.into_iter().map(Result::unwrap).sum();
    make_all(&bed.desk, rhythm, None).await.unwrap();
    assert!(made > 0 && checkpoints(&bed.url).await >= i64::try_from(made).unwrap());
    let forks = "SELECT count(*) - count(DISTINCT coalesce(prev_hash, '')) FROM event WHERE type = 'audit.checkpoint'";
    assert_eq!(database::number(&bed.url, forks).await, 0);
}

#[tokio::test]
async fn what_commits_late_is_counted_and_read_all_the_same() {
    let bed = Bed::new().await;
    bed.file("alice", view("a")).await;
    make_all(&bed.desk, AT_ONCE, None).await.unwrap();
    let mut slow = PgConnection::connect(&bed.url).await.unwrap();
    uncommitted(&mut slow).await;
    bed.file("alice", view("b")).await;
    let newest = database::number(&bed.url, "SELECT max(seq) FROM event").await;
    let end = bed.desk.log_end().await.unwrap();
    assert!(end < newest - 1, "nobody reads past what is still to come: {end} of {newest}");
    assert_eq!(make_all(&bed.desk, AT_ONCE, None).await.unwrap(), 0, "nor counts it");

    sqlx::raw_sql("COMMIT").execute(&mut slow).await.unwrap();
    assert_eq!(bed.desk.log_end().await.unwrap(), newest);
    let made = checkpoint(&bed.desk, AT_ONCE, None).await.unwrap().expect("all of it");
    assert_eq!(
        (made.statement.through, made.statement.events),
        (newest, 3),
        "the checkpoint, the late one, and the other"
    );
}

#[tokio::test]
async fn what_drew_its_place_before_a_checkpoint_and_commits_after_it_is_counted_by_the_next() {
    let bed = Bed::new().await;
    bed.file("alice", view("a")).await;
    let place = database::number(&bed.url, "SELECT nextval(pg_get_serial_sequence('event', 'seq'))").await;
    let first = checkpoint(&bed.desk, AT_ONCE, None).await.unwrap().expect("the first comes at once");
    assert!(first.statement.through < place, "nobody knew of it");
    let mut late = PgConnection::connect(&bed.url).await.unwrap();
    let insert = format!(
        "INSERT INTO event (seq, id, type, at, actor, via, data, hash) OVERRIDING SYSTEM VALUE
         VALUES ({place}, gen_random_uuid(), 'auth.failed', now(), 'entryway', 'api', '{{}}', 'sha256:00')"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(insert)).execute(&mut late).await.unwrap();
    let second = checkpoint(&bed.desk, AT_ONCE, None).await.unwrap().expect("it waits to be counted");
    assert_eq!((second.statement.after, second.statement.events), (first.statement.through, 2), "it and the first");
    assert_eq!(checkpoint(&bed.desk, AT_ONCE, None).await.unwrap(), None, "once");
}

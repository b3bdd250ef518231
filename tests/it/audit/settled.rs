//! Many writers at once, some slow, some that give up: who reads on by `seq` misses none.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use entryway::workflow::audit_log::LogFilter;
use entryway::workflow::checkpoint::checkpoint;
use sqlx::{Connection, PgConnection};

use super::{AT_ONCE, uncommitted};
use crate::harness::{Bed, database};

const WRITERS: u64 = 8;
const EACH: u64 = 25;

/// Writes events in transactions that take a while, each of which ends in its own way.
async fn write(url: String, writer: u64) {
    let mut connection = PgConnection::connect(&url).await.unwrap();
    for round in 0..EACH {
        uncommitted(&mut connection).await;
        // How slow a writer is makes no difference to what holds, only to how often it is put to the test.
        tokio::time::sleep(Duration::from_millis((writer * 7 + round * 3) % 11)).await;
        let end = if round % 5 == 4 { "ROLLBACK" } else { "COMMIT" };
        sqlx::raw_sql(end).execute(&mut connection).await.unwrap();
    }
    connection.close().await.unwrap();
}

#[tokio::test]
async fn who_reads_on_by_seq_misses_nothing() {
    let bed = Bed::new().await;
    let done = Arc::new(AtomicBool::new(false));
    let desk = bed.desk.clone();
    let counting = tokio::spawn({
        let done = done.clone();
        async move {
            let mut counted = 0;
            loop {
                let last_round = done.load(Ordering::SeqCst);
                while let Some(made) = checkpoint(&desk, AT_ONCE, None).await.unwrap() {
                    counted += made.statement.events;
                }
                if last_round {
                    return counted;
                }
                tokio::task::yield_now().await;
            }
        }
    });
    let desk = bed.desk.clone();
    let reading = tokio::spawn({
        let done = done.clone();
        async move {
            let (mut read, mut after) = (vec![], 0);
            loop {
                let last_round = done.load(Ordering::SeqCst);
                let end = desk.log_end().await.unwrap();
                let page = desk.log_page(&LogFilter::default(), after, end, 10_000).await.unwrap().events;
                after = page.last().map_or(after, |last| last.seq);
                read.extend(page.iter().map(|event| event.seq));
                if last_round {
                    return read;
                }
                tokio::task::yield_now().await;
            }
        }
    });
    let writers = (0..WRITERS).map(|writer| tokio::spawn(write(bed.url.clone(), writer)));
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    done.store(true, Ordering::SeqCst);
    let (read, counted) = (reading.await.unwrap(), counting.await.unwrap());
    assert!(read.is_sorted(), "seq rises");
    let there = |what: &str| format!("SELECT count(*) FROM event WHERE {what}");
    let written = i64::try_from(WRITERS * EACH * 4 / 5).unwrap();
    assert_eq!(database::number(&bed.url, &there("type = 'auth.failed'")).await, written);
    // The last checkpoint may have come after the last read.
    let upto = read.last().unwrap();
    assert_eq!(i64::try_from(read.len()).unwrap(), database::number(&bed.url, &there(&format!("seq <= {upto}"))).await);
    let newest = database::number(&bed.url, "SELECT max((data ->> 'through')::bigint) FROM event").await;
    assert_eq!(counted, database::number(&bed.url, &there(&format!("seq <= {newest}"))).await);
    assert!(counted >= written, "every one of them is in a checkpoint");
}

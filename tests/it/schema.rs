//! The schema: migrated with data in it, and holding the same table of moves as the code.

use entryway::clock::Clock;
use entryway::domain::review::Decision;
use entryway::domain::states::{RequestState, TRANSITIONS};
use entryway::store::{MIGRATIONS, StoreError};
use entryway::workflow::WorkflowError;
use sqlx::{Connection, PgConnection};

use crate::harness::{Bed, database, view};

/// Realistic rows as they stand after each migration, so that the next one meets data.
const DATA: &[(i64, &str)] = &[
    (1, include_str!("../data/migrations/0001_requests.sql")),
    (2, include_str!("../data/migrations/0002_events.sql")),
    (3, include_str!("../data/migrations/0003_answers_and_clusters.sql")),
    (4, include_str!("../data/migrations/0004_entry_doubt.sql")),
    (5, include_str!("../data/migrations/0005_eks_pace.sql")),
    (6, include_str!("../data/migrations/0006_entry_baseline.sql")),
    (7, include_str!("../data/migrations/0007_entry_recheck.sql")),
    (8, include_str!("../data/migrations/0008_request_lists.sql")),
    (9, include_str!("../data/migrations/0009_cluster_sightings.sql")),
    (10, include_str!("../data/migrations/0010_entry_principal.sql")),
    (11, include_str!("../data/migrations/0011_listing_and_drift.sql")),
    (12, include_str!("../data/migrations/0012_life_of_a_grant.sql")),
    (13, include_str!("../data/migrations/0013_people.sql")),
    (14, include_str!("../data/migrations/0014_checkpoints.sql")),
    (16, include_str!("../data/migrations/0016_failed_may_be_revoked.sql")),
    (17, include_str!("../data/migrations/0017_deliveries.sql")),
    (18, include_str!("../data/migrations/0018_slack.sql")),
    (19, include_str!("../data/migrations/0019_call_allowance.sql")),
    (21, include_str!("../data/migrations/0021_unheard_and_reach.sql")),
    (22, include_str!("../data/migrations/0022_entries_that_drifted.sql")),
    (23, include_str!("../data/migrations/0023_trace_parent.sql")),
    (25, include_str!("../data/migrations/0025_times_and_numbers.sql")),
    (27, include_str!("../data/migrations/0027_what_is_over.sql")),
    (28, include_str!("../data/migrations/0028_slack_in_measure.sql")),
];

#[tokio::test]
async fn every_migration_meets_data() {
    let url = database::empty().await;
    let mut connection = PgConnection::connect(&url).await.unwrap();
    for migration in MIGRATIONS.iter() {
        sqlx::raw_sql(migration.sql.clone()).execute(&mut connection).await.unwrap();
        let (_, rows) = DATA.iter().find(|(version, _)| *version == migration.version).unwrap_or_else(|| {
            panic!("add tests/data/migrations/{:04}_….sql with rows as they stand after it", migration.version)
        });
        sqlx::raw_sql(sqlx::AssertSqlSafe((*rows).to_owned())).execute(&mut connection).await.unwrap();
    }
    connection.close().await.unwrap();
    let read = database::number(&url, "SELECT count(*) FROM request").await;
    assert!(read >= 2);
}

#[tokio::test]
async fn migrating_twice_and_at_the_same_time_is_once() {
    let url = database::empty().await;
    let stores = [(); 4].map(|()| database::connect(&url, Clock::database()));
    let (a, b, c, d) = tokio::join!(stores[0].migrate(), stores[1].migrate(), stores[2].migrate(), stores[3].migrate());
    for done in [a, b, c, d] {
        done.unwrap();
    }
    stores[0].ready().await.unwrap();
}

#[tokio::test]
async fn the_database_knows_the_same_moves_as_the_code() {
    let bed = Bed::new().await;
    let id = bed.file("alice", view("payments")).await.id;
    let mut connection = PgConnection::connect(&bed.url).await.unwrap();
    // Only the move is in question here, not what else each state wants of a row.
    let others = ["request_end_reason", "request_ended_at", "request_active_is_proven", "request_failed_says_why"];
    for constraint in others {
        let drop = format!("ALTER TABLE request DROP CONSTRAINT {constraint}");
        sqlx::query(sqlx::AssertSqlSafe(drop)).execute(&mut connection).await.unwrap();
    }
    for from in RequestState::ALL {
        for to in RequestState::ALL {
            let moved = sqlx::query("UPDATE request SET moved_from = $2, state = $3 WHERE id = $1")
                .bind(id)
                .bind(from.as_str())
                .bind(to.as_str())
                .execute(&mut connection)
                .await;
            let legal = TRANSITIONS.iter().any(|t| t.from == from && t.to == to);
            assert_eq!(moved.is_ok(), legal, "{} → {}", from.as_str(), to.as_str());
        }
    }
}

/// "Never" is no time that any code of ours could read: written by hand into one row it would stop every worker.
#[tokio::test]
async fn no_time_can_be_one_that_nobody_can_read() {
    let url = database::fresh().await;
    let unguarded = "SELECT coalesce(string_agg(c.relname || '.' || a.attname, ', '), 'none')
                       FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
                      WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relname <> '_sqlx_migrations'
                        AND a.atttypid = 'timestamptz'::regtype AND NOT a.attisdropped
                        AND NOT EXISTS (SELECT FROM pg_constraint k
                                         WHERE k.conrelid = c.oid AND k.conname = c.relname || '_times' AND a.attnum = ANY (k.conkey))";
    assert_eq!(database::text(&url, unguarded).await, "none", "a table's CHECK …_times names all of its times");

    let bed = Bed::new().await;
    let id = bed.file("alice", view("payments")).await.id;
    let mut connection = PgConnection::connect(&bed.url).await.unwrap();
    for time in ["infinity", "-infinity", "290000-01-01"] {
        for set in ["request SET lapses_at", "request SET start_at", "entry SET next_run_at", "event SET at"] {
            let never = format!("UPDATE {set} = '{time}'");
            let refused = sqlx::query(sqlx::AssertSqlSafe(never.clone())).execute(&mut connection).await.unwrap_err();
            assert!(refused.to_string().contains("_times"), "{never}: {refused}");
        }
    }
    let late = "UPDATE request SET lapses_at = '9999-12-31'";
    assert_eq!(sqlx::query(late).execute(&mut connection).await.unwrap().rows_affected(), 1);
    entryway::worker::sweep::lapse_all(&bed.desk).await.unwrap();
    assert_eq!(bed.get(id).await.request.state, RequestState::Pending);
}

/// Nor is there a number that nothing can hold; where somebody has taken the guard away, the failure is not one that passes.
#[tokio::test]
async fn no_number_can_be_one_that_nobody_can_read() {
    let bed = Bed::new().await;
    let id = bed.file("alice", view("payments")).await.id;
    let mut connection = PgConnection::connect(&bed.url).await.unwrap();
    for (table, columns) in
        [("request", "content tags warnings last_error"), ("entry", "written baseline binding unheard last_error")]
    {
        for column in columns.split(' ') {
            let huge = format!("UPDATE {table} SET {column} = '{{\"a\": [1e400]}}'");
            let refused = sqlx::query(sqlx::AssertSqlSafe(huge.clone())).execute(&mut connection).await.unwrap_err();
            assert!(refused.to_string().contains("_numbers"), "{huge}: {refused}");
        }
    }
    connection.close().await.unwrap();
    database::by_hand(&bed.url, "ALTER TABLE request DROP CONSTRAINT request_numbers").await;
    database::by_hand(&bed.url, "UPDATE request SET tags = '{\"a\": 1e400}'").await;
    let seen = bed.desk.get(&bed.caller("bob"), id).await.map(|_| ());
    assert!(matches!(seen, Err(WorkflowError::Store(StoreError::Unreadable(_)))), "{seen:?}");
}

#[tokio::test]
async fn what_was_approved_cannot_be_exchanged_in_the_database() {
    let bed = Bed::new().await;
    let request = bed.granted(view("payments")).await;
    let edit = format!(
        "UPDATE request SET content = replace(content::text, 'View', 'ClusterAdmin')::jsonb WHERE id = '{}'",
        request.id
    );
    assert_eq!(database::by_hand(&bed.url, &edit).await, 1);
    bed.work().await;
    assert_eq!(bed.writes(), Vec::<String>::new(), "what nobody approved is not applied");
}

#[tokio::test]
async fn what_was_exchanged_before_anybody_approved_it_can_be_neither_seen_nor_approved() {
    let bed = Bed::new().await;
    let id = bed.file("alice", view("payments")).await.id;
    let edit = "UPDATE request SET content = replace(content::text, 'View', 'ClusterAdmin')::jsonb";
    assert_eq!(database::by_hand(&bed.url, edit).await, 1);
    let seen = bed.desk.get(&bed.caller("bob"), id).await.map(|_| ());
    let approved = bed.review("bob", id, Decision::Approve).await.map(|_| ());
    for answer in [seen, approved] {
        let corrupt = matches!(answer, Err(WorkflowError::Store(StoreError::Corrupt { column: "spec_digest", .. })));
        assert!(corrupt, "{answer:?}");
    }
}

#[tokio::test]
async fn a_state_set_by_hand_without_approvals_applies_nothing() {
    let bed = Bed::new().await;
    let request = bed.file("alice", view("payments")).await;
    let edit = format!(
        "UPDATE request SET state = 'applying', moved_from = 'pending', applying_since = now() WHERE id = '{}'",
        request.id
    );
    database::by_hand(&bed.url, &edit).await;
    database::by_hand(&bed.url, "UPDATE entry SET next_run_at = '2026-01-01'").await;
    bed.until(request.id, RequestState::Ended).await;
    assert_eq!(bed.writes(), Vec::<String>::new());
    assert_eq!(bed.get(request.id).await.request.end_reason, Some(entryway::domain::states::EndReason::Policy));
}

/// Whoever can write approvals into the database can write one for what was asked, but none that was given for something else
/// counts: it is held against what the request asks, before every write and wherever the request is shown.
#[tokio::test]
async fn an_approval_that_was_given_for_something_else_applies_nothing() {
    let bed = Bed::new().await;
    let request = bed.granted(view("payments")).await;
    assert_eq!(request.state, RequestState::Applying);
    database::by_hand(&bed.url, "UPDATE review SET spec_digest = 'sha256:' || repeat('0', 64)").await;
    let shown = bed.get(request.id).await;
    assert_eq!((shown.standing.quorum.satisfied, shown.standing.quorum.approvals), (false, 0));
    assert!(shown.standing.discounted[0].why.contains("something else"), "{:?}", shown.standing);
    bed.until(request.id, RequestState::Ended).await;
    assert_eq!(bed.writes(), Vec::<String>::new(), "EKS hears nothing of it");
    assert_eq!(bed.get(request.id).await.request.end_reason, Some(entryway::domain::states::EndReason::Policy));
}

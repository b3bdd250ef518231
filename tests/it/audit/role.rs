//! The service's own role: it does everything, and changes nothing of what it has put on record.

use std::sync::Arc;

use entryway::domain::states::RequestState;
use entryway::sandbox::sim::World;
use entryway::store::{GRANTS, grant_to};
use entryway::worker::checkpoints::make_all;
use entryway::workflow::slack::{Offer, SlackUser};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::{AT_ONCE, a_life, checkpoints};
use crate::harness::{Bed, database, policy};

/// What the service may do to every table there is, and needs to. A migration that brings a table brings a line here, and its
/// rights in src/store/grants.sql. To the log it may add, by [`ADDS_TO_THE_LOG`].
const RIGHTS: [(&str, &str); 19] = [
    ("_sqlx_migrations", "SELECT"),
    ("call_allowance", "SELECT INSERT UPDATE DELETE"),
    ("cluster_health", "SELECT INSERT UPDATE"),
    ("delivery_given_up", "SELECT INSERT UPDATE DELETE"),
    ("delivery_lane", "SELECT INSERT UPDATE DELETE"),
    ("destination", "SELECT INSERT UPDATE"),
    ("eks_pace", "SELECT INSERT UPDATE"),
    ("entry", "SELECT INSERT UPDATE"),
    ("event", "SELECT"),
    ("idempotent_answer", "SELECT INSERT UPDATE DELETE"),
    ("person", "SELECT INSERT UPDATE"),
    ("request", "SELECT INSERT UPDATE"),
    ("review", "SELECT INSERT"),
    ("shared_key", "SELECT"),
    ("slack_call", "SELECT INSERT UPDATE DELETE"),
    ("slack_link", "SELECT INSERT DELETE"),
    ("slack_message", "SELECT INSERT UPDATE"),
    ("slack_turn", "SELECT INSERT UPDATE"),
    ("slack_user", "SELECT INSERT DELETE"),
];

/// The columns of the log that it may write: all but the place.
const ADDS_TO_THE_LOG: &str =
    "actor at cluster_name data hash id prev_hash principal_arn request_id submitted_by type via";

/// `url` for another role.
fn as_role(url: &str, role: &str) -> String {
    let (_, rest) = url.split_once('@').unwrap();
    format!("postgres://{role}:secret@{rest}")
}

/// A bed whose service owns nothing in its database; the URL it uses.
async fn served(role: &str) -> (Bed, String) {
    let mut bed = Bed::with(World::default(), |desk| Arc::make_mut(&mut desk.directory).listen_to_tokens()).await;
    database::by_hand(&bed.url, &format!("CREATE ROLE {role} LOGIN PASSWORD 'secret'")).await;
    grant_to(&bed.desk.store, role).await.unwrap();
    let theirs = as_role(&bed.url, role);
    bed.desk.store = database::connect(&theirs, bed.desk.store.clock().clone());
    bed.worker = bed.another_on(&theirs);
    (bed, theirs)
}

#[tokio::test]
async fn everything_works_for_it() {
    let (bed, theirs) = served("entryway_service").await;
    bed.desk.store.ready().await.unwrap();
    a_life(&bed).await;
    let second = bed.granted(policy("AmazonEKSEditPolicy", &["payments"])).await;
    bed.until(second.id, RequestState::Active).await;
    bed.revoke("bob", second.id).await.unwrap();
    bed.until(second.id, RequestState::Ended).await;
    let pending = bed.file("alice", policy("AmazonEKSEditPolicy", &["x"])).await;
    assert!(bed.approve("bob", pending.id).await.request.state != RequestState::Pending);
    entryway::workflow::sweep::forget(&bed.desk).await.unwrap();
    entryway::workflow::sweep::rescue(&bed.desk).await.unwrap();
    entryway::worker::sweep::lapse_all(&bed.desk).await.unwrap();
    entryway::worker::sweep::remind_all(&bed.desk).await.unwrap();
    bed.desk.page_key().await.unwrap();
    bed.desk.figures().await.unwrap();
    use_slack(&bed, pending.id).await;
    crate::outbox::exercise(&bed).await;
    bed.desk.forget_slack_calls().await.unwrap();
    assert!(make_all(&bed.desk, AT_ONCE, None).await.unwrap() > 0);
    assert!(checkpoints(&theirs).await > 0, "it reads the log, too");
    let mut snapshot = entryway::store::audit::Snapshot::open(&bed.desk.store).await.unwrap();
    assert!(!snapshot.events(0, i64::MAX).await.unwrap().is_empty());
    let (url, store) = (bed.url.clone(), bed.desk.store.clone());
    crate::http::everything(bed).await;
    store.close().await;
    uses_every_right(&url, "entryway_service").await;
}

/// Nothing is left out above, and nothing is allowed for nothing: everything that may be done to a table was done to it.
async fn uses_every_right(url: &str, role: &str) {
    // What it did is counted at the latest when it is gone.
    let end = format!("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = '{role}'");
    database::number(url, &end).await;
    let count = |right: &str| match right {
        "INSERT" => Some("n_tup_ins"),
        "UPDATE" => Some("n_tup_upd"),
        "DELETE" => Some("n_tup_del"),
        _ => None,
    };
    for (table, rights) in RIGHTS.into_iter().chain([("event", "INSERT")]) {
        for count in rights.split(' ').filter_map(count) {
            let query = format!("SELECT {count} FROM pg_stat_user_tables WHERE relname = '{table}'");
            let used = async || database::number(url, &query).await > 0;
            crate::outbox::until(&format!("{count} of {table}"), used).await;
        }
    }
}

#[tokio::test]
async fn it_has_exactly_the_rights_that_are_written_down() {
    let (bed, _) = served("entryway_counted").await;
    let tables = "SELECT string_agg(c.relname || ': ' || coalesce(
                          (SELECT string_agg(may, ' ' ORDER BY place)
                             FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER'])
                                  WITH ORDINALITY AS all_of (may, place)
                            WHERE has_table_privilege('entryway_counted', c.oid, may)), 'nothing'),
                          E'\n' ORDER BY c.relname COLLATE \"C\")
                    FROM pg_class c
                   WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')";
    let expected = RIGHTS.map(|(table, rights)| format!("{table}: {rights}")).join("\n");
    assert_eq!(database::text(&bed.url, tables).await, expected);
    let columns = "SELECT string_agg(c.relname || ': ' || may || ' ' || columns, E'\n')
                     FROM pg_class c,
                          unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'REFERENCES']) AS may,
                          LATERAL (SELECT string_agg(attname, ' ' ORDER BY attname COLLATE \"C\") AS columns FROM pg_attribute
                                    WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
                                      AND has_column_privilege('entryway_counted', c.oid, attnum, may)) AS those
                    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
                      AND NOT has_table_privilege('entryway_counted', c.oid, may) AND columns IS NOT NULL";
    assert_eq!(database::text(&bed.url, columns).await, format!("event: INSERT {ADDS_TO_THE_LOG}"));
    let more = "SELECT (SELECT count(*) FROM pg_sequence WHERE has_sequence_privilege('entryway_counted', seqrelid, 'USAGE, SELECT, UPDATE'))
                     + (SELECT count(*) FROM pg_class WHERE relowner = 'entryway_counted'::regrole)
                     + has_schema_privilege('entryway_counted', 'public', 'CREATE')::int
                     + has_database_privilege('entryway_counted', current_database(), 'CREATE')::int";
    assert_eq!(database::number(&bed.url, more).await, 0, "no sequence, nothing of its own, and nothing new");
}

/// Everything that Slack has the database do.
async fn use_slack(bed: &Bed, id: uuid::Uuid) {
    let (desk, bob) = (&bed.desk, bed.caller("bob"));
    let who = SlackUser { team_id: "T1".to_owned(), user_id: "U1".to_owned() };
    assert!(desk.take_slack_call(b"1", "U1", "a test").await.unwrap());
    assert!(!desk.take_slack_call(b"1", "U1", "a test").await.unwrap());
    desk.finish_slack_call(b"1").await.unwrap();
    assert_eq!(desk.lost_slack_call().await.unwrap(), None);
    let offer = Offer { who: who.clone(), display_name: "Bob".to_owned() };
    let token = desk.offer_slack_link(&offer).await.unwrap();
    assert_eq!(desk.slack_link(&bob, &token).await.unwrap(), offer);
    desk.link_slack_user(&bob, &token).await.unwrap();
    assert_eq!(desk.slack_caller(&who).await.unwrap().unwrap().user(), "bob");
    let followed = desk.follow_in_slack(id, "T1", &["C1".to_owned()]).await.unwrap().unwrap();
    assert_eq!(followed.messages.len(), 1);
    for _ in 0..2 {
        desk.slack_turn("C1", "chat.postMessage", Some((id, &followed.messages[0]))).await.unwrap();
    }
    desk.pause_slack("chat.update", chrono::TimeDelta::seconds(1)).await.unwrap();
    assert!(desk.slack_pause("chat.update").await.unwrap().is_some());
    desk.shown_in_slack(id, "C1", ("C1", "1.2"), "x").await.unwrap();
    assert_eq!(desk.unlink_slack_user(&bob, "T1").await.unwrap(), Some(who));
}

#[tokio::test]
async fn it_adds_to_the_log_and_changes_nothing_there() {
    let (bed, theirs) = served("entryway_tamperer").await;
    a_life(&bed).await;
    make_all(&bed.desk, AT_ONCE, None).await.unwrap();
    let mut connection = PgConnection::connect(&theirs).await.unwrap();
    let values = "(gen_random_uuid(), 'auth.failed', now(), 'x', 'api', '{}', 'x')";
    for statement in [
        "UPDATE event SET actor = 'mallory'".to_owned(),
        "UPDATE event SET hash = hash WHERE false".to_owned(),
        "DELETE FROM event".to_owned(),
        "DELETE FROM event WHERE false".to_owned(),
        "TRUNCATE event".to_owned(),
        "TRUNCATE request CASCADE".to_owned(),
        "DROP TABLE event".to_owned(),
        "ALTER TABLE event ADD COLUMN x text".to_owned(),
        "ALTER TABLE event DISABLE TRIGGER ALL".to_owned(),
        "CREATE RULE r AS ON INSERT TO event DO INSTEAD NOTHING".to_owned(),
        "SELECT setval('event_seq_seq', 1)".to_owned(),
        "SELECT nextval('event_seq_seq')".to_owned(),
        format!(
            "INSERT INTO event (seq, id, type, at, actor, via, data, hash) OVERRIDING SYSTEM VALUE VALUES (1, {}",
            &values[1..]
        ),
        format!(
            "INSERT INTO event (id, type, at, actor, via, data, hash) VALUES {values} ON CONFLICT (id) DO UPDATE SET actor = 'x'"
        ),
        "MERGE INTO event USING (SELECT 1) s ON true WHEN MATCHED THEN DELETE".to_owned(),
        "SELECT FROM event FOR UPDATE".to_owned(),
        "UPDATE review SET decision = 'approve'".to_owned(),
        "DELETE FROM review".to_owned(),
        "DELETE FROM request".to_owned(),
        "UPDATE shared_key SET value = 'x'".to_owned(),
        "UPDATE _sqlx_migrations SET success = false".to_owned(),
        "CREATE TABLE x ()".to_owned(),
    ] {
        let refused = sqlx::raw_sql(AssertSqlSafe(statement.clone())).execute(&mut connection).await.err();
        let refused = refused.unwrap_or_else(|| panic!("{statement}"));
        let code = refused.as_database_error().and_then(|error| error.code().map(|code| code.into_owned()));
        assert_eq!(code.as_deref(), Some("42501"), "{statement}: {refused}");
    }
    let add = format!("INSERT INTO event (id, type, at, actor, via, data, hash) VALUES {values}");
    sqlx::raw_sql(AssertSqlSafe(add)).execute(&mut connection).await.unwrap();
}

#[tokio::test]
async fn a_role_is_named_whatever_its_name() {
    let bed = Bed::new().await;
    let role = "it's \"odd\"";
    database::by_hand(&bed.url, "CREATE ROLE \"it's \"\"odd\"\"\"").await;
    grant_to(&bed.desk.store, role).await.unwrap();
    let missing = grant_to(&bed.desk.store, "nobody_here").await.unwrap_err().to_string();
    assert!(missing.contains("nobody_here"), "{missing}");
    assert!(GRANTS.contains("event TO :\"role\""));
}

//! What operators watch, counted by the database so that every replica tells the same.

use chrono::TimeDelta;
use serde_json::Value;

use super::{Store, StoreError};
use crate::clock::Clock;
use crate::domain::record::drift_digest;

mod over;

pub(super) use over::Over;

/// After how many attempts in a row that did not get through an entry counts as one that does not get through by itself: five
/// minutes of errors that pass, a quarter of an hour where somebody has to mend something.
const MOST_ATTEMPTS: i32 = 20;

/// The figures of this moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures {
    /// Requests by state; states that no request is in are absent.
    pub requests: Vec<(String, i64)>,
    /// Seconds since the oldest grant that is still to be applied was signed off; 0 when there is none.
    pub oldest_unapplied_seconds: i64,
    /// Seconds by which the latest grant is over its time, or was to be taken back, without being proven gone; 0 when none is.
    pub expiry_overdue_seconds: i64,
    /// Entries that are due and that nobody works on.
    pub entries_waiting: i64,
    /// Entries that EKS has otherwise than they should be.
    pub entries_drifted: i64,
    /// Grants that people count on whose entry was gone when EKS last showed it, and is not proven to be back.
    pub grants_without_entry: i64,
    /// Entries that Entryway wrote, or may have written, and that no request is under way for any more.
    pub entries_without_grant: i64,
    /// Entries that have been tried too often to get through by themselves.
    pub poison_targets: i64,
    /// The newest event's `seq`; 0 without events.
    pub audit_head: i64,
    /// Seconds since the oldest event that no checkpoint counts yet; 0 when there is none.
    pub unanchored_seconds: i64,
    /// Each cluster that was asked for.
    pub clusters: Vec<ClusterFigures>,
}

/// The figures of one cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClusterFigures {
    /// Entryway's name for it.
    pub name: String,
    /// Seconds since EKS last answered about it; since 1970 where it never has.
    pub silent_seconds: i64,
    /// Seconds since that of its active grants was read whose last read is the longest ago; 0 without active grants.
    pub reconcile_age_seconds: i64,
}

/// Connections of this process to Postgres.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connections {
    /// How many are being used.
    pub in_use: usize,
    /// How many there may be.
    pub most: u32,
}

/// How many connections are being used, by what this process knows.
#[must_use]
pub fn connections(store: &Store) -> Connections {
    let open = usize::try_from(store.pool.size()).unwrap_or(usize::MAX);
    Connections { in_use: open.saturating_sub(store.pool.num_idle()), most: store.pool.options().get_max_connections() }
}

/// By how much this machine's clock is ahead of the database's.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn clock_offset(store: &Store) -> Result<TimeDelta, StoreError> {
    let mut connection = store.connection().await?;
    let before = Clock::machine();
    let theirs = sqlx::query_scalar!(
        r#"-- figures.clock
        SELECT coalesce($1::timestamptz, clock_timestamp()) AS "now!""#,
        store.clock.sql()
    )
    .fetch_one(&mut *connection)
    .await?;
    // The database looked at its clock somewhere between the two.
    Ok(before + (Clock::machine() - before) / 2 - theirs)
}

/// Counts; `clusters` are those to tell of.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn figures(store: &Store, clusters: &[String]) -> Result<Figures, StoreError> {
    let now = store.clock.sql();
    let requests = over::by_state(store).await?;
    let row = sqlx::query!(
        r#"-- figures.lateness
        WITH clock AS (SELECT coalesce($1::timestamptz, now()) AS now)
        SELECT -- What does not get through, and what is to be taken away, is tried again within minutes: few of all entries.
               (SELECT count(*) FROM entry
                 WHERE next_run_at <= now + interval '5 minutes' AND attempts >= $3) AS "poison!",
               (SELECT count(*) FROM entry e
                 WHERE e.ends_at <= now + interval '5 minutes'
                   AND (e.last_error IS NOT NULL OR jsonb_typeof(e.written -> 'content') = 'object')
                   AND NOT EXISTS (SELECT FROM request r
                                    WHERE r.cluster_name = e.cluster_name AND r.principal_arn = e.principal_arn
                                      AND r.state IN ('scheduled', 'applying', 'verifying', 'active', 'revoking')))
                   AS "without_grant!",
               coalesce((SELECT extract(epoch FROM max(now - applying_since)) FROM request
                          WHERE state = 'applying'), 0)::bigint AS "unapplied!",
               coalesce((SELECT extract(epoch FROM max(now - expires_at)) FROM request
                          WHERE state IN ('applying', 'verifying', 'active') AND expires_at < now), 0)::bigint
                   AS "expired!",
               coalesce((SELECT extract(epoch FROM max(now - event.at)) FROM request
                           JOIN event ON event.request_id = request.id AND event.type = 'request.revoking'
                          WHERE state = 'revoking'), 0)::bigint AS "revoking!",
               (SELECT count(*) FROM entry
                 WHERE next_run_at <= now AND (lease_until IS NULL OR lease_until <= now)) AS "waiting!",
               (SELECT count(*) FROM entry WHERE drifted) AS "drifted!",
               (SELECT count(*) FROM entry e
                  JOIN request r ON r.cluster_name = e.cluster_name AND r.principal_arn = e.principal_arn
                 WHERE e.drifted AND e.drifted_to = $2
                   AND r.state IN ('applying', 'verifying', 'active') AND r.starts_at IS NOT NULL) AS "without_entry!",
               coalesce((SELECT max(seq) FROM event), 0) AS "head!",
               coalesce((SELECT greatest(extract(epoch FROM now - at), 0) FROM event
                          WHERE type <> 'audit.checkpoint'
                            AND seq > coalesce((SELECT (data ->> 'through')::bigint FROM event
                                                 WHERE type = 'audit.checkpoint' ORDER BY seq DESC LIMIT 1), 0)
                          ORDER BY seq LIMIT 1), 0)::bigint AS "unanchored!"
          FROM clock"#,
        now,
        drift_digest(&Value::Null),
        MOST_ATTEMPTS,
    )
    .fetch_one(&mut *store.connection().await?)
    .await?;
    let clusters = sqlx::query_as!(
        ClusterFigures,
        r#"-- figures.clusters
        WITH clock AS (SELECT coalesce($1::timestamptz, now()) AS now)
        SELECT name AS "name!",
               extract(epoch FROM now - coalesce(checked_at, to_timestamp(0)))::bigint AS "silent_seconds!",
               coalesce((SELECT extract(epoch FROM now - min(entry.last_read_at)) FROM entry
                          WHERE entry.cluster_name = name
                            AND EXISTS (SELECT FROM request
                                         WHERE request.cluster_name = entry.cluster_name
                                           AND request.principal_arn = entry.principal_arn
                                           AND request.state = 'active')), 0)::bigint AS "reconcile_age_seconds!"
          FROM clock, unnest($2::text[]) AS name LEFT JOIN cluster_health ON cluster_name = name
         ORDER BY name"#,
        now,
        clusters,
    )
    .fetch_all(&mut *store.connection().await?)
    .await?;
    Ok(Figures {
        requests,
        oldest_unapplied_seconds: row.unapplied,
        expiry_overdue_seconds: row.expired.max(row.revoking),
        entries_waiting: row.waiting,
        entries_drifted: row.drifted,
        grants_without_entry: row.without_entry,
        entries_without_grant: row.without_grant,
        poison_targets: row.poison,
        audit_head: row.head,
        unanchored_seconds: row.unanchored,
        clusters,
    })
}

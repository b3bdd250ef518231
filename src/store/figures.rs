//! What operators watch, counted by the database so that every replica tells the same.

use super::{Store, StoreError};

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

/// Counts; `clusters` are those to tell of.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn figures(store: &Store, clusters: &[String]) -> Result<Figures, StoreError> {
    let now = store.clock.sql();
    let requests = sqlx::query!(
        r#"-- figures.requests
        SELECT state, count(*) AS "count!" FROM request GROUP BY state ORDER BY state"#
    )
    .fetch_all(&store.pool)
    .await?;
    let row = sqlx::query!(
        r#"-- figures.lateness
        WITH clock AS (SELECT coalesce($1::timestamptz, now()) AS now)
        SELECT coalesce((SELECT extract(epoch FROM max(now - applying_since)) FROM request
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
               coalesce((SELECT greatest(extract(epoch FROM now - at), 0) FROM event
                          WHERE type <> 'audit.checkpoint'
                            AND seq > coalesce((SELECT (data ->> 'through')::bigint FROM event
                                                 WHERE type = 'audit.checkpoint' ORDER BY seq DESC LIMIT 1), 0)
                          ORDER BY seq LIMIT 1), 0)::bigint AS "unanchored!"
          FROM clock"#,
        now
    )
    .fetch_one(&store.pool)
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
    .fetch_all(&store.pool)
    .await?;
    Ok(Figures {
        requests: requests.into_iter().map(|row| (row.state, row.count)).collect(),
        oldest_unapplied_seconds: row.unapplied,
        expiry_overdue_seconds: row.expired.max(row.revoking),
        entries_waiting: row.waiting,
        entries_drifted: row.drifted,
        unanchored_seconds: row.unanchored,
        clusters,
    })
}

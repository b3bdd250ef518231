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
}

/// Counts.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn figures(store: &Store) -> Result<Figures, StoreError> {
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
                 WHERE next_run_at <= now AND (lease_until IS NULL OR lease_until <= now)) AS "waiting!"
          FROM clock"#,
        now
    )
    .fetch_one(&store.pool)
    .await?;
    Ok(Figures {
        requests: requests.into_iter().map(|row| (row.state, row.count)).collect(),
        oldest_unapplied_seconds: row.unapplied,
        expiry_overdue_seconds: row.expired.max(row.revoking),
        entries_waiting: row.waiting,
    })
}

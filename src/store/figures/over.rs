//! How many requests there are in each state. Those that are under way are few, and are counted; those that are over become
//! more from year to year. Each of them is over for good and has said so in one event, so a process remembers how many such
//! events there are as far as the log is final, and counts those above.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::super::{Store, StoreError};

/// What is over, as far as this process has counted.
#[derive(Debug, Default)]
pub(in crate::store) struct Over(Mutex<Counted>);

#[derive(Debug, Clone, Default)]
struct Counted {
    /// Everything up to this `seq` is counted, and nothing turns up below it any more: a checkpoint counts through there.
    through: i64,
    /// Requests by state.
    requests: BTreeMap<String, i64>,
}

impl Over {
    fn known(&self) -> Counted {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Two may have counted at once: each count is right as far as it goes, and the one that goes farther is kept.
    fn keep(&self, counted: Counted) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counted.through > known.through {
            *known = counted;
        }
    }
}

/// How many requests there are in each state; states that none is in are absent.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub(super) async fn by_state(store: &Store) -> Result<Vec<(String, i64)>, StoreError> {
    let mut counted = store.over.known();
    let rows = sqlx::query!(
        r#"-- figures.requests
        WITH last AS (
            SELECT coalesce((SELECT (data ->> 'through')::bigint FROM event
                              WHERE type = 'audit.checkpoint' ORDER BY seq DESC LIMIT 1), 0) AS through
        )
        SELECT state AS "state!", count(*) AS "count!", 0::bigint AS "counted!", (SELECT through FROM last) AS "through!"
          FROM request
         WHERE state IN ('pending', 'scheduled', 'applying', 'verifying', 'active', 'failed', 'revoking')
         GROUP BY state
        UNION ALL
        SELECT substr(type, 9), count(*), count(*) FILTER (WHERE seq <= last.through), last.through
          FROM event, last
         WHERE type IN ('request.denied', 'request.withdrawn', 'request.lapsed', 'request.ended') AND seq > $1
         GROUP BY type, last.through"#,
        counted.through
    )
    .fetch_all(&mut *store.connection().await?)
    .await?;
    let mut all = counted.requests.clone();
    for row in rows {
        *all.entry(row.state.clone()).or_default() += row.count;
        *counted.requests.entry(row.state).or_default() += row.counted;
        counted.through = counted.through.max(row.through);
    }
    counted.requests.retain(|_, count| *count > 0);
    store.over.keep(counted);
    Ok(all.into_iter().collect())
}

//! Many requests ended at once, as in an incident: thousands of rows, a few statements.

use uuid::Uuid;

use super::super::events::Columns;
use super::super::rows::{RequestRow, sound};
use super::super::{StoreError, Tx};
use crate::domain::event::NewEvent;
use crate::domain::request::Request;
use crate::domain::states::{EndReason, RequestState};

/// Which requests. Absent means any; what is given must all be so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Matching {
    /// Asked for by this person.
    pub requester: Option<String>,
    /// For this principal.
    pub principal_arn: Option<String>,
    /// On this cluster.
    pub cluster_name: Option<String>,
}

/// One request that ends. It carries its new state and reason already.
#[derive(Debug)]
pub struct Ending {
    /// The request.
    pub request: Request,
    /// The state it was loaded in.
    pub from: RequestState,
    /// What is put on record.
    pub events: Vec<NewEvent>,
}

/// Up to `limit` of what `matching` says and that holds access, will hold it, or may yet, because it is undecided or could be
/// retried; oldest first, from after `after` on. Also answers where to go on, `None` at the end.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn matching(
    tx: &mut Tx,
    matching: &Matching,
    after: Option<Uuid>,
    limit: i64,
) -> Result<(Vec<Request>, Option<Uuid>), StoreError> {
    let rows = sqlx::query_as!(
        RequestRow,
        "-- requests.matching
        SELECT * FROM request
         WHERE state IN ('pending', 'scheduled', 'applying', 'verifying', 'active', 'failed')
           AND ($1::text IS NULL OR requester = $1)
           AND ($2::text IS NULL OR principal_arn = $2)
           AND ($3::text IS NULL OR cluster_name = $3)
           AND id > coalesce($4::uuid, '00000000-0000-0000-0000-000000000000')
         ORDER BY id LIMIT $5",
        matching.requester,
        matching.principal_arn,
        matching.cluster_name,
        after,
        limit
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    let full = i64::try_from(rows.len()).is_ok_and(|count| count == limit);
    let next = rows.last().filter(|_| full).map(|row| row.id);
    Ok((sound(rows), next))
}

/// The requests `ids` that are still to be ended, for changing, in the order in which everybody locks requests.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn lock_all(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Request>, StoreError> {
    let rows = sqlx::query_as!(
        RequestRow,
        "-- requests.lock_all
        SELECT * FROM request
         WHERE id = ANY ($1) AND state IN ('pending', 'scheduled', 'applying', 'verifying', 'active', 'failed')
         ORDER BY id FOR UPDATE",
        ids
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    Ok(sound(rows))
}

/// Saves `endings`, each if it still is at the version and in the state it was loaded in. Afterwards each carries its new
/// version.
///
/// # Errors
/// [`StoreError::Stale`] when one of them is not; nothing may be committed then. [`StoreError::Unavailable`].
pub async fn save_endings(tx: &mut Tx, endings: &mut [Ending]) -> Result<(), StoreError> {
    let mut log = Columns::default();
    for Ending { request, from, events } in endings.iter_mut() {
        debug_assert!(from.may_become(request.state), "{from:?} → {:?}", request.state);
        request.chain_head = log.chain(request, std::mem::take(events), tx.now);
    }
    let ids: Vec<Uuid> = endings.iter().map(|ending| ending.request.id).collect();
    let versions: Vec<i64> = endings.iter().map(|ending| ending.request.version).collect();
    let froms: Vec<String> = endings.iter().map(|ending| ending.from.as_str().to_owned()).collect();
    let states: Vec<String> = endings.iter().map(|ending| ending.request.state.as_str().to_owned()).collect();
    let reason = |ending: &Ending| ending.request.end_reason.map(|reason| EndReason::as_str(reason).to_owned());
    let reasons: Vec<Option<String>> = endings.iter().map(reason).collect();
    let heads: Vec<String> = endings.iter().map(|ending| ending.request.chain_head.clone()).collect();
    let saved = sqlx::query!(
        "-- requests.save_endings
        UPDATE request r
           SET state = e.state, moved_from = r.state, version = r.version + 1, end_reason = e.end_reason,
               remind_at = NULL, chain_head = e.chain_head, updated_at = $7
          FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[])
               AS e (id, version, from_state, state, end_reason, chain_head)
         WHERE r.id = e.id AND r.version = e.version AND r.state = e.from_state",
        &ids,
        &versions,
        &froms,
        &states,
        &reasons as &[Option<String>],
        &heads,
        tx.now,
    )
    .execute(&mut *tx.inner)
    .await?;
    if usize::try_from(saved.rows_affected()) != Ok(endings.len()) {
        return Err(StoreError::Stale(ids.first().copied().unwrap_or_default()));
    }
    log.insert(tx).await?;
    for Ending { request, .. } in endings {
        request.version += 1;
        request.updated_at = tx.now;
        request.remind_at = None;
    }
    tx.changed.extend(ids);
    Ok(())
}

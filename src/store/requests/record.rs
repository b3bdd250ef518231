//! What is put on record about a request without changing it: a click that was turned down, what was done to its entry, a
//! reminder. Nobody's view of it goes stale by that, so its version stays.

use super::super::events::Columns;
use super::super::{StoreError, Tx};
use super::Cas;
use crate::domain::event::NewEvent;
use crate::domain::request::Request;

/// Adds `events` to the chain of a request that this transaction holds locked, and keeps when its next reminder is due.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn note(tx: &mut Tx, request: &mut Request, events: Vec<NewEvent>) -> Result<Cas, StoreError> {
    let mut log = Columns::default();
    let head = log.chain(request, events, tx.now);
    let row = sqlx::query!(
        r#"-- requests.note
        WITH noted AS (
            UPDATE request SET chain_head = $3, remind_at = $4 WHERE id = $1 AND chain_head = $2
            RETURNING id, cluster_name, principal_arn
        ), logged AS (
            INSERT INTO event (id, type, at, actor, submitted_by, via, request_id, cluster_name, principal_arn, data,
                               prev_hash, hash)
            SELECT e.id, e.type, $5, e.actor, e.submitted_by, e.via, n.id, n.cluster_name, n.principal_arn, e.data,
                   e.prev_hash, e.hash
              FROM noted n,
                   unnest($6::uuid[], $7::text[], $8::text[], $9::text[], $10::text[], $11::jsonb[], $12::text[],
                          $13::text[]) WITH ORDINALITY
                   AS e (id, type, actor, submitted_by, via, data, prev_hash, hash, place)
             ORDER BY e.place
        )
        SELECT EXISTS (SELECT 1 FROM noted) AS "noted!", EXISTS (SELECT 1 FROM request WHERE id = $1) AS "there!""#,
        request.id,
        request.chain_head,
        head,
        request.remind_at.filter(|_| request.state.is_granting()),
        tx.now,
        &log.ids,
        &log.types,
        &log.actors,
        &log.submitted_bys as &[Option<String>],
        &log.vias,
        &log.datas,
        &log.prev_hashes as &[Option<String>],
        &log.hashes,
    )
    .fetch_one(&mut *tx.inner)
    .await?;
    if !row.noted {
        return Ok(if row.there { Cas::Stale } else { Cas::Gone });
    }
    request.chain_head = head;
    tx.changed.push(request.id);
    Ok(Cas::Done)
}

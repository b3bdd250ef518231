//! Requests. A change is one compare-and-set on (id, state, version), and writes its events with it.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use uuid::Uuid;

use super::entries::Lease;
use super::events::Columns;
use super::rows::{RequestRow, sound};
use super::{Store, StoreError, Tx, reviews};
use crate::domain::event::NewEvent;
use crate::domain::request::Request;
use crate::domain::review::Review;
use crate::domain::states::{EndReason, RequestState};

mod beside;
mod due;
mod ending;
mod followed;
mod list;
mod record;
mod review;

pub use beside::{Beside, beside, one_at_a_time, pending_of};
pub use due::{Passed, Stretch, lock_approved, lock_overdue, lock_to_remind};
pub use ending::{Ending, Matching, lock_all, matching, save_endings};
pub use followed::{all_of, states};
pub use list::{Batch, Filter, list};
pub use record::note;
pub use review::{Candidate, Sought, among, to_review};

/// The three answers of a compare-and-set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cas {
    /// It was as expected, and is changed now.
    Done,
    /// It is there, but at another version by now.
    Stale,
    /// There is no such request.
    Gone,
}

/// Files `request` with its first events and makes its entry known; the worker is woken when it may already apply.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn insert(tx: &mut Tx, request: &mut Request, events: Vec<NewEvent>) -> Result<(), StoreError> {
    let mut log = Columns::default();
    request.chain_head = log.chain(request, events, tx.now);
    let principal_arn = request.spec.principal.to_string();
    let due = match request.state {
        RequestState::Applying => Some(tx.now),
        RequestState::Scheduled => request.spec.start_at,
        _ => None,
    };
    sqlx::query!(
        "-- requests.insert
        WITH filed AS (
            INSERT INTO request (id, cluster_name, principal_arn, content, tags, reason, ticket, duration_ms, start_at,
                                 break_glass, spec_digest, requester, submitted_by, extends, warnings, state,
                                 policy_digest, lapses_at, applying_since, chain_head, created_at, updated_at, owes_review,
                                 reach_ms, trace_parent)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $21, $31, $32, $33)
        ), known AS (
            INSERT INTO entry AS e (cluster_name, principal_arn, next_run_at)
            VALUES ($2, $3, $22)
            ON CONFLICT (cluster_name, principal_arn) DO UPDATE
               SET next_run_at = least(e.next_run_at, $22), wakes = e.wakes + 1
             WHERE $22::timestamptz IS NOT NULL
        )
        INSERT INTO event (id, type, at, actor, submitted_by, via, request_id, cluster_name, principal_arn, data,
                           prev_hash, hash)
        SELECT e.id, e.type, $21, e.actor, e.submitted_by, e.via, $1, $2, $3, e.data, e.prev_hash, e.hash
          FROM unnest($23::uuid[], $24::text[], $25::text[], $26::text[], $27::text[], $28::jsonb[], $29::text[],
                      $30::text[]) WITH ORDINALITY
               AS e (id, type, actor, submitted_by, via, data, prev_hash, hash, place)
         ORDER BY e.place",
        request.id,
        request.spec.cluster_name,
        principal_arn,
        json!(request.spec.content),
        json!(request.spec.tags),
        request.spec.reason,
        request.spec.ticket,
        request.spec.duration.map(|duration| duration.num_milliseconds()),
        request.spec.start_at,
        request.spec.break_glass,
        request.spec_digest,
        request.requester,
        request.submitted_by,
        request.spec.extends,
        json!(request.warnings),
        request.state.as_str(),
        request.policy_digest,
        request.lapses_at,
        request.applying_since,
        request.chain_head,
        tx.now,
        due,
        &log.ids,
        &log.types,
        &log.actors,
        &log.submitted_bys as &[Option<String>],
        &log.vias,
        &log.datas,
        &log.prev_hashes as &[Option<String>],
        &log.hashes,
        request.owes_review,
        request.reach.map(|reach| reach.num_milliseconds()),
        request.trace_parent.map(|parent| parent.to_string()),
    )
    .execute(&mut *tx.inner)
    .await?;
    tx.changed.push(request.id);
    tx.work |= due.is_some();
    Ok(())
}

/// Makes the row what `request` is now, if it still is at the version `request` was loaded at and in `from`. On
/// [`Cas::Done`] the events are written and `request` carries its new version.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn save(
    tx: &mut Tx,
    request: &mut Request,
    from: RequestState,
    events: Vec<NewEvent>,
) -> Result<Cas, StoreError> {
    debug_assert!(from == request.state || from.may_become(request.state), "{from:?} → {:?}", request.state);
    let mut log = Columns::default();
    let head = log.chain(request, events, tx.now);
    let row = sqlx::query!(
        r#"-- requests.save
        WITH moved AS (
            UPDATE request
               SET state = $4, moved_from = CASE WHEN state = $4 THEN moved_from ELSE state END, version = version + 1,
                   end_reason = $5, policy_digest = $6, starts_at = $7, applied_at = $8, verified_at = $9,
                   expires_at = $10, ended_at = $11, verification_level = $12, agreeing_reads = $13, lag_ms = $14,
                   last_error = $15, applying_since = $16, chain_head = $17, updated_at = $18, remind_at = $27,
                   owes_review = $28
             WHERE id = $1 AND state = $2 AND version = $3
            RETURNING id, cluster_name, principal_arn
        ), logged AS (
            INSERT INTO event (id, type, at, actor, submitted_by, via, request_id, cluster_name, principal_arn, data,
                               prev_hash, hash)
            SELECT e.id, e.type, $18, e.actor, e.submitted_by, e.via, m.id, m.cluster_name, m.principal_arn, e.data,
                   e.prev_hash, e.hash
              FROM moved m,
                   unnest($19::uuid[], $20::text[], $21::text[], $22::text[], $23::text[], $24::jsonb[], $25::text[],
                          $26::text[]) WITH ORDINALITY
                   AS e (id, type, actor, submitted_by, via, data, prev_hash, hash, place)
             ORDER BY e.place
        )
        SELECT EXISTS (SELECT 1 FROM moved) AS "moved!", EXISTS (SELECT 1 FROM request WHERE id = $1) AS "there!""#,
        request.id,
        from.as_str(),
        request.version,
        request.state.as_str(),
        request.end_reason.map(EndReason::as_str),
        request.policy_digest,
        request.grant.starts_at,
        request.grant.applied_at,
        request.grant.verified_at,
        request.grant.expires_at,
        request.grant.ended_at,
        request.verification.level.as_str(),
        request.verification.agreeing_reads,
        request.verification.lag_ms,
        request.last_error.as_ref().map(|error| json!(error)),
        request.applying_since,
        head,
        tx.now,
        &log.ids,
        &log.types,
        &log.actors,
        &log.submitted_bys as &[Option<String>],
        &log.vias,
        &log.datas,
        &log.prev_hashes as &[Option<String>],
        &log.hashes,
        request.remind_at.filter(|_| request.state.is_granting()),
        request.owes_review,
    )
    .fetch_one(&mut *tx.inner)
    .await?;
    if !row.moved {
        return Ok(if row.there { Cas::Stale } else { Cas::Gone });
    }
    request.version += 1;
    request.updated_at = tx.now;
    request.chain_head = head;
    tx.changed.push(request.id);
    Ok(Cas::Done)
}

/// A request, for showing.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
pub async fn find(store: &Store, id: Uuid) -> Result<Option<Request>, StoreError> {
    let row = sqlx::query_as!(
        RequestRow,
        "-- requests.find
        SELECT * FROM request WHERE id = $1",
        id
    )
    .fetch_optional(&mut *store.connection().await?)
    .await?;
    row.map(Request::try_from).transpose()
}

/// A request and its reviews, for showing: on one connection, because taking it and giving it back costs more than a look.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
pub async fn find_reviewed(store: &Store, id: Uuid) -> Result<Option<(Request, Vec<Review>)>, StoreError> {
    let mut connection = store.connection().await?;
    let row = sqlx::query_as!(
        RequestRow,
        "-- requests.find_reviewed
        SELECT * FROM request WHERE id = $1",
        id
    )
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some((row.try_into()?, reviews::read_on(&mut connection, &[id]).await?)))
}

/// A request, for changing: whoever else wants to change it waits for this transaction.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
pub async fn lock(tx: &mut Tx, id: Uuid) -> Result<Option<Request>, StoreError> {
    let row = sqlx::query_as!(
        RequestRow,
        "-- requests.lock
        SELECT * FROM request WHERE id = $1 FOR UPDATE",
        id
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    row.map(Request::try_from).transpose()
}

/// What was filed to prolong the access of any of the requests `ids` and is not over, for changing. Those are locked before:
/// whoever files an extension does so, too.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn lock_extensions(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Request>, StoreError> {
    let rows = sqlx::query_as!(
        RequestRow,
        "-- requests.lock_extensions
        SELECT * FROM request
         WHERE extends = ANY ($1) AND state IN ('pending', 'scheduled', 'applying', 'verifying', 'active', 'failed')
         ORDER BY id FOR UPDATE",
        ids
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    Ok(sound(rows))
}

/// Those among the requests `ids` that something is to prolong already, decided or not.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn being_extended(store: &Store, ids: &[Uuid]) -> Result<Vec<Uuid>, StoreError> {
    let extended = sqlx::query_scalar!(
        r#"-- requests.being_extended
        SELECT extends AS "extends!" FROM request
         WHERE extends = ANY ($1) AND state IN ('pending', 'scheduled', 'applying', 'verifying', 'active')"#,
        ids
    );
    Ok(extended.fetch_all(&mut *store.connection().await?).await?)
}

/// Everything an entry is made up of or is getting rid of, oldest first, for changing. A row that does not decode, or
/// whose spec is not the one that was approved, grants nothing ([`sound`]).
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn lock_of_entry(tx: &mut Tx, cluster: &str, principal: &str) -> Result<Vec<Request>, StoreError> {
    let rows = sqlx::query_as!(
        RequestRow,
        "-- requests.lock_of_entry
        SELECT * FROM request
         WHERE cluster_name = $1 AND principal_arn = $2
           AND state IN ('scheduled', 'applying', 'verifying', 'active', 'revoking')
         ORDER BY id FOR UPDATE",
        cluster,
        principal
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    Ok(sound(rows))
}

/// [`lock_of_entry`], and with it whoever was the last to have something there and has it no more: what is done to an entry that
/// is nobody's any more is part of their story.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn lock_of_entry_and_last(tx: &mut Tx, lease: &Lease) -> Result<Vec<Request>, StoreError> {
    let rows = sqlx::query_as!(
        RequestRow,
        "-- requests.lock_of_entry_and_last
        SELECT * FROM request
         WHERE cluster_name = $1 AND principal_arn = $2
           AND (state IN ('scheduled', 'applying', 'verifying', 'active', 'revoking')
                OR id = (SELECT id FROM request
                          WHERE cluster_name = $1 AND principal_arn = $2 AND state IN ('failed', 'ended')
                          ORDER BY updated_at DESC LIMIT 1))
         ORDER BY id FOR UPDATE",
        lease.cluster_name,
        lease.principal_arn
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    Ok(sound(rows))
}

/// What the entries of `principals` are made up of or are getting rid of, oldest first, for showing.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn of_entries(store: &Store, cluster: &str, principals: &[String]) -> Result<Vec<Request>, StoreError> {
    let rows = sqlx::query_as!(
        RequestRow,
        "-- requests.of_entries
        SELECT * FROM request
         WHERE cluster_name = $1 AND principal_arn = ANY ($2)
           AND state IN ('applying', 'verifying', 'active', 'revoking')
         ORDER BY id",
        cluster,
        principals
    )
    .fetch_all(&mut *store.connection().await?)
    .await?;
    Ok(sound(rows))
}

/// The lowest UUID v7 that a request filed at `at` can have, give or take the clocks of replicas.
fn lowest_id(at: DateTime<Utc>) -> Uuid {
    let millis = u128::try_from(at.timestamp_millis().max(0)).unwrap_or_default() & 0xffff_ffff_ffff;
    Uuid::from_u128(millis << 80)
}

/// How far the clocks of replicas may be apart before a list by time of filing misses a request.
const CLOCK_SLACK: TimeDelta = TimeDelta::minutes(10);

//! The audit log. Events about a request are written with the change they tell of ([`super::requests`]); what is about
//! no request is written here.

use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;

use super::audit::{Page, and_one};
use super::rows::EventRow;
use super::{Store, StoreError, Tx};
use crate::domain::event::NewEvent;
use crate::domain::request::Request;

/// Columns of events about to be inserted, as Postgres' `unnest` wants them.
#[derive(Debug, Default)]
pub(super) struct Columns {
    pub(super) ids: Vec<Uuid>,
    pub(super) types: Vec<String>,
    pub(super) actors: Vec<String>,
    pub(super) submitted_bys: Vec<Option<String>>,
    pub(super) vias: Vec<String>,
    pub(super) request_ids: Vec<Option<Uuid>>,
    pub(super) cluster_names: Vec<Option<String>>,
    pub(super) principal_arns: Vec<Option<String>>,
    pub(super) datas: Vec<serde_json::Value>,
    pub(super) prev_hashes: Vec<Option<String>>,
    pub(super) hashes: Vec<String>,
}

impl Columns {
    /// Adds `event`, linked to the event with the hash `prev`; answers its own hash.
    pub(super) fn push(&mut self, event: NewEvent, at: DateTime<Utc>, prev: Option<String>) -> String {
        let id = Uuid::now_v7();
        let hash = event.hash(id, at, prev.as_deref());
        self.ids.push(id);
        self.types.push(event.event_type.as_str().to_owned());
        self.actors.push(event.actor);
        self.submitted_bys.push(event.submitted_by);
        self.vias.push(event.via.as_str().to_owned());
        self.request_ids.push(event.request_id);
        self.cluster_names.push(event.cluster_name);
        self.principal_arns.push(event.principal_arn);
        self.datas.push(event.data);
        self.prev_hashes.push(prev);
        self.hashes.push(hash.clone());
        hash
    }

    /// Adds `events` to the chain of `request`, which they are about; answers what is its head then.
    pub(super) fn chain(&mut self, request: &Request, events: Vec<NewEvent>, at: DateTime<Utc>) -> String {
        let mut head = request.chain_head.clone();
        for event in events {
            debug_assert_eq!(event.request_id, Some(request.id), "an event of another request would break this chain");
            head = self.push(event, at, Some(head).filter(|head| !head.is_empty()));
        }
        head
    }

    /// Writes them.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub(super) async fn insert(self, tx: &mut Tx) -> Result<(), StoreError> {
        if self.ids.is_empty() {
            return Ok(());
        }
        sqlx::query!(
            "-- events.insert
            INSERT INTO event (id, type, at, actor, submitted_by, via, request_id, cluster_name, principal_arn, data,
                               prev_hash, hash)
            SELECT id, type, $12, actor, submitted_by, via, request_id, cluster_name, principal_arn, data, prev_hash, hash
              FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::uuid[], $7::text[],
                          $8::text[], $9::jsonb[], $10::text[], $11::text[])
                   WITH ORDINALITY
                   AS e (id, type, actor, submitted_by, via, request_id, cluster_name, principal_arn, data, prev_hash,
                         hash, place)
             ORDER BY place",
            &self.ids,
            &self.types,
            &self.actors,
            &self.submitted_bys as &[Option<String>],
            &self.vias,
            &self.request_ids as &[Option<Uuid>],
            &self.cluster_names as &[Option<String>],
            &self.principal_arns as &[Option<String>],
            &self.datas,
            &self.prev_hashes as &[Option<String>],
            &self.hashes,
            tx.now,
        )
        .execute(&mut *tx.inner)
        .await?;
        tx.logged = true;
        Ok(())
    }
}

/// Writes an event that is about no request: an ask that was turned down, a cluster's health, an entry's drift.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn append(tx: &mut Tx, events: Vec<NewEvent>) -> Result<(), StoreError> {
    let mut columns = Columns::default();
    for event in events {
        debug_assert!(event.request_id.is_none(), "events about a request belong into its chain: requests::save");
        columns.push(event, tx.now, None);
    }
    columns.insert(tx).await
}

/// A page of a request's timeline, oldest first: its own events, and those of its entry that name it.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn of_request(store: &Store, request_id: Uuid, after: i64, limit: usize) -> Result<Page, StoreError> {
    let rows = sqlx::query_as!(
        EventRow,
        r#"-- events.of_request
        SELECT seq, id, type, at, actor, submitted_by, via, request_id, cluster_name, principal_arn,
               data::text AS "data!", prev_hash, hash
          FROM event
         WHERE (request_id = $1 OR data ? 'requestIds' AND data -> 'requestIds' @> $4) AND seq > $2
         ORDER BY seq LIMIT $3"#,
        request_id,
        after,
        and_one(limit),
        json!([request_id])
    )
    .fetch_all(&mut *store.connection().await?)
    .await?;
    Ok(Page::of(rows, limit))
}

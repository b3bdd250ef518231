//! The whole log as at one moment, for walking through it page by page.

use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::super::rows::EventRow;
use super::super::{Store, StoreError};
use crate::domain::event::Event;

/// How many rows are held at once.
const PAGE: i64 = 1000;

/// A look at the database that nothing done meanwhile changes. On a connection of its own, which ends with it.
#[derive(Debug)]
pub struct Snapshot {
    connection: PgConnection,
}

/// One event as a link in the chain of its request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The request.
    pub request_id: Uuid,
    /// The event.
    pub seq: i64,
    /// What it says the hash before it is.
    pub prev_hash: Option<String>,
    /// Its own hash.
    pub hash: String,
    /// What the request says the end of its chain is; `None` where there is no such request.
    pub head: Option<String>,
}

/// A row that may hold anything: also what the types of the database allow and no code of ours can have written.
#[derive(Debug)]
struct RawRow {
    seq: i64,
    id: Uuid,
    r#type: String,
    at: Option<chrono::DateTime<chrono::Utc>>,
    actor: String,
    submitted_by: Option<String>,
    via: String,
    request_id: Option<Uuid>,
    cluster_name: Option<String>,
    principal_arn: Option<String>,
    data: String,
    prev_hash: Option<String>,
    hash: String,
}

impl RawRow {
    /// The event, or its `seq` where it makes no sense.
    fn read(self) -> Result<Event, i64> {
        let seq = self.seq;
        let row = EventRow {
            seq,
            id: self.id,
            r#type: self.r#type,
            at: self.at.ok_or(seq)?,
            actor: self.actor,
            submitted_by: self.submitted_by,
            via: self.via,
            request_id: self.request_id,
            cluster_name: self.cluster_name,
            principal_arn: self.principal_arn,
            data: self.data,
            prev_hash: self.prev_hash,
            hash: self.hash,
        };
        Event::try_from(row).map_err(|_| seq)
    }
}

impl Snapshot {
    /// Looks at the database as it is now.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn open(store: &Store) -> Result<Self, StoreError> {
        let mut connection = store.connection().await?.detach();
        // Whoever reads may be slow to take it in (a pipe, a pager): nothing is locked meanwhile.
        sqlx::raw_sql(
            "-- audit.snapshot\nSET idle_in_transaction_session_timeout = 0; SET statement_timeout = '5min';
             BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        )
        .execute(&mut connection)
        .await?;
        Ok(Self { connection })
    }

    /// The first checkpoint above `seq`; the `seq` of one that makes no sense.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn checkpoint(&mut self, seq: i64) -> Result<Option<Result<Event, i64>>, StoreError> {
        let row = sqlx::query_as!(
            RawRow,
            r#"-- audit.checkpoint
            SELECT seq, id, type, CASE WHEN at > '-infinity' AND at < '200000-01-01Z' THEN at END AS at, actor, submitted_by, via, request_id,
                   cluster_name, principal_arn, data::text AS "data!", prev_hash, hash
              FROM event WHERE type = 'audit.checkpoint' AND seq > $1 ORDER BY seq LIMIT 1"#,
            seq
        )
        .fetch_optional(&mut self.connection)
        .await?;
        Ok(row.map(RawRow::read))
    }

    /// The next events above `after`, up to `through`, oldest first; the `seq` of those that make no sense.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn events(&mut self, after: i64, through: i64) -> Result<Vec<Result<Event, i64>>, StoreError> {
        let rows = sqlx::query_as!(
            RawRow,
            r#"-- audit.events
            SELECT seq, id, type, CASE WHEN at > '-infinity' AND at < '200000-01-01Z' THEN at END AS at, actor, submitted_by, via, request_id,
                   cluster_name, principal_arn, data::text AS "data!", prev_hash, hash
              FROM event WHERE seq > $1 AND seq <= $2 ORDER BY seq LIMIT $3"#,
            after,
            through,
            PAGE
        )
        .fetch_all(&mut self.connection)
        .await?;
        Ok(rows.into_iter().map(RawRow::read).collect())
    }

    /// The next links of the chains of requests after this one, by request and then `seq`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn links(&mut self, after: (Uuid, i64)) -> Result<Vec<Link>, StoreError> {
        Ok(sqlx::query_as!(
            Link,
            r#"-- audit.links
            SELECT e.request_id AS "request_id!", e.seq, e.prev_hash, e.hash, r.chain_head AS "head?"
              FROM (SELECT request_id, seq, prev_hash, hash FROM event
                     WHERE request_id IS NOT NULL AND (request_id, seq) > ($1, $2)
                     ORDER BY request_id, seq LIMIT $3) AS e
              LEFT JOIN request r ON r.id = e.request_id
             ORDER BY e.request_id, e.seq"#,
            after.0,
            after.1,
            PAGE
        )
        .fetch_all(&mut self.connection)
        .await?)
    }

    /// A request without any event, if there is one.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn silent_request(&mut self) -> Result<Option<Uuid>, StoreError> {
        Ok(sqlx::query_scalar!(
            "-- audit.silent_request
            SELECT id FROM request r WHERE NOT EXISTS (SELECT FROM event WHERE request_id = r.id) LIMIT 1"
        )
        .fetch_optional(&mut self.connection)
        .await?)
    }

    /// A review, by its request and author, that the log does not tell of as it stands, if there is one.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn untold_review(&mut self) -> Result<Option<(Uuid, String)>, StoreError> {
        let found = sqlx::query!(
            "-- audit.untold_review
            SELECT request_id, reviewer FROM review r
             WHERE NOT EXISTS (SELECT FROM event e
                                WHERE e.request_id = r.request_id AND e.type = 'request.reviewed' AND e.actor = r.reviewer
                                  AND e.submitted_by IS NOT DISTINCT FROM r.submitted_by AND e.via = r.via
                                  AND e.data ->> 'reviewId' = r.id::text AND e.data ->> 'decision' = r.decision
                                  AND e.data ->> 'specDigest' = r.spec_digest)
             LIMIT 1"
        )
        .fetch_optional(&mut self.connection)
        .await?;
        Ok(found.map(|row| (row.request_id, row.reviewer)))
    }

    /// A request that the log says somebody else filed, if there is one.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn untold_requester(&mut self) -> Result<Option<Uuid>, StoreError> {
        Ok(sqlx::query_scalar!(
            "-- audit.untold_requester
            SELECT id FROM request r
             WHERE NOT EXISTS (SELECT FROM event e
                                WHERE e.request_id = r.id AND e.type = 'request.submitted' AND e.actor = r.requester
                                  AND e.submitted_by IS NOT DISTINCT FROM r.submitted_by)
             LIMIT 1"
        )
        .fetch_optional(&mut self.connection)
        .await?)
    }

    /// Closes the connection.
    pub async fn close(self) {
        // Nothing was changed, so nothing is lost where saying goodbye fails.
        let _ = self.connection.close().await;
    }
}

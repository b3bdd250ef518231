//! What waits for somebody to look at it: the undecided, and what was applied without a sign-off. What needs no policy to tell
//! is told here: nobody reviews their own ask, or what they filed, or twice, or too late.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::super::rows::{RequestRow, sound};
use super::super::{Store, StoreError};
use super::list::{Filter, bounds};
use crate::domain::likeness::Parts;
use crate::domain::request::Request;

/// What to look for.
#[derive(Debug)]
pub struct Sought<'a> {
    /// What else is asked of it.
    pub filter: &'a Filter,
    /// Who would review it.
    pub reviewer: &'a str,
    /// The time.
    pub now: DateTime<Utc>,
    /// The parts that tell one request from another here.
    pub parts: Parts,
    /// The likenesses that are left out, as the keys of an object, which Postgres searches fastest.
    pub refused: &'a Map<String, Value>,
    /// Only older ones.
    pub before: Option<Uuid>,
    /// How many.
    pub limit: i64,
}

/// A request that may be reviewed, as far as can be told without asking policy.
#[derive(Debug)]
pub struct Candidate {
    /// The request.
    pub id: Uuid,
    /// The same for all that are alike in the parts that were asked for.
    pub likeness: String,
}

/// The two kinds of what waits, each by an index of its own, so that neither makes the other be searched for among all.
/// The bits are those of `Part::bit`.
macro_rules! candidates {
    ($likeness:literal, $wanted:literal, $($given:expr),+ $(,)?) => {
        sqlx::query_as!(
            Candidate,
            r#"-- requests.to_review
            SELECT id AS "id!", likeness AS "likeness!" FROM (
                (SELECT request.id, "# + $likeness + r#" AS likeness FROM request
                  WHERE state = 'pending' AND lapses_at > $4 AND "# + $wanted + " AND NOT jsonb_exists($3, " + $likeness + r#")
                  ORDER BY request.id DESC LIMIT $5)
                UNION ALL
                (SELECT request.id, "# + $likeness + r#" AS likeness FROM request
                  WHERE owes_review AND "# + $wanted + " AND NOT jsonb_exists($3, " + $likeness + r#")
                  ORDER BY request.id DESC LIMIT $5)
            ) AS open
            ORDER BY id DESC LIMIT $5"#,
            $($given),+
        )
    };
}

/// The newest candidates.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn to_review(store: &Store, sought: &Sought<'_>) -> Result<Vec<Candidate>, StoreError> {
    let Sought { filter, reviewer, now, parts, refused, before, limit } = *sought;
    let (newest, oldest) = bounds(filter);
    let states: Vec<_> = filter.states.iter().map(|state| state.as_str()).collect();
    Ok(candidates!(
        "jsonb_build_array(
            CASE WHEN $1 & 1 <> 0 THEN request.id END,
            CASE WHEN $1 & 2 <> 0 THEN requester END,
            CASE WHEN $1 & 4 <> 0 THEN coalesce(submitted_by, requester) END,
            CASE WHEN $1 & 8 <> 0 THEN cluster_name END,
            CASE WHEN $1 & 16 <> 0 THEN principal_arn END,
            CASE WHEN $1 & 32 <> 0 THEN content -> 'type' END,
            CASE WHEN $1 & 64 <> 0 THEN content ->> 'username' IS NOT NULL END,
            CASE WHEN $1 & 128 <> 0 THEN content -> 'kubernetesGroups' END,
            CASE WHEN $1 & 256 <> 0 THEN ARRAY(SELECT jsonb_object_keys(content -> 'accessPolicies')) END,
            CASE WHEN $1 & 512 <> 0 THEN jsonb_array_length(content -> 'kubernetesGroups') > 0
                 OR jsonb_path_exists(content, '$.accessPolicies.*.type ? (@ == \"cluster\")') END,
            CASE WHEN $1 & 1024 <> 0 THEN content -> 'accessPolicies' END,
            CASE WHEN $1 & 2048 <> 0 THEN duration_ms IS NULL END,
            CASE WHEN $1 & 4096 <> 0 THEN coalesce(reach_ms, duration_ms) END,
            CASE WHEN $1 & 8192 <> 0 THEN ticket IS NULL END,
            CASE WHEN $1 & 16384 <> 0 THEN ticket END,
            CASE WHEN $1 & 32768 <> 0 THEN break_glass END)::text",
        "requester <> $2 AND submitted_by IS DISTINCT FROM $2
            AND NOT EXISTS (SELECT FROM review WHERE review.request_id = request.id AND review.reviewer = $2)
            AND request.id < coalesce($6::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
            AND request.id < coalesce($7::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
            AND request.id >= coalesce($8::uuid, '00000000-0000-0000-0000-000000000000')
            AND ($9::text IS NULL OR cluster_name = $9)
            AND ($10::text IS NULL OR principal_arn = $10)
            AND ($11::text IS NULL OR requester = $11)
            AND ($12::timestamptz IS NULL OR created_at > $12)
            AND ($13::timestamptz IS NULL OR created_at < $13)
            AND ($14::timestamptz IS NULL OR expires_at < $14)
            AND (cardinality($15::text[]) = 0 OR state = ANY ($15))",
        parts.bits(),
        reviewer,
        Value::Object(refused.clone()),
        now,
        limit,
        before,
        newest,
        oldest,
        filter.cluster_name,
        filter.principal_arn,
        filter.requester,
        filter.created_after,
        filter.created_before,
        filter.expires_before,
        &states as &[&str],
    )
    .fetch_all(&mut *store.connection().await?)
    .await?)
}

/// These requests, newest first. Rows that do not decode are left out.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn among(store: &Store, ids: &[Uuid]) -> Result<Vec<Request>, StoreError> {
    let rows = sqlx::query_as!(
        RequestRow,
        "-- requests.among
        SELECT * FROM request WHERE id = ANY ($1) ORDER BY id DESC",
        ids
    )
    .fetch_all(&mut *store.connection().await?)
    .await?;
    Ok(sound(rows))
}

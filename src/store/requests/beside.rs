//! What a new ask has to fit beside.

use super::super::rows::{RequestRow, sound};
use super::super::{StoreError, Tx};
use crate::domain::request::Request;
use crate::domain::rules::ClusterGate;

/// What is stored beside an ask.
#[derive(Debug, Default)]
pub struct Beside {
    /// How many undecided requests its requester has. Counting stops at what was said to be the most.
    pub pending: i64,
    /// What EKS last said of each cluster that it has ever answered about.
    pub gates: Vec<(String, ClusterGate)>,
    /// Requests that are live, or will be, for any of the principals on any of the clusters; oldest first.
    pub live: Vec<Request>,
}

/// What a new ask of `requester` has to fit beside. Two statements, because each costs as much as a decision by policy.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn beside(
    tx: &mut Tx,
    requester: &str,
    most: i64,
    clusters: &[String],
    principals: &[String],
) -> Result<Beside, StoreError> {
    let rows = sqlx::query!(
        r#"-- requests.room
        SELECT room.pending AS "pending!", health.cluster_name AS "cluster_name?", health.status AS "status?",
               health.authentication_mode AS "authentication_mode?"
          FROM (SELECT count(*) AS pending
                  FROM (SELECT FROM request WHERE requester = $1 AND state = 'pending' LIMIT $2) AS undecided) AS room
          LEFT JOIN cluster_health AS health ON health.cluster_name = ANY ($3)"#,
        requester,
        most,
        clusters
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    let pending = rows.first().map_or(0, |row| row.pending);
    let gates = rows.into_iter().filter_map(|row| {
        let gate = ClusterGate { status: row.status?, authentication_mode: row.authentication_mode };
        Some((row.cluster_name?, gate))
    });
    let gates = gates.collect();
    let rows = sqlx::query_as!(
        RequestRow,
        "-- requests.beside
        SELECT * FROM request
         WHERE cluster_name = ANY($1) AND principal_arn = ANY($2)
           AND state IN ('scheduled', 'applying', 'verifying', 'active', 'revoking')
         ORDER BY id",
        clusters,
        principals
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    Ok(Beside { pending, gates, live: sound(rows) })
}

/// Keeps other asks of `requester` waiting until this transaction ends, so that none of them counts what is pending before
/// this one is done.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn one_at_a_time(tx: &mut Tx, requester: &str) -> Result<(), StoreError> {
    sqlx::query!(
        "-- requests.one_at_a_time
        SELECT pg_advisory_xact_lock(hashtextextended('pending of ' || $1::text, 0))",
        requester
    )
    .fetch_one(&mut *tx.inner)
    .await?;
    Ok(())
}

/// How many undecided requests `requester` has; counting stops at `most`.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn pending_of(tx: &mut Tx, requester: &str, most: i64) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"-- requests.pending_of
        SELECT count(*) AS "count!"
          FROM (SELECT FROM request WHERE requester = $1 AND state = 'pending' LIMIT $2) AS pending"#,
        requester,
        most
    )
    .fetch_one(&mut *tx.inner)
    .await?)
}

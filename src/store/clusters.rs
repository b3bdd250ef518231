//! What EKS last said about each cluster. Replicas share it, and take turns asking.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::{Store, StoreError, Tx};

/// What is known of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Entryway's name for it.
    pub cluster_name: String,
    /// When EKS last answered; `None` when it never has.
    pub checked_at: Option<DateTime<Utc>>,
    /// EKS's status: `ACTIVE`, `UPDATING`, …
    pub status: Option<String>,
    /// `API`, `API_AND_CONFIG_MAP` or `CONFIG_MAP`.
    pub authentication_mode: Option<String>,
    /// EKS's platform version.
    pub platform_version: Option<String>,
    /// What keeps Entryway from working there, in words.
    pub problems: Vec<String>,
}

/// Takes the clusters among `names` whose check is due, and puts their next check off by `every`.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn claim_due(tx: &mut Tx, names: &[String], every: TimeDelta) -> Result<Vec<String>, StoreError> {
    Ok(sqlx::query_scalar!(
        "-- clusters.claim_due
        INSERT INTO cluster_health AS h (cluster_name, next_check_at)
        SELECT name, $3 FROM unnest($1::text[]) AS name
        ON CONFLICT (cluster_name) DO UPDATE SET next_check_at = $3 WHERE h.next_check_at <= $2
        RETURNING cluster_name",
        names,
        tx.now,
        tx.now + every,
    )
    .fetch_all(&mut *tx.inner)
    .await?)
}

/// Takes the clusters among `names` whose entries are to be listed again, and puts their next listing off by `every`.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn claim_listing(tx: &mut Tx, names: &[String], every: TimeDelta) -> Result<Vec<String>, StoreError> {
    Ok(sqlx::query_scalar!(
        "-- clusters.claim_listing
        INSERT INTO cluster_health AS h (cluster_name, next_check_at, next_list_at)
        SELECT name, $2, $3 FROM unnest($1::text[]) AS name
        ON CONFLICT (cluster_name) DO UPDATE SET next_list_at = $3 WHERE h.next_list_at <= $2
        RETURNING cluster_name",
        names,
        tx.now,
        tx.now + every,
    )
    .fetch_all(&mut *tx.inner)
    .await?)
}

/// Records what EKS said, or what kept it from saying anything.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
pub async fn record(tx: &mut Tx, health: &Health) -> Result<(), StoreError> {
    sqlx::query!(
        "-- clusters.record
        UPDATE cluster_health
           SET checked_at = $2, status = $3, authentication_mode = $4, platform_version = $5, problems = $6
         WHERE cluster_name = $1",
        health.cluster_name,
        health.checked_at,
        health.status,
        health.authentication_mode,
        health.platform_version,
        json!(health.problems),
    )
    .execute(&mut *tx.inner)
    .await?;
    Ok(())
}

/// What is known of the clusters among `names`, by name.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
pub async fn of(tx: &mut Tx, names: &[String]) -> Result<Vec<Health>, StoreError> {
    let rows = sqlx::query!(
        "-- clusters.of
        SELECT * FROM cluster_health WHERE cluster_name = ANY($1) ORDER BY cluster_name",
        names
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Health {
                problems: serde_json::from_value(row.problems)
                    .map_err(|_| StoreError::corrupt("cluster_health", "problems", &row.cluster_name))?,
                cluster_name: row.cluster_name,
                checked_at: row.checked_at,
                status: row.status,
                authentication_mode: row.authentication_mode,
                platform_version: row.platform_version,
            })
        })
        .collect()
}

/// Whether every one of `names` has been asked about at least once, with or without an answer.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn all_known(store: &Store, names: &[String]) -> Result<bool, StoreError> {
    let known = sqlx::query_scalar!(
        r#"-- clusters.all_known
        SELECT count(*) AS "count!" FROM cluster_health
         WHERE cluster_name = ANY($1) AND (checked_at IS NOT NULL OR problems <> '[]')"#,
        names
    )
    .fetch_one(&store.pool)
    .await?;
    Ok(usize::try_from(known).is_ok_and(|known| known >= names.len()))
}

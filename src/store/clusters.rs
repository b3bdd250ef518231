//! What EKS last said about each cluster. Replicas share it, and take turns asking.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Store, StoreError, Tx};
use crate::domain::sightings::Sightings;

/// What is known of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Health {
    /// Entryway's name for it.
    pub cluster_name: String,
    /// When EKS last answered; `None` when it never has.
    pub checked_at: Option<DateTime<Utc>>,
    /// EKS's status: `ACTIVE`, `UPDATING`, …; [`crate::domain::sightings::GONE`] once it is gone.
    pub status: Option<String>,
    /// `API`, `API_AND_CONFIG_MAP` or `CONFIG_MAP`.
    pub authentication_mode: Option<String>,
    /// EKS's platform version.
    pub platform_version: Option<String>,
    /// What keeps Entryway from working there, in words.
    pub problems: Vec<String>,
    /// Whether it is there.
    pub sightings: Sightings,
    /// Permissions that AWS refused, by what they are, each with words that say what to allow.
    pub missing: BTreeMap<String, String>,
    /// When permissions were last tried out.
    pub probed_at: Option<DateTime<Utc>>,
}

impl Health {
    /// Everything that keeps Entryway from working there, in words: what EKS says, and what AWS does not let it do.
    pub fn all_problems(&self) -> impl Iterator<Item = &String> {
        self.problems.iter().chain(self.missing.values())
    }
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

/// Has a cluster checked at `at`, if that is not to be sooner.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn check_at(tx: &mut Tx, name: &str, at: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!(
        "-- clusters.check_at
        UPDATE cluster_health SET next_check_at = least(next_check_at, $2) WHERE cluster_name = $1",
        name,
        at,
    )
    .execute(&mut *tx.inner)
    .await?;
    Ok(())
}

/// Records what EKS said, or what kept it from saying anything.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
pub async fn record(tx: &mut Tx, health: &Health) -> Result<(), StoreError> {
    sqlx::query!(
        "-- clusters.record
        UPDATE cluster_health
           SET checked_at = $2, status = $3, authentication_mode = $4, platform_version = $5, problems = $6,
               shown_arn = $7, gone_since = $8, gone_answers = $9, gone_at = $10
         WHERE cluster_name = $1",
        health.cluster_name,
        health.checked_at,
        health.status,
        health.authentication_mode,
        health.platform_version,
        json!(health.problems),
        health.sightings.shown_arn,
        health.sightings.gone_since,
        health.sightings.gone_answers,
        health.sightings.gone_at,
    )
    .execute(&mut *tx.inner)
    .await?;
    Ok(())
}

/// Records which permissions AWS has refused (`missing`) and which it has granted; `probed` says that those that can be
/// tried out were.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn record_rights(
    tx: &mut Tx,
    name: &str,
    missing: &BTreeMap<String, String>,
    granted: &[String],
    probed: bool,
) -> Result<(), StoreError> {
    sqlx::query!(
        "-- clusters.record_rights
        INSERT INTO cluster_health AS h (cluster_name, next_check_at, missing, probed_at)
        VALUES ($1, $2, $3, CASE WHEN $5 THEN $2::timestamptz END)
        ON CONFLICT (cluster_name) DO UPDATE
           SET missing = (h.missing - $4::text[]) || $3, probed_at = CASE WHEN $5 THEN $2 ELSE h.probed_at END",
        name,
        tx.now,
        json!(missing),
        granted,
        probed,
    )
    .execute(&mut *tx.inner)
    .await?;
    Ok(())
}

/// The principal whose entry on the cluster was last looked at among those of `account`: somebody whom IAM may be asked about.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn somebody_of(tx: &mut Tx, name: &str, account: &str) -> Result<Option<String>, StoreError> {
    Ok(sqlx::query_scalar!(
        "-- clusters.somebody_of
        SELECT principal_arn FROM entry
         WHERE cluster_name = $1 AND access_entry_arn IS NOT NULL AND next_run_at IS NOT NULL
           AND split_part(principal_arn, ':', 5) = $2
         ORDER BY last_read_at DESC NULLS LAST LIMIT 1",
        name,
        account,
    )
    .fetch_optional(&mut *tx.inner)
    .await?)
}

/// Makes every entry of a cluster due that is ever to be looked at again, because the cluster came or went. Locks them in
/// the order in which whoever files several requests does.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn wake_entries(tx: &mut Tx, name: &str) -> Result<(), StoreError> {
    sqlx::query!(
        "-- clusters.wake_entries
        WITH watched AS (
            SELECT principal_arn FROM entry
             WHERE cluster_name = $1 AND (next_run_at IS NOT NULL OR lease_until IS NOT NULL OR recheck_at IS NOT NULL)
             ORDER BY principal_arn COLLATE \"C\" FOR UPDATE
        )
        UPDATE entry e SET next_run_at = least(e.next_run_at, $2), wakes = e.wakes + 1
          FROM watched w WHERE e.cluster_name = $1 AND e.principal_arn = w.principal_arn",
        name,
        tx.now,
    )
    .execute(&mut *tx.inner)
    .await?;
    tx.work = true;
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
    let known = rows.into_iter().map(|row| Health {
        problems: decoded(row.problems, "problems", &row.cluster_name),
        missing: decoded(row.missing, "missing", &row.cluster_name),
        sightings: Sightings {
            shown_arn: row.shown_arn,
            gone_since: row.gone_since,
            gone_answers: row.gone_answers,
            gone_at: row.gone_at,
        },
        cluster_name: row.cluster_name,
        checked_at: row.checked_at,
        status: row.status,
        authentication_mode: row.authentication_mode,
        platform_version: row.platform_version,
        probed_at: row.probed_at,
    });
    Ok(known.collect())
}

/// What does not decode is forgotten: all of it is found out again.
fn decoded<T: DeserializeOwned + Default>(value: Value, column: &'static str, key: &str) -> T {
    serde_json::from_value(value).unwrap_or_else(|error| {
        tracing::error!(cluster = key, column, %error, "what is known of a cluster was changed by other means than Entryway");
        T::default()
    })
}

/// Keeps other replicas from recording something about the cluster until this transaction ends: what is known of it is read,
/// weighed against what was seen, and written.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn one_at_a_time(tx: &mut Tx, name: &str) -> Result<(), StoreError> {
    sqlx::query!(
        "-- clusters.one_at_a_time
        SELECT pg_advisory_xact_lock(hashtextextended('health of ' || $1::text, 0))",
        name
    )
    .fetch_one(&mut *tx.inner)
    .await?;
    Ok(())
}

/// Whether every one of `names` has been asked about at least once, with or without an answer.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn all_known(store: &Store, names: &[String]) -> Result<bool, StoreError> {
    let known = sqlx::query_scalar!(
        r#"-- clusters.all_known
        SELECT count(*) AS "count!" FROM cluster_health
         WHERE cluster_name = ANY($1) AND (checked_at IS NOT NULL OR problems <> '[]' OR missing <> '{}')"#,
        names
    )
    .fetch_one(&mut *store.connection().await?)
    .await?;
    Ok(usize::try_from(known).is_ok_and(|known| known >= names.len()))
}

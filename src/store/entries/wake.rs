//! Making entries due.

use chrono::{DateTime, Utc};

use super::super::{StoreError, Tx};

/// Makes an entry due now. `ending` says that there is something to take away, which goes before anything that grants.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn wake(tx: &mut Tx, cluster: &str, principal: &str, ending: bool) -> Result<(), StoreError> {
    wake_at(tx, cluster, principal, tx.now, ending).await
}

/// Makes an entry due at `at`, if it is not due before.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn wake_at(
    tx: &mut Tx,
    cluster: &str,
    principal: &str,
    at: DateTime<Utc>,
    ending: bool,
) -> Result<(), StoreError> {
    sqlx::query!(
        "-- entries.wake
        INSERT INTO entry AS e (cluster_name, principal_arn, next_run_at, ends_at)
        VALUES ($1, $2, $3, CASE WHEN $4 THEN $3::timestamptz END)
        ON CONFLICT (cluster_name, principal_arn) DO UPDATE
           SET next_run_at = least(e.next_run_at, $3), wakes = e.wakes + 1,
               ends_at = CASE WHEN $4 THEN least(e.ends_at, $3) ELSE e.ends_at END",
        cluster,
        principal,
        at,
        ending
    )
    .execute(&mut *tx.inner)
    .await?;
    tx.work = true;
    Ok(())
}

/// Makes many entries due now, each (cluster, principal) once, because there is something to take away. Their rows are locked
/// in the order in which those who file several requests at once do it: byte by byte, whatever the collation.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn wake_all(tx: &mut Tx, clusters: &[String], principals: &[String]) -> Result<(), StoreError> {
    sqlx::query!(
        r#"-- entries.wake_all
        INSERT INTO entry AS e (cluster_name, principal_arn, next_run_at, ends_at)
        SELECT cluster_name, principal_arn, $3::timestamptz, $3::timestamptz
          FROM unnest($1::text[], $2::text[]) AS woken (cluster_name, principal_arn)
         GROUP BY cluster_name, principal_arn
         ORDER BY cluster_name COLLATE "C", principal_arn COLLATE "C"
        ON CONFLICT (cluster_name, principal_arn) DO UPDATE
           SET next_run_at = least(e.next_run_at, $3), wakes = e.wakes + 1, ends_at = least(e.ends_at, $3)"#,
        clusters,
        principals,
        tx.now
    )
    .execute(&mut *tx.inner)
    .await?;
    tx.work |= !clusters.is_empty();
    Ok(())
}

//! What a row of the table says.

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::super::StoreError;
use crate::domain::record::EntryRecord;

/// A statement called `entries.$name` that answers rows for [`EntryRow`]: their columns stand between `$before` and `$after`.
macro_rules! entry_rows {
    ($name:literal, $before:literal, $after:literal, $($given:expr),+ $(,)?) => {
        sqlx::query_as!(
            EntryRow,
            "-- entries." + $name + "
        " + $before + "
               cluster_name, principal_arn, attempts, written, touched_at, unsure, doubt_until, recheck_at, agreeing_reads,
               agreeing_since, proof_of, disagreeing_reads, last_read_at, access_entry_arn, baseline, last_error, drifted,
               drifted_to, overdue_reported, binding, repair_asked_at, unheard
        " + $after,
            $($given),+
        )
    };
}
pub(super) use entry_rows;

/// A row as it is read for [`EntryRecord`].
pub(super) struct EntryRow {
    pub(super) cluster_name: String,
    pub(super) principal_arn: String,
    pub(super) attempts: i32,
    pub(super) written: Option<Value>,
    pub(super) touched_at: Option<DateTime<Utc>>,
    pub(super) unsure: bool,
    pub(super) doubt_until: Option<DateTime<Utc>>,
    pub(super) recheck_at: Option<DateTime<Utc>>,
    pub(super) agreeing_reads: i32,
    pub(super) agreeing_since: Option<DateTime<Utc>>,
    pub(super) proof_of: Option<String>,
    pub(super) disagreeing_reads: i32,
    pub(super) last_read_at: Option<DateTime<Utc>>,
    pub(super) access_entry_arn: Option<String>,
    pub(super) baseline: Option<Value>,
    pub(super) binding: Option<Value>,
    pub(super) repair_asked_at: Option<DateTime<Utc>>,
    pub(super) unheard: Option<Value>,
    pub(super) last_error: Option<Value>,
    pub(super) drifted: bool,
    pub(super) drifted_to: Option<String>,
    pub(super) overdue_reported: bool,
}

/// What is remembered of writes only ever saves calls and waiting, so what does not decode is forgotten, never in the
/// way: without knowing what was written, EKS is the only witness, and a proof waits until it must show everything. What
/// the entry of somebody else held is another matter: without it nothing could be put back, so nothing is touched.
impl TryFrom<EntryRow> for EntryRecord {
    type Error = StoreError;

    fn try_from(row: EntryRow) -> Result<Self, StoreError> {
        let key = format!("{} {}", row.cluster_name, row.principal_arn);
        let baseline = row.baseline.map(serde_json::from_value).transpose();
        let baseline = baseline.map_err(|_| StoreError::corrupt("entry", "baseline", &key))?;
        let (written, garbled) = decoded(row.written, "written", &key);
        let (binding, _) = decoded(row.binding, "binding", &key);
        let (unheard, _) = decoded(row.unheard, "unheard", &key);
        let (last_error, _) = decoded(row.last_error, "last_error", &key);
        Ok(Self {
            attempts: row.attempts,
            written,
            touched_at: row.touched_at,
            unsure: row.unsure || (garbled && row.touched_at.is_some()),
            doubt_until: row.doubt_until,
            recheck_at: row.recheck_at,
            agreeing_reads: row.agreeing_reads,
            agreeing_since: row.agreeing_since,
            proof_of: row.proof_of,
            disagreeing_reads: row.disagreeing_reads,
            last_read_at: row.last_read_at,
            access_entry_arn: row.access_entry_arn,
            baseline,
            binding,
            repair_asked_at: row.repair_asked_at,
            unheard: unheard.unwrap_or_default(),
            last_error,
            drifted: row.drifted,
            drifted_to: row.drifted_to,
            overdue_reported: row.overdue_reported,
            cluster_name: row.cluster_name,
            principal_arn: row.principal_arn,
        })
    }
}

/// What a column holds, and whether there was something that could not be read.
fn decoded<T: DeserializeOwned>(value: Option<Value>, column: &'static str, key: &str) -> (Option<T>, bool) {
    match value.map(serde_json::from_value).transpose() {
        Ok(value) => (value, false),
        Err(error) => {
            tracing::error!(entry = key, column, %error, "an entry was changed by other means than Entryway; that is forgotten");
            (None, true)
        }
    }
}

//! What Entryway remembers about one entry between two looks at EKS.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::baseline::Baseline;
use super::entry::{EntryContent, ObservedEntry};
use super::event::canonical_json;
use super::principal::{Binding, Standing};
use super::request::{LastError, hex};
use super::unheard::Unheard;

/// What EKS was last told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// What the entry holds since; `None` after it was deleted.
    pub content: Option<EntryContent>,
}

/// The memory of one (cluster, principal).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryRecord {
    /// Entryway's name for the cluster.
    pub cluster_name: String,
    /// Whose entry it is.
    pub principal_arn: String,
    /// Attempts in a row that did not get through, the present one included.
    pub attempts: i32,
    /// What EKS was last told; `None` when Entryway never wrote.
    pub written: Option<Written>,
    /// When EKS was last told anything.
    pub touched_at: Option<DateTime<Utc>>,
    /// Whether the outcome of the last write is unknown: the answer was lost, or the worker died before it came.
    pub unsure: bool,
    /// Until then, a write before the last one whose outcome nobody ever learnt may still show, and nothing is proven.
    pub doubt_until: Option<DateTime<Utc>>,
    /// When to look once more at an entry that is proven gone, because a write whose outcome nobody learnt may still come; or
    /// since when it is not looked at because its cluster is gone, which may come back.
    pub recheck_at: Option<DateTime<Utc>>,
    /// Consecutive reads that agreed with what is desired.
    pub agreeing_reads: i32,
    /// When the first of them was.
    pub agreeing_since: Option<DateTime<Utc>>,
    /// The digest of what they agreed with. A proof of one content says nothing about another.
    pub proof_of: Option<String>,
    /// Consecutive reads that did not.
    pub disagreeing_reads: i32,
    /// When EKS was last read.
    pub last_read_at: Option<DateTime<Utc>>,
    /// Which entry it was; another ARN is another entry, even for the same principal.
    pub access_entry_arn: Option<String>,
    /// What it holds without Entryway, where grants are layered on an entry of somebody else's.
    pub baseline: Option<Baseline>,
    /// What is known of the principal it was made for.
    pub binding: Option<Binding>,
    /// When somebody asked for whatever is wrong with it to be put right; `None` once that is done.
    pub repair_asked_at: Option<DateTime<Utc>>,
    /// Calls whose answers nobody has heard, which may still do something.
    pub unheard: Vec<Unheard>,
    /// The latest trouble with it.
    pub last_error: Option<LastError>,
    /// Somebody changed it behind Entryway's back, and that has been reported.
    pub drifted: bool,
    /// The digest of what was reported then.
    pub drifted_to: Option<String>,
    /// That proving it takes too long has been reported.
    pub overdue_reported: bool,
}

/// What drift to `found` is remembered by; `found` is null where there was no entry at all.
#[must_use]
pub fn drift_digest(found: &Value) -> String {
    let mut hasher = Sha256::new_with_prefix("entryway/drift/v1\n");
    hasher.update(canonical_json(found));
    hex(&hasher.finalize())
}

impl EntryRecord {
    /// The baseline that grants are layered on, once it is certain.
    #[must_use]
    pub fn layered_on(&self) -> Option<&Baseline> {
        self.baseline.as_ref().filter(|baseline| baseline.confirmed)
    }

    /// What is known of the principal that `entry` was made for.
    #[must_use]
    pub fn binding_of(&self, entry: &ObservedEntry) -> Option<&Binding> {
        self.binding.as_ref().filter(|binding| binding.is_of(entry))
    }

    /// Whether the entry is dead and none of somebody else's, so that a repair makes it anew.
    #[must_use]
    pub fn can_be_made_anew(&self) -> bool {
        let dead = self.binding.as_ref().is_some_and(|binding| binding.standing == Standing::Recreated);
        dead && self.layered_on().is_none()
    }

    /// Takes `content` for what the entry holds now, because it was looked at and not because Entryway wrote it.
    pub fn adopt(&mut self, content: Option<EntryContent>) {
        self.written = Some(Written { content });
        self.restart_proof();
    }

    /// Binds what is read from now on to `desired`; what was read before counts only if it was for the same.
    pub fn prove(&mut self, desired: Option<&EntryContent>) {
        let mut hasher = Sha256::new_with_prefix("entryway/desired/v1\n");
        hasher.update(canonical_json(&json!(desired)));
        let goal = hex(&hasher.finalize());
        if self.proof_of.as_ref() != Some(&goal) {
            self.restart_proof();
            self.proof_of = Some(goal);
        }
    }

    /// Notes that the entry drifted to `found`; whether that is news.
    pub fn note_drift(&mut self, found: &Value) -> bool {
        let digest = Some(drift_digest(found));
        let news = !self.drifted || self.drifted_to != digest;
        (self.drifted, self.drifted_to) = (true, digest);
        news
    }

    /// Forgets what was read so far, because what is desired or what is there has changed.
    pub fn restart_proof(&mut self) {
        self.agreeing_reads = 0;
        self.proof_of = None;
        self.agreeing_since = None;
        self.disagreeing_reads = 0;
        self.overdue_reported = false;
    }
}

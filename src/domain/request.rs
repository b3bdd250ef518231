//! A request from the ask to its end. After approval the same object is called a grant; there is no second one.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::arn::PrincipalArn;
use super::entry::{AccessScope, EntryContent};
use super::event::canonical_json;
use super::states::{EndReason, RequestState};
use super::trace::TraceParent;

/// What somebody asked for, after every rule was satisfied and every spelling made canonical. Never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// Entryway's name for the cluster.
    pub cluster_name: String,
    /// Whose access entry it is.
    pub principal: PrincipalArn,
    /// What the entry is to grant.
    pub content: EntryContent,
    /// Tags to put on an entry that Entryway creates.
    pub tags: BTreeMap<String, String>,
    /// Why it is needed; empty only where configuration lets it.
    pub reason: String,
    /// The ticket it belongs to.
    pub ticket: Option<String>,
    /// How long access lasts from the first successful write; `None` is permanent.
    pub duration: Option<TimeDelta>,
    /// When to start; `None` is as soon as it is signed off.
    pub start_at: Option<DateTime<Utc>>,
    /// Apply now, review afterwards.
    pub break_glass: bool,
    /// The request whose access this one prolongs.
    pub extends: Option<Uuid>,
}

impl Spec {
    /// `sha256:` and the hex digest of everything that was asked. Two specs have the same digest only if they ask
    /// for the same thing; a review is bound to it.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut value = json!({
            "clusterName": self.cluster_name,
            "principalArn": self.principal.to_string(),
            "entry": self.content,
            "tags": self.tags,
            "reason": self.reason,
            "ticket": self.ticket,
            "durationMs": self.duration.map(|d| d.num_milliseconds()),
            "startAt": self.start_at.map(|at| at.timestamp_micros()),
            "breakGlass": self.break_glass,
        });
        // Only where it is there, so that what was approved before there were extensions keeps its digest.
        if let Some(extended) = self.extends {
            value["extends"] = json!(extended);
        }
        let mut hasher = Sha256::new_with_prefix("entryway/spec/v1\n");
        hasher.update(canonical_json(&value));
        format!("sha256:{}", hex(&hasher.finalize()))
    }

    /// Whether this reaches beyond single namespaces: a policy with cluster scope, or any Kubernetes group, whose
    /// bindings EKS does not know.
    #[must_use]
    pub fn is_cluster_wide(&self) -> bool {
        !self.content.kubernetes_groups.is_empty()
            || self.content.access_policies.values().any(|scope| *scope == AccessScope::Cluster)
    }
}

/// Lower-case hex.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Something worth knowing about an ask that is accepted all the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// A code of the contract, such as `no-permissions`.
    pub code: String,
    /// What it means here, and what to do about it.
    pub detail: String,
}

/// The times of a grant. `None` until it has happened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grant {
    /// The first successful write; the clock of the duration starts here.
    pub starts_at: Option<DateTime<Utc>>,
    /// The last write that was needed for it.
    pub applied_at: Option<DateTime<Utc>>,
    /// When enough reads agreed.
    pub verified_at: Option<DateTime<Utc>>,
    /// `starts_at` plus the duration; `None` for permanent access.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was proven gone.
    pub ended_at: Option<DateTime<Utc>>,
}

/// Who takes access back, and why, as the log tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenBack {
    /// Who: a person, or Entryway itself.
    pub actor: String,
    /// What they said to it.
    pub reason: Option<String>,
}

/// How far the proof has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum VerificationLevel {
    /// Not enough reads agree yet.
    #[default]
    None,
    /// Enough consecutive reads agree.
    Recorded,
    /// … and the settling time since the last write has passed.
    Settled,
}

impl VerificationLevel {
    /// The spelling in the database and in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Recorded => "recorded",
            Self::Settled => "settled",
        }
    }

    /// Reads the spelling that [`VerificationLevel::as_str`] writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::None, Self::Recorded, Self::Settled].into_iter().find(|level| level.as_str() == text)
    }
}

/// The proof of a grant: consecutive reads that agree, and the lag from the write to the proof.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Verification {
    /// How far it has come.
    pub level: VerificationLevel,
    /// Consecutive reads that agree so far.
    pub agreeing_reads: i32,
    /// Milliseconds from the last write to the first read of the agreeing run.
    pub lag_ms: Option<i64>,
}

/// Why a request failed, or what it is waiting for after something went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LastError {
    /// A code of ours, such as `entry-not-owned` or `eks-throttled`.
    pub code: String,
    /// What happened and what to do next.
    pub detail: String,
    /// The error code EKS answered with.
    pub aws_code: Option<String>,
    /// EKS's own words.
    pub aws_message: Option<String>,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// How many times in a row the work on the entry has failed.
    pub attempts: i32,
    /// Whether Entryway goes on trying by itself.
    pub retrying: bool,
    /// When it tries next, where that is known. While it only waits for EKS to show something, it looks all the time.
    #[serde(default)]
    pub next_attempt_at: Option<DateTime<Utc>>,
}

/// A request as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// UUID v7.
    pub id: Uuid,
    /// Where it is in its life.
    pub state: RequestState,
    /// Why it ended, once it is ending.
    pub end_reason: Option<EndReason>,
    /// Rises with every change; the `ETag`.
    pub version: i64,
    /// What was asked.
    pub spec: Spec,
    /// [`Spec::digest`] at submit.
    pub spec_digest: String,
    /// Whose ask it is.
    pub requester: String,
    /// The service that filed it for them.
    pub submitted_by: Option<String>,
    /// What was worth a warning at submit.
    pub warnings: Vec<Warning>,
    /// The digest of the policy set of the last decision on it.
    pub policy_digest: String,
    /// Its times.
    pub grant: Grant,
    /// Its proof.
    pub verification: Verification,
    /// Its latest trouble.
    pub last_error: Option<LastError>,
    /// When it lapses if nobody decides.
    pub lapses_at: DateTime<Utc>,
    /// When it last became `applying`; the deadline to apply counts from here.
    pub applying_since: Option<DateTime<Utc>>,
    /// When people are next to hear that its access ends soon ([`super::reminder`]).
    pub remind_at: Option<DateTime<Utc>>,
    /// It was applied without a sign-off, because somebody broke the glass, and nobody has looked at it since.
    pub owes_review: bool,
    /// Of an extension: how far ahead of its filing access reaches with it, which is what policy limits.
    pub reach: Option<TimeDelta>,
    /// The trace that it was filed in, if that was traced. Nothing is decided by it.
    pub trace_parent: Option<TraceParent>,
    /// The hash of its latest event; empty before the first.
    pub chain_head: String,
    /// When it was filed.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

impl Request {
    /// The people nobody of whom may review it: who asked, and who filed it for them.
    #[must_use]
    pub fn is_own_of(&self, user: &str) -> bool {
        self.requester == user || self.submitted_by.as_deref() == Some(user)
    }

    /// Whether its time to be decided is over. It lapses at the next sweep; nothing else may happen to it meanwhile.
    #[must_use]
    pub fn is_overdue(&self, now: DateTime<Utc>) -> bool {
        self.state == RequestState::Pending && self.lapses_at <= now
    }
}

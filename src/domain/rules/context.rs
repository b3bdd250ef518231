//! What the rules know besides the ask itself.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::domain::catalogue::Catalogue;
use crate::domain::cluster::Cluster;
use crate::domain::entry::EntryType;
use crate::domain::principal::Presence;
use crate::domain::sightings::GONE;

/// Everything a rule may look at besides the ask. What is not known is `None`, and no rule holds that against an ask.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The cluster the ask names; `None` if the configuration has no such cluster.
    pub cluster: Option<&'a Cluster>,
    /// Names to suggest when [`Context::cluster`] is `None`. Pass only those the caller may see.
    pub known_clusters: &'a [String],
    /// The cluster as EKS last described it; `None` while it has not been seen.
    pub gate: Option<&'a ClusterGate>,
    /// Whether the principal exists, as far as that is known.
    pub presence: &'a Presence,
    /// The operators' limits.
    pub limits: &'a Limits,
    /// The time of the ask.
    pub now: DateTime<Utc>,
    /// The access policies there are.
    pub catalogue: &'a Catalogue,
    /// The requests on the same entry that are live, scheduled or otherwise sure to be part of it.
    pub live: &'a [LiveEntry],
}

/// What the operators allow (`[requests]` in the configuration).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest duration.
    pub max_duration: TimeDelta,
    /// Whether access without an end may be asked for.
    pub allow_permanent: bool,
    /// How far ahead a start may lie.
    pub max_start_ahead: TimeDelta,
    /// Whether a reason must be given.
    pub reason_required: bool,
    /// The longest duration of access that is applied without a sign-off because somebody breaks the glass.
    pub break_glass_max: TimeDelta,
}

/// One request that is part of the same entry, as far as it can stand in the way of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveEntry {
    /// The request.
    pub request_id: Uuid,
    /// The type it asked for.
    pub entry_type: EntryType,
    /// The username it asked for, if any.
    pub username: Option<String>,
}

/// What decides whether a cluster can take access entries, as EKS last described it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterGate {
    /// `ACTIVE`, `UPDATING`, … (`EKS API reference, Cluster`).
    pub status: String,
    /// `API`, `API_AND_CONFIG_MAP` or `CONFIG_MAP`; clusters too old to tell have none.
    pub authentication_mode: Option<String>,
}

impl ClusterGate {
    /// Whether waiting will not make the cluster `ACTIVE`. It will for `CREATING`, `UPDATING` and `PENDING`, and a
    /// status newer than this list is nothing to refuse anybody for.
    #[must_use]
    pub fn is_beyond_waiting(&self) -> bool {
        matches!(self.status.as_str(), "DELETING" | "FAILED" | GONE)
    }

    /// Whether EKS refuses access entries in the cluster's authentication mode.
    #[must_use]
    pub fn refuses_entries(&self) -> bool {
        matches!(self.authentication_mode.as_deref(), None | Some("CONFIG_MAP"))
    }
}

//! One person's word on one request.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::identity::Via;

/// Approve or deny. One deny is final. What was applied without a sign-off is acknowledged afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Signed off.
    Approve,
    /// Turned down.
    Deny,
    /// Looked at after it was applied without a sign-off. Signs nothing off.
    Acknowledge,
}

impl Decision {
    /// All decisions.
    pub const ALL: [Self; 3] = [Self::Approve, Self::Deny, Self::Acknowledge];

    /// The spelling in the database and in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Deny => "deny",
            Self::Acknowledge => "acknowledge",
        }
    }

    /// Reads the spelling that [`Decision::as_str`] writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|decision| decision.as_str() == text)
    }
}

/// A review as it was given. Whether it still counts is asked of the policy each time, never stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// UUID v7.
    pub id: Uuid,
    /// The request it is about.
    pub request_id: Uuid,
    /// The person who decided.
    pub reviewer: String,
    /// What they decided.
    pub decision: Decision,
    /// Why. Always there on a deny.
    pub comment: Option<String>,
    /// The road it came by.
    pub via: Via,
    /// The service that carried it, if any.
    pub submitted_by: Option<String>,
    /// The digest of what they saw. A review of anything else counts for nothing.
    pub spec_digest: String,
    /// When it was recorded.
    pub created_at: DateTime<Utc>,
}

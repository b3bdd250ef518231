//! Why a use case did not do what it was asked to.

use thiserror::Error;

use crate::domain::rules::Violation;
use crate::domain::states::RequestState;
use crate::policy::Builtin;
use crate::store::StoreError;

/// A refusal, or a failure of the store.
#[derive(Debug, Error)]
pub enum WorkflowError {
    /// It is not there, or not for this caller to see.
    #[error("there is no such request, or it is not yours to see")]
    NotFound,
    /// Policy does not permit the ask.
    #[error("policy does not permit this request: {}", .0.join("; "))]
    RequestNotPermitted(Vec<String>),
    /// Policy does not permit the action.
    #[error("you may not {action} this request: {}", .reasons.join("; "))]
    Forbidden {
        /// The action.
        action: &'static str,
        /// The policies' reasons.
        reasons: Vec<String>,
    },
    /// Policy does not permit what operators do.
    #[error("you may not administer Entryway: {}", .0.join("; "))]
    NotAdministrator(Vec<String>),
    /// Policy does not permit what auditors see.
    #[error("you may not read the audit log: {}", .0.join("; "))]
    NotAuditor(Vec<String>),
    /// There is no such cluster, or nothing of Entryway's for this principal on it.
    #[error("{0}")]
    NoSuchEntry(&'static str),
    /// No webhook of this name is configured.
    #[error("there is no such webhook; GET /v1/webhooks lists them")]
    NoSuchWebhook,
    /// The entry is not one that Entryway repairs.
    #[error("{0}")]
    NotRepairable(String),
    /// What no policy can permit.
    #[error("{}", .0.sentence())]
    Builtin(Builtin),
    /// It is decided already.
    #[error("the request is {}, not pending; {advice}", .state.as_str())]
    NotPending {
        /// Where it is.
        state: RequestState,
        /// What to do instead.
        advice: &'static str,
    },
    /// The same person reviewed it before.
    #[error("you have reviewed this request already; one person counts once, and a review is final")]
    AlreadyReviewed,
    /// The state does not allow it.
    #[error("the request is {}; {advice}", .state.as_str())]
    IllegalState {
        /// Where it is.
        state: RequestState,
        /// What would have to be the case, or what to do instead.
        advice: String,
    },
    /// The requester has too many undecided requests.
    #[error("{requester} has {limit} undecided requests already; withdraw one, or have one decided, first")]
    TooManyPending {
        /// Whose.
        requester: String,
        /// How many are allowed.
        limit: i64,
    },
    /// `If-Match` or the digest of a review is of something else than what is stored.
    #[error("{0}")]
    StaleView(String),
    /// The ask is not sound.
    #[error("the request is not sound in {} place(s)", .0.len())]
    Invalid(Vec<Violation>),
    /// A field that the action needs is missing or wrong.
    #[error("{detail}")]
    InvalidField {
        /// JSON pointer.
        pointer: &'static str,
        /// The code.
        code: &'static str,
        /// What to do.
        detail: String,
    },
    /// The `Idempotency-Key` belongs to another call.
    #[error("this Idempotency-Key was used for another call within the last 24 hours; use a new one")]
    KeyReused,
    /// The same call is being worked on.
    #[error("a call with this Idempotency-Key is being worked on right now; wait a moment and send it again")]
    KeyInFlight,
    /// It takes the person themselves.
    #[error("{0}")]
    NotOneself(&'static str),
    /// A link that ties somebody is not there, was used, or its time is over.
    #[error(
        "there is no such link, or it was used, or it is older than ten minutes; run /eks-access in Slack for a new one"
    )]
    NoSuchLink,
    /// The one or the other is tied already; what to do, for people.
    #[error("{0}")]
    AlreadyTied(String),
    /// EKS could not be looked at; why, for people.
    #[error("{0}")]
    Blind(String),
    /// The cluster takes no access entries; what mends that, for people.
    #[error("{0}")]
    NoEntries(String),
    /// EKS no longer takes the token of the page that the list is to go on with.
    #[error("EKS no longer knows where this list stopped; start again without nextToken")]
    PageGone,
    /// Postgres.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl WorkflowError {
    /// The code that the audit log names when this is a refusal; `None` for everything else.
    #[must_use]
    pub const fn refusal(&self) -> Option<&'static str> {
        match self {
            Self::RequestNotPermitted(_) => Some("request-not-permitted"),
            Self::Forbidden { .. } | Self::NotAdministrator(_) | Self::NotAuditor(_) | Self::NotOneself(_) => {
                Some("forbidden")
            }
            Self::Builtin(builtin) => Some(builtin.code()),
            Self::TooManyPending { .. } => Some("too-many-pending"),
            Self::Invalid(_) => Some("validation-failed"),
            _ => None,
        }
    }
}

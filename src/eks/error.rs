//! What can go wrong between Entryway and EKS, in the few kinds that call for different doings.

use std::time::Duration;

use thiserror::Error;

/// What kind of no it was. Each kind calls for something else; which AWS answer is which kind stands in one table,
/// in `classify.rs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Too many calls for this account and region. Slow down for all of it, then again.
    Throttled,
    /// EKS, STS or the way there is out of order. Again later.
    Transient,
    /// EKS does not see the entry it is to write to: it was made moments ago, or it is gone. Look again soon; this
    /// is waiting, not failing.
    NotVisibleYet,
    /// There is an entry for this principal already. Look whose it is.
    InUse,
    /// IAM does not know the principal. True for seconds after it was made, so believe it only after a while
    /// (`worker.fresh_principal_grace`).
    FreshPrincipal,
    /// The cluster is being made, changed or deleted. Again later.
    ClusterNotReady,
    /// EKS knows no cluster of this name in this account and region.
    ClusterGone,
    /// The cluster's authentication mode has no place for access entries.
    AuthMode,
    /// Entryway's credentials are good, but lack the right to do this.
    Denied,
    /// Entryway's own credentials are missing, expired or not recognised, or the cluster's role cannot be assumed.
    /// The operator's to mend; nothing was asked of EKS, or it did not listen. Again later.
    Credentials,
    /// The answer is not one EKS gives: unreadable, about something that was not asked, or from something on the
    /// way. Nothing may be concluded from it. Again later.
    BadAnswer,
    /// EKS understood and says no. Asking again will not change its mind.
    Final,
}

impl Class {
    /// Every class.
    pub const ALL: [Self; 12] = [
        Self::Throttled,
        Self::Transient,
        Self::NotVisibleYet,
        Self::InUse,
        Self::FreshPrincipal,
        Self::ClusterNotReady,
        Self::ClusterGone,
        Self::AuthMode,
        Self::Denied,
        Self::Credentials,
        Self::BadAnswer,
        Self::Final,
    ];

    /// Its name in metrics and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Throttled => "throttled",
            Self::Transient => "transient",
            Self::NotVisibleYet => "not_visible_yet",
            Self::InUse => "in_use",
            Self::FreshPrincipal => "fresh_principal",
            Self::ClusterNotReady => "cluster_not_ready",
            Self::ClusterGone => "cluster_gone",
            Self::AuthMode => "auth_mode",
            Self::Denied => "denied",
            Self::Credentials => "credentials",
            Self::BadAnswer => "bad_answer",
            Self::Final => "final",
        }
    }
}

/// A call to EKS that did not do what it was to do. [`EksError::explain`] says it to people.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}: {}", .code.as_deref().unwrap_or(.class.as_str()), .message.as_deref().or(.cause.as_deref()).unwrap_or("no more is known"))]
pub struct EksError {
    /// What kind of no it was.
    pub class: Class,
    /// AWS's code for it, when AWS answered: `InvalidParameterException`.
    pub code: Option<String>,
    /// AWS's own words, when AWS answered.
    pub message: Option<String>,
    /// What went wrong on our side of the wire or on the way, for the log. Not for callers of the API: it may name
    /// hosts.
    pub cause: Option<String>,
    /// The id under which AWS knows the call.
    pub aws_request_id: Option<String>,
    /// Whether a write may have happened all the same: the answer was lost after the question was sent, or EKS
    /// broke while working on it. Look before doing it again.
    pub ambiguous: bool,
    /// Whether nothing was even sent, because there were no credentials to be had for it.
    pub unsent: bool,
    /// How long AWS asks to wait before the next call, when it says.
    pub retry_after: Option<Duration>,
}

impl EksError {
    /// An error of ours about an answer that may not be believed. `ambiguous` because whatever it was an answer to
    /// may have been done.
    #[must_use]
    pub fn bad_answer(cause: impl Into<String>) -> Self {
        Self { cause: Some(cause.into()), ambiguous: true, ..Self::of(Class::BadAnswer) }
    }

    /// Just the class; nothing was done, nothing more is known.
    #[must_use]
    pub const fn of(class: Class) -> Self {
        Self {
            class,
            code: None,
            message: None,
            cause: None,
            aws_request_id: None,
            ambiguous: false,
            unsent: false,
            retry_after: None,
        }
    }

    /// Whether EKS says that what was named does not exist, while the cluster itself does.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.code.as_deref() == Some("ResourceNotFoundException") && self.class != Class::ClusterGone
    }

    /// Whether EKS itself says that it has no such cluster; where an answer was about another cluster, it says nothing.
    #[must_use]
    pub fn says_no_cluster(&self) -> bool {
        self.class == Class::ClusterGone && self.code.as_deref() == Some("ResourceNotFoundException")
    }

    /// Whether EKS says in the words known for it that the principal has no entry.
    #[must_use]
    pub fn says_no_entry(&self) -> bool {
        self.is_not_found() && self.message.as_deref().is_some_and(|words| words.contains("principalArn"))
    }
}

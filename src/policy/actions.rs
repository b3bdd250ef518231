//! What somebody can want to do, in which circumstances, and which of it no policy can allow.

use std::net::IpAddr;

use cedar_policy::{Context, RestrictedExpression};
use chrono::{DateTime, Utc};

use super::entities::{self, Unrepresentable};
use crate::domain::identity::Via;

macro_rules! actions {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$doc])* $variant),+ }

        impl $name {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The name in the schema and in `allowedActions`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// Reads the name that [`Self::as_str`] writes.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|action| action.as_str() == text)
            }
        }
    };
}

actions! {
    /// What can be done about one request.
    Action {
        /// File it.
        Request = "request",
        /// See it.
        View = "view",
        /// Take it back before it is applied.
        Withdraw = "withdraw",
        /// Give the access back.
        Relinquish = "relinquish",
        /// Take the access away.
        Revoke = "revoke",
        /// Try again after a failure.
        Retry = "retry",
        /// Sign it off.
        Approve = "approve",
        /// Turn it down.
        Deny = "deny",
    }
}

actions! {
    /// What can be done about Entryway itself.
    ServiceAction {
        /// Speak for people (`Entryway-On-Behalf-Of`).
        ActFor = "actFor",
        /// Read the audit log.
        Audit = "audit",
        /// Repair entries, and whatever else operators do.
        Administer = "administer",
    }
}

impl Action {
    /// Whether this ends or prevents access. Such actions are never blocked by a policy that errs.
    #[must_use]
    pub const fn ends_access(self) -> bool {
        matches!(self, Self::Withdraw | Self::Relinquish | Self::Revoke | Self::Deny)
    }

    /// What `somebody may …`, in a sentence.
    pub(super) const fn in_words(self) -> &'static str {
        match self {
            Self::Request => "ask for this",
            Self::View => "see this request",
            Self::Withdraw => "withdraw somebody else's request",
            Self::Relinquish => "give this access back for somebody else",
            Self::Revoke => "revoke this access",
            Self::Retry => "retry this request",
            Self::Approve => "approve this request",
            Self::Deny => "turn this request down",
        }
    }

    pub(super) const fn is_review(self) -> bool {
        matches!(self, Self::Approve | Self::Deny)
    }

    /// What the requester may do whatever policy says.
    pub(super) const fn is_right_of_requester(self) -> bool {
        matches!(self, Self::Withdraw | Self::Relinquish)
    }
}

impl ServiceAction {
    /// What `somebody may …`, in a sentence.
    pub(super) const fn in_words(self) -> &'static str {
        match self {
            Self::ActFor => "speak for other people",
            Self::Audit => "read the audit log",
            Self::Administer => "administer Entryway",
        }
    }
}

/// The circumstances of a call that policy may look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// The time it is decided at.
    pub now: DateTime<Utc>,
    /// The road it came by.
    pub via: Via,
    /// The address it came from, where there is one.
    pub source_ip: Option<IpAddr>,
}

/// A refusal that no policy can change; each is a code of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Builtin {
    /// They asked for it, or filed it for somebody.
    SelfApproval,
    /// It is a service that reviews as itself.
    NotAPerson,
}

impl Builtin {
    /// The code of the API.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::SelfApproval => "self-approval",
            Self::NotAPerson => "not-a-person",
        }
    }

    /// The sentence for people.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::SelfApproval => {
                "nobody reviews a request that they asked for or filed for somebody; ask another reviewer"
            }
            Self::NotAPerson => "a service does not review as itself; send the person's name in Entryway-On-Behalf-Of",
        }
    }
}

impl Call {
    /// The context of the schema. `moment` is that of [`Call::now`].
    pub(super) fn context(&self, moment: &Context) -> Result<Context, Unrepresentable> {
        let mut pairs = vec![("via".to_owned(), RestrictedExpression::new_string(self.via.as_str().to_owned()))];
        if let Some(address) = self.source_ip {
            // `::ffff:10.0.0.1` is 10.0.0.1 to whoever writes a policy about 10.0.0.0/8.
            let address = address.to_canonical().to_string();
            pairs.push(("sourceIp".to_owned(), RestrictedExpression::new_ip(address)));
        }
        entities::extend(moment, pairs)
    }
}

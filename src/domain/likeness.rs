//! What requests have in common. Whoever decides by a few parts of a request only decides about all that are alike in them.

/// A part of a request that a decision can depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Part {
    /// The request itself, unlike every other.
    Whole,
    /// Whose ask it is.
    Requester,
    /// Who filed it: the requester where nobody did it for them.
    SubmittedBy,
    /// On which cluster.
    Cluster,
    /// For which IAM principal.
    Principal,
    /// The type of the entry.
    Type,
    /// Whether it asks for a username.
    CustomUsername,
    /// Which Kubernetes groups.
    Groups,
    /// Which access policies, whatever their scopes.
    Policies,
    /// Whether it asks for the whole cluster.
    ClusterWide,
    /// Which access policies in which namespaces.
    Scopes,
    /// Whether it is for good.
    Permanent,
    /// For how long.
    Duration,
    /// Whether it names a ticket.
    Ticketed,
    /// Which ticket.
    Ticket,
    /// Whether it breaks the glass.
    BreakGlass,
}

impl Part {
    /// The bit that stands for it in [`Parts::bits`].
    #[must_use]
    pub const fn bit(self) -> i32 {
        1 << self as u8
    }
}

/// Some parts of a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Parts(i32);

impl Parts {
    /// For the database: the bits of all that are in it.
    #[must_use]
    pub const fn bits(self) -> i32 {
        self.0
    }

    /// Those of both.
    #[must_use]
    pub const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Whether `part` is among them.
    #[must_use]
    pub const fn has(self, part: Part) -> bool {
        self.0 & part.bit() != 0
    }
}

impl FromIterator<Part> for Parts {
    fn from_iter<I: IntoIterator<Item = Part>>(parts: I) -> Self {
        Self(parts.into_iter().fold(0, |bits, part| bits | part.bit()))
    }
}

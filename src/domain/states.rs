//! The life of a request as one table. The database holds the same table as a CHECK, `docs/STATES.md` is made
//! from it, and no code moves a request any other way.

/// Where a request is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RequestState {
    /// Waits for quorum.
    Pending,
    /// Approved; starts later.
    Scheduled,
    /// The worker is making, or will make, EKS calls.
    Applying,
    /// The writes are done; reads do not agree often enough yet.
    Verifying,
    /// Proven.
    Active,
    /// Is being taken back.
    Revoking,
    /// Proven gone.
    Ended,
    /// Somebody who may review it said no.
    Denied,
    /// The requester took it back before it was decided.
    Withdrawn,
    /// Nobody decided in time.
    Lapsed,
    /// EKS said no for good, the principal is not ours to touch, or the deadline passed.
    Failed,
}

/// Why a grant ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EndReason {
    /// Its duration was over.
    Expired,
    /// A reviewer took it back.
    Revoked,
    /// The requester gave it back.
    Relinquished,
    /// Another request took its place.
    Superseded,
    /// Quorum or policy no longer stands.
    Policy,
    /// The cluster was deleted, and its access entries with it.
    ClusterGone,
}

/// One legal move, and what makes it happen.
#[derive(Debug, Clone, Copy)]
pub struct Transition {
    /// From this state …
    pub from: RequestState,
    /// … to this one …
    pub to: RequestState,
    /// … when this happens.
    pub when: &'static str,
}

use RequestState::{
    Active, Applying, Denied, Ended, Failed, Lapsed, Pending, Revoking, Scheduled, Verifying, Withdrawn,
};

const fn moves(from: RequestState, to: RequestState, when: &'static str) -> Transition {
    Transition { from, to, when }
}

/// Every legal move. Nothing else ever happens to a request.
pub const TRANSITIONS: &[Transition] = &[
    moves(Pending, Applying, "quorum is reached and the start is now"),
    moves(Pending, Scheduled, "quorum is reached and the start lies ahead"),
    moves(Pending, Denied, "a reviewer denies it, or takes back what it was to extend"),
    moves(Pending, Withdrawn, "the requester withdraws it, or gives back what it was to extend"),
    moves(Pending, Lapsed, "nobody decided within requests.pending_ttl"),
    moves(Scheduled, Applying, "its start has come and quorum and policy still stand"),
    moves(
        Scheduled,
        Revoking,
        "it is revoked or relinquished, its cluster is gone, or quorum or policy no longer stands",
    ),
    moves(Scheduled, Failed, "the deadline to apply passed, or its cluster is no longer configured"),
    moves(Applying, Verifying, "every write is done"),
    moves(Applying, Failed, "EKS says no for good, the entry is not ours to touch, or the deadline to apply passed"),
    moves(
        Applying,
        Revoking,
        "it is revoked or relinquished, it expires, its cluster is gone, or quorum or policy is lost",
    ),
    moves(Verifying, Active, "verify.reads reads agree and verify.settle has passed"),
    moves(Verifying, Failed, "EKS says no for good, or the entry is not ours to touch"),
    moves(
        Verifying,
        Revoking,
        "it is revoked or relinquished, it expires, its cluster is gone, or quorum or policy is lost",
    ),
    moves(Active, Applying, "drift is found and is to be repaired, or a dead entry is made anew"),
    moves(
        Active,
        Revoking,
        "it is revoked or relinquished, it expires, its extension takes over, its cluster is gone, or quorum or policy is lost",
    ),
    moves(Active, Failed, "the entry turns out to be somebody else's"),
    moves(Revoking, Ended, "reads agree that it is gone, or its cluster is"),
    moves(Failed, Applying, "it is retried, and quorum and policy still stand"),
    moves(Failed, Revoking, "it is revoked or relinquished, so that nobody retries it"),
];

impl RequestState {
    /// All states, in the order of a request's life.
    pub const ALL: [Self; 11] =
        [Pending, Scheduled, Applying, Verifying, Active, Revoking, Ended, Denied, Withdrawn, Lapsed, Failed];

    /// The spelling in the database and in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Pending => "pending",
            Scheduled => "scheduled",
            Applying => "applying",
            Verifying => "verifying",
            Active => "active",
            Revoking => "revoking",
            Ended => "ended",
            Denied => "denied",
            Withdrawn => "withdrawn",
            Lapsed => "lapsed",
            Failed => "failed",
        }
    }

    /// Reads the spelling that [`RequestState::as_str`] writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// Whether the table has a move from here to `to`.
    #[must_use]
    pub fn may_become(self, to: Self) -> bool {
        TRANSITIONS.iter().any(|t| t.from == self && t.to == to)
    }

    /// Whether `target` can still be reached from here, by any number of moves (zero included).
    #[must_use]
    pub fn can_reach(self, target: Self) -> bool {
        self.leads_to(target, |_| true)
    }

    /// Whether `target` can still be reached from here without a retry. From [`Failed`] nothing else leads on, so whoever
    /// waits there waits for somebody to ask for one.
    #[must_use]
    pub fn can_reach_unasked(self, target: Self) -> bool {
        self.leads_to(target, |from| from != Failed)
    }

    /// Whether moves out of the states that are `passable` lead from here to `target`.
    fn leads_to(self, target: Self, passable: impl Fn(Self) -> bool) -> bool {
        let mut seen = vec![self];
        let mut next = 0;
        while next < seen.len() {
            let from = seen[next];
            next += 1;
            for t in TRANSITIONS.iter().filter(|t| t.from == from && passable(from)) {
                if !seen.contains(&t.to) {
                    seen.push(t.to);
                }
            }
        }
        seen.contains(&target)
    }

    /// Whether no move leads away from here.
    #[must_use]
    pub fn is_final(self) -> bool {
        !TRANSITIONS.iter().any(|t| t.from == self)
    }

    /// Whether a grant in this state is part of what its entry should hold.
    #[must_use]
    pub const fn is_granting(self) -> bool {
        matches!(self, Applying | Verifying | Active)
    }

    /// What it means, in one sentence for people.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Pending => "Waits for the people who sign off.",
            Scheduled => "Signed off; its start lies ahead.",
            Applying => "The worker is making, or will make, the EKS calls.",
            Verifying => "The writes are done; reads do not agree often enough yet.",
            Active => "Proven: the entry and every policy with its scope were read back, agreeing.",
            Revoking => "Is being taken back.",
            Ended => "What it alone gave is proven gone; `endReason` says why.",
            Denied => "A reviewer said no, which is final.",
            Withdrawn => "The requester took it back before it was decided.",
            Lapsed => "Nobody decided in time.",
            Failed => "Could not be applied; `lastError` says why. `retry` tries again.",
        }
    }
}

impl EndReason {
    /// All reasons.
    pub const ALL: [Self; 6] =
        [Self::Expired, Self::Revoked, Self::Relinquished, Self::Superseded, Self::Policy, Self::ClusterGone];

    /// The spelling in the database and in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Relinquished => "relinquished",
            Self::Superseded => "superseded",
            Self::Policy => "policy",
            Self::ClusterGone => "cluster-gone",
        }
    }

    /// Reads the spelling that [`EndReason::as_str`] writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_round_trip() {
        for state in RequestState::ALL {
            assert_eq!(RequestState::parse(state.as_str()), Some(state));
        }
        for reason in EndReason::ALL {
            assert_eq!(EndReason::parse(reason.as_str()), Some(reason));
        }
    }

    #[test]
    fn only_four_states_are_final() {
        let finals: Vec<_> = RequestState::ALL.into_iter().filter(|s| s.is_final()).collect();
        assert_eq!(finals, [Ended, Denied, Withdrawn, Lapsed]);
    }

    #[test]
    fn nothing_leads_from_an_undecided_request_to_a_granting_one_but_quorum() {
        let granting: Vec<_> = TRANSITIONS.iter().filter(|t| t.from == Pending && t.to.is_granting()).collect();
        assert_eq!(granting.len(), 1);
        assert!(granting[0].when.contains("quorum"));
    }

    #[test]
    fn everything_that_may_hold_access_can_be_ended() {
        for state in RequestState::ALL.into_iter().filter(|s| s.is_granting() || *s == Scheduled) {
            assert!(state.may_become(Revoking), "{state:?}");
        }
    }

    #[test]
    fn reachability_follows_the_table() {
        assert!(Pending.can_reach(Active));
        assert!(Failed.can_reach(Ended));
        assert!(!Denied.can_reach(Active));
        assert!(!Revoking.can_reach(Active));
        assert!(Active.can_reach(Active));
        assert!(Failed.can_reach(Active) && !Failed.can_reach_unasked(Active) && Failed.can_reach_unasked(Failed));
        assert!(Pending.can_reach_unasked(Active) && !Failed.can_reach_unasked(Ended));
    }

    #[test]
    fn no_move_is_listed_twice() {
        for (i, a) in TRANSITIONS.iter().enumerate() {
            assert!(!TRANSITIONS[i + 1..].iter().any(|b| a.from == b.from && a.to == b.to), "{a:?}");
        }
    }
}

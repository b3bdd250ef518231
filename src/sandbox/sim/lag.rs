//! Eventual consistency: everything written is kept as a timeline of versions, and each kind of read sees each
//! version from its own moment on.

use rand::Rng;
use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};

use super::clock::Ms;

/// Who looks. Each view lags behind the truth by its own delay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum View {
    /// `DescribeAccessEntry` and the tags of an entry.
    Describe,
    /// `ListAccessEntries`.
    List,
    /// `ListAssociatedAccessPolicies`.
    Policies,
    /// `ListAccessEntries` with `associatedPolicyArn`.
    Index,
    /// The look-up that Update, Delete, Associate and Disassociate start with.
    Write,
    /// The cluster's own authenticator and authorizer.
    Authorizer,
}

const VIEWS: usize = 6;

/// How far a view lags: a fixed delay, or a range from which each write draws its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Lag {
    /// The same delay for every write, in milliseconds.
    Fixed(u32),
    /// A delay drawn per write, evenly, ends included.
    #[serde(rename_all = "camelCase")]
    Range {
        /// Shortest delay in milliseconds.
        min_ms: u32,
        /// Longest delay in milliseconds.
        max_ms: u32,
    },
}

impl Default for Lag {
    fn default() -> Self {
        Self::Fixed(0)
    }
}

impl Lag {
    fn draw(self, rng: &mut StdRng) -> Ms {
        match self {
            Self::Fixed(ms) => Ms::from(ms),
            Self::Range { min_ms, max_ms } => rng.random_range(Ms::from(min_ms)..=Ms::from(max_ms.max(min_ms))),
        }
    }
}

/// The delay of each view behind the truth, and whether reads may go back and forth within it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Lags {
    /// `DescribeAccessEntry`, and the tags of an entry.
    pub describe: Lag,
    /// `ListAccessEntries`.
    pub list: Lag,
    /// `ListAssociatedAccessPolicies`.
    pub policies: Lag,
    /// `ListAccessEntries` with `associatedPolicyArn`.
    pub index: Lag,
    /// The look-up of the entry in Update, Delete, Associate and Disassociate.
    pub write: Lag,
    /// What the cluster itself lets the principal do.
    pub authorizer: Lag,
    /// Within a lag window each read asks a random replica, so answers may go 200, 404, 200.
    pub non_monotonic: bool,
}

impl Lags {
    /// When a write of `now` becomes visible, per view.
    pub(crate) fn draw(&self, now: Ms, rng: &mut StdRng) -> Visibility {
        let order = [self.describe, self.list, self.policies, self.index, self.write, self.authorizer];
        Visibility(order.map(|lag| now + lag.draw(rng)))
    }
}

/// From when on each view shows a version.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Visibility([Ms; VIEWS]);

impl Visibility {
    /// Visible to everybody from `now` on.
    pub(crate) const fn at_once(now: Ms) -> Self {
        Self([now; VIEWS])
    }
}

/// Every version of one thing, oldest first; `None` is "does not exist". The last version is the truth.
#[derive(Debug)]
pub(crate) struct Timeline<T> {
    versions: Vec<(Visibility, Option<T>)>,
}

impl<T> Default for Timeline<T> {
    fn default() -> Self {
        Self { versions: Vec::new() }
    }
}

impl<T> Timeline<T> {
    /// What is really there.
    pub(crate) fn truth(&self) -> Option<&T> {
        self.versions.last().and_then(|(_, value)| value.as_ref())
    }

    /// Writes a new truth, and forgets versions that no view can show any more.
    pub(crate) fn put(&mut self, now: Ms, visible: Visibility, value: Option<T>) {
        let shown_by_all = (0..VIEWS).map(|view| self.settled(view, now)).min().flatten();
        if let Some(oldest) = shown_by_all {
            self.versions.drain(..oldest);
        }
        self.versions.push((visible, value));
    }

    /// What a view shows now. With `replicas`, a version within its lag window may show already, at random.
    pub(crate) fn seen(&self, view: View, now: Ms, replicas: Option<&mut StdRng>) -> Option<&T> {
        let settled = self.settled(view as usize, now);
        // Counted from 1, so that 0 is "before the first version": not there.
        let (oldest, newest) = (settled.map_or(0, |index| index + 1), self.versions.len());
        let shown = match replicas {
            Some(rng) if oldest < newest => rng.random_range(oldest..=newest),
            _ => oldest,
        };
        let (_, value) = self.versions.get(shown.checked_sub(1)?)?;
        value.as_ref()
    }

    fn settled(&self, view: usize, now: Ms) -> Option<usize> {
        self.versions.iter().rposition(|(visible, _)| visible.0[view] <= now)
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    fn timeline() -> Timeline<u8> {
        let mut timeline = Timeline::default();
        let lags = Lags { describe: Lag::Fixed(100), list: Lag::Fixed(300), ..Lags::default() };
        let mut rng = StdRng::seed_from_u64(1);
        timeline.put(1_000, lags.draw(1_000, &mut rng), Some(1));
        timeline.put(1_200, lags.draw(1_200, &mut rng), Some(2));
        timeline.put(1_250, lags.draw(1_250, &mut rng), None);
        timeline
    }

    #[test]
    fn each_view_lags_by_its_own_delay() {
        let timeline = timeline();
        let describe = |now| timeline.seen(View::Describe, now, None).copied();
        assert_eq!(
            [1_099, 1_100, 1_299, 1_300, 1_349, 1_350].map(describe),
            [None, Some(1), Some(1), Some(2), Some(2), None]
        );
        let list = |now| timeline.seen(View::List, now, None).copied();
        assert_eq!([1_299, 1_300, 1_500, 1_550].map(list), [None, Some(1), Some(2), None]);
        assert_eq!(timeline.truth(), None);
    }

    #[test]
    fn replicas_disagree_only_within_the_window() {
        let timeline = timeline();
        let mut rng = StdRng::seed_from_u64(7);
        let within: std::collections::BTreeSet<_> =
            (0..200).map(|_| timeline.seen(View::Describe, 1_260, Some(&mut rng)).copied()).collect();
        assert_eq!(within, [None, Some(1), Some(2)].into());
        assert!((0..200).all(|_| timeline.seen(View::Describe, 1_350, Some(&mut rng)).is_none()));
    }

    #[test]
    fn forgets_only_what_nobody_can_see() {
        let mut timeline = timeline();
        timeline.put(1_299, Visibility::at_once(1_299), Some(4));
        assert_eq!(timeline.versions.len(), 4, "list still waits for the first version");
        timeline.put(9_000, Visibility::at_once(9_000), Some(5));
        assert_eq!(timeline.versions.len(), 2);
    }

    #[test]
    fn a_seed_draws_the_same_lags_again() {
        let lags = Lags { describe: Lag::Range { min_ms: 0, max_ms: 30_000 }, ..Lags::default() };
        let draw = |seed| lags.draw(0, &mut StdRng::seed_from_u64(seed)).0;
        assert_eq!(draw(3), draw(3));
        assert_ne!(draw(3), draw(4));
    }
}

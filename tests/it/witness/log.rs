//! The simulator's log, held against what the database says.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use entryway::sandbox::sim::CallRecord;

use super::{Fact, Facts, Grant, Place};

/// How the log is to be read.
pub(crate) struct Terms<'a> {
    /// The database's time at a moment of the simulator's.
    pub(crate) at: &'a dyn Fn(i64) -> DateTime<Utc>,
    /// How far apart the two may be, and how long a call may be on its way.
    pub(crate) slack: TimeDelta,
    /// How long somebody waits for an answer, in milliseconds: what EKS does after that is nobody's call under way.
    pub(crate) patience: i64,
    /// Entries of somebody else's that grants are layered on.
    pub(crate) others: BTreeMap<Place, Facts>,
}

/// What happened on one entry.
pub(crate) struct Log<'a> {
    terms: &'a Terms<'a>,
    reads: BTreeMap<Place, Vec<&'a CallRecord>>,
    writes: BTreeMap<Place, Vec<&'a CallRecord>>,
    grants: BTreeMap<&'a Place, Vec<&'a Grant>>,
}

/// What an entry held from one moment to another.
type Stretch<'a> = (&'a Place, DateTime<Utc>, DateTime<Utc>, Option<Facts>);

impl<'a> Log<'a> {
    pub(crate) fn new(calls: &'a [CallRecord], grants: &'a [Grant], terms: &'a Terms<'a>) -> Self {
        let place = |call: &CallRecord| Some((call.cluster.clone()?, call.principal_arn.clone()?));
        let mut log = Self { terms, reads: BTreeMap::new(), writes: BTreeMap::new(), grants: BTreeMap::new() };
        for call in calls.iter().filter(|call| call.service == "eks") {
            let Some(place) = place(call) else { continue };
            if call.applied && call.op != "TagResource" {
                log.writes.entry(place).or_default().push(call);
            } else if call.op == "DescribeAccessEntry" {
                log.reads.entry(place).or_default().push(call);
            }
        }
        log.writes.values_mut().for_each(|writes| writes.sort_by_key(|call| call.applied_seq));
        for grant in grants {
            log.grants.entry(&grant.place).or_default().push(grant);
        }
        log
    }

    pub(crate) fn write_count(&self) -> usize {
        self.writes.values().map(Vec::len).sum()
    }

    fn grants_of(&self, place: &Place) -> &[&'a Grant] {
        self.grants.get(place).map_or(&[], Vec::as_slice)
    }

    /// Nothing was written that was not approved and live at that time (P1, P2), nothing was taken from whoever still held it
    /// (P6), and no two writes on one entry overlapped.
    pub(crate) fn unaccounted(&self) -> Vec<String> {
        let mut wrong = vec![];
        for (place, writes) in &self.writes {
            for (index, call) in writes.iter().enumerate() {
                let at = (self.terms.at)(call.started_at);
                let mut allowed = self.terms.others.get(place).cloned().unwrap_or_default();
                let live = self.grants_of(place).iter().filter(|grant| grant.may_be_written(at, self.terms.slack));
                live.for_each(|grant| allowed.add(&grant.facts));
                let surplus = Facts::of_write(call).beyond(&allowed);
                let none_live = !self.grants_of(place).iter().any(|g| g.may_be_written(at, self.terms.slack));
                if !surplus.is_empty() || call.op == "CreateAccessEntry" && none_live {
                    wrong.push(format!("{} on {place:?} at {at} gives {surplus:?}, which nobody was to have", call.op));
                }
                wrong.extend(self.harm(place, call, at));
                if let Some(next) = writes.get(index + 1) {
                    // In the order in which they took effect, which a call that hung may have done after one made later.
                    let end = |call: &CallRecord| {
                        call.finished_at.unwrap_or(i64::MAX).min(call.started_at + self.terms.patience)
                    };
                    if next.started_at < end(call) && call.started_at < end(next) {
                        wrong.push(format!(
                            "on {place:?} {} ({}) and {} ({}) overlap",
                            call.op, call.seq, next.op, next.seq
                        ));
                    }
                }
            }
        }
        wrong
    }

    /// What a write takes from somebody who still holds it.
    fn harm(&self, place: &Place, call: &CallRecord, at: DateTime<Utc>) -> Option<String> {
        let holders = self.grants_of(place).iter().filter(|grant| grant.must_stay(at, self.terms.slack));
        let policy = call.policy_arn.as_deref().unwrap_or_default();
        let loses = |fact: &Fact| match (call.op.as_str(), fact) {
            ("DeleteAccessEntry", _) => true,
            ("DisassociateAccessPolicy", Fact::Everywhere(p) | Fact::In(p, _)) => p == policy,
            ("AssociateAccessPolicy", Fact::Everywhere(p) | Fact::In(p, _)) if p == policy => {
                !Facts::of_write(call).gives(fact)
            }
            ("UpdateAccessEntry", Fact::Group(_)) => !Facts::of_write(call).gives(fact),
            _ => false,
        };
        let harmed = holders.filter(|grant| grant.facts.0.iter().any(loses)).map(|grant| &grant.id).collect::<Vec<_>>();
        (!harmed.is_empty()).then(|| format!("{} on {place:?} at {at} takes from {harmed:?} what they hold", call.op))
    }

    /// `active` means proven (P3): how often the entry was read between its last write and the word that it is proven.
    pub(crate) fn unproven(&self, reads: usize) -> Vec<String> {
        let mut wrong = vec![];
        for grant in self.grants.values().flatten() {
            for (active, _) in &grant.proven {
                let until = *active + self.terms.slack;
                let time = |call: &&&CallRecord| (self.terms.at)(call.started_at);
                let writes = self.writes.get(&grant.place).into_iter().flatten();
                let last = writes.filter(|call| time(call) < *active).map(|call| call.seq).max().unwrap_or_default();
                let seen = self.reads.get(&grant.place).into_iter().flatten();
                let seen =
                    seen.filter(|call| call.seq > last && call.status == Some(200) && time(call) <= until).count();
                if seen < reads {
                    wrong.push(format!("{} was called active after {seen} reads", grant.id));
                }
            }
        }
        wrong
    }

    /// For how long the longest-lived piece of access outlived its end, where nobody edits by hand (P4).
    pub(crate) fn latest_end(&self, now: DateTime<Utc>) -> (TimeDelta, String) {
        let mut latest = (TimeDelta::zero(), "nothing".to_owned());
        for (place, from, until, facts) in self.stretches(now) {
            let at = until - self.terms.slack;
            for fact in facts.iter().flat_map(|facts| &facts.0).filter(|_| from < at) {
                let givers = || self.grants_of(place).iter().filter(|grant| grant.facts.gives(fact));
                if givers().any(|grant| grant.was_live(at)) {
                    continue;
                }
                if let Some(over) = givers().filter_map(|grant| grant.over_since(at)).max()
                    && at - over > latest.0
                {
                    latest = (at - over, format!("{fact:?} on {place:?}, over since {over}, there until {until}"));
                }
            }
        }
        latest
    }

    /// Access that was proven and then missing while it was still to be there, where nobody edits by hand (P6).
    pub(crate) fn gaps(&self, now: DateTime<Utc>) -> Vec<String> {
        let mut wrong = vec![];
        for (place, from, until, facts) in self.stretches(now) {
            for grant in self.grants_of(place) {
                for (active, to) in &grant.proven {
                    let end = to.iter().copied().chain(grant.expires_at).min().unwrap_or(now);
                    let overlap = until.min(end) - from.max(*active);
                    let lost = grant.facts.beyond(&facts.clone().unwrap_or_default());
                    if overlap > self.terms.slack && !lost.is_empty() {
                        wrong.push(format!("{} was without {lost:?} for {overlap} from {from}", grant.id));
                    }
                }
            }
        }
        wrong
    }

    /// What each entry held, from one write to the next.
    fn stretches(&self, now: DateTime<Utc>) -> Vec<Stretch<'_>> {
        let mut all = vec![];
        for (place, writes) in &self.writes {
            let mut facts = self.terms.others.get(place).cloned();
            let time = |call: &CallRecord| (self.terms.at)(call.at.unwrap_or(call.started_at));
            for (index, call) in writes.iter().enumerate() {
                facts = Facts::after(facts, call);
                let until = writes.get(index + 1).map_or(now, |next| time(next));
                all.push((place, time(call), until, facts.clone()));
            }
        }
        all
    }
}

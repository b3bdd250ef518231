//! What to make of a look at EKS. Reads may lag behind writes (`EKS user guide, creating access entries`), so a read
//! alone decides nothing: for a while after a write, what was written is the better witness.

use chrono::{DateTime, TimeDelta, Utc};

use uuid::Uuid;

use super::arn::PrincipalArn;
use super::baseline::{Baseline, can_be_layered_on};
use super::entry::{EntryContent, OWNER_TAG, ObservedEntry};
use super::merge::{Contribution, merge};
use super::plan::{Step, anew, plan};
use super::record::EntryRecord;

/// How many reads make a proof, and how long to wait for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tempo {
    /// Consecutive agreeing reads that make a proof.
    pub reads: i32,
    /// The least time between two of them.
    pub interval: TimeDelta,
    /// The least time from the last write to the last of them.
    pub settle: TimeDelta,
    /// How long after a write a read that disagrees may just not show it yet.
    pub visibility: TimeDelta,
    /// How often proven entries are looked at again.
    pub drift_interval: TimeDelta,
}

/// What a look at EKS calls for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// EKS shows what is desired.
    Agrees,
    /// It does not, but it may not show the last write yet: read again.
    NotYet,
    /// These calls are needed, starting from this content.
    Write {
        /// What EKS holds, as far as is known.
        from: Option<EntryContent>,
        /// The calls.
        steps: Vec<Step>,
    },
    /// It was proven, and somebody has changed it since.
    Drift {
        /// What EKS holds.
        from: Option<EntryContent>,
        /// The calls that would put it right.
        steps: Vec<Step>,
        /// Whether a part of it is a late doing of our own, which is put right however drift is dealt with.
        ours: bool,
    },
    /// It shows what is desired, and our tag has been taken off it. Its ARN says that it is ours all the same.
    Untagged,
    /// The entry is somebody else's, and grants may be layered on it: remember what it holds.
    Remember,
    /// The owner of an entry with grants layered on it has changed it: their change is kept ([`rebase`]).
    Rebase,
    /// The entry is somebody else's: nothing may be done to it.
    NotOurs,
}

impl EntryRecord {
    /// Whether `entry` is ours, or the one that grants are layered on. Its ARN tells our entry from any other; that somebody
    /// took the tag off does not make it theirs.
    #[must_use]
    pub fn knows(&self, entry: &ObservedEntry, installation: &str) -> bool {
        let arn = Some(&entry.access_entry_arn);
        entry.is_owned_by(installation)
            || arn == self.access_entry_arn.as_ref()
            || arn == self.layered_on().map(|base| &base.access_entry_arn)
    }

    /// Whether `entry` is the one that Entryway last made or saw, and not one before or after it.
    #[must_use]
    pub fn is_the_one(&self, entry: &ObservedEntry) -> bool {
        self.access_entry_arn.as_ref() == Some(&entry.access_entry_arn)
    }

    /// Whether enough reads agreed, whatever the time since the last write.
    #[must_use]
    pub const fn is_recorded(&self, tempo: &Tempo) -> bool {
        self.agreeing_reads >= tempo.reads
    }

    /// The earliest a proof may be complete: `settle` after the last write, and not before anything must have become
    /// visible that a write did whose outcome is unknown.
    #[must_use]
    pub fn settles_at(&self, tempo: &Tempo) -> Option<DateTime<Utc>> {
        let wait = if self.unsure { tempo.settle.max(tempo.visibility) } else { tempo.settle };
        self.touched_at.map(|touched| touched + wait).max(self.doubt_until)
    }

    /// Another write is about to be made. That the outcome of the one before it is unknown stays remembered: what that
    /// one did may show after this one is read back.
    pub fn begin_write(&mut self, now: DateTime<Utc>, tempo: &Tempo) {
        if self.unsure {
            self.doubt_until = self.doubt_until.max(self.touched_at.map(|touched| touched + tempo.visibility));
        }
        // From here on the outcome is unknown until it is recorded: a worker that dies now leaves that behind.
        self.touched_at = Some(now);
        self.unsure = true;
        self.restart_proof();
    }

    /// Whether the last read completed a proof.
    #[must_use]
    pub fn is_proven(&self, tempo: &Tempo) -> bool {
        self.is_recorded(tempo)
            && self.settles_at(tempo).is_none_or(|at| self.last_read_at.is_some_and(|read| read >= at))
    }

    /// Counts a read. Agreeing reads closer together than `interval` count once.
    pub fn count_read(&mut self, agrees: bool, now: DateTime<Utc>, tempo: &Tempo) {
        if !agrees {
            // One read that disagrees with a proof may be stale; the proof falls with the second.
            if !self.is_proven(tempo) || self.disagreeing_reads > 0 {
                self.agreeing_reads = 0;
                self.agreeing_since = None;
            }
            self.disagreeing_reads = self.disagreeing_reads.saturating_add(1);
        } else if self.agreeing_reads == 0 || self.last_read_at.is_none_or(|last| now - last >= tempo.interval) {
            self.agreeing_since = self.agreeing_since.or(Some(now));
            self.agreeing_reads = self.agreeing_reads.saturating_add(1);
            self.disagreeing_reads = 0;
        } else {
            return;
        }
        self.last_read_at = Some(now);
    }

    /// Whether IAM is to be asked about the principal of `entry`: with every look for drift, and when a repair was asked for.
    /// Only about the entry that was proven: right after another was made, a read may still show the one before it.
    #[must_use]
    pub fn is_principal_due(&self, entry: &ObservedEntry, now: DateTime<Utc>, tempo: &Tempo) -> bool {
        let binding = self.binding_of(entry);
        let is_the_one = self.is_the_one(entry)
            || self.layered_on().is_some_and(|base| base.access_entry_arn == entry.access_entry_arn);
        if !self.is_proven(tempo) || !is_the_one || binding.is_some_and(|binding| binding.condemned) {
            return false;
        }
        let checked_at = binding.and_then(|binding| binding.checked_at);
        let asked = self.repair_asked_at.is_some_and(|asked| checked_at.is_none_or(|at| at <= asked));
        asked || checked_at.is_none_or(|at| now >= at + tempo.drift_interval)
    }

    /// When the next read is of use: as soon as it may count, or, when only the settling is missing, once that is over.
    #[must_use]
    pub fn next_read_at(&self, now: DateTime<Utc>, tempo: &Tempo) -> DateTime<Utc> {
        let spaced = self.last_read_at.map_or(now, |last| last + tempo.interval);
        match self.settles_at(tempo) {
            Some(settled) if self.is_recorded(tempo) => spaced.max(settled),
            _ => spaced,
        }
    }
}

/// What a look is judged by, besides what is remembered and desired.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// Whose entry it is.
    pub principal: &'a PrincipalArn,
    /// The value of the tag on entries that are ours.
    pub installation: &'a str,
    /// Whether grants may be layered on entries of others.
    pub layer: bool,
    /// How long to wait for what.
    pub tempo: &'a Tempo,
}

/// What to do about an entry, given what is desired and what EKS answers.
#[must_use]
pub fn judge(
    record: &EntryRecord,
    desired: Option<&EntryContent>,
    observed: Option<&ObservedEntry>,
    now: DateTime<Utc>,
    terms: &Terms<'_>,
) -> Verdict {
    let tempo = terms.tempo;
    let proven = record.is_proven(tempo);
    let recent = record.touched_at.is_some_and(|touched| now < touched + tempo.visibility);
    let fresh = recent && !proven;
    let written = record.written.as_ref().map(|written| written.content.as_ref());
    let layered = record.layered_on();
    // Ours was created moments ago, and this is what stood there before it, somebody else's or ours: an old read.
    let replaced = record.access_entry_arn.is_some() && observed.is_some_and(|entry| !record.is_the_one(entry));
    if let Some(entry) = observed.filter(|entry| !record.knows(entry, terms.installation)) {
        return match desired {
            _ if fresh && replaced && matches!(written, Some(Some(_))) => Verdict::NotYet,
            // Nothing of ours is there. If nothing should be, that is as good as gone.
            None => Verdict::Agrees,
            // One read may be stale; two are not.
            Some(_) if proven && record.disagreeing_reads == 0 => Verdict::NotYet,
            Some(_) if terms.layer && can_be_layered_on(&entry.content) => Verdict::Remember,
            Some(_) => Verdict::NotOurs,
        };
    }
    let seen = observed.map(|entry| match layered {
        // Theirs is put back to the letter, so it is compared to the letter.
        Some(_) => entry.content.clone(),
        None => entry.as_asked(terms.principal, desired.and_then(|content| content.username.as_deref())),
    });
    let seen = seen.as_ref();
    // Its principal is another one by now, and what EKS shows of it is worth nothing. Never for one of somebody else's.
    if let (Some(entry), Some(to), None) = (observed, desired, layered)
        && record.binding_of(entry).is_some_and(|binding| binding.condemned)
    {
        return Verdict::Write { from: seen.cloned(), steps: anew(to) };
    }
    if let (Some(base), Some(Some(written)), false) = (layered, written, fresh && !record.unsure)
        && was_changed(base, written, desired, seen, record.unsure)
    {
        return match record.without_late(desired, seen, now) {
            // One read may be stale; two are not.
            _ if record.disagreeing_reads == 0 => Verdict::NotYet,
            Some(content) if desired == Some(&content) => {
                Verdict::Write { from: seen.cloned(), steps: plan(seen, desired) }
            }
            _ => Verdict::Rebase,
        };
    }
    let from_seen = plan(seen, desired);
    match written {
        // The last write is known to have happened: until reads must show it, plan from it. Also where it is proven and what is
        // desired has changed since: a read that is older than the proof would hide what is to be taken away.
        Some(written) if !record.unsure && (fresh || recent && !plan(written, desired).is_empty()) => {
            let steps = plan(written, desired);
            if !steps.is_empty() {
                Verdict::Write { from: written.cloned(), steps }
            } else if from_seen.is_empty() && !replaced {
                Verdict::Agrees
            } else {
                Verdict::NotYet
            }
        }
        _ if from_seen.is_empty() => match observed {
            Some(entry) if proven && lost_its_tag(record, desired, entry, now, terms) => Verdict::Untagged,
            _ => Verdict::Agrees,
        },
        // What was proven is still what is desired, and EKS shows something else. One read may be stale; two are not.
        Some(written) if proven && plan(written, desired).is_empty() => {
            let from = seen.cloned();
            match record.without_late(desired, seen, now) {
                _ if record.disagreeing_reads == 0 => Verdict::NotYet,
                // Nobody has changed it: a call of ours has come late, and that is all.
                Some(content) if desired == Some(&content) => Verdict::Write { from, steps: from_seen },
                late => Verdict::Drift { from, steps: from_seen, ours: late.is_some() },
            }
        }
        _ => Verdict::Write { from: seen.cloned(), steps: from_seen },
    }
}

/// Whether somebody took our tag off an entry that is ours and is to stay. One that was put back on may not show yet. One that
/// names another installation is left to whoever put it there.
fn lost_its_tag(
    record: &EntryRecord,
    desired: Option<&EntryContent>,
    entry: &ObservedEntry,
    now: DateTime<Utc>,
    terms: &Terms<'_>,
) -> bool {
    let shows = record.touched_at.is_none_or(|touched| now >= touched + terms.tempo.visibility);
    desired.is_some() && record.layered_on().is_none() && shows && !entry.tags.contains_key(OWNER_TAG)
}

/// Whether the owner of a layered entry has changed it. Where the outcome of the last write is unknown, what that write may
/// have done is no change of theirs.
fn was_changed(
    base: &Baseline,
    written: &EntryContent,
    desired: Option<&EntryContent>,
    seen: Option<&EntryContent>,
    unsure: bool,
) -> bool {
    match seen {
        None => true,
        Some(seen) if unsure => base.rebased(&either(written, desired), seen, true).content != base.content,
        Some(seen) => seen != written,
    }
}

/// The baseline after its owner has changed the entry to `seen`; `None` when they deleted it. What a call of ours has done to it
/// late is no change of theirs.
#[must_use]
pub fn rebase(
    record: &EntryRecord,
    desired: Option<&EntryContent>,
    seen: Option<&EntryContent>,
    now: DateTime<Utc>,
) -> Option<Baseline> {
    let theirs = seen.and_then(|_| record.without_late(desired, seen, now));
    let seen = theirs.as_ref().or(seen);
    let written = record.written.as_ref().and_then(|written| written.content.as_ref());
    record.layered_on().zip(seen).map(|(base, seen)| match written {
        Some(written) if record.unsure => base.rebased(&either(written, desired), seen, true),
        Some(written) => base.rebased(written, seen, false),
        None => base.clone(),
    })
}

/// Everything that is in the entry either before or after a write from `written` to `desired`.
fn either(written: &EntryContent, desired: Option<&EntryContent>) -> EntryContent {
    let more = desired.map(|content| Contribution { id: Uuid::nil(), content });
    merge(Some(written), more.as_slice()).desired.unwrap_or_else(|| written.clone())
}

#[cfg(test)]
mod tests;

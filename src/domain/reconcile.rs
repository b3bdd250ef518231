//! What to make of a look at EKS. Reads may lag behind writes (`EKS user guide, creating access entries`), so a read
//! alone decides nothing: for a while after a write, what was written is the better witness.

use chrono::{DateTime, TimeDelta, Utc};

use super::arn::PrincipalArn;
use super::entry::{EntryContent, ObservedEntry};
use super::plan::{PlanError, Step, plan};
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
        /// The calls that would put it right.
        steps: Vec<Step>,
    },
    /// The entry is somebody else's: nothing may be done to it.
    NotOurs,
    /// No calls lead from what is there to what is desired.
    Impossible(PlanError),
}

impl EntryRecord {
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

/// What to do about an entry, given what is desired and what EKS answers.
#[must_use]
pub fn judge(
    record: &EntryRecord,
    desired: Option<&EntryContent>,
    observed: Option<&ObservedEntry>,
    principal: &PrincipalArn,
    installation: &str,
    now: DateTime<Utc>,
    tempo: &Tempo,
) -> Verdict {
    let proven = record.is_proven(tempo);
    let fresh = !proven && record.touched_at.is_some_and(|touched| now < touched + tempo.visibility);
    let written = record.written.as_ref().map(|written| written.content.as_ref());
    if let Some(entry) = observed.filter(|entry| !entry.is_owned_by(installation)) {
        // Ours was created moments ago, and this is what stood there before it: an old read.
        let replaced = record.access_entry_arn.as_ref().is_some_and(|ours| *ours != entry.access_entry_arn);
        if fresh && replaced && matches!(written, Some(Some(_))) {
            return Verdict::NotYet;
        }
        // Nothing of ours is there. If nothing should be, that is as good as gone.
        return if desired.is_none() { Verdict::Agrees } else { Verdict::NotOurs };
    }
    let seen = observed.map(|entry| entry.as_asked(principal));
    let seen = seen.as_ref();
    let from_seen = match plan(seen, desired) {
        Ok(steps) => steps,
        Err(error) => return Verdict::Impossible(error),
    };
    match written {
        // The last write is known to have happened: until reads must show it, plan from it.
        Some(written) if fresh && !record.unsure => match plan(written, desired) {
            Ok(steps) if !steps.is_empty() => Verdict::Write { from: written.cloned(), steps },
            _ if from_seen.is_empty() => Verdict::Agrees,
            _ => Verdict::NotYet,
        },
        _ if from_seen.is_empty() => Verdict::Agrees,
        // What was proven is still what is desired, and EKS shows something else. One read may be stale; two are not.
        Some(written) if proven && plan(written, desired) == Ok(vec![]) => {
            if record.disagreeing_reads == 0 {
                Verdict::NotYet
            } else {
                Verdict::Drift { steps: from_seen }
            }
        }
        _ => Verdict::Write { from: seen.cloned(), steps: from_seen },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::entry::{AccessScope, EntryType, OWNER_TAG};
    use crate::domain::record::Written;

    const TEMPO: Tempo = Tempo {
        reads: 3,
        interval: TimeDelta::seconds(2),
        settle: TimeDelta::seconds(15),
        visibility: TimeDelta::seconds(60),
        drift_interval: TimeDelta::minutes(10),
    };

    fn content(policies: &[&str]) -> EntryContent {
        EntryContent {
            entry_type: EntryType::Standard,
            username: None,
            kubernetes_groups: [].into(),
            access_policies: policies.iter().map(|p| ((*p).to_owned(), AccessScope::Cluster)).collect(),
        }
    }

    fn observed(content: &EntryContent, owner: &str) -> ObservedEntry {
        ObservedEntry {
            content: content.clone(),
            tags: [(OWNER_TAG.to_owned(), owner.to_owned())].into(),
            access_entry_arn: "arn".to_owned(),
        }
    }

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
    }

    fn record(written: Option<Option<EntryContent>>, touched: Option<i64>) -> EntryRecord {
        EntryRecord {
            cluster_name: "prod".into(),
            principal_arn: "arn".into(),
            attempts: 0,
            written: written.map(|content| Written { content }),
            touched_at: touched.map(at),
            unsure: false,
            doubt_until: None,
            agreeing_reads: 0,
            agreeing_since: None,
            proof_of: None,
            disagreeing_reads: 0,
            last_read_at: None,
            access_entry_arn: None,
            last_error: None,
            drifted: false,
            overdue_reported: false,
        }
    }

    fn proven(mut record: EntryRecord, last_read: i64) -> EntryRecord {
        (record.agreeing_reads, record.last_read_at) = (3, Some(at(last_read)));
        record
    }

    fn judged(record: &EntryRecord, desired: Option<&EntryContent>, seen: Option<&ObservedEntry>, now: i64) -> Verdict {
        let principal = "arn:aws:iam::111122223333:role/r".parse().expect("an ARN");
        judge(record, desired, seen, &principal, "me", at(now), &TEMPO)
    }

    #[test]
    fn somebody_elses_entry_is_never_written() {
        let theirs = observed(&content(&["A"]), "them");
        for record in [record(None, None), record(Some(Some(content(&["A"]))), Some(0)), record(Some(None), Some(0))] {
            assert_eq!(judged(&record, Some(&content(&["B"])), Some(&theirs), 1), Verdict::NotOurs);
            assert_eq!(judged(&record, None, Some(&theirs), 1), Verdict::Agrees, "nothing of ours is there");
        }
        let untagged = ObservedEntry { tags: [].into(), ..theirs };
        assert_eq!(judged(&record(None, None), Some(&content(&["A"])), Some(&untagged), 1), Verdict::NotOurs);
    }

    #[test]
    fn a_stale_read_after_a_write_causes_no_second_write() {
        let record = record(Some(Some(content(&["A"]))), Some(0));
        assert_eq!(judged(&record, Some(&content(&["A"])), None, 59), Verdict::NotYet);
        assert!(matches!(judged(&record, Some(&content(&["A"])), None, 60), Verdict::Write { from: None, .. }));
    }

    #[test]
    fn an_entry_that_reads_do_not_show_yet_is_deleted_all_the_same() {
        let record = record(Some(Some(content(&["A"]))), Some(0));
        let Verdict::Write { steps, .. } = judged(&record, None, None, 1) else { panic!("it is there") };
        assert_eq!(steps, [Step::Delete]);
    }

    #[test]
    fn what_is_written_counts_for_the_next_plan() {
        let record = record(Some(Some(content(&["A"]))), Some(0));
        let stale = observed(&content(&[]), "me");
        let Verdict::Write { steps, from } = judged(&record, Some(&content(&["A", "B"])), Some(&stale), 1) else {
            panic!("B is missing")
        };
        assert_eq!(from, Some(content(&["A"])));
        assert_eq!(steps.len(), 1, "A is not associated a second time");
    }

    #[test]
    fn a_lost_answer_makes_the_read_the_witness_and_the_proof_wait() {
        let mut record = record(Some(None), Some(0));
        record.unsure = true;
        assert_eq!(judged(&record, None, None, 1), Verdict::Agrees);
        for second in [1, 3, 5, 20] {
            record.count_read(true, at(second), &TEMPO);
        }
        assert!(!record.is_proven(&TEMPO), "what the lost write did may still show");
        assert_eq!(record.next_read_at(at(20), &TEMPO), at(60));
        record.count_read(true, at(60), &TEMPO);
        assert!(record.is_proven(&TEMPO));
    }

    #[test]
    fn a_write_after_a_lost_answer_does_not_end_the_doubt() {
        let mut record = record(Some(Some(content(&["A"]))), Some(0));
        record.begin_write(at(10), &TEMPO);
        // The answer to that is lost; the next write, of something else, is answered at once.
        record.begin_write(at(12), &TEMPO);
        record.unsure = false;
        for second in [13, 15, 17, 27, 40] {
            record.count_read(true, at(second), &TEMPO);
        }
        assert!(!record.is_proven(&TEMPO), "what the lost write did may still show");
        assert_eq!(record.next_read_at(at(40), &TEMPO), at(70));
        record.count_read(true, at(70), &TEMPO);
        assert!(record.is_proven(&TEMPO));
    }

    #[test]
    fn an_old_read_of_the_entry_before_ours_is_no_conflict() {
        let mut record = record(Some(Some(content(&["A"]))), Some(0));
        record.access_entry_arn = Some("ours".into());
        let theirs = ObservedEntry { access_entry_arn: "theirs".into(), ..observed(&content(&["B"]), "them") };
        assert_eq!(judged(&record, Some(&content(&["A"])), Some(&theirs), 59), Verdict::NotYet);
        assert_eq!(judged(&record, None, Some(&theirs), 59), Verdict::NotYet, "ours is still to be taken away");
        assert_eq!(judged(&record, Some(&content(&["A"])), Some(&theirs), 60), Verdict::NotOurs, "no old read by now");
    }

    #[test]
    fn drift_takes_two_reads() {
        let mut record = proven(record(Some(Some(content(&["A"]))), Some(0)), 20);
        let edited = observed(&content(&["A", "B"]), "me");
        assert_eq!(judged(&record, Some(&content(&["A"])), Some(&edited), 30), Verdict::NotYet);
        record.count_read(false, at(30), &TEMPO);
        assert!(matches!(judged(&record, Some(&content(&["A"])), Some(&edited), 32), Verdict::Drift { .. }));
    }

    #[test]
    fn a_new_wish_is_no_drift() {
        let record = proven(record(Some(Some(content(&["A"]))), Some(0)), 20);
        let seen = observed(&content(&["A"]), "me");
        assert!(matches!(judged(&record, Some(&content(&["A", "B"])), Some(&seen), 30), Verdict::Write { .. }));
        assert!(matches!(judged(&record, None, Some(&seen), 30), Verdict::Write { .. }));
    }

    #[test]
    fn a_proof_takes_reads_apart_in_a_row_and_settling() {
        let mut record = record(Some(Some(content(&["A"]))), Some(0));
        record.count_read(true, at(1), &TEMPO);
        record.count_read(true, at(2), &TEMPO);
        assert_eq!(record.agreeing_reads, 1, "too close together");
        record.count_read(true, at(3), &TEMPO);
        record.count_read(false, at(5), &TEMPO);
        assert_eq!((record.agreeing_reads, record.disagreeing_reads), (0, 1), "not in a row");
        for second in [7, 9, 11] {
            record.count_read(true, at(second), &TEMPO);
        }
        assert!(record.is_recorded(&TEMPO) && !record.is_proven(&TEMPO));
        assert_eq!(record.next_read_at(at(11), &TEMPO), at(15), "no read before it can complete the proof");
        record.count_read(true, at(15), &TEMPO);
        assert!(record.is_proven(&TEMPO));
        assert_eq!(record.agreeing_since, Some(at(7)));
    }
}

use super::*;
use crate::domain::entry::{AccessScope, EntryType, OWNER_TAG};
use crate::domain::principal::{Binding, Standing};
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
        created_at: None,
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
        recheck_at: None,
        agreeing_reads: 0,
        agreeing_since: None,
        proof_of: None,
        disagreeing_reads: 0,
        last_read_at: None,
        access_entry_arn: None,
        baseline: None,
        binding: None,
        repair_asked_at: None,
        unheard: vec![],
        last_error: None,
        drifted: false,
        drifted_to: None,
        overdue_reported: false,
    }
}

fn proven(mut record: EntryRecord, last_read: i64) -> EntryRecord {
    (record.agreeing_reads, record.last_read_at) = (3, Some(at(last_read)));
    record
}

fn judged(record: &EntryRecord, desired: Option<&EntryContent>, seen: Option<&ObservedEntry>, now: i64) -> Verdict {
    let principal = "arn:aws:iam::111122223333:role/r".parse().expect("an ARN");
    let terms = Terms { principal: &principal, installation: "me", layer: false, tempo: &TEMPO };
    judge(record, desired, seen, at(now), &terms)
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
fn our_entry_stays_ours_when_somebody_takes_the_tag_off() {
    let mut record = proven(record(Some(Some(content(&["A"]))), Some(0)), 20);
    record.access_entry_arn = Some("arn".into());
    let untagged = ObservedEntry { tags: [].into(), ..observed(&content(&["A"]), "me") };
    assert_eq!(judged(&record, Some(&content(&["A"])), Some(&untagged), 59), Verdict::Agrees, "it may not show yet");
    assert_eq!(judged(&record, Some(&content(&["A"])), Some(&untagged), 100), Verdict::Untagged);
    assert!(
        matches!(judged(&record, Some(&content(&["B"])), Some(&untagged), 100), Verdict::Write { .. }),
        "first things first"
    );
    assert!(matches!(judged(&record, None, Some(&untagged), 100), Verdict::Write { .. }), "it is taken away");
}

#[test]
fn a_username_that_eks_would_derive_anyway_is_no_difference_either_way() {
    let derived = "arn:aws:sts::111122223333:assumed-role/r/{{SessionName}}";
    let named = |name: &str| EntryContent { username: Some(name.into()), ..content(&["A"]) };
    let seen = observed(&named(derived), "me");
    for wanted in [content(&["A"]), named(derived)] {
        let record = record(Some(Some(wanted.clone())), Some(0));
        assert_eq!(judged(&record, Some(&wanted), Some(&seen), 100), Verdict::Agrees, "{wanted:?}");
    }
    let other = observed(&named("arn:aws:iam::111122223333:role/r-admin"), "me");
    assert!(matches!(judged(&record(None, None), Some(&content(&["A"])), Some(&other), 100), Verdict::Write { .. }));
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
fn what_a_call_of_ours_did_late_is_no_drift_and_is_put_right_beside_what_is() {
    let kept = content(&["A"]);
    let mut record = proven(record(Some(Some(kept.clone())), Some(0)), 20);
    let associate = Step::Associate { policy_arn: "B".to_owned(), scope: AccessScope::Cluster };
    record.await_answer(&associate, at(1));
    record.count_read(false, at(100), &TEMPO);
    let judge = |seen: &[&str], now| judged(&record, Some(&kept), Some(&observed(&content(seen), "me")), now);
    assert!(matches!(judge(&["A", "B"], 102), Verdict::Write { .. }), "that call has come late");
    assert!(matches!(judge(&["A", "C"], 102), Verdict::Drift { ours: false, .. }), "that is somebody else's doing");
    assert!(matches!(judge(&["A", "B", "C"], 102), Verdict::Drift { ours: true, .. }), "some of it is ours");
    let a_day = 24 * 3600;
    assert!(
        matches!(judge(&["A", "B"], 1 + a_day), Verdict::Drift { ours: false, .. }),
        "nobody sits on a call so long"
    );
}

#[test]
fn what_a_call_of_ours_did_late_is_no_change_of_whoever_owns_a_layered_entry() {
    let (theirs, both) = (content(&["T"]), content(&["A", "T"]));
    let mut record = proven(record(Some(Some(both.clone())), Some(0)), 20);
    record.baseline = Some(Baseline { confirmed: true, ..Baseline::of(&observed(&theirs, "them")) });
    record.await_answer(&Step::Associate { policy_arn: "B".to_owned(), scope: AccessScope::Cluster }, at(1));
    record.count_read(false, at(100), &TEMPO);
    let judge = |seen: &[&str]| judged(&record, Some(&both), Some(&observed(&content(seen), "them")), 102);
    assert!(matches!(judge(&["A", "B", "T"]), Verdict::Write { .. }));
    assert_eq!(judge(&["A", "B", "T", "U"]), Verdict::Rebase);
    let kept = rebase(&record, Some(&both), Some(&content(&["A", "B", "T", "U"])), at(102));
    assert_eq!(kept.map(|base| base.content), Some(content(&["T", "U"])), "theirs, and nothing of ours");
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

/// Ours was made for a principal that is another one by now, and somebody asked for a repair.
fn condemned(record: EntryRecord) -> EntryRecord {
    let binding = Binding {
        access_entry_arn: "arn".into(),
        unique_id: Some("old".into()),
        standing: Standing::Recreated,
        found: Some("new".into()),
        checked_at: Some(at(0)),
        condemned: true,
    };
    EntryRecord { binding: Some(binding), access_entry_arn: Some("arn".into()), ..record }
}

#[test]
fn a_condemned_entry_is_made_anew_with_all_that_is_desired_however_well_it_reads() {
    let record = condemned(proven(record(Some(Some(content(&["A"]))), Some(0)), 20));
    let seen = observed(&content(&["A", "B"]), "me");
    let Verdict::Write { steps, .. } = judged(&record, Some(&content(&["A", "B"])), Some(&seen), 100) else {
        panic!("it is dead")
    };
    assert_eq!(steps[..2], [Step::Delete, Step::Create(content(&[]))]);
    assert_eq!(steps.len(), 4);
}

#[test]
fn a_dead_entry_is_left_as_it_is_until_somebody_asks() {
    let mut record = condemned(proven(record(Some(Some(content(&["A"]))), Some(0)), 20));
    record.binding.as_mut().expect("it has one").condemned = false;
    assert_eq!(judged(&record, Some(&content(&["A"])), Some(&observed(&content(&["A"]), "me")), 100), Verdict::Agrees);
}

#[test]
fn only_the_entry_that_is_condemned_is_made_anew() {
    let record = condemned(proven(record(Some(Some(content(&["A"]))), Some(0)), 20));
    let other = ObservedEntry { access_entry_arn: "another".into(), ..observed(&content(&["A"]), "me") };
    assert_eq!(judged(&record, Some(&content(&["A"])), Some(&other), 100), Verdict::Agrees, "it was made anew already");
    let theirs = ObservedEntry { access_entry_arn: "another".into(), ..observed(&content(&["A"]), "them") };
    let seen_twice = EntryRecord { disagreeing_reads: 1, ..record.clone() };
    assert_eq!(judged(&seen_twice, Some(&content(&["A"])), Some(&theirs), 100), Verdict::NotOurs);
    let gone = judged(&record, None, Some(&observed(&content(&["A"]), "me")), 100);
    assert!(matches!(gone, Verdict::Write { steps, .. } if steps == [Step::Delete]), "nothing is live any more");
}

#[test]
fn an_entry_that_grants_are_layered_on_is_never_made_anew() {
    let mut record = condemned(proven(record(Some(Some(content(&["A"]))), Some(0)), 20));
    let theirs = observed(&content(&["A"]), "them");
    record.baseline = Some(Baseline { confirmed: true, ..Baseline::of(&theirs) });
    assert_eq!(judged(&record, Some(&content(&["A"])), Some(&theirs), 100), Verdict::Agrees);
}

#[test]
fn a_read_of_the_entry_before_ours_proves_nothing_of_ours() {
    let anew = EntryRecord { access_entry_arn: Some("new".into()), ..record(Some(Some(content(&["A"]))), Some(0)) };
    let old = observed(&content(&["A"]), "me");
    assert_eq!(judged(&anew, Some(&content(&["A"])), Some(&old), 59), Verdict::NotYet);
    assert_eq!(judged(&anew, Some(&content(&["A"])), Some(&old), 60), Verdict::Agrees, "no old read by now");
    let gone = judged(&anew, None, Some(&old), 1);
    assert!(matches!(gone, Verdict::Write { steps, .. } if steps == [Step::Delete]), "ours is still to be taken away");
}

#[test]
fn iam_is_asked_with_a_look_for_drift_and_when_a_repair_was_asked_for() {
    let seen = observed(&content(&["A"]), "me");
    let ours = |arn: &str| Some(arn.to_owned());
    let fresh = EntryRecord { access_entry_arn: ours("arn"), ..record(Some(Some(content(&["A"]))), Some(0)) };
    assert!(!fresh.is_principal_due(&seen, at(20), &TEMPO), "what is being proven is left in peace");
    let known = condemned(proven(fresh, 20));
    assert!(!known.is_principal_due(&seen, at(9_000), &TEMPO), "it was asked about");
    let mut known = known;
    known.binding.as_mut().expect("it has one").condemned = false;
    assert!(!known.is_principal_due(&seen, at(599), &TEMPO) && known.is_principal_due(&seen, at(600), &TEMPO));
    known.repair_asked_at = Some(at(30));
    assert!(known.is_principal_due(&seen, at(31), &TEMPO), "what was known before may not be so any more");
    let other = EntryRecord { access_entry_arn: ours("another"), ..known.clone() };
    assert!(!other.is_principal_due(&seen, at(31), &TEMPO), "an old read, of the entry before it");
    known.restart_proof();
    assert!(!known.is_principal_due(&seen, at(31), &TEMPO), "first it is to be seen what is there");
}

#[test]
fn a_read_that_is_older_than_the_proof_hides_nothing_that_is_to_go() {
    let record = proven(record(Some(Some(content(&["A", "B"]))), Some(0)), 20);
    let (old, desired) = (observed(&content(&["B"]), "me"), content(&["B", "C"]));
    let steps = plan(Some(&content(&["A", "B"])), Some(&desired));
    assert_eq!(steps.len(), 2, "A goes, and C comes");
    let from = Some(content(&["A", "B"]));
    assert_eq!(judged(&record, Some(&desired), Some(&old), 25), Verdict::Write { from, steps });
    let later = judged(&record, Some(&desired), Some(&old), 60);
    assert!(matches!(later, Verdict::Write { from: Some(from), .. } if from == content(&["B"])), "once it must show");
}

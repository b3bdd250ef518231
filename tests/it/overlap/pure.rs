//! The pure core (merge, judge, plan, what is remembered) against a model of EKS in which reads lag, workers die between two
//! calls and people edit by hand: fifty thousand lives of an entry.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use entryway::domain::arn::PrincipalArn;
use entryway::domain::entry::{AccessScope, EntryContent, EntryType, OWNER_TAG, ObservedEntry, generated_username};
use entryway::domain::merge::{Contribution, merge};
use entryway::domain::plan::{Step, after};
use entryway::domain::reconcile::{Tempo, Terms, Verdict, judge};
use entryway::domain::record::{EntryRecord, Written};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use uuid::Uuid;

use super::model::{Held, MOST, Want, begin, union};
use crate::harness::{ROLE, start};
use crate::witness::{Fact, Facts};

const SEQUENCES: u64 = 50_000;

/// How far reads may lag, in seconds; below what is waited for.
const LAG: i64 = 20;

const TEMPO: Tempo = Tempo {
    reads: 2,
    interval: TimeDelta::seconds(2),
    settle: TimeDelta::seconds(5),
    visibility: TimeDelta::seconds(30),
    drift_interval: TimeDelta::minutes(10),
};

/// An entry as EKS keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Kept {
    made: u32,
    groups: BTreeSet<String>,
    policies: BTreeMap<String, AccessScope>,
}

impl Kept {
    fn facts(&self) -> Facts {
        let mut facts = Facts(self.groups.iter().cloned().map(Fact::Group).collect());
        for (policy, scope) in &self.policies {
            match scope {
                AccessScope::Cluster => _ = facts.0.insert(Fact::Everywhere(policy.clone())),
                AccessScope::Namespace { namespaces } => {
                    facts.0.extend(namespaces.iter().map(|name| Fact::In(policy.clone(), name.clone())));
                }
            }
        }
        facts
    }
}

/// One life: an entry, its grants, and what the worker remembers.
struct Life {
    rng: StdRng,
    principal: PrincipalArn,
    now: DateTime<Utc>,
    all: Vec<Held>,
    /// What the entry was from when on, newest last.
    eks: Vec<(DateTime<Utc>, Option<Kept>)>,
    made: u32,
    lags: bool,
    record: EntryRecord,
    told: Vec<String>,
    /// Nobody has edited by hand, and no worker has died.
    calm: bool,
}

impl Life {
    fn new(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let record = EntryRecord {
            cluster_name: "dev".to_owned(),
            principal_arn: ROLE.to_owned(),
            attempts: 0,
            written: None,
            touched_at: None,
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
        };
        let lags = rng.random();
        let principal = ROLE.parse().unwrap();
        Self {
            rng,
            principal,
            now: start(),
            all: vec![],
            eks: vec![(start(), None)],
            made: 0,
            lags,
            record,
            told: vec![],
            calm: true,
        }
    }

    fn truth(&self) -> Option<&Kept> {
        self.eks.last().and_then(|(_, kept)| kept.as_ref())
    }

    /// A read: what is there, or what was there not long ago.
    fn observe(&mut self) -> Option<ObservedEntry> {
        let oldest = self.now - TimeDelta::seconds(if self.lags { LAG } else { 0 });
        let first = self.eks.iter().rposition(|(from, _)| *from <= oldest).unwrap_or_default();
        let (_, kept) = &self.eks[self.rng.random_range(first..self.eks.len())];
        kept.as_ref().map(|kept| ObservedEntry {
            content: EntryContent {
                entry_type: EntryType::Standard,
                username: Some(generated_username(&self.principal, EntryType::Standard)),
                kubernetes_groups: kept.groups.clone(),
                access_policies: kept.policies.clone(),
            },
            tags: [(OWNER_TAG.to_owned(), "tests".to_owned())].into(),
            access_entry_arn: format!("arn:{}", kept.made),
            created_at: None,
        })
    }

    /// What EKS does when it is told `step`: whether it takes it, and, if so, whether there was anything to do.
    fn take(&mut self, step: &Step) -> Option<bool> {
        let mut kept = self.truth().cloned();
        match (step, &mut kept) {
            (Step::Create(content), None) => {
                self.made += 1;
                assert!(content.access_policies.is_empty(), "a create carries no policies");
                let groups = content.kubernetes_groups.clone();
                kept = Some(Kept { made: self.made, groups, policies: BTreeMap::new() });
            }
            (Step::Update { groups, .. }, Some(kept)) => kept.groups.clone_from(groups),
            (Step::Associate { policy_arn, scope }, Some(kept)) => {
                kept.policies.insert(policy_arn.clone(), scope.clone());
            }
            (Step::Disassociate { policy_arn }, Some(kept)) => {
                if kept.policies.remove(policy_arn).is_none() {
                    return Some(false);
                }
            }
            (Step::Delete, Some(_)) => kept = None,
            (Step::Delete | Step::Disassociate { .. }, None) => return Some(false),
            // 409 or 404: nothing happens, and the worker looks again.
            (Step::Create(_), Some(_)) | (Step::Update { .. } | Step::Associate { .. }, None) => return None,
        }
        self.change(kept);
        Some(true)
    }

    fn change(&mut self, kept: Option<Kept>) {
        self.eks.push((self.now, kept));
    }

    /// One run of the worker on the entry; dies between two steps now and then. Whether the entry is proven by it.
    fn run(&mut self) -> bool {
        begin(&mut self.all, self.now);
        let live: Vec<_> =
            self.all.iter().filter(|held| held.is_live(self.now)).map(|held| held.want.content()).collect();
        let grants: Vec<_> = live.iter().map(|content| Contribution { id: Uuid::nil(), content }).collect();
        let desired = merge(None, &grants).desired;
        let observed = self.observe();
        let terms = Terms { principal: &self.principal, installation: "tests", layer: false, tempo: &TEMPO };
        match judge(&self.record, desired.as_ref(), observed.as_ref(), self.now, &terms) {
            Verdict::Agrees => {
                self.record.prove(desired.as_ref());
                self.record.count_read(true, self.now, &TEMPO);
                if !self.record.is_proven(&TEMPO) {
                    return false;
                }
                (self.record.unsure, self.record.doubt_until) = (false, None);
                self.record.written = Some(Written { content: desired });
                true
            }
            Verdict::NotYet => {
                self.record.count_read(false, self.now, &TEMPO);
                false
            }
            Verdict::Write { from, steps } | Verdict::Drift { from, steps, .. } => {
                let refused = !self.write(from, steps);
                // Whatever has ended goes with the first write, and does not wait for reads to show it.
                let held = self.truth().map(Kept::facts).unwrap_or_default();
                let left = held.beyond(&union(&self.all, self.now).unwrap_or_default());
                assert!(
                    !self.calm || refused || left.is_empty(),
                    "{left:?} was left at {}\n{}",
                    self.now,
                    self.told.join("\n")
                );
                false
            }
            other => panic!("{other:?} of an entry that is ours\n{}", self.told.join("\n")),
        }
    }

    /// Makes the calls; whether EKS took all of them.
    fn write(&mut self, from: Option<EntryContent>, steps: Vec<Step>) -> bool {
        let mut content = from;
        for step in steps {
            let (touched_at, unsure) = (self.record.touched_at, self.record.unsure);
            self.record.begin_write(self.now, &TEMPO);
            let dies = self.rng.random_ratio(1, 12);
            let taken = if dies && self.rng.random() { None } else { self.take(&step) };
            self.told.push(format!(
                "  {} at {}: {taken:?}{}",
                step.operation(),
                self.now,
                if dies { ", died" } else { "" }
            ));
            if dies {
                self.calm = false;
                return false;
            }
            let Some(was_there) = taken else {
                (self.record.touched_at, self.record.unsure) = (touched_at, unsure);
                return false;
            };
            content = after(content.as_ref(), &step);
            self.record.touched_at = Some(self.now);
            self.record.unsure = !was_there && touched_at.is_some_and(|at| self.now < at + TEMPO.visibility);
            self.record.written = Some(Written { content: content.clone() });
            if matches!(step, Step::Create(_)) {
                self.record.access_entry_arn = Some(format!("arn:{}", self.made));
            }
        }
        true
    }

    /// Runs until the entry is proven, and holds it against the union.
    fn come_to_rest(&mut self) {
        for _ in 0..60 {
            if self.run() {
                let expected = union(&self.all, self.now).map(|facts| facts.plain());
                let found = self.truth().map(|kept| kept.facts().plain());
                assert_eq!(found, expected, "proven, at {}\n{}", self.now, self.told.join("\n"));
                return;
            }
            let next = self.record.next_read_at(self.now, &TEMPO);
            self.now = next.max(self.now + TEMPO.interval);
        }
        panic!("it never comes to rest\n{}", self.told.join("\n"));
    }

    /// Something happens.
    fn happen(&mut self) {
        let now = self.now;
        let open = self.all.iter().filter(|held| !held.is_past(now)).count();
        let among = |all: &[Held], fits: &dyn Fn(&Held) -> bool| -> Vec<usize> {
            (0..all.len()).filter(|index| fits(&all[*index])).collect()
        };
        let (what, candidates) = match self.rng.random_range(0..10) {
            0..=2 if open < MOST => ("submit", vec![0]),
            0..=4 => ("approve", among(&self.all, &|held| !held.approved && !held.is_past(now))),
            5 => ("end", among(&self.all, &|held| !held.is_past(now))),
            6 if open < MOST => ("extend", among(&self.all, &|held| held.is_live(now) && held.expires_at.is_some())),
            7 if self.truth().is_some() => ("edit", vec![0]),
            _ => ("pass", vec![0]),
        };
        if candidates.is_empty() {
            return;
        }
        let index = candidates[self.rng.random_range(0..candidates.len())];
        self.told.push(format!("{what} {index} at {now}"));
        match what {
            "submit" => {
                let start = self.rng.random_ratio(1, 4).then(|| now + TimeDelta::minutes(self.rng.random_range(1..30)));
                self.all.push(Held::of(Want::random(&mut self.rng), start, None));
            }
            "approve" => self.all[index].approved = true,
            "end" => self.all[index].over = true,
            "extend" => {
                let want = self.all[index].want.lasting(30);
                self.all.push(Held::of(want, None, Some(index)));
            }
            "edit" => self.edit_by_hand(),
            _ => self.now += TimeDelta::seconds(self.rng.random_range(1..2_000)),
        }
    }

    fn edit_by_hand(&mut self) {
        let mut kept = self.truth().cloned();
        match (self.rng.random_range(0..3), &mut kept) {
            (0, _) => kept = None,
            (1, Some(kept)) => kept.groups = ["sneaked-in".to_owned()].into(),
            (_, Some(kept)) => _ = kept.policies.pop_first(),
            _ => {}
        }
        self.change(kept);
        self.calm = false;
        // People are told apart from lag by waiting: whatever shows once every write must have shown is theirs.
        self.now += TEMPO.visibility;
    }
}

fn live(seed: u64) -> usize {
    let mut life = Life::new(seed);
    let events = life.rng.random_range(5..12);
    for _ in 0..events {
        life.happen();
        // What happens does not wait for the worker to be done with what happened before.
        match life.rng.random_range(0..3) {
            0 => life.come_to_rest(),
            1 => _ = life.run(),
            _ => {}
        }
    }
    life.come_to_rest();
    // Nothing outlives its end: everything that has one is over, and everybody else gives theirs back.
    life.now += TimeDelta::hours(1);
    life.run();
    life.now += TimeDelta::hours(8);
    life.all.iter_mut().for_each(|held| held.over |= held.want.duration.is_none() || !held.approved);
    life.come_to_rest();
    assert_eq!(life.truth(), None, "seed {seed}\n{}", life.told.join("\n"));
    events
}

#[test]
fn fifty_thousand_lives_of_an_entry_are_at_every_quiet_point_the_union_of_what_is_live() {
    let (began, threads) = (Instant::now(), 2);
    let part = |thread| (0..SEQUENCES).filter(move |seed| seed % threads == thread).map(live).sum::<usize>();
    let events: usize = std::thread::scope(|scope| {
        let parts: Vec<_> = (0..threads).map(|thread| scope.spawn(move || part(thread))).collect();
        parts.into_iter().map(|part| part.join().unwrap()).sum()
    });
    println!("{SEQUENCES} sequences, {events} events, {:.1} s", began.elapsed().as_secs_f32());
}

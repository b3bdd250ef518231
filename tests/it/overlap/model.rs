//! What ought to be so, told without any of the code that makes it so: grants with times, and sets of facts.

use chrono::{DateTime, TimeDelta, Utc};
use entryway::domain::ask::{Ask, AskedPolicy};
use entryway::domain::entry::{AccessScope, EntryContent, EntryType};
use rand::Rng;
use rand::rngs::StdRng;

use crate::witness::{Fact, Facts};

/// At most so many grants of one principal at once.
pub(super) const MOST: usize = 8;

const POLICIES: [&str; 3] = ["AmazonEKSViewPolicy", "AmazonEKSEditPolicy", "AmazonEKSAdminViewPolicy"];
const NAMESPACES: [&str; 3] = ["a", "b", "c"];
const GROUPS: [&str; 3] = ["x", "y", "z"];

/// What somebody asks for: groups, and policies with their namespaces (none: the whole cluster).
#[derive(Debug, Clone)]
pub(super) struct Want {
    groups: Vec<&'static str>,
    policies: Vec<(&'static str, Vec<&'static str>)>,
    pub(super) duration: Option<TimeDelta>,
}

/// A grant as it ought to be.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub(super) want: Want,
    pub(super) approved: bool,
    pub(super) start_at: Option<DateTime<Utc>>,
    pub(super) starts_at: Option<DateTime<Utc>>,
    pub(super) expires_at: Option<DateTime<Utc>>,
    /// Ended, denied, withdrawn or taken over before its time.
    pub(super) over: bool,
    /// The grant that it takes over from, by its place among all.
    pub(super) extends: Option<usize>,
}

impl Held {
    pub(super) fn of(want: Want, start_at: Option<DateTime<Utc>>, extends: Option<usize>) -> Self {
        Self { want, start_at, extends, approved: false, starts_at: None, expires_at: None, over: false }
    }

    /// Whether it is done with at `now`, one way or another.
    pub(super) fn is_past(&self, now: DateTime<Utc>) -> bool {
        self.over || self.expires_at.is_some_and(|end| end <= now)
    }

    pub(super) fn is_due(&self, now: DateTime<Utc>) -> bool {
        self.approved && !self.is_past(now) && self.start_at.is_none_or(|start| start <= now)
    }

    pub(super) fn is_live(&self, now: DateTime<Utc>) -> bool {
        self.is_due(now) && self.starts_at.is_some()
    }
}

/// Begins whatever is due and has not begun, as the first write of an entry does.
pub(super) fn begin(all: &mut [Held], now: DateTime<Utc>) {
    for index in 0..all.len() {
        if !all[index].is_due(now) || all[index].starts_at.is_some() {
            continue;
        }
        let extended = all[index].extends.map(|old| &all[old]).filter(|old| old.is_live(now));
        let from = extended.and_then(|old| old.expires_at).map_or(now, |end| end.max(now));
        all[index].starts_at = Some(now);
        all[index].expires_at = all[index].want.duration.map(|duration| from + duration);
    }
}

/// What the entry is to hold; `None`: there is to be none.
pub(super) fn union(all: &[Held], now: DateTime<Utc>) -> Option<Facts> {
    let mut union = None;
    for held in all.iter().filter(|held| held.is_live(now)) {
        union.get_or_insert_with(Facts::default).add(&held.want.facts());
    }
    union
}

fn some<T: Copy>(rng: &mut StdRng, of: &[T], chance: f64) -> Vec<T> {
    of.iter().copied().filter(|_| rng.random_bool(chance)).collect()
}

fn arn(policy: &str) -> String {
    format!("arn:aws:eks::aws:cluster-access-policy/{policy}")
}

impl Want {
    pub(super) fn random(rng: &mut StdRng) -> Self {
        let mut policies = some(rng, &POLICIES, 0.4);
        if policies.is_empty() {
            policies.push(POLICIES[rng.random_range(0..POLICIES.len())]);
        }
        let with_scope = |policy| {
            // Nothing drawn: the whole cluster.
            let namespaces = if rng.random_ratio(1, 5) { vec![] } else { vec![NAMESPACES[rng.random_range(0..3)]] };
            (policy, namespaces)
        };
        let policies = policies.into_iter().map(with_scope).collect();
        let groups = some(rng, &GROUPS, 0.2);
        let duration = (!rng.random_ratio(1, 8)).then(|| TimeDelta::minutes(rng.random_range(4..90)));
        Self { groups, policies, duration }
    }

    /// The same for another time.
    pub(super) fn lasting(&self, minutes: i64) -> Self {
        Self { duration: Some(TimeDelta::minutes(minutes)), ..self.clone() }
    }

    pub(super) fn facts(&self) -> Facts {
        let mut facts = Facts(self.groups.iter().map(|group| Fact::Group((*group).to_owned())).collect());
        for (policy, namespaces) in &self.policies {
            if namespaces.is_empty() {
                facts.0.insert(Fact::Everywhere(arn(policy)));
            }
            facts.0.extend(namespaces.iter().map(|namespace| Fact::In(arn(policy), (*namespace).to_owned())));
        }
        facts
    }

    /// Whether the starter policies let it through without a sign-off on dev.
    pub(super) fn is_free(&self) -> bool {
        self.groups.is_empty()
            && self.policies.iter().all(|(policy, _)| *policy == POLICIES[0])
            && self.duration.is_some_and(|duration| duration <= TimeDelta::hours(8))
    }

    pub(super) fn content(&self) -> EntryContent {
        let scope = |namespaces: &Vec<&str>| match namespaces.is_empty() {
            true => AccessScope::Cluster,
            false => AccessScope::Namespace { namespaces: namespaces.iter().map(|name| (*name).to_owned()).collect() },
        };
        EntryContent {
            entry_type: EntryType::Standard,
            username: None,
            kubernetes_groups: self.groups.iter().map(|group| (*group).to_owned()).collect(),
            access_policies: self.policies.iter().map(|(policy, names)| (arn(policy), scope(names))).collect(),
        }
    }

    pub(super) fn ask(&self, principal: &str, start_at: Option<DateTime<Utc>>) -> Ask {
        let policy = |(policy, namespaces): &(&str, Vec<&str>)| AskedPolicy {
            policy_arn: (*policy).to_owned(),
            scope_type: Some(if namespaces.is_empty() { "cluster" } else { "namespace" }.to_owned()),
            namespaces: (!namespaces.is_empty()).then(|| namespaces.iter().map(|name| (*name).to_owned()).collect()),
        };
        Ask {
            cluster_name: "dev".to_owned(),
            principal_arn: principal.to_owned(),
            access_policies: self.policies.iter().map(policy).collect(),
            kubernetes_groups: self.groups.iter().map(|group| (*group).to_owned()).collect(),
            reason: Some("a test needs it".to_owned()),
            duration: self.duration.map(|duration| format!("{}m", duration.num_minutes())),
            start_at,
            ..Ask::default()
        }
    }
}

//! Every code with an ask that breaks its rule and the nearest one that does not; the seed page; and properties of
//! whatever anybody may send.

mod at_once;
mod canonical;
mod codes;
mod eks;
mod properties;
mod seed;
mod what;
mod who;

use chrono::{DateTime, TimeDelta, Utc};

use super::*;
use crate::domain::ask::{Ask, AskedPolicy};
use crate::domain::catalogue::Catalogue;
use crate::domain::cluster::Cluster;
use crate::domain::principal::{KnownPrincipal, Presence};

/// An ask and everything it is checked against. Starts out sound.
#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) ask: Ask,
    pub(super) cluster: Option<Cluster>,
    pub(super) known_clusters: Vec<String>,
    pub(super) gate: Option<ClusterGate>,
    /// Absent: whoever is asked for exists.
    pub(super) presence: Option<Presence>,
    pub(super) limits: Limits,
    pub(super) now: DateTime<Utc>,
    pub(super) live: Vec<LiveEntry>,
}

impl World {
    /// A sound ask: one policy in one namespace for a role with a path, for 8 hours.
    pub(super) fn sound() -> Self {
        let ask = Ask {
            cluster_name: "prod".into(),
            principal_arn: "arn:aws:iam::111122223333:role/dev/apps/my-role".into(),
            access_policies: vec![in_namespaces("AmazonEKSViewPolicy", &["payments"])],
            reason: Some("Look into the failed settlement run".into()),
            duration: Some("8h".into()),
            ..Ask::default()
        };
        let cluster = Cluster {
            name: "prod".into(),
            eks_name: "prod-eu-1".into(),
            region: "eu-central-1".into(),
            account_id: "111122223333".into(),
            role_arn: Some("arn:aws:iam::111122223333:role/entryway-target".into()),
            external_id: None,
            environment: "prod".into(),
            labels: [].into(),
            existing_entries: Default::default(),
            drift: Default::default(),
            protected_principals: ["arn:aws:iam::111122223333:role/ops/break-glass".into()].into(),
            allowed_principal_accounts: ["111122223333".into(), "444455556666".into()].into(),
        };
        Self {
            ask,
            cluster: Some(cluster),
            known_clusters: vec!["prod".into(), "staging".into()],
            gate: Some(gate("ACTIVE", "API")),
            presence: None,
            limits: Limits {
                max_duration: TimeDelta::days(7),
                allow_permanent: true,
                max_start_ahead: TimeDelta::days(30),
                reason_required: true,
                break_glass_max: TimeDelta::hours(1),
            },
            now: "2026-03-02T10:00:00Z".parse().expect("a time"),
            live: vec![],
        }
    }

    pub(super) fn check(&self) -> Result<Accepted, Vec<Violation>> {
        let presence = self.presence.clone().unwrap_or_else(|| known(&self.ask.principal_arn));
        let context = Context {
            cluster: self.cluster.as_ref(),
            known_clusters: &self.known_clusters,
            gate: self.gate.as_ref(),
            presence: &presence,
            limits: &self.limits,
            now: self.now,
            catalogue: &Catalogue::built_in(),
            live: &self.live,
        };
        check(&self.ask, &context)
    }

    /// Code and pointer of everything that is wrong, in the order of the answer.
    pub(super) fn wrong(&self) -> Vec<(Code, String)> {
        self.check().err().unwrap_or_default().into_iter().map(|found| (found.code, found.pointer)).collect()
    }

    /// The codes of the warnings of a sound ask.
    pub(super) fn warned(&self) -> Vec<String> {
        self.check().expect("a sound ask").warnings.into_iter().map(|warning| warning.code).collect()
    }

    /// Makes it an ask for a node's entry.
    pub(super) fn node(&mut self, entry_type: &str) {
        self.ask.entry_type = Some(entry_type.into());
        self.ask.access_policies.clear();
    }
}

pub(super) fn gate(status: &str, mode: &str) -> ClusterGate {
    ClusterGate { status: status.into(), authentication_mode: Some(mode.into()) }
}

/// That IAM knows the principal of this ARN; of what is none nobody knows anything.
pub(super) fn known(arn: &str) -> Presence {
    match arn.parse() {
        Ok(arn) => Presence::Exists(KnownPrincipal {
            arn,
            unique_id: "AROAEXAMPLEEXAMPLEEXA".into(),
            created_at: DateTime::UNIX_EPOCH,
        }),
        Err(_) => Presence::NotChecked("it is no principal".into()),
    }
}

pub(super) fn on_cluster(policy: &str) -> AskedPolicy {
    AskedPolicy { policy_arn: policy.into(), scope_type: Some("cluster".into()), namespaces: None }
}

pub(super) fn in_namespaces(policy: &str, namespaces: &[&str]) -> AskedPolicy {
    AskedPolicy {
        policy_arn: policy.into(),
        scope_type: Some("namespace".into()),
        namespaces: Some(namespaces.iter().map(|&name| name.into()).collect()),
    }
}

/// One code, an ask that gets it and nothing else, and the nearest ask that is sound.
pub(super) struct Case {
    pub(super) code: Code,
    pub(super) pointer: &'static str,
    pub(super) bad: fn(&mut World),
    pub(super) good: fn(&mut World),
}

pub(super) const fn case(code: Code, pointer: &'static str, bad: fn(&mut World), good: fn(&mut World)) -> Case {
    Case { code, pointer, bad, good }
}

#[test]
fn every_code_has_its_bad_ask_and_its_nearest_good_one() {
    let cases = || who::CASES.iter().chain(what::CASES);
    for (number, Case { code, pointer, bad, good }) in cases().enumerate() {
        let mut world = World::sound();
        bad(&mut world);
        assert_eq!(world.wrong(), [(*code, (*pointer).to_owned())], "case {number}: {:?}", world.ask);
        let mut world = World::sound();
        good(&mut world);
        assert_eq!(world.wrong(), [], "the good twin of case {number}, {code:?}: {:?}", world.ask);
    }
    for code in Code::ALL {
        assert!(cases().any(|case| case.code == *code), "{code:?} has no case");
    }
}

//! What the tests of this module are about: a handful of people, three clusters, the starter set.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::actions::Call;
use super::entities::Facts;
use super::load::PolicySet;
use super::world::World;
use crate::domain::cluster::Cluster;
use crate::domain::entry::{AccessScope, EntryContent, EntryType};
use crate::domain::identity::{Directory, Identity, Via};
use crate::domain::request::Spec;
use crate::domain::review::{Decision as Verdict, Review};

pub(super) const STARTER: &str = include_str!("../../policies/starter.cedar");
pub(super) const ID: Uuid = Uuid::from_u128(7);

pub(super) fn set(source: &str) -> PolicySet {
    PolicySet::parse(&[("test.cedar".to_owned(), source.to_owned())]).expect("a sound policy set")
}

pub(super) fn starter() -> &'static PolicySet {
    static SET: LazyLock<PolicySet> = LazyLock::new(|| set(STARTER));
    &SET
}

/// The starter set with something added.
pub(super) fn starter_and(more: &str) -> PolicySet {
    set(&format!("{STARTER}\n{more}"))
}

pub(super) fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_603_600, 0).expect("a time that exists")
}

pub(super) fn call() -> Call {
    Call { now: now(), via: Via::Api, source_ip: None }
}

/// alice asks; bob and dave are SREs, dave in security too; carol is in security; erin audits.
pub(super) fn directory() -> Directory {
    let mut directory = Directory::default();
    directory.add_user("portal", true);
    for (user, group) in [
        ("alice", "engineering"),
        ("bob", "sre"),
        ("carol", "security"),
        ("dave", "sre"),
        ("dave", "security"),
        ("erin", "auditors"),
        ("robot", "sre"),
    ] {
        directory.add_member(user, group);
    }
    directory.add_user("robot", true);
    directory
}

pub(super) fn who(user: &str) -> Identity {
    directory().identity(user)
}

/// A cluster whose environment has its name.
pub(super) fn cluster(name: &str) -> Cluster {
    World::default().cluster_or_guess(name)
}

pub(super) fn spec(policy: &str, duration: Option<TimeDelta>) -> Spec {
    Spec {
        cluster_name: "set by the facts".to_owned(),
        principal: "arn:aws:iam::111122223333:role/my-role".parse().expect("an ARN"),
        content: EntryContent {
            entry_type: EntryType::Standard,
            username: None,
            kubernetes_groups: [].into(),
            access_policies: [(format!("arn:aws:eks::aws:cluster-access-policy/{policy}"), AccessScope::Cluster)]
                .into(),
        },
        tags: [].into(),
        reason: "a test".to_owned(),
        ticket: None,
        duration,
        start_at: None,
        break_glass: false,
        extends: None,
    }
}

/// A request that owns what [`Facts`] borrow.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub(super) spec: Spec,
    pub(super) cluster: Cluster,
    pub(super) requester: Identity,
    pub(super) submitted_by: Option<Identity>,
}

impl Ask {
    /// `requester` asks for `policy` on `cluster` for `hours`; 0 is for good.
    pub(super) fn of(requester: &str, cluster_name: &str, policy: &str, hours: i64) -> Self {
        let duration = (hours > 0).then(|| TimeDelta::hours(hours));
        Self {
            spec: spec(policy, duration),
            cluster: cluster(cluster_name),
            requester: who(requester),
            submitted_by: None,
        }
    }

    pub(super) fn facts(&self) -> Facts<'_> {
        Facts {
            id: ID,
            spec: &self.spec,
            cluster: &self.cluster,
            requester: &self.requester,
            reach: None,
            submitted_by: self.submitted_by.as_ref(),
        }
    }

    pub(super) fn reviewed(&self, number: u128, reviewer: &str, decision: Verdict) -> Review {
        Review {
            id: Uuid::from_u128(number),
            request_id: ID,
            reviewer: reviewer.to_owned(),
            decision,
            comment: None,
            via: Via::Api,
            submitted_by: None,
            spec_digest: self.spec.digest(),
            created_at: now(),
        }
    }

    /// Approvals by these people, numbered from 0.
    pub(super) fn approved_by(&self, people: &[&str]) -> Vec<Review> {
        (0..).zip(people).map(|(number, user)| self.reviewed(number, user, Verdict::Approve)).collect()
    }
}

/// A directory of its own, gone at the end of the test.
pub(super) struct TempDir(PathBuf);

impl TempDir {
    pub(super) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("entryway-policy-{name}-{}", Uuid::new_v4()));
        fs::create_dir(&path).expect("a directory for the test");
        Self(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn write(&self, file: &str, content: impl AsRef<[u8]>) {
        fs::write(self.0.join(file), content).expect("a file for the test");
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

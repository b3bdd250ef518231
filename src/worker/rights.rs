//! What AWS lets Entryway do and what not, picked up from its answers. What is known to be missing is remembered here, so that
//! a call that goes through costs nothing more as long as nothing is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use super::Worker;
use super::turns::{Turn, Urgency};
use crate::domain::arn::PrincipalArn;
use crate::domain::cluster::Cluster;
use crate::domain::plan::Step;
use crate::eks::{Class, Eks, EksError, Lack, Reading, pass_role, tried, used};
use crate::store::StoreError;
use crate::workflow::WorkflowError;
use crate::workflow::reconcile::{self, Probe, Rights};

/// The permissions that are known to be missing, by cluster.
#[derive(Debug, Default)]
pub(super) struct Lacking(Mutex<BTreeMap<String, BTreeSet<String>>>);

impl Lacking {
    /// Takes over what all replicas have found out.
    pub(super) fn replace(&self, known: BTreeMap<String, BTreeSet<String>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = known;
    }

    fn add(&self, cluster: &str, permission: &str) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(cluster.to_owned()).or_default().insert(permission.to_owned());
    }

    /// Those among what `used` names that were missing, which they are no longer.
    fn take(&self, cluster: &str, used: impl FnOnce() -> Vec<String>) -> Vec<String> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(missing) = all.get_mut(cluster) else { return vec![] };
        used().into_iter().filter(|permission| missing.remove(permission)).collect()
    }
}

/// The permissions that a look at an entry makes use of.
pub(super) fn of_look() -> Vec<String> {
    [used("eks:DescribeAccessEntry"), used("eks:ListAssociatedAccessPolicies")].concat()
}

/// The permissions that a look at a cluster makes use of.
pub(super) fn of_gate() -> Vec<String> {
    used("eks:DescribeCluster")
}

/// The permissions that a list of entries makes use of.
pub(super) fn of_list() -> Vec<String> {
    used("eks:ListAccessEntries")
}

/// The permissions that putting a tag back makes use of.
pub(super) fn of_tag() -> Vec<String> {
    used("eks:TagResource")
}

/// The permissions that `step` makes use of.
pub(super) fn of_step(step: &Step, principal: &PrincipalArn) -> Vec<String> {
    let mut permissions = used(&format!("eks:{}", step.operation()));
    if matches!(step, Step::Create(content) if content.entry_type.is_of_nodes()) {
        permissions.push(pass_role(&principal.to_string()));
    }
    permissions
}

impl<E: Eks> Worker<E> {
    /// Slows every replica down when AWS says that there were too many calls, learns what it does not permit and, from an
    /// answer that made use of `permissions`, what it does, and hands the answer on.
    pub(super) async fn heed<T>(
        &self,
        cluster: &Cluster,
        permissions: impl FnOnce() -> Vec<String>,
        answer: Result<T, EksError>,
    ) -> Result<Result<T, EksError>, StoreError> {
        match &answer {
            Err(error) if error.class == Class::Throttled => self.turns.slow_down(cluster).await?,
            Err(error) => {
                if let Some(Lack { permission, words }) = error.lack(cluster) {
                    self.lacking.add(&cluster.name, &permission);
                    self.note(cluster, Rights { missing: [(permission, words)].into(), ..Rights::default() }).await;
                }
            }
            Ok(_) => {
                let granted = self.lacking.take(&cluster.name, permissions);
                if !granted.is_empty() {
                    self.note(cluster, Rights { granted, ..Rights::default() }).await;
                }
            }
        }
        Ok(answer)
    }

    /// Nothing depends on it: what is not recorded now is found out again.
    async fn note(&self, cluster: &Cluster, rights: Rights) {
        if let Err(error) = reconcile::record_rights(&self.desk, &cluster.name, &rights).await {
            tracing::warn!(cluster = cluster.name, %error, "what AWS permits could not be recorded");
        }
    }

    /// Tries out the permissions to read, now and then, and again and again while some are missing.
    pub(super) async fn probe(&self, cluster: &Cluster) -> Result<(), WorkflowError> {
        let Some(Probe { somebody }) = reconcile::probe_due(&self.desk, cluster).await? else { return Ok(()) };
        let mut rights = Rights { probed: true, ..Rights::default() };
        let readings = [Reading::Entries, Reading::Entry, Reading::Associated, Reading::Policies];
        for what in readings.into_iter().chain(somebody.map(Reading::Principal)) {
            // IAM counts for itself.
            let counts = !matches!(what, Reading::Principal(_));
            if counts && self.turns.wait(cluster, Urgency::CanWait).await? != Turn::Come {
                // Others need the turns more; it is tried again with the next check.
                return Ok(());
            }
            match self.eks.probe(cluster, &what).await {
                Ok(()) => rights.granted.push(tried(what.action())),
                Err(error) if error.class == Class::Throttled => self.turns.slow_down(cluster).await?,
                Err(error) => {
                    rights.missing.extend(error.lack(cluster).map(|lack| (lack.permission, lack.words)));
                }
            }
        }
        self.lacking.take(&cluster.name, || rights.granted.clone());
        for permission in rights.missing.keys() {
            self.lacking.add(&cluster.name, permission);
        }
        reconcile::record_rights(&self.desk, &cluster.name, &rights).await
    }
}

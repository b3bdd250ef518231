//! What every use case needs: the store, the policies in force, who is who, the clusters, and the operators' settings.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, TimeDelta, Utc};

use super::lookout::Inventory;
use super::principals::Principals;
use crate::domain::catalogue::Catalogue;
use crate::domain::cluster::Cluster;
use crate::domain::identity::{Caller, Directory, Identity, Via};
use crate::domain::reconcile::Tempo;
use crate::domain::request::Request;
use crate::domain::rules::Limits;
use crate::policy::{Call, Facts, PolicySet};
use crate::store::Store;

/// The desk. Cheap to clone; all clones see the same policies.
#[derive(Debug, Clone)]
pub struct Desk {
    /// Postgres.
    pub store: Store,
    /// The policy set in force.
    pub policies: Policies,
    /// Who belongs to what.
    pub directory: Arc<Directory>,
    /// The configured clusters.
    pub clusters: Arc<Clusters>,
    /// What IAM knows of principals.
    pub principals: Principals,
    /// EKS, for those who ask what is there.
    pub inventory: Inventory,
    /// The access policies that may be named.
    pub catalogue: Catalogues,
    /// The operators' settings.
    pub settings: Arc<Settings>,
}

/// What to do with an applied grant whose quorum no longer stands. One that is not applied yet always ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnLostQuorum {
    /// It goes on to its end.
    Keep,
    /// It ends.
    End,
}

/// The operators' settings, as use cases need them.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The value of the ownership tag.
    pub installation: String,
    /// Limits on what may be asked for.
    pub limits: Limits,
    /// How long a request waits for a decision.
    pub pending_ttl: TimeDelta,
    /// How many undecided requests one person may have.
    pub max_pending_per_requester: i64,
    /// How to prove what was written.
    pub tempo: Tempo,
    /// Verifying for longer than this is reported.
    pub verification_deadline: TimeDelta,
    /// How long the worker tries to apply a grant.
    pub apply_deadline: TimeDelta,
    /// How long "invalid principal" may just mean that the role was made a moment ago.
    pub fresh_principal_grace: TimeDelta,
    /// How long a lease lasts.
    pub lease: TimeDelta,
    /// What becomes of an applied grant whose quorum no longer stands.
    pub on_lost_quorum: OnLostQuorum,
}

/// The policy set in force, which a reload replaces as a whole.
#[derive(Debug, Clone)]
pub struct Policies {
    current: Arc<RwLock<Arc<PolicySet>>>,
    /// Whether the files hold another set, which was not taken.
    refused: Arc<AtomicBool>,
}

impl Policies {
    /// Puts `set` in force.
    #[must_use]
    pub fn new(set: PolicySet) -> Self {
        Self { current: Arc::new(RwLock::new(Arc::new(set))), refused: Arc::default() }
    }

    /// The set in force. One use case takes it once and decides everything by it.
    #[must_use]
    pub fn current(&self) -> Arc<PolicySet> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts another set in force.
    pub fn replace(&self, set: PolicySet) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(set);
    }

    /// Whether what the files hold now was not taken, so that an older set is in force than they say.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.refused.load(Ordering::Relaxed)
    }

    /// Remembers whether what the files hold was not taken.
    pub fn set_behind(&self, refused: bool) {
        self.refused.store(refused, Ordering::Relaxed);
    }
}

/// The access policies that may be named in requests: those known when this was written, and whatever EKS was seen to list
/// beside them. All clones know the same.
#[derive(Debug, Clone)]
pub struct Catalogues(Arc<RwLock<Arc<Catalogue>>>);

impl Default for Catalogues {
    fn default() -> Self {
        Self(Arc::new(RwLock::new(Arc::new(Catalogue::built_in()))))
    }
}

impl Catalogues {
    /// What is known now.
    #[must_use]
    pub fn current(&self) -> Arc<Catalogue> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// EKS lists `names` somewhere.
    pub(super) fn learn(&self, names: &[String]) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if names.iter().any(|name| known.kind(name).is_none()) {
            let all = known.iter().map(|(name, _)| name.to_owned()).chain(names.iter().cloned());
            *known = Arc::new(Catalogue::from_names(all.collect::<Vec<_>>()));
        }
    }
}

/// The configured clusters, by the name requests use.
#[derive(Debug, Clone, Default)]
pub struct Clusters(BTreeMap<String, Cluster>);

impl FromIterator<Cluster> for Clusters {
    fn from_iter<I: IntoIterator<Item = Cluster>>(clusters: I) -> Self {
        Self(clusters.into_iter().map(|cluster| (cluster.name.clone(), cluster)).collect())
    }
}

impl Clusters {
    /// The cluster of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Cluster> {
        self.0.get(name)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Cluster> {
        self.0.values()
    }

    /// All names.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }
}

/// One request with everything policy looks at, owned, so that [`Facts`] can borrow from it.
#[derive(Debug)]
pub(super) struct Case {
    cluster: Cluster,
    requester: Identity,
    submitted_by: Option<Identity>,
}

impl Case {
    pub(super) fn facts<'a>(&'a self, request: &'a Request) -> Facts<'a> {
        Facts {
            id: request.id,
            spec: &request.spec,
            cluster: &self.cluster,
            requester: &self.requester,
            reach: request.reach,
            submitted_by: self.submitted_by.as_ref(),
        }
    }
}

impl Desk {
    /// Everything policy looks at about `request`, by what the directory says now.
    pub(super) fn case(&self, request: &Request) -> Case {
        let name = &request.spec.cluster_name;
        Case {
            cluster: self.clusters.get(name).cloned().unwrap_or_else(|| no_longer_configured(name)),
            requester: self.directory.identity(&request.requester),
            submitted_by: request.submitted_by.as_ref().map(|service| self.directory.identity(service)),
        }
    }
}

/// A cluster that a request names and configuration no longer does. In no environment, so that no policy written for
/// one permits anything there; people still see their old requests.
pub(super) fn no_longer_configured(name: &str) -> Cluster {
    Cluster {
        name: name.to_owned(),
        eks_name: name.to_owned(),
        region: String::new(),
        account_id: String::new(),
        role_arn: None,
        external_id: None,
        environment: String::new(),
        labels: BTreeMap::new(),
        existing_entries: Default::default(),
        drift: Default::default(),
        protected_principals: Default::default(),
        allowed_principal_accounts: Default::default(),
    }
}

/// The circumstances of `caller`'s call, as policy sees them.
pub(super) const fn call_of(caller: &Caller, now: DateTime<Utc>) -> Call {
    Call { now, via: caller.via, source_ip: caller.source_ip }
}

/// The circumstances of Entryway's own decisions.
pub(super) const fn own_call(now: DateTime<Utc>) -> Call {
    Call { now, via: Via::Worker, source_ip: None }
}

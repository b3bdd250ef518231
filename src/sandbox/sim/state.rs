//! The whole simulated AWS, behind one lock: every call sees and leaves one consistent state.

use std::collections::BTreeMap;

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::arn::Principal;
use super::caller::{Caller, Keys};
use super::clock::{Clock, Ms};
use super::cluster::{Cluster, ClusterKey};
use super::faults::Faults;
use super::iam::Iam;
use super::knobs::{Knobs, like};
use super::log::CallLog;
use super::refusal::{Refused, denied, no_cluster, parameter};
use super::throttle::Buckets;
use super::world::{ClusterSpec, World};

/// Clusters by account, region and name.
pub(crate) type Clusters = BTreeMap<ClusterKey, Cluster>;

/// Everything there is.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) clock: Clock,
    pub(crate) rng: StdRng,
    pub(crate) knobs: Knobs,
    pub(crate) clusters: Clusters,
    pub(crate) iam: Iam,
    pub(crate) keys: Keys,
    pub(crate) faults: Faults,
    pub(crate) buckets: Buckets,
    pub(crate) log: CallLog,
}

/// What one operation works with: the state without the machinery around it, who calls, and when.
pub(crate) struct Cx<'a> {
    pub(crate) knobs: &'a Knobs,
    pub(crate) rng: &'a mut StdRng,
    pub(crate) clusters: &'a mut Clusters,
    pub(crate) iam: &'a mut Iam,
    pub(crate) keys: &'a mut Keys,
    pub(crate) caller: &'a Caller,
    pub(crate) now: Ms,
}

impl State {
    /// A simulator at the start of its world.
    ///
    /// # Errors
    /// A cluster of the world that makes no sense, in words.
    pub(crate) fn new(world: &World) -> Result<Self, String> {
        let keys = Keys {
            accounts: world.keys.clone(),
            sessions: BTreeMap::new(),
            default_account: world.account.clone(),
            default_region: world.region.clone(),
        };
        let mut state = Self {
            clock: Clock::default(),
            rng: StdRng::seed_from_u64(world.knobs.seed),
            knobs: world.knobs.clone(),
            clusters: Clusters::new(),
            iam: Iam::default(),
            keys,
            faults: Faults::default(),
            buckets: Buckets::default(),
            log: CallLog::default(),
        };
        for spec in &world.clusters {
            state.add_cluster(spec)?;
        }
        let now = state.clock.now();
        for arn in &world.principals {
            let principal = Principal::parse(arn).ok_or_else(|| format!("principal {arn:?} is no role or user"))?;
            state.iam.ensure(&principal, now, &mut state.rng);
        }
        Ok(state)
    }

    /// Makes a cluster, in place of one of the same name: nothing of that one is left.
    ///
    /// # Errors
    /// What is wrong with the specification.
    pub(crate) fn add_cluster(&mut self, spec: &ClusterSpec) -> Result<&Cluster, String> {
        let now = self.clock.now();
        let account = spec.account.clone().unwrap_or_else(|| self.keys.default_account.clone());
        let region = spec.region.clone().unwrap_or_else(|| self.keys.default_region.clone());
        if account.len() != 12 || !account.bytes().all(|b| b.is_ascii_digit()) {
            return Err(format!("account {account:?} is not 12 digits"));
        }
        if check_cluster_name(&spec.name).is_err() || spec.name.is_empty() || spec.name.len() > 100 {
            return Err(format!("cluster name {:?} is not one EKS takes", spec.name));
        }
        let creator = spec
            .creator
            .clone()
            .unwrap_or_else(|| Principal::role(super::arn::partition_of(&region), &account, "/", "cluster-creator"));
        let creator = Principal::parse(&creator).ok_or_else(|| format!("creator {creator:?} is no role or user"))?;
        let key = ClusterKey { account, region, name: spec.name.clone() };
        let mut cluster = Cluster::new(key.clone(), spec, creator, now);
        cluster.seed_own_entries(now, &mut self.iam, &mut self.rng);
        Ok(self.clusters.entry(key).insert_entry(cluster).into_mut())
    }

    /// Starts the random sequence of the seed anew.
    pub(crate) fn reseed(&mut self) {
        self.rng = StdRng::seed_from_u64(self.knobs.seed);
    }

    /// Turns knobs. Another seed starts its sequence, another limit starts with a full bucket.
    pub(crate) fn configure(&mut self, turn: impl FnOnce(&mut Knobs)) {
        let before = self.knobs.clone();
        turn(&mut self.knobs);
        if self.knobs.seed != before.seed {
            self.reseed();
        }
        if self.knobs.throttle != before.throttle {
            self.buckets.refill();
        }
    }

    /// Brings cluster updates up to date.
    pub(crate) fn settle(&mut self) {
        let now = self.clock.now();
        for cluster in self.clusters.values_mut() {
            cluster.settle(now, &mut self.iam, &mut self.rng);
        }
    }

    /// The state as one operation of `caller` sees it.
    pub(crate) fn cx<'a>(&'a mut self, caller: &'a Caller) -> Cx<'a> {
        self.settle();
        Cx {
            knobs: &self.knobs,
            rng: &mut self.rng,
            clusters: &mut self.clusters,
            iam: &mut self.iam,
            keys: &mut self.keys,
            caller,
            now: self.clock.now(),
        }
    }
}

impl Cx<'_> {
    /// What IAM says before anything else is looked at.
    ///
    /// # Errors
    /// `AccessDeniedException`.
    pub(crate) fn authorize(&self, action: &str, resource: &str) -> Refused<()> {
        let hit = self.knobs.denied.iter().any(|denial| {
            like(&denial.action, action)
                && denial.account.as_ref().is_none_or(|account| *account == self.caller.account)
                && denial.resource.as_ref().is_none_or(|pattern| like(pattern, resource))
        });
        if hit { Err(denied(&self.caller.arn, action, resource)) } else { Ok(()) }
    }
}

/// The caller's cluster of this name.
///
/// # Errors
/// `ResourceNotFoundException`.
pub(crate) fn find<'c>(clusters: &'c mut Clusters, caller: &Caller, name: &str) -> Refused<&'c mut Cluster> {
    let key = ClusterKey { account: caller.account.clone(), region: caller.region.clone(), name: name.to_owned() };
    clusters.get_mut(&key).ok_or_else(|| no_cluster(name))
}

/// [`find`], for operations on access entries: the authentication mode is looked at, too.
///
/// # Errors
/// `ResourceNotFoundException`, `InvalidRequestException`.
pub(crate) fn find_open<'c>(clusters: &'c mut Clusters, caller: &Caller, name: &str) -> Refused<&'c mut Cluster> {
    let cluster = find(clusters, caller, name)?;
    cluster.takes_entries()?;
    Ok(cluster)
}

/// Refuses names that no cluster can have.
///
/// # Errors
/// `InvalidParameterException`.
pub(crate) fn check_cluster_name(name: &str) -> Refused<()> {
    let mut bytes = name.bytes();
    let starts_well = bytes.next().is_some_and(|b| b.is_ascii_alphanumeric());
    if starts_well && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
        return Ok(());
    }
    Err(parameter(
        "The clusterName parameter contains invalid characters. It should conform to the regular expression \
         \"^[0-9A-Za-z][A-Za-z0-9-_]*\"In other words, it starts with a letter or digit and goes on with letters, \
         digits, hyphens and underscores.",
    )
    .on(name))
}

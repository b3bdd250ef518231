//! Clusters: where entries live, whether they may be touched, and how the authentication mode moves.

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::arn::{Principal, partition_of};
use super::catalogue;
use super::clock::Ms;
use super::entry::{Association, Entry, Kind, Scope, uuid};
use super::iam::Iam;
use super::lag::{Timeline, Visibility};
use super::refusal::{Refusal, request};
use super::wire::timestamp;
use super::world::ClusterSpec;

/// Where a cluster may be in its life (`EKS API reference, Cluster`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the variants are EKS's own words")]
pub enum ClusterStatus {
    Creating,
    Active,
    Deleting,
    Failed,
    Updating,
    Pending,
}

/// Where a cluster looks for who may do what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AuthenticationMode {
    /// Access entries only.
    Api,
    /// Access entries and the `aws-auth` config map.
    ApiAndConfigMap,
    /// The `aws-auth` config map only.
    ConfigMap,
}

impl AuthenticationMode {
    /// EKS's spelling.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Api => "API",
            Self::ApiAndConfigMap => "API_AND_CONFIG_MAP",
            Self::ConfigMap => "CONFIG_MAP",
        }
    }
}

/// Account, region and name: what makes a cluster the one it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ClusterKey {
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) name: String,
}

/// An `UpdateClusterConfig` that was accepted.
#[derive(Debug, Clone)]
pub(crate) struct ConfigUpdate {
    pub(crate) id: String,
    pub(crate) to: AuthenticationMode,
    pub(crate) created_at: Ms,
    pub(crate) finishes_at: Ms,
    pub(crate) finished: bool,
}

/// What a `clientRequestToken` was used for.
#[derive(Debug, Clone)]
pub(crate) struct TokenUse {
    /// The operation and everything it asked for.
    pub(crate) asked: Value,
    /// What came of it: the ARN of the entry, or the id of the update.
    pub(crate) outcome: String,
    pub(crate) used_at: Ms,
}

/// One cluster with everything in it.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) key: ClusterKey,
    pub(crate) status: ClusterStatus,
    pub(crate) mode: AuthenticationMode,
    pub(crate) version: String,
    pub(crate) platform_version: String,
    pub(crate) bootstrap_creator: bool,
    pub(crate) creator: Principal,
    pub(crate) created_at: Ms,
    pub(crate) entries: BTreeMap<String, Timeline<Entry>>,
    pub(crate) updates: Vec<ConfigUpdate>,
    pub(crate) tokens: BTreeMap<String, TokenUse>,
    pub(crate) tags: BTreeMap<String, String>,
}

impl Cluster {
    /// A fresh cluster with the entries EKS itself puts there.
    pub(crate) fn new(key: ClusterKey, spec: &ClusterSpec, creator: Principal, now: Ms) -> Self {
        Self {
            key,
            status: spec.status,
            mode: spec.authentication_mode,
            version: spec.version.clone(),
            platform_version: spec.platform_version.clone(),
            bootstrap_creator: spec.bootstrap_creator_admin,
            creator,
            created_at: now,
            entries: BTreeMap::new(),
            updates: Vec::new(),
            tokens: BTreeMap::new(),
            tags: spec.tags.clone(),
        }
    }

    /// `arn:<partition>:eks:<region>:<account>:cluster/<name>`.
    pub(crate) fn arn(&self) -> String {
        cluster_arn(&self.key.account, &self.key.region, &self.key.name)
    }

    /// The partition the cluster's region belongs to.
    pub(crate) fn partition(&self) -> &'static str {
        partition_of(&self.key.region)
    }

    /// Refuses every access-entry operation while the mode does not know access entries.
    pub(crate) fn takes_entries(&self) -> Result<(), Refusal> {
        if self.mode == AuthenticationMode::ConfigMap {
            return Err(request(
                "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform this \
                 operation.",
            )
            .on(&self.key.name));
        }
        Ok(())
    }

    /// Refuses writes while the cluster is coming up or going down. EKS's own words are not known.
    pub(crate) fn takes_writes(&self) -> Result<(), Refusal> {
        match self.status {
            ClusterStatus::Active | ClusterStatus::Updating => Ok(()),
            other => {
                let status = json!(other);
                let message = format!("Cluster {} is not ACTIVE, its status is {status}.", self.key.name);
                Err(request(message).on(&self.key.name))
            }
        }
    }

    /// How many entries there really are.
    pub(crate) fn entry_count(&self) -> usize {
        self.entries.values().filter(|timeline| timeline.truth().is_some()).count()
    }

    /// Finishes updates whose time has come; a switch away from `CONFIG_MAP` brings EKS's own entries along.
    pub(crate) fn settle(&mut self, now: Ms, iam: &mut Iam, rng: &mut StdRng) {
        let Some(update) = self.updates.iter_mut().find(|update| !update.finished && update.finishes_at <= now) else {
            return;
        };
        update.finished = true;
        let (from, to) = (self.mode, update.to);
        (self.mode, self.status) = (to, ClusterStatus::Active);
        if from == AuthenticationMode::ConfigMap {
            self.seed_own_entries(now, iam, rng);
        }
    }

    /// The entries EKS makes by itself: the creator's (if it bootstraps) and the service-linked role's.
    pub(crate) fn seed_own_entries(&mut self, now: Ms, iam: &mut Iam, rng: &mut StdRng) {
        if self.mode == AuthenticationMode::ConfigMap {
            return;
        }
        let own = service_linked_role(self.partition(), &self.key.account);
        let mut wanted = vec![(own, catalogue::CLUSTER_INSIGHTS)];
        if self.bootstrap_creator {
            wanted.push((self.creator.clone(), catalogue::CLUSTER_ADMIN));
        }
        for (principal, policy) in wanted {
            let policy_arn = catalogue::arn(self.partition(), policy);
            let association = Association { scope: Scope::cluster(), associated_at: now, modified_at: now };
            let id = iam.ensure(&principal, now, rng);
            let mut entry = self.draft(&principal, id, Kind::Standard, now, rng);
            entry.policies.insert(policy_arn, association);
            self.put(now, Visibility::at_once(now), &principal.text, Some(entry));
        }
    }

    /// A new entry with everything EKS computes.
    pub(crate) fn draft(&self, principal: &Principal, id: String, kind: Kind, now: Ms, rng: &mut StdRng) -> Entry {
        Entry {
            arn: format!(
                "arn:{}:eks:{}:{}:access-entry/{}/{}/{}/{}/{}",
                self.partition(),
                self.key.region,
                self.key.account,
                self.key.name,
                principal.kind(),
                principal.account,
                principal.name,
                uuid(rng)
            ),
            principal: principal.clone(),
            principal_id: id,
            kind,
            username: kind.username(principal),
            groups: kind.groups(),
            tags: BTreeMap::new(),
            created_at: now,
            modified_at: now,
            policies: BTreeMap::new(),
        }
    }

    /// Writes a new version of an entry; `None` deletes it.
    pub(crate) fn put(&mut self, now: Ms, visible: Visibility, principal: &str, entry: Option<Entry>) {
        self.entries.entry(principal.to_owned()).or_default().put(now, visible, entry);
    }

    /// The truth about an entry.
    pub(crate) fn truth(&self, principal: &str) -> Option<&Entry> {
        self.entries.get(principal)?.truth()
    }

    /// `cluster` as `DescribeCluster` answers it.
    pub(crate) fn to_json(&self) -> Value {
        let ClusterKey { account, region, name } = &self.key;
        let partition = self.partition();
        json!({
            "name": name,
            "arn": self.arn(),
            "createdAt": timestamp(self.created_at),
            "version": self.version,
            "endpoint": format!("https://{}.gr7.{region}.eks.amazonaws.com", name.to_uppercase()),
            "roleArn": format!("arn:{partition}:iam::{account}:role/eks-cluster-role"),
            "resourcesVpcConfig": { "subnetIds": [], "securityGroupIds": [], "endpointPublicAccess": false,
                "endpointPrivateAccess": true, "publicAccessCidrs": [] },
            "kubernetesNetworkConfig": { "serviceIpv4Cidr": "10.100.0.0/16", "ipFamily": "ipv4" },
            "status": self.status,
            "certificateAuthority": { "data": "c2ltdWxhdGVk" },
            "platformVersion": self.platform_version,
            "tags": self.tags,
            "health": { "issues": [] },
            "accessConfig": {
                "authenticationMode": self.mode,
                "bootstrapClusterCreatorAdminPermissions": self.bootstrap_creator,
            },
        })
    }
}

/// `arn:<partition>:eks:<region>:<account>:cluster/<name>`.
pub(crate) fn cluster_arn(account: &str, region: &str, name: &str) -> String {
    format!("arn:{}:eks:{region}:{account}:cluster/{name}", partition_of(region))
}

fn service_linked_role(partition: &str, account: &str) -> Principal {
    let path = "/aws-service-role/eks.amazonaws.com/";
    let arn = Principal::role(partition, account, path, "AWSServiceRoleForAmazonEKS");
    Principal::parse(&arn).expect("the account was checked when the cluster was made")
}

//! What the simulator starts with: accounts, clusters, keys, and how it behaves.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::cluster::{AuthenticationMode, ClusterStatus};
use super::knobs::Knobs;

/// The account and region of the sandbox.
pub const DEFAULT_ACCOUNT: &str = "111122223333";
/// See [`DEFAULT_ACCOUNT`].
pub const DEFAULT_REGION: &str = "eu-central-1";

/// A cluster to start with, or to add while running (`POST /_sim/clusters`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClusterSpec {
    /// Its name.
    pub name: String,
    /// Its account; absent means the world's default.
    #[serde(default)]
    pub account: Option<String>,
    /// Its region; absent means the world's default.
    #[serde(default)]
    pub region: Option<String>,
    /// Its mode.
    #[serde(default = "api_and_config_map")]
    pub authentication_mode: AuthenticationMode,
    /// Its status.
    #[serde(default = "active")]
    pub status: ClusterStatus,
    /// Kubernetes version.
    #[serde(default = "recent_version")]
    pub version: String,
    /// EKS platform version.
    #[serde(default = "recent_platform")]
    pub platform_version: String,
    /// Whether the creator got an administrator's entry.
    #[serde(default = "yes")]
    pub bootstrap_creator_admin: bool,
    /// Who made it; absent means the role `cluster-creator` of its account.
    #[serde(default)]
    pub creator: Option<String>,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

const fn api_and_config_map() -> AuthenticationMode {
    AuthenticationMode::ApiAndConfigMap
}

const fn active() -> ClusterStatus {
    ClusterStatus::Active
}

fn recent_version() -> String {
    "1.33".to_owned()
}

fn recent_platform() -> String {
    "eks.10".to_owned()
}

const fn yes() -> bool {
    true
}

impl ClusterSpec {
    /// An active cluster in the default account and region, with a bootstrap creator.
    #[must_use]
    pub fn new(name: &str, mode: AuthenticationMode) -> Self {
        Self {
            name: name.to_owned(),
            account: None,
            region: None,
            authentication_mode: mode,
            status: ClusterStatus::Active,
            version: recent_version(),
            platform_version: recent_platform(),
            bootstrap_creator_admin: true,
            creator: None,
            tags: BTreeMap::new(),
        }
    }

    /// In this account.
    #[must_use]
    pub fn account(mut self, account: &str) -> Self {
        self.account = Some(account.to_owned());
        self
    }

    /// In this region.
    #[must_use]
    pub fn region(mut self, region: &str) -> Self {
        self.region = Some(region.to_owned());
        self
    }

    /// Without an entry for its creator.
    #[must_use]
    pub fn without_creator_admin(mut self) -> Self {
        self.bootstrap_creator_admin = false;
        self
    }
}

/// The state a simulator starts from. Cheap to build, and the same world starts the same simulator.
#[derive(Debug, Clone, PartialEq)]
pub struct World {
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) clusters: Vec<ClusterSpec>,
    pub(crate) keys: BTreeMap<String, String>,
    pub(crate) principals: Vec<String>,
    pub(crate) knobs: Knobs,
}

impl Default for World {
    /// The sandbox's world: `dev` and `prod` take access entries, `legacy` does not.
    fn default() -> Self {
        Self::empty()
            .cluster(ClusterSpec::new("dev", AuthenticationMode::ApiAndConfigMap))
            .cluster(ClusterSpec::new("prod", AuthenticationMode::Api))
            .cluster(ClusterSpec::new("legacy", AuthenticationMode::ConfigMap))
    }
}

impl World {
    /// No clusters.
    #[must_use]
    pub fn empty() -> Self {
        Self {
            account: DEFAULT_ACCOUNT.to_owned(),
            region: DEFAULT_REGION.to_owned(),
            clusters: Vec::new(),
            keys: BTreeMap::new(),
            principals: Vec::new(),
            knobs: Knobs::default(),
        }
    }

    /// Adds a cluster; one of the same account, region and name is replaced.
    #[must_use]
    pub fn cluster(mut self, spec: ClusterSpec) -> Self {
        self.clusters.push(spec);
        self
    }

    /// Lets a static access key id act for an account. All others act for the default account.
    #[must_use]
    pub fn key(mut self, access_key_id: &str, account: &str) -> Self {
        self.keys.insert(access_key_id.to_owned(), account.to_owned());
        self
    }

    /// Declares a role or user, so that IAM knows its path from the start.
    #[must_use]
    pub fn principal(mut self, arn: &str) -> Self {
        self.principals.push(arn.to_owned());
        self
    }

    /// How it behaves from the start.
    #[must_use]
    pub fn knobs(mut self, knobs: Knobs) -> Self {
        self.knobs = knobs;
        self
    }
}

//! A cluster in answers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::time::Time;
use crate::domain::cluster::Cluster;
use crate::workflow::Health;

/// A cluster that access can be asked for.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Cluster)]
pub(crate) struct ClusterView {
    /// How requests name it.
    #[schema(example = "prod")]
    pub(crate) name: String,
    /// EKS's name for it.
    #[schema(example = "prod-eu-1")]
    pub(crate) eks_name: String,
    /// AWS region.
    #[schema(example = "eu-central-1")]
    pub(crate) region: String,
    /// AWS account.
    #[schema(example = "111122223333", pattern = "^[0-9]{12}$")]
    pub(crate) account_id: String,
    /// What policy groups clusters by.
    #[schema(example = "prod")]
    pub(crate) environment: String,
    /// Free labels.
    #[schema(example = json!({"team": "payments"}))]
    pub(crate) labels: BTreeMap<String, String>,
    /// What EKS last said about it.
    pub(crate) health: HealthView,
}

/// What EKS last said about a cluster.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ClusterHealth)]
pub(crate) struct HealthView {
    /// EKS's status; `UNKNOWN` until EKS has answered, `NOT_FOUND` once a cluster that was there is gone.
    #[schema(example = "ACTIVE")]
    pub(crate) status: String,
    /// `API` and `API_AND_CONFIG_MAP` take access entries, `CONFIG_MAP` does not; null until EKS has answered.
    #[schema(example = "API_AND_CONFIG_MAP")]
    pub(crate) authentication_mode: Option<String>,
    /// When EKS last answered.
    pub(crate) checked_at: Option<Time>,
    /// What keeps Entryway from working there, in words: what is wrong with the cluster, and each permission that AWS refuses,
    /// until the same is allowed. Empty when nothing does.
    #[schema(example = json!([]))]
    pub(crate) problems: Vec<String>,
}

impl ClusterView {
    /// `cluster`, with what is known of its health.
    pub(crate) fn new(cluster: &Cluster, known: Option<&Health>) -> Self {
        Self {
            name: cluster.name.clone(),
            eks_name: cluster.eks_name.clone(),
            region: cluster.region.clone(),
            account_id: cluster.account_id.clone(),
            environment: cluster.environment.clone(),
            labels: cluster.labels.clone(),
            health: HealthView {
                status: known.and_then(|known| known.status.clone()).unwrap_or_else(|| "UNKNOWN".to_owned()),
                authentication_mode: known.and_then(|known| known.authentication_mode.clone()),
                checked_at: known.and_then(|known| known.checked_at).map(Time),
                problems: known.map(|known| known.all_problems().cloned().collect()).unwrap_or_default(),
            },
        }
    }
}

/// Every cluster, by name.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ClusterList {
    /// The clusters.
    pub(crate) items: Vec<ClusterView>,
    /// Always null: the list comes whole.
    #[schema(example = json!(null))]
    pub(crate) next_token: Option<String>,
}

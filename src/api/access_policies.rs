//! `GET /v1/access-policies`

use std::borrow::Cow;

use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::caller::Authenticated;
use super::extract::{Parameters, json_response, text};
use super::openapi::{CallerHeaders, ReadFailures};
use super::problem::Problem;
use super::views::{AccessPolicyKind, CatalogueSource};
use crate::domain::catalogue::{PolicyKind, policy_arn};
use crate::domain::cluster::Cluster;
use crate::workflow::Desk;

/// An EKS access policy that can be named in a request, or why not.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct KnownAccessPolicy {
    /// The bare name.
    #[schema(example = "AmazonEKSViewPolicy")]
    pub(crate) name: String,
    /// The full ARN, in the partition asked for.
    #[schema(example = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy")]
    policy_arn: String,
    /// Whom it is for.
    #[schema(value_type = AccessPolicyKind)]
    kind: Cow<'static, str>,
    /// The same in words.
    #[schema(example = "For people and workloads: any entry of type STANDARD may have it.")]
    pub(crate) description: Cow<'static, str>,
}

/// Every access policy, by name.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AccessPolicyList {
    /// The policies.
    pub(crate) items: Vec<KnownAccessPolicy>,
    /// `eks`: EKS listed them within the last minutes. `builtIn`: EKS could not be asked, and these are those that Entryway
    /// knows by itself.
    #[schema(value_type = CatalogueSource)]
    source: Cow<'static, str>,
    /// Always null: the list comes whole.
    #[schema(example = json!(null))]
    next_token: Option<String>,
}

/// Lists the access policies
///
/// Those EKS has, and who may have each.
#[utoipa::path(get, path = "/v1/access-policies", tag = "clusters", operation_id = "listAccessPolicies",
    params(CallerHeaders, ("clusterName" = Option<String>, Query,
        description = "Ask in this cluster's region, and write the ARNs for its partition; the first cluster unless given",
        example = "prod")),
    responses((status = 200, description = "The access policies, by name", body = AccessPolicyList), ReadFailures))]
pub(crate) async fn list(
    State(desk): State<Desk>,
    _: Authenticated,
    mut parameters: Parameters,
) -> Result<Response, Problem> {
    let cluster = parameters.one("clusterName", |name| {
        let cluster = desk.clusters.get(&text(name)?);
        Ok(cluster.ok_or("is no cluster here; GET /v1/clusters lists them")?)
    });
    parameters.end()?;
    let (catalogue, live) = desk.access_policies(cluster).await;
    let partition = cluster.or_else(|| desk.clusters.iter().next()).map(Cluster::partition);
    let view = |(name, kind): (&str, PolicyKind)| KnownAccessPolicy {
        name: name.to_owned(),
        policy_arn: policy_arn(partition.unwrap_or("aws"), name),
        kind: kind.as_str().into(),
        description: kind.meaning().into(),
    };
    let source = if live { "eks" } else { "builtIn" };
    Ok(json_response(&AccessPolicyList {
        items: catalogue.iter().map(view).collect(),
        source: source.into(),
        next_token: None,
    }))
}

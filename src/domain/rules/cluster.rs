//! The cluster: known, able to come up, and open to access entries.

use super::reading::Reading;
use super::text::{did_you_mean, quoted};
use super::{Context, Report};

const POINTER: &str = "/clusterName";

pub(super) fn is_known(reading: &Reading<'_>, context: &Context<'_>, out: &mut Report<'_>) {
    if context.cluster.is_none() {
        let name = &reading.ask.cluster_name;
        if name.is_empty() {
            return out.add(POINTER, "say on which cluster; GET /v1/clusters lists the clusters there are".to_owned());
        }
        let hint = did_you_mean(name, context.known_clusters.iter().map(String::as_str));
        let detail =
            format!("there is no cluster {}{hint}; GET /v1/clusters lists the clusters there are", quoted(name));
        out.add(POINTER, detail);
    }
}

pub(super) fn can_become_active(_: &Reading<'_>, context: &Context<'_>, out: &mut Report<'_>) {
    if let (Some(cluster), Some(gate)) = (context.cluster, context.gate)
        && gate.is_beyond_waiting()
    {
        let detail = format!(
            "EKS reports {} as {}; ask for another cluster, or once this one is back",
            cluster.name, gate.status
        );
        out.add(POINTER, detail);
    }
}

pub(super) fn takes_access_entries(_: &Reading<'_>, context: &Context<'_>, out: &mut Report<'_>) {
    if let (Some(cluster), Some(gate)) = (context.cluster, context.gate)
        && gate.refuses_entries()
    {
        let detail = format!(
            "the authentication mode of {} is {}, which takes no access entries; its owner can mend that with: \
             aws eks update-cluster-config --name {} --region {} --access-config authenticationMode=API_AND_CONFIG_MAP",
            cluster.name,
            gate.authentication_mode.as_deref().unwrap_or("not known to EKS (its platform version may be too old)"),
            cluster.eks_name,
            cluster.region,
        );
        out.add(POINTER, detail);
    }
}

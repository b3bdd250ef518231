//! The access policies that EKS offers (`EKS user guide, access policy permissions`, and `ListAccessPolicies`).

/// General policies, the node policy of Auto Mode, and those of other AWS services: customers may associate them.
const OPEN: [&str; 17] = [
    "AmazonAIOpsAssistantPolicy",
    "AmazonARCRegionSwitchScalingPolicy",
    "AmazonEKSAdminPolicy",
    "AmazonEKSAdminViewPolicy",
    "AmazonEKSAutoNodePolicy",
    "AmazonEKSClusterAdminPolicy",
    "AmazonEKSEditPolicy",
    "AmazonEKSLoadBalancingClusterPolicy",
    "AmazonEKSLoadBalancingPolicy",
    "AmazonEKSNetworkingClusterPolicy",
    "AmazonEKSNetworkingPolicy",
    "AmazonEKSSecretReaderPolicy",
    "AmazonEKSViewPolicy",
    "AmazonEMRJobPolicy",
    "AmazonSagemakerHyperpodClusterPolicy",
    "AmazonSagemakerHyperpodControllerPolicy",
    "AmazonSagemakerHyperpodSystemNamespacePolicy",
];

/// Policies that only service-linked roles may carry.
const SERVICE_LINKED_ONLY: [&str; 6] = [
    "AmazonEKSBlockStorageClusterPolicy",
    "AmazonEKSBlockStoragePolicy",
    "AmazonEKSClusterInsightsPolicy",
    "AmazonEKSComputeClusterPolicy",
    "AmazonEKSComputePolicy",
    "AmazonEKSHybridPolicy",
];

/// The policy that makes a bootstrap creator the cluster's administrator.
pub(crate) const CLUSTER_ADMIN: &str = "AmazonEKSClusterAdminPolicy";

/// The policy that the EKS service-linked role's own entry carries.
pub(crate) const CLUSTER_INSIGHTS: &str = "AmazonEKSClusterInsightsPolicy";

/// `arn:<partition>:eks::aws:cluster-access-policy/<name>`.
pub(crate) fn arn(partition: &str, name: &str) -> String {
    format!("arn:{partition}:eks::aws:cluster-access-policy/{name}")
}

/// Every policy's name, in the order of `ListAccessPolicies`.
pub(crate) fn names() -> Vec<&'static str> {
    let mut names: Vec<_> = OPEN.into_iter().chain(SERVICE_LINKED_ONLY).collect();
    names.sort_unstable();
    names
}

/// How EKS takes a policy ARN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Not an ARN of EKS at all.
    Malformed,
    /// Well-formed, but no policy of this partition.
    Unknown,
    /// Only for service-linked roles.
    ServiceLinkedOnly,
    /// Free to associate.
    Open,
}

/// Looks a policy ARN up.
pub(crate) fn standing(policy_arn: &str, partition: &str) -> Standing {
    let is = |name: &&str| policy_arn == arn(partition, name);
    let fields: Vec<&str> = policy_arn.split(':').collect();
    match fields[..] {
        ["arn", _, "eks", _, _, ..] if OPEN.iter().any(is) => Standing::Open,
        ["arn", _, "eks", _, _, ..] if SERVICE_LINKED_ONLY.iter().any(is) => Standing::ServiceLinkedOnly,
        ["arn", _, "eks", _, _, ..] => Standing::Unknown,
        _ => Standing::Malformed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_malformed_from_unknown() {
        for (text, expected) in [
            ("arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy", Standing::Open),
            ("arn:aws:eks::aws:cluster-access-policy/AmazonEKSComputePolicy", Standing::ServiceLinkedOnly),
            ("arn:aws:eks::aws:cluster-access-policy/Nope", Standing::Unknown),
            ("arn:aws-cn:eks::aws:cluster-access-policy/AmazonEKSViewPolicy", Standing::Unknown),
            ("arn:aws:eks:aws:cluster-access-policy/AmazonEKSViewPolicy", Standing::Unknown),
            ("arn:aws:iam::aws:policy/AdministratorAccess", Standing::Malformed),
            ("AmazonEKSViewPolicy", Standing::Malformed),
        ] {
            assert_eq!(standing(text, "aws"), expected, "{text}");
        }
    }
}

//! The EKS access policies there are, and who may have them. The list grows on AWS's side, so a catalogue can be the
//! one below or one made from what EKS lists (`ListAccessPolicies`).

use std::collections::BTreeMap;

/// Whom an access policy is for (`EKS user guide, access policy permissions`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PolicyKind {
    /// People and workloads.
    Customer,
    /// The node role of EKS Auto Mode; only for entries of type `EC2`.
    NodeOnly,
    /// AWS associates it with service-linked roles itself and refuses anybody else.
    ServiceLinkedOnly,
    /// Made for another AWS service or feature, or newer than this list. EKS lets customers associate it.
    Other,
}

impl PolicyKind {
    /// The spelling in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::NodeOnly => "nodeOnly",
            Self::ServiceLinkedOnly => "serviceLinkedOnly",
            Self::Other => "other",
        }
    }

    /// Who may have it, in one sentence for people.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Customer => "For people and workloads: any entry of type STANDARD may have it.",
            Self::NodeOnly => "For nodes of EKS Auto Mode: only entries of type EC2 may have it.",
            Self::ServiceLinkedOnly => "For AWS alone: EKS associates it with service-linked roles and nobody else.",
            Self::Other => "Made for another AWS service or feature; ask for it only where that service says so.",
        }
    }
}

use PolicyKind::{Customer, NodeOnly, Other, ServiceLinkedOnly};

/// Every access policy known when this was written (`EKS user guide, access policy permissions`).
const KNOWN: [(&str, PolicyKind); 23] = [
    ("AmazonAIOpsAssistantPolicy", Other),
    ("AmazonARCRegionSwitchScalingPolicy", Other),
    ("AmazonEKSAdminPolicy", Customer),
    ("AmazonEKSAdminViewPolicy", Customer),
    ("AmazonEKSAutoNodePolicy", NodeOnly),
    ("AmazonEKSBlockStorageClusterPolicy", ServiceLinkedOnly),
    ("AmazonEKSBlockStoragePolicy", ServiceLinkedOnly),
    ("AmazonEKSClusterAdminPolicy", Customer),
    ("AmazonEKSClusterInsightsPolicy", ServiceLinkedOnly),
    ("AmazonEKSComputeClusterPolicy", ServiceLinkedOnly),
    ("AmazonEKSComputePolicy", ServiceLinkedOnly),
    ("AmazonEKSEditPolicy", Customer),
    ("AmazonEKSHybridPolicy", ServiceLinkedOnly),
    ("AmazonEKSLoadBalancingClusterPolicy", Other),
    ("AmazonEKSLoadBalancingPolicy", Other),
    ("AmazonEKSNetworkingClusterPolicy", Other),
    ("AmazonEKSNetworkingPolicy", Other),
    ("AmazonEKSSecretReaderPolicy", Customer),
    ("AmazonEKSViewPolicy", Customer),
    ("AmazonEMRJobPolicy", Other),
    ("AmazonSagemakerHyperpodClusterPolicy", Other),
    ("AmazonSagemakerHyperpodControllerPolicy", Other),
    ("AmazonSagemakerHyperpodSystemNamespacePolicy", Other),
];

/// The access policies that may be named in a request, by bare name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalogue {
    policies: BTreeMap<String, PolicyKind>,
}

impl Catalogue {
    /// The policies known when this was written, for as long as EKS has not been asked.
    #[must_use]
    pub fn built_in() -> Self {
        Self::from_names(KNOWN.map(|(name, _)| name))
    }

    /// The policies EKS lists, by bare name. EKS does not say whom one is for, so the kinds come from the built-in
    /// list; a policy that is new to it is [`PolicyKind::Other`].
    #[must_use]
    pub fn from_names<I: IntoIterator<Item: Into<String>>>(names: I) -> Self {
        let kind = |name: &str| KNOWN.iter().find(|(known, _)| *known == name).map_or(Other, |(_, kind)| *kind);
        Self { policies: names.into_iter().map(Into::into).map(|name| (name.clone(), kind(&name))).collect() }
    }

    /// Whom the policy is for; `None` if there is no such policy. Names are compared exactly, as EKS does.
    #[must_use]
    pub fn kind(&self, name: &str) -> Option<PolicyKind> {
        self.policies.get(name).copied()
    }

    /// Every policy with its kind, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, PolicyKind)> {
        self.policies.iter().map(|(name, kind)| (name.as_str(), *kind))
    }
}

/// The ARN of an access policy: AWS's own account, no region (`EKS user guide, associate access policies`).
#[must_use]
pub fn policy_arn(partition: &str, name: &str) -> String {
    format!("arn:{partition}:eks::aws:cluster-access-policy/{name}")
}

/// The partition and the bare name in an access policy's ARN; `None` for any other ARN or text.
#[must_use]
pub fn split_policy_arn(arn: &str) -> Option<(&str, &str)> {
    let (partition, name) = arn.strip_prefix("arn:")?.split_once(":eks::aws:cluster-access-policy/")?;
    let plain = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    (plain(partition) && is_policy_name(name)).then_some((partition, name))
}

/// The bare name of an access policy's ARN, which is what approval policy and people read. Text that is no such ARN
/// comes back as it is.
#[must_use]
pub fn bare_name(arn: &str) -> &str {
    split_policy_arn(arn).map_or(arn, |(_, name)| name)
}

/// Whether `text` could be the bare name of an access policy.
#[must_use]
pub fn is_policy_name(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tells_whom_a_policy_is_for() {
        let catalogue = Catalogue::built_in();
        assert_eq!(catalogue.kind("AmazonEKSViewPolicy"), Some(Customer));
        assert_eq!(catalogue.kind("AmazonEKSAutoNodePolicy"), Some(NodeOnly));
        assert_eq!(catalogue.kind("AmazonEKSComputePolicy"), Some(ServiceLinkedOnly));
        assert_eq!(catalogue.kind("AmazonEKSNetworkingPolicy"), Some(Other));
        assert_eq!(catalogue.kind("amazoneksviewpolicy"), None);
        assert_eq!(catalogue.iter().count(), KNOWN.len(), "a name is listed twice");
    }

    #[test]
    fn what_eks_lists_is_what_there_is() {
        let catalogue = Catalogue::from_names(["AmazonEKSHybridPolicy", "AmazonEKSBrandNewPolicy"]);
        assert_eq!(catalogue.kind("AmazonEKSHybridPolicy"), Some(ServiceLinkedOnly));
        assert_eq!(catalogue.kind("AmazonEKSBrandNewPolicy"), Some(Other));
        assert_eq!(catalogue.kind("AmazonEKSViewPolicy"), None);
    }

    #[test]
    fn arns_come_apart_as_they_were_put_together() {
        let arn = policy_arn("aws-us-gov", "AmazonEKSViewPolicy");
        assert_eq!(arn, "arn:aws-us-gov:eks::aws:cluster-access-policy/AmazonEKSViewPolicy");
        assert_eq!(split_policy_arn(&arn), Some(("aws-us-gov", "AmazonEKSViewPolicy")));
        assert_eq!(bare_name(&arn), "AmazonEKSViewPolicy");
    }

    #[test]
    fn other_arns_are_not_access_policies() {
        for arn in [
            "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy",
            "arn:aws:eks:aws:cluster-access-policy/AmazonEKSViewPolicy",
            "arn:aws:eks:eu-central-1:aws:cluster-access-policy/AmazonEKSViewPolicy",
            "arn:aws:eks::aws:cluster-access-policy/",
            "arn:aws:eks::aws:cluster-access-policy/Amazon EKS",
            "arn:aws:eks::aws:cluster-access-policy/a/b",
            "arn::eks::aws:cluster-access-policy/AmazonEKSViewPolicy",
            "cluster-access-policy/AmazonEKSViewPolicy",
            "AmazonEKSViewPolicy",
        ] {
            assert_eq!(split_policy_arn(arn), None, "{arn}");
        }
    }
    proptest! {
        #[test]
        fn an_arn_of_a_policy_is_its_partition_and_its_name_and_nothing_else_is_one(
            text in prop_oneof!["\\PC{0,40}", "(arn:)?[a-z-]{0,9}:eks::(aws)?:cluster-access-policy/[A-Za-z_ /-]{0,9}"],
        ) {
            if let Some((partition, name)) = split_policy_arn(&text) {
                prop_assert_eq!(policy_arn(partition, name), text.as_str());
                prop_assert!(is_policy_name(name));
            }
            prop_assert!(!bare_name(&text).is_empty() || text.is_empty());
        }
    }
}

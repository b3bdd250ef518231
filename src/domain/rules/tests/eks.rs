//! What EKS refuses, stated once more and apart from the rules, to hold against what they accept.

use crate::domain::catalogue::split_policy_arn;
use crate::domain::cluster::Cluster;
use crate::domain::entry::{AccessScope, EntryType};
use crate::domain::request::Spec;

fn reserved(text: &str) -> bool {
    matches!(text.split_once(':'), Some(("system" | "eks" | "aws" | "amazon" | "iam", _)))
}

fn session_name_without_colon(username: &str) -> bool {
    ["{{SessionName}}", "{{SessionNameRaw}}"].iter().any(|name| {
        username.split(name).next().is_some_and(|before| before.len() < username.len() && !before.contains(':'))
    })
}

/// The number of the rule (in the order of the user guide) that EKS would refuse `spec` for.
pub(super) fn refusal(spec: &Spec, cluster: &Cluster) -> Option<&'static str> {
    let arn = spec.principal.to_string();
    let fields: Vec<&str> = arn.splitn(6, ':').collect();
    let content = &spec.content;
    let node = content.entry_type != EntryType::Standard;
    let scopes = || content.access_policies.iter();
    [
        ("partition", cluster.region.starts_with("eu-") && fields[1] != "aws"),
        ("service-linked role", fields[5].starts_with("role/aws-service-role/")),
        ("node from another account", node && fields[4] != cluster.account_id),
        ("node that is a user", node && fields[5].starts_with("user/")),
        ("username of a node", node && content.username.is_some()),
        ("empty username", content.username.as_deref() == Some("")),
        ("reserved username", content.username.as_deref().is_some_and(reserved)),
        ("session name without colon", content.username.as_deref().is_some_and(session_name_without_colon)),
        ("groups of a node", node && !content.kubernetes_groups.is_empty()),
        ("reserved group", content.kubernetes_groups.iter().any(|group| reserved(group))),
        ("policies of a node", node && content.entry_type != EntryType::Ec2 && scopes().next().is_some()),
        ("not an access policy", scopes().any(|(arn, _)| split_policy_arn(arn).is_none())),
        ("policy of AWS alone", scopes().any(|(arn, _)| arn.contains("/AmazonEKSCompute") || arn.contains("Hybrid"))),
        (
            "scope without namespaces",
            scopes().any(|(_, scope)| matches!(scope, AccessScope::Namespace { namespaces } if namespaces.is_empty())),
        ),
        ("too many tags", spec.tags.len() > 50),
        ("tag key", spec.tags.keys().any(|key| key.is_empty() || key.chars().count() > 128)),
        ("tag value", spec.tags.values().any(|value| value.chars().count() > 256)),
        (
            "tag of AWS",
            spec.tags
                .iter()
                .any(|(key, value)| [key, value].iter().any(|text| text.to_lowercase().starts_with("aws:"))),
        ),
    ]
    .into_iter()
    .find_map(|(rule, broken)| broken.then_some(rule))
}

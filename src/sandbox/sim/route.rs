//! From method and raw path to the operation. Paths are split on `/` first and decoded after, because a principal
//! ARN is one segment whose own slashes travel as `%2F`.

use axum::http::Method;
use percent_encoding::percent_decode_str;

/// Every operation the simulator speaks, by the name AWS gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Op {
    CreateAccessEntry,
    DescribeAccessEntry,
    UpdateAccessEntry,
    DeleteAccessEntry,
    ListAccessEntries,
    AssociateAccessPolicy,
    DisassociateAccessPolicy,
    ListAssociatedAccessPolicies,
    ListAccessPolicies,
    DescribeCluster,
    ListClusters,
    UpdateClusterConfig,
    DescribeUpdate,
    TagResource,
    UntagResource,
    ListTagsForResource,
}

impl Op {
    /// AWS's name for it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::CreateAccessEntry => "CreateAccessEntry",
            Self::DescribeAccessEntry => "DescribeAccessEntry",
            Self::UpdateAccessEntry => "UpdateAccessEntry",
            Self::DeleteAccessEntry => "DeleteAccessEntry",
            Self::ListAccessEntries => "ListAccessEntries",
            Self::AssociateAccessPolicy => "AssociateAccessPolicy",
            Self::DisassociateAccessPolicy => "DisassociateAccessPolicy",
            Self::ListAssociatedAccessPolicies => "ListAssociatedAccessPolicies",
            Self::ListAccessPolicies => "ListAccessPolicies",
            Self::DescribeCluster => "DescribeCluster",
            Self::ListClusters => "ListClusters",
            Self::UpdateClusterConfig => "UpdateClusterConfig",
            Self::DescribeUpdate => "DescribeUpdate",
            Self::TagResource => "TagResource",
            Self::UntagResource => "UntagResource",
            Self::ListTagsForResource => "ListTagsForResource",
        }
    }
}

/// An operation with what its path names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) op: Op,
    pub(crate) cluster: Option<String>,
    pub(crate) principal: Option<String>,
    pub(crate) policy: Option<String>,
    /// The id of an update, or the ARN in a `/tags/…` path.
    pub(crate) resource: Option<String>,
}

impl Route {
    /// The cluster in the path; every operation that asks for it has one.
    pub(crate) fn cluster(&self) -> &str {
        self.cluster.as_deref().unwrap_or_default()
    }

    /// The principal in the path; every operation that asks for it has one.
    pub(crate) fn principal(&self) -> &str {
        self.principal.as_deref().unwrap_or_default()
    }

    /// The policy in the path; every operation that asks for it has one.
    pub(crate) fn policy(&self) -> &str {
        self.policy.as_deref().unwrap_or_default()
    }

    /// The update id or tagged ARN in the path; every operation that asks for it has one.
    pub(crate) fn resource(&self) -> &str {
        self.resource.as_deref().unwrap_or_default()
    }
}

/// The operation behind a raw path, or `None` where EKS has none.
pub(crate) fn route(method: &Method, raw_path: &str) -> Option<Route> {
    let segments = raw_path.strip_prefix('/')?.split('/').map(decode).collect::<Option<Vec<_>>>()?;
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let op = operation(method.as_str(), &segments)?;
    let named = |index: usize| segments.get(index).map(|text| (*text).to_owned());
    Some(match op {
        Op::ListClusters | Op::ListAccessPolicies => {
            Route { op, cluster: None, principal: None, policy: None, resource: None }
        }
        Op::TagResource | Op::UntagResource | Op::ListTagsForResource => {
            Route { op, cluster: None, principal: None, policy: None, resource: named(1) }
        }
        Op::DescribeUpdate => Route { op, cluster: named(1), principal: None, policy: None, resource: named(3) },
        _ => Route { op, cluster: named(1), principal: named(3), policy: named(5), resource: None },
    })
}

fn operation(method: &str, segments: &[&str]) -> Option<Op> {
    if segments.iter().any(|segment| segment.is_empty()) {
        return None;
    }
    Some(match (method, segments) {
        ("GET", ["clusters"]) => Op::ListClusters,
        ("GET", ["clusters", _]) => Op::DescribeCluster,
        ("POST", ["clusters", _, "update-config"]) => Op::UpdateClusterConfig,
        ("GET", ["clusters", _, "updates", _]) => Op::DescribeUpdate,
        ("GET", ["clusters", _, "access-entries"]) => Op::ListAccessEntries,
        ("POST", ["clusters", _, "access-entries"]) => Op::CreateAccessEntry,
        ("GET", ["clusters", _, "access-entries", _]) => Op::DescribeAccessEntry,
        ("POST", ["clusters", _, "access-entries", _]) => Op::UpdateAccessEntry,
        ("DELETE", ["clusters", _, "access-entries", _]) => Op::DeleteAccessEntry,
        ("GET", ["clusters", _, "access-entries", _, "access-policies"]) => Op::ListAssociatedAccessPolicies,
        ("POST", ["clusters", _, "access-entries", _, "access-policies"]) => Op::AssociateAccessPolicy,
        ("DELETE", ["clusters", _, "access-entries", _, "access-policies", _]) => Op::DisassociateAccessPolicy,
        ("GET", ["access-policies"]) => Op::ListAccessPolicies,
        ("GET", ["tags", _]) => Op::ListTagsForResource,
        ("POST", ["tags", _]) => Op::TagResource,
        ("DELETE", ["tags", _]) => Op::UntagResource,
        _ => return None,
    })
}

fn decode(segment: &str) -> Option<String> {
    percent_decode_str(segment).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

/// Reads `a=1&b=2` (a query string or a form body); repeated names stay repeated.
pub(crate) fn pairs(text: &str) -> Vec<(String, String)> {
    let plain = |part: &str| percent_decode_str(&part.replace('+', " ")).decode_utf8_lossy().into_owned();
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (plain(name), plain(value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_before_it_decodes() {
        let path = "/clusters/c/access-entries/arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2Fa%2Faccess-policies%2Fb";
        let found = route(&Method::GET, path).expect("a route");
        assert_eq!(found.op, Op::DescribeAccessEntry);
        assert_eq!(found.principal(), "arn:aws:iam::111122223333:role/a/access-policies/b");
        assert_eq!(route(&Method::GET, "/clusters/c/access-entries/arn:aws:iam::1:role/a/b"), None);
    }

    #[test]
    fn knows_no_route_but_its_own() {
        for (method, path) in [
            (Method::GET, "/"),
            (Method::GET, "/clusters/"),
            (Method::PUT, "/clusters/c"),
            (Method::GET, "/clusters/c/access-entries/p/access-policies/x"),
            (Method::GET, "/clusters/c/access-entries/%ff"),
        ] {
            assert_eq!(route(&method, path), None, "{method} {path}");
        }
    }

    #[test]
    fn reads_repeated_query_keys() {
        assert_eq!(
            pairs("tagKeys=a%20b&tagKeys=c+d&x"),
            [("tagKeys".into(), "a b".into()), ("tagKeys".into(), "c d".into()), ("x".into(), String::new())]
        );
    }
}

//! IAM's evaluation of a call against the policies of one role (`IAM user guide, policy evaluation logic`), as far as
//! the policies here use it, and calls as EKS puts them to IAM.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::domain::arn::PrincipalArn;
use crate::domain::cluster::Cluster;
use crate::domain::iam::Policy;

/// One question to IAM.
#[derive(Debug, Clone)]
pub(super) struct Call {
    action: String,
    resource: String,
    keys: BTreeMap<String, Vec<String>>,
}

impl Call {
    pub(super) fn new(action: &str, resource: &str) -> Self {
        Self { action: action.to_owned(), resource: resource.to_owned(), keys: BTreeMap::new() }
    }

    pub(super) fn with(mut self, key: &str, values: &[&str]) -> Self {
        self.keys.insert(key.to_owned(), values.iter().map(|value| (*value).to_owned()).collect());
        self
    }

    pub(super) fn on_cluster(action: &str, cluster: &Cluster) -> Self {
        let Cluster { region, account_id, eks_name, .. } = cluster;
        Self::new(action, &format!("arn:{}:eks:{region}:{account_id}:cluster/{eks_name}", cluster.partition()))
    }

    /// `CreateAccessEntry` with Entryway's tag.
    pub(super) fn create(cluster: &Cluster, principal: &str, kind: &str) -> Self {
        Self::on_cluster("eks:CreateAccessEntry", cluster)
            .with("eks:principalArn", &[principal])
            .with("eks:accessEntryType", &[kind])
            .with("aws:RequestTag/entryway/installation", &["acme"])
    }

    /// A call on an entry that is there: IAM is told what it is like.
    pub(super) fn on_entry(action: &str, cluster: &Cluster, principal: &str, kind: &str) -> Self {
        let arn: PrincipalArn = principal.parse().expect("a principal");
        let rest = format!("{}/{}/{}/0d1e", arn.kind().as_str(), arn.account(), arn.name());
        Self::entry(action, cluster, &rest).with("eks:principalArn", &[principal]).with("eks:accessEntryType", &[kind])
    }

    /// The same on an entry that EKS does not show: IAM is told nothing of it.
    pub(super) fn on_nothing(action: &str, cluster: &Cluster) -> Self {
        Self::entry(action, cluster, "///*")
    }

    fn entry(action: &str, cluster: &Cluster, rest: &str) -> Self {
        let Cluster { region, account_id, eks_name, .. } = cluster;
        Self::new(
            action,
            &format!("arn:{}:eks:{region}:{account_id}:access-entry/{eks_name}/{rest}", cluster.partition()),
        )
    }

    pub(super) fn policy(self, name: &str, scope: &str, namespaces: &[&str]) -> Self {
        let call = self
            .with("eks:policyArn", &[&format!("arn:aws:eks::aws:cluster-access-policy/{name}")])
            .with("eks:accessScope", &[scope]);
        if namespaces.is_empty() { call } else { call.with("eks:namespaces", namespaces) }
    }
}

/// Whether the policies, all on one role, allow the call.
pub(super) fn allows(policies: &[Policy], call: &Call) -> bool {
    let documents = policies.iter().map(|policy| serde_json::from_str(&policy.document.json()).expect("JSON"));
    let statements: Vec<Value> =
        documents.flat_map(|document: Value| document["Statement"].as_array().expect("statements").clone()).collect();
    let says = |effect: &str| {
        let applies = |statement: &&Value| matches(statement, call);
        statements.iter().filter(|statement| statement["Effect"] == effect).any(|statement| applies(&statement))
    };
    says("Allow") && !says("Deny")
}

fn matches(statement: &Value, call: &Call) -> bool {
    list(&statement["Action"]).iter().any(|action| *action == call.action)
        && list(&statement["Resource"]).iter().any(|resource| like(resource, &call.resource))
        && conditions_hold(statement, call)
}

/// Whether all conditions of the statement hold, which is all there is to a trust policy.
pub(super) fn conditions_hold(statement: &Value, call: &Call) -> bool {
    let conditions = statement["Condition"].as_object().into_iter().flatten();
    conditions.flat_map(|(operator, keys)| keys.as_object().expect("keys").iter().map(move |key| (operator, key))).all(
        |(operator, (key, wanted))| holds(operator, &list(wanted), call.keys.get(key).map_or(&[][..], Vec::as_slice)),
    )
}

fn holds(operator: &str, wanted: &[&str], given: &[String]) -> bool {
    if operator == "Null" {
        return wanted == [if given.is_empty() { "true" } else { "false" }];
    }
    if let Some(operator) = operator.strip_prefix("ForAllValues:") {
        return given.iter().all(|value| one(operator, wanted, value));
    }
    let (operator, if_missing) = match operator.strip_suffix("IfExists") {
        Some(operator) => (operator, true),
        None => (operator, operator.contains("Not")),
    };
    given.first().map_or(if_missing, |value| one(operator, wanted, value))
}

fn one(operator: &str, wanted: &[&str], value: &str) -> bool {
    match operator {
        "StringEquals" => wanted.contains(&value),
        "StringNotEquals" => !wanted.contains(&value),
        "StringLike" => wanted.iter().any(|pattern| like(pattern, value)),
        "ArnLike" | "ArnEquals" => wanted.iter().any(|pattern| arn_like(pattern, value)),
        other => panic!("the policies use {other}, which is not known here"),
    }
}

/// Each of the six parts of an ARN is compared by itself.
fn arn_like(pattern: &str, arn: &str) -> bool {
    let (pattern, arn): (Vec<_>, Vec<_>) = (pattern.splitn(6, ':').collect(), arn.splitn(6, ':').collect());
    pattern.len() == 6 && arn.len() == 6 && pattern.iter().zip(arn).all(|(pattern, part)| like(pattern, part))
}

/// `*` for any run of characters, across `/` and `:` too.
fn like(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, rest)) => text.strip_prefix(head).is_some_and(|tail| {
            (0..=tail.len()).filter(|at| tail.is_char_boundary(*at)).any(|at| like(rest, &tail[at..]))
        }),
    }
}

fn list(value: &Value) -> Vec<&str> {
    match value {
        Value::String(one) => vec![one],
        Value::Array(many) => many.iter().map(|one| one.as_str().expect("a text")).collect(),
        other => panic!("{other} is neither a text nor a list"),
    }
}

#[test]
fn conditions_are_evaluated_as_iam_does() {
    let yes = |operator, wanted: &[&str], given: &[&str]| {
        holds(operator, wanted, &given.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>())
    };
    assert!(yes("StringEquals", &["a", "b"], &["b"]) && !yes("StringEquals", &["a"], &[]));
    assert!(yes("StringNotEquals", &["a"], &[]), "a negated operator holds for a key that is missing");
    assert!(yes("ArnLikeIfExists", &["arn:aws:iam::1:role/*"], &[]));
    assert!(!yes("ArnLikeIfExists", &["arn:aws:iam::1:role/*"], &["arn:aws:iam::2:role/x"]));
    assert!(yes("ArnLike", &["arn:aws:iam::*:role/*"], &["arn:aws:iam::2:role/x/y"]));
    assert!(!yes("ArnLike", &["arn:*"], &["arn:aws:iam::2:role/x"]), "part by part");
    assert!(yes("ForAllValues:StringLike", &["a*"], &[]) && yes("ForAllValues:StringLike", &["a*"], &["a", "ab"]));
    assert!(!yes("ForAllValues:StringLike", &["a*"], &["a", "b"]));
    assert!(yes("Null", &["true"], &[]) && yes("Null", &["false"], &["x"]) && !yes("Null", &["false"], &[]));
}

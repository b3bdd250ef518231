//! What an entry gives, in the smallest pieces: sets of these unite and compare without a word about merging.

use std::collections::BTreeSet;

use entryway::sandbox::sim::CallRecord;
use serde_json::Value;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fact {
    Group(String),
    /// A policy on the whole cluster.
    Everywhere(String),
    /// A policy in one namespace.
    In(String, String),
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Facts(pub(crate) BTreeSet<Fact>);

impl Facts {
    pub(crate) fn add(&mut self, more: &Self) {
        self.0.extend(more.0.iter().cloned());
    }

    pub(crate) fn gives(&self, fact: &Fact) -> bool {
        self.0.contains(fact)
            || matches!(fact, Fact::In(policy, _) if self.0.contains(&Fact::Everywhere(policy.clone())))
    }

    /// What of this `other` does not give.
    pub(crate) fn beyond(&self, other: &Self) -> Vec<Fact> {
        self.0.iter().filter(|fact| !other.gives(fact)).cloned().collect()
    }

    /// Without namespaces of policies that hold everywhere: two that give the same are the same.
    pub(crate) fn plain(&self) -> BTreeSet<Fact> {
        let absorbed =
            |fact: &Fact| matches!(fact, Fact::In(policy, _) if self.0.contains(&Fact::Everywhere(policy.clone())));
        self.0.iter().filter(|fact| !absorbed(fact)).cloned().collect()
    }

    /// Of an entry as the simulator shows it.
    pub(crate) fn of_entry(entry: &Value) -> Self {
        let mut facts = Self::groups(&entry["kubernetesGroups"]);
        for policy in entry["accessPolicies"].as_array().into_iter().flatten() {
            facts.add(&Self::policy(policy["policyArn"].as_str().unwrap(), &policy["accessScope"]));
        }
        facts
    }

    /// Of `request.content` in the database.
    pub(crate) fn of_content(content: &Value) -> Self {
        let mut facts = Self::groups(&content["kubernetesGroups"]);
        for (policy, scope) in content["accessPolicies"].as_object().into_iter().flatten() {
            facts.add(&Self::policy(policy, scope));
        }
        facts
    }

    /// What a write says that the entry is to give; a write that only takes away gives nothing.
    pub(crate) fn of_write(call: &CallRecord) -> Self {
        match call.op.as_str() {
            "CreateAccessEntry" | "UpdateAccessEntry" => Self::groups(&call.request["kubernetesGroups"]),
            "AssociateAccessPolicy" => Self::policy(call.policy_arn.as_deref().unwrap(), &call.request["accessScope"]),
            _ => Self::default(),
        }
    }

    /// What an entry that gave `before` gives after the write.
    pub(crate) fn after(before: Option<Self>, call: &CallRecord) -> Option<Self> {
        let policy = call.policy_arn.as_deref().unwrap_or_default();
        let is_group = |fact: &Fact| matches!(fact, Fact::Group(_));
        let is_of = |fact: &Fact| matches!(fact, Fact::Everywhere(p) | Fact::In(p, _) if p == policy);
        let mut facts = before.unwrap_or_default();
        match call.op.as_str() {
            "CreateAccessEntry" => facts = Self::default(),
            "UpdateAccessEntry" => facts.0.retain(|fact| !is_group(fact)),
            "AssociateAccessPolicy" | "DisassociateAccessPolicy" => facts.0.retain(|fact| !is_of(fact)),
            "DeleteAccessEntry" => return None,
            _ => {}
        }
        facts.add(&Self::of_write(call));
        Some(facts)
    }

    fn groups(groups: &Value) -> Self {
        let groups = groups.as_array().into_iter().flatten();
        Self(groups.map(|group| Fact::Group(group.as_str().unwrap().to_owned())).collect())
    }

    fn policy(arn: &str, scope: &Value) -> Self {
        if scope["type"] == "cluster" {
            return Self([Fact::Everywhere(arn.to_owned())].into());
        }
        let namespaces = scope["namespaces"].as_array().into_iter().flatten();
        Self(namespaces.map(|name| Fact::In(arn.to_owned(), name.as_str().unwrap().to_owned())).collect())
    }
}

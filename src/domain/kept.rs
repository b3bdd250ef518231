//! What a principal keeps when one of its grants ends: overlapping grants share an entry, so the end of one proves nothing
//! about what another gives as well. Whoever takes access back after a leak has to be told.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use uuid::Uuid;

use super::entry::{AccessScope, EntryContent};
use super::merge::Contribution;
use super::pattern::like;

/// What one other giver still gives of what a grant gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Kept {
    /// The live request that gives it; `None` where the entry held it before Entryway came, as somebody else's.
    pub request_id: Option<Uuid>,
    /// The policies, where both reach, and the groups.
    pub entry: EntryContent,
}

/// What is kept of `ended`, giver by giver: the `baseline` first, then the `grants` that are live.
#[must_use]
pub fn kept(ended: &EntryContent, baseline: Option<&EntryContent>, grants: &[Contribution<'_>]) -> Vec<Kept> {
    let theirs = baseline.map(|content| (None, content));
    let ours = grants.iter().map(|grant| (Some(grant.id), grant.content));
    let all = theirs.into_iter().chain(ours);
    all.filter_map(|(request_id, content)| Some(Kept { request_id, entry: common(ended, content)? })).collect()
}

/// One sentence for people; `None` when nothing is kept.
#[must_use]
pub fn in_words(kept: &[Kept]) -> Option<String> {
    let parts = kept.iter().map(|kept| match kept.request_id {
        Some(id) => format!("{} by request {id}", what(&kept.entry)),
        None => format!("{} by what the entry's owner gave it", what(&kept.entry)),
    });
    let all = parts.collect::<Vec<_>>().join("; ");
    (!all.is_empty()).then(|| format!("the principal still has {all}"))
}

fn what(entry: &EntryContent) -> String {
    let policies = entry.access_policies.iter().map(|(arn, scope)| {
        let name = arn.rsplit('/').next().unwrap_or(arn);
        match scope {
            AccessScope::Cluster => format!("{name} in the whole cluster"),
            AccessScope::Namespace { namespaces } => {
                format!("{name} in {}", namespaces.iter().map(String::as_str).collect::<Vec<_>>().join(", "))
            }
        }
    });
    let groups = entry.kubernetes_groups.iter().map(|group| format!("the group {group}"));
    policies.chain(groups).collect::<Vec<_>>().join(", ")
}

fn common(one: &EntryContent, other: &EntryContent) -> Option<EntryContent> {
    let shared = |(arn, scope): (&String, &AccessScope)| {
        let both = overlap(scope, other.access_policies.get(arn)?)?;
        Some((arn.clone(), both))
    };
    let access_policies: BTreeMap<_, _> = one.access_policies.iter().filter_map(shared).collect();
    let kubernetes_groups: BTreeSet<_> =
        one.kubernetes_groups.intersection(&other.kubernetes_groups).cloned().collect();
    (!access_policies.is_empty() || !kubernetes_groups.is_empty()).then_some(EntryContent {
        entry_type: one.entry_type,
        username: None,
        kubernetes_groups,
        access_policies,
    })
}

/// Where two scopes both reach. Of a pattern and a name that is like it, that is the name.
fn overlap(one: &AccessScope, other: &AccessScope) -> Option<AccessScope> {
    match (one, other) {
        (AccessScope::Cluster, scope) | (scope, AccessScope::Cluster) => Some(scope.clone()),
        (AccessScope::Namespace { namespaces: ours }, AccessScope::Namespace { namespaces: theirs }) => {
            let in_theirs = ours.iter().filter(|name| theirs.iter().any(|pattern| like(pattern, name)));
            let in_ours = theirs.iter().filter(|name| ours.iter().any(|pattern| like(pattern, name)));
            let namespaces: BTreeSet<_> = in_theirs.chain(in_ours).cloned().collect();
            (!namespaces.is_empty()).then_some(AccessScope::Namespace { namespaces })
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::entry::EntryType;
    use crate::domain::merge::merge;
    use crate::domain::merge::strategies::{content, contents};

    fn gives(policies: &[(&str, &[&str])], groups: &[&str]) -> EntryContent {
        let scope = |namespaces: &[&str]| match namespaces {
            [] => AccessScope::Cluster,
            names => AccessScope::Namespace { namespaces: names.iter().map(|name| (*name).to_owned()).collect() },
        };
        EntryContent {
            entry_type: EntryType::Standard,
            username: None,
            kubernetes_groups: groups.iter().map(|group| (*group).to_owned()).collect(),
            access_policies: policies.iter().map(|(arn, names)| (format!("arn/{arn}"), scope(names))).collect(),
        }
    }

    #[test]
    fn it_names_who_gives_what_is_kept() {
        let ended = gives(&[("View", &["a", "pay-*"]), ("Edit", &[])], &["ops", "dev"]);
        let owner = gives(&[("Edit", &["z"])], &[]);
        let (other, nothing) = (gives(&[("View", &["pay-api", "b"])], &["dev"]), gives(&[("Admin", &[])], &["x"]));
        let grants =
            [Contribution { id: Uuid::nil(), content: &other }, Contribution { id: Uuid::max(), content: &nothing }];
        let words = in_words(&kept(&ended, Some(&owner), &grants));
        let expected = "the principal still has Edit in z by what the entry's owner gave it; \
             View in pay-api, the group dev by request 00000000-0000-0000-0000-000000000000";
        assert_eq!(words.as_deref(), Some(expected));
        assert_eq!(in_words(&kept(&ended, None, &grants[1..])), None);
    }

    proptest! {
        #[test]
        fn what_is_not_named_is_gone(ended in content(), baseline in content(), others in contents()) {
            let grants: Vec<_> = others.iter().map(|content| Contribution { id: Uuid::nil(), content }).collect();
            let left = merge(Some(&baseline), &grants).desired.expect("a baseline is an entry");
            let kept = kept(&ended, Some(&baseline), &grants);
            for (policy, scope) in &ended.access_policies {
                let both = left.access_policies.get(policy).and_then(|held| overlap(scope, held));
                let named = kept.iter().filter_map(|kept| kept.entry.access_policies.get(policy).cloned());
                prop_assert_eq!(named.reduce(|all, more| all.union(&more)), both);
            }
            for group in &ended.kubernetes_groups {
                let named = kept.iter().any(|kept| kept.entry.kubernetes_groups.contains(group));
                prop_assert_eq!(named, left.kubernetes_groups.contains(group));
            }
        }
    }
}

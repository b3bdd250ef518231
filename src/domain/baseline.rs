//! What an entry of somebody else's held before grants were layered on it, and what becomes of that when they go on
//! changing it: their changes are kept, ours are taken away at the end.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::entry::{AccessScope, EntryContent, EntryType, ObservedEntry};

/// The entry as its owner has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Baseline {
    /// Which entry; another ARN is another entry, about which nothing is remembered.
    pub access_entry_arn: String,
    /// What it holds without Entryway, its username to the letter: at the end exactly this is there again.
    pub content: EntryContent,
    /// Its tags. Entryway leaves them alone; they are kept for whoever wants to know whose entry it is.
    pub tags: BTreeMap<String, String>,
    /// Whether two looks in a row saw the same. Until then nothing is written: one look may show what was there before
    /// its owner's last change, and an update would undo that change.
    pub confirmed: bool,
}

/// The policy that gives everything: nothing can be added to an entry that has it for the whole cluster.
const CLUSTER_ADMIN: &str = "/AmazonEKSClusterAdminPolicy";

impl Baseline {
    /// The baseline that a first look at `entry` suggests.
    #[must_use]
    pub fn of(entry: &ObservedEntry) -> Self {
        Self {
            access_entry_arn: entry.access_entry_arn.clone(),
            content: entry.content.clone(),
            tags: entry.tags.clone(),
            confirmed: false,
        }
    }

    /// Whether this is what `entry` holds.
    #[must_use]
    pub fn is_of(&self, entry: &ObservedEntry) -> bool {
        self.access_entry_arn == entry.access_entry_arn && self.content == entry.content
    }

    /// The baseline once its owner has changed the entry from `written` to `seen`: what they added is theirs, and what they
    /// took away is theirs no longer. Where it is not certain what was written (`unsure`), what is missing may never have
    /// been written, so only additions count.
    #[must_use]
    pub fn rebased(&self, written: &EntryContent, seen: &EntryContent, unsure: bool) -> Self {
        let mut content = self.content.clone();
        if seen.username != written.username {
            content.username.clone_from(&seen.username);
        }
        rebase_names(&mut content.kubernetes_groups, &written.kubernetes_groups, &seen.kubernetes_groups, unsure);
        let policies: BTreeSet<_> = written.access_policies.keys().chain(seen.access_policies.keys()).collect();
        for policy in policies {
            let ours = content.access_policies.get(policy).cloned();
            let scopes = (written.access_policies.get(policy), seen.access_policies.get(policy));
            match rebased_scope(ours, scopes, unsure) {
                Some(scope) => content.access_policies.insert(policy.clone(), scope),
                None => content.access_policies.remove(policy),
            };
        }
        Self { content, ..self.clone() }
    }
}

fn rebase_names(base: &mut BTreeSet<String>, written: &BTreeSet<String>, seen: &BTreeSet<String>, unsure: bool) {
    base.extend(seen.difference(written).cloned());
    if !unsure {
        base.retain(|name| seen.contains(name) || !written.contains(name));
    }
}

fn rebased_scope(
    base: Option<AccessScope>,
    (written, seen): (Option<&AccessScope>, Option<&AccessScope>),
    unsure: bool,
) -> Option<AccessScope> {
    use AccessScope::Namespace;
    match (written, seen) {
        (written, seen) if written == seen => base,
        (_, None) => base.filter(|_| unsure),
        (None, Some(seen)) => Some(seen.clone()),
        (Some(Namespace { namespaces: written }), Some(Namespace { namespaces: seen })) => {
            let mut names = match base {
                Some(Namespace { namespaces }) => namespaces,
                Some(AccessScope::Cluster) => return Some(AccessScope::Cluster),
                None => BTreeSet::new(),
            };
            rebase_names(&mut names, written, seen, unsure);
            (!names.is_empty()).then_some(Namespace { namespaces: names })
        }
        (Some(_), Some(seen)) => Some(seen.clone()),
    }
}

/// Whether grants may be layered on an entry of somebody else's: not on nodes', and not on one that has everything, as the
/// cluster creator's has, to which nothing can be added.
#[must_use]
pub fn can_be_layered_on(entry: &EntryContent) -> bool {
    let has_everything =
        |(policy, scope): (&String, &AccessScope)| policy.ends_with(CLUSTER_ADMIN) && *scope == AccessScope::Cluster;
    entry.entry_type == EntryType::Standard && !entry.access_policies.iter().any(has_everything)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::domain::merge::strategies::{content, contents};
    use crate::domain::merge::{Contribution, merge};

    fn baseline(content: EntryContent) -> Baseline {
        Baseline { access_entry_arn: "theirs".into(), content, tags: BTreeMap::new(), confirmed: true }
    }

    fn layered(base: &EntryContent, grants: &[EntryContent]) -> EntryContent {
        let grants: Vec<_> = grants.iter().map(|content| Contribution { id: Uuid::nil(), content }).collect();
        merge(Some(base), &grants).desired.expect("a baseline is an entry")
    }

    fn with_admin(scope: AccessScope) -> EntryContent {
        EntryContent {
            entry_type: EntryType::Standard,
            username: None,
            kubernetes_groups: [].into(),
            access_policies: [("arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy".into(), scope)]
                .into(),
        }
    }

    #[test]
    fn nodes_and_cluster_admins_are_left_alone() {
        assert!(!can_be_layered_on(&with_admin(AccessScope::Cluster)));
        let scope = AccessScope::Namespace { namespaces: ["a".to_owned()].into() };
        assert!(can_be_layered_on(&with_admin(scope.clone())));
        assert!(!can_be_layered_on(&EntryContent { entry_type: EntryType::Ec2Linux, ..with_admin(scope) }));
    }

    #[test]
    fn a_username_they_changed_is_theirs() {
        let named = |name: &str| EntryContent { username: Some(name.into()), ..with_admin(AccessScope::Cluster) };
        let rebased = baseline(named("a:x")).rebased(&named("a:x"), &named("a:y"), false);
        assert_eq!(rebased.content.username.as_deref(), Some("a:y"));
    }

    proptest! {
        #[test]
        fn what_nobody_touched_stays(base in content(), grants in contents(), unsure in any::<bool>()) {
            let whole = layered(&base, &grants);
            prop_assert_eq!(baseline(base.clone()).rebased(&whole, &whole, unsure).content, base);
        }

        #[test]
        fn what_they_added_is_still_there_when_all_grants_have_ended(base in content(), grants in contents(), added in content()) {
            let whole = layered(&base, &grants);
            let seen = layered(&whole, std::slice::from_ref(&added));
            let rebased = baseline(base.clone()).rebased(&whole, &seen, false).content;
            // Whatever the grants did not give anyway.
            for group in added.kubernetes_groups.difference(&whole.kubernetes_groups) {
                prop_assert!(rebased.kubernetes_groups.contains(group));
            }
            for (policy, scope) in &added.access_policies {
                if !whole.access_policies.contains_key(policy) {
                    prop_assert_eq!(rebased.access_policies.get(policy), Some(scope));
                }
            }
            prop_assert!(rebased.kubernetes_groups.is_superset(&base.kubernetes_groups), "nothing they had is lost");
        }

        #[test]
        fn what_they_took_away_does_not_come_back_at_the_end(base in content(), grants in contents(), left in content()) {
            let whole = layered(&base, &grants);
            let rebased = baseline(base).rebased(&whole, &left, false).content;
            for group in whole.kubernetes_groups.difference(&left.kubernetes_groups) {
                prop_assert!(!rebased.kubernetes_groups.contains(group));
            }
            for policy in whole.access_policies.keys().filter(|policy| !left.access_policies.contains_key(*policy)) {
                prop_assert!(!rebased.access_policies.contains_key(policy));
            }
        }

        #[test]
        fn what_only_grants_gave_never_becomes_theirs(base in content(), grants in contents(), left in content()) {
            let whole = layered(&base, &grants);
            let rebased = baseline(base.clone()).rebased(&whole, &left, false).content;
            for group in &rebased.kubernetes_groups {
                prop_assert!(base.kubernetes_groups.contains(group) || !whole.kubernetes_groups.contains(group));
            }
        }
    }
}

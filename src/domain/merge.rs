//! What overlapping grants add up to. A principal has one entry per cluster, so the entry is always the union of
//! what is live: when one grant ends, the others stay.

use uuid::Uuid;

use super::entry::{EntryContent, EntryType};

/// One live grant's share of an entry.
#[derive(Debug, Clone, Copy)]
pub struct Contribution<'a> {
    /// The request.
    pub id: Uuid,
    /// What it grants.
    pub content: &'a EntryContent,
}

/// Why a grant cannot be part of the entry beside those before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conflict {
    /// An entry's type never changes (`EKS user guide, creating access entries`).
    Type {
        /// What the entry has.
        live: EntryType,
        /// What the grant asks for.
        asked: EntryType,
    },
    /// An entry has one username, and both want one of their own.
    Username {
        /// What the entry has.
        live: String,
        /// What the grant asks for.
        asked: String,
    },
}

/// The desired entry, and the grants that had to be left out of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// What EKS should hold; `None` when nothing is live and there is no baseline.
    pub desired: Option<EntryContent>,
    /// Grants that do not fit beside those before them, in the order given.
    pub conflicts: Vec<(Uuid, Conflict)>,
}

/// The union of `baseline` and `grants`. Earlier grants stand; a later one that disagrees on type or username is
/// left out and reported. Groups unite; of the same policy, cluster scope absorbs namespaces and namespaces unite.
///
/// A grant without a username of its own takes whatever the entry has: only two different names disagree.
#[must_use]
pub fn merge(baseline: Option<&EntryContent>, grants: &[Contribution<'_>]) -> Merged {
    let mut desired = baseline.cloned();
    let mut conflicts = Vec::new();
    for grant in grants {
        match &mut desired {
            None => desired = Some(grant.content.clone()),
            Some(entry) => match conflict(entry, grant.content) {
                Some(conflict) => conflicts.push((grant.id, conflict)),
                None => add(entry, grant.content),
            },
        }
    }
    Merged { desired, conflicts }
}

fn conflict(entry: &EntryContent, more: &EntryContent) -> Option<Conflict> {
    if entry.entry_type != more.entry_type {
        return Some(Conflict::Type { live: entry.entry_type, asked: more.entry_type });
    }
    match (&entry.username, &more.username) {
        (Some(live), Some(asked)) if live != asked => {
            Some(Conflict::Username { live: live.clone(), asked: asked.clone() })
        }
        _ => None,
    }
}

fn add(entry: &mut EntryContent, more: &EntryContent) {
    entry.username = entry.username.take().or_else(|| more.username.clone());
    entry.kubernetes_groups.extend(more.kubernetes_groups.iter().cloned());
    for (policy, scope) in &more.access_policies {
        entry
            .access_policies
            .entry(policy.clone())
            .and_modify(|ours| *ours = ours.union(scope))
            .or_insert_with(|| scope.clone());
    }
}

/// Generators of small worlds, in which overlaps are frequent.
#[cfg(test)]
pub(crate) mod strategies {
    use std::collections::BTreeMap;

    use proptest::collection::{btree_map, btree_set, vec};
    use proptest::prelude::*;

    use super::*;
    use crate::domain::entry::AccessScope;

    pub(crate) fn scope() -> impl Strategy<Value = AccessScope> {
        prop_oneof![
            1 => Just(AccessScope::Cluster),
            3 => btree_set("[abc]", 1..3).prop_map(|namespaces| AccessScope::Namespace { namespaces }),
        ]
    }

    pub(crate) fn content() -> impl Strategy<Value = EntryContent> {
        let policies = btree_map("[PQR]", scope(), 0..4);
        (btree_set("[xyz]", 0..3), policies).prop_map(|(kubernetes_groups, access_policies): (_, BTreeMap<_, _>)| {
            EntryContent { entry_type: EntryType::Standard, username: None, kubernetes_groups, access_policies }
        })
    }

    pub(crate) fn contents() -> impl Strategy<Value = Vec<EntryContent>> {
        vec(content(), 0..6)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::strategies::{content, contents};
    use super::*;
    use crate::domain::entry::AccessScope;

    fn union(baseline: Option<&EntryContent>, contents: &[EntryContent]) -> Option<EntryContent> {
        let grants: Vec<_> = contents.iter().map(|content| Contribution { id: Uuid::nil(), content }).collect();
        let merged = merge(baseline, &grants);
        assert_eq!(merged.conflicts, []);
        merged.desired
    }

    fn named(username: Option<&str>) -> EntryContent {
        EntryContent {
            entry_type: EntryType::Standard,
            username: username.map(str::to_owned),
            kubernetes_groups: ["viewers".to_owned()].into(),
            access_policies: [].into(),
        }
    }

    /// Whether `whole` gives everything that `part` gives.
    fn covers(whole: &EntryContent, part: &EntryContent) -> bool {
        whole.kubernetes_groups.is_superset(&part.kubernetes_groups)
            && part.access_policies.iter().all(|(policy, scope)| match (whole.access_policies.get(policy), scope) {
                (Some(AccessScope::Cluster), _) => true,
                (Some(AccessScope::Namespace { namespaces: a }), AccessScope::Namespace { namespaces: b }) => {
                    a.is_superset(b)
                }
                _ => false,
            })
    }

    #[test]
    fn nothing_live_and_no_baseline_is_no_entry() {
        assert_eq!(merge(None, &[]), Merged { desired: None, conflicts: vec![] });
    }

    #[test]
    fn two_usernames_do_not_fit_beside_each_other() {
        let (first, second) = (named(Some("a:x")), named(Some("a:y")));
        let grants =
            [Contribution { id: Uuid::nil(), content: &first }, Contribution { id: Uuid::max(), content: &second }];
        let merged = merge(None, &grants);
        assert_eq!(merged.desired.as_ref(), Some(&first), "the earlier grant stands");
        assert!(matches!(merged.conflicts[..], [(id, Conflict::Username { .. })] if id == Uuid::max()));
        let merged = merge(Some(&first), &grants[1..]);
        assert_eq!(merged.conflicts.len(), 1, "nor beside a baseline's");
    }

    #[test]
    fn a_grant_without_a_username_takes_what_there_is() {
        for (first, second) in [(None, Some("a:x")), (Some("a:x"), None), (Some("a:x"), Some("a:x"))] {
            let both = [named(first), named(second)];
            assert_eq!(union(None, &both).and_then(|entry| entry.username), Some("a:x".to_owned()));
        }
    }

    #[test]
    fn the_type_is_for_ever() {
        let standard = named(None);
        let node = EntryContent { entry_type: EntryType::Ec2Linux, kubernetes_groups: [].into(), ..named(None) };
        let merged = merge(Some(&standard), &[Contribution { id: Uuid::nil(), content: &node }]);
        assert_eq!(merged.desired, Some(standard));
        assert!(matches!(merged.conflicts[..], [(_, Conflict::Type { .. })]));
    }

    proptest! {
        #[test]
        fn order_does_not_matter(mut grants in contents()) {
            let forward = union(None, &grants);
            grants.reverse();
            prop_assert_eq!(forward, union(None, &grants));
        }

        #[test]
        fn grouping_does_not_matter(a in contents(), b in contents()) {
            let first = union(None, &a);
            let all = [a, b.clone()].concat();
            prop_assert_eq!(union(first.as_ref(), &b), union(None, &all));
        }

        #[test]
        fn twice_is_once(grants in contents()) {
            let twice = [grants.clone(), grants.clone()].concat();
            prop_assert_eq!(union(None, &twice), union(None, &grants));
        }

        #[test]
        fn everything_live_is_covered(baseline in content(), grants in contents()) {
            let whole = union(Some(&baseline), &grants).expect("a baseline is an entry");
            prop_assert!(covers(&whole, &baseline));
            for grant in &grants {
                prop_assert!(covers(&whole, grant));
            }
        }

        #[test]
        fn nothing_is_invented(grants in contents()) {
            if let Some(whole) = union(None, &grants) {
                for group in &whole.kubernetes_groups {
                    prop_assert!(grants.iter().any(|g| g.kubernetes_groups.contains(group)));
                }
                for (policy, scope) in &whole.access_policies {
                    let of_policy = || grants.iter().filter_map(|g| g.access_policies.get(policy));
                    let asked_for = match scope {
                        AccessScope::Cluster => of_policy().any(|s| *s == AccessScope::Cluster),
                        AccessScope::Namespace { namespaces } => namespaces.iter().all(|name| {
                            of_policy().any(|s| matches!(s, AccessScope::Namespace { namespaces } if namespaces.contains(name)))
                        }),
                    };
                    prop_assert!(asked_for);
                }
            }
        }

        #[test]
        fn ending_one_leaves_the_others_whole(grants in contents(), ended in any::<prop::sample::Index>()) {
            prop_assume!(!grants.is_empty());
            let mut rest = grants.clone();
            rest.remove(ended.index(grants.len()));
            match union(None, &rest) {
                Some(left) => for grant in &rest { prop_assert!(covers(&left, grant)); },
                None => prop_assert!(rest.is_empty()),
            }
        }
    }
}

//! From what an entry holds to what it should hold, in the fewest calls.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::entry::{AccessScope, EntryContent};

/// One EKS call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// `CreateAccessEntry` with type, username and groups. Policies follow, one call each.
    Create(EntryContent),
    /// `UpdateAccessEntry`, which replaces both: what is left out goes back to EKS's default.
    Update {
        /// `None` sends the username EKS would derive.
        username: Option<String>,
        /// All groups, not only the new ones.
        groups: BTreeSet<String>,
    },
    /// `AssociateAccessPolicy`; on a policy that is there already it changes the scope in place.
    Associate {
        /// The policy's ARN.
        policy_arn: String,
        /// Its whole scope.
        scope: AccessScope,
    },
    /// `DisassociateAccessPolicy`.
    Disassociate {
        /// The policy's ARN.
        policy_arn: String,
    },
    /// `DeleteAccessEntry`, which drops the associations with it.
    Delete,
}

impl Step {
    /// EKS's name for the call.
    #[must_use]
    pub const fn operation(&self) -> &'static str {
        match self {
            Self::Create(_) => "CreateAccessEntry",
            Self::Update { .. } => "UpdateAccessEntry",
            Self::Associate { .. } => "AssociateAccessPolicy",
            Self::Disassociate { .. } => "DisassociateAccessPolicy",
            Self::Delete => "DeleteAccessEntry",
        }
    }
}

/// The fewest calls from `from` to `to`; empty when they agree. What takes away comes before what adds, so that nothing that
/// EKS refuses to give keeps what is over from ending.
///
/// Both are in the form in which requests ask: no username stands for the one EKS derives
/// ([`super::entry::ObservedEntry::as_asked`]). Node entries' usernames and groups are EKS's own affair: they are neither compared nor
/// updated.
///
/// An entry's type never changes. Entryway does not delete an entry in order to update it; one of another type, though, is
/// what grants left behind that have all ended (none fits beside one of another type), and is deleted as such.
#[must_use]
pub fn plan(from: Option<&EntryContent>, to: Option<&EntryContent>) -> Vec<Step> {
    match (from, to) {
        (None, None) => vec![],
        (Some(_), None) => vec![Step::Delete],
        (None, Some(to)) => create(to),
        (Some(from), Some(to)) if from.entry_type != to.entry_type => anew(to),
        (Some(from), Some(to)) => change(from, to),
    }
}

/// The calls that make an entry anew, because nothing that is done to the one that is there would mend it.
#[must_use]
pub fn anew(to: &EntryContent) -> Vec<Step> {
    std::iter::once(Step::Delete).chain(create(to)).collect()
}

fn create(to: &EntryContent) -> Vec<Step> {
    let bare = EntryContent { access_policies: [].into(), ..to.clone() };
    let (_, given) = policy_steps(&bare, to);
    std::iter::once(Step::Create(bare)).chain(given).collect()
}

fn change(from: &EntryContent, to: &EntryContent) -> Vec<Step> {
    let (mut steps, given) = policy_steps(from, to);
    if !to.entry_type.is_of_nodes() && !same_person(from, to) {
        steps.push(Step::Update { username: to.username.clone(), groups: to.kubernetes_groups.clone() });
    }
    steps.extend(given);
    steps
}

fn same_person(from: &EntryContent, to: &EntryContent) -> bool {
    from.kubernetes_groups == to.kubernetes_groups && from.username == to.username
}

/// What takes policies or namespaces away, and what only gives some.
fn policy_steps(from: &EntryContent, to: &EntryContent) -> (Vec<Step>, Vec<Step>) {
    let surplus = from.access_policies.keys().filter(|arn| !to.access_policies.contains_key(*arn));
    let mut taken: Vec<_> = surplus.map(|arn| Step::Disassociate { policy_arn: arn.clone() }).collect();
    let mut given = Vec::new();
    for (arn, scope) in &to.access_policies {
        let step = Step::Associate { policy_arn: arn.clone(), scope: scope.clone() };
        match from.access_policies.get(arn) {
            Some(before) if before == scope => {}
            Some(before) if before.union(scope) != *scope => taken.push(step),
            _ => given.push(step),
        }
    }
    (taken, given)
}

/// What EKS holds after `step`, given what it held before. The worker remembers it, because for a while a read may
/// still show what was there before (`EKS user guide, creating access entries`: eventual consistency).
#[must_use]
pub fn after(from: Option<&EntryContent>, step: &Step) -> Option<EntryContent> {
    let mut content = match (from, step) {
        (_, Step::Create(content)) => return Some(content.clone()),
        (_, Step::Delete) | (None, _) => return None,
        (Some(content), _) => content.clone(),
    };
    match step {
        Step::Update { username, groups } => {
            content.username.clone_from(username);
            content.kubernetes_groups.clone_from(groups);
        }
        Step::Associate { policy_arn, scope } => {
            content.access_policies.insert(policy_arn.clone(), scope.clone());
        }
        Step::Disassociate { policy_arn } => {
            content.access_policies.remove(policy_arn);
        }
        Step::Create(_) | Step::Delete => {}
    }
    Some(content)
}

#[cfg(test)]
mod tests {
    use proptest::option;
    use proptest::prelude::*;

    use super::*;
    use crate::domain::entry::EntryType;
    use crate::domain::merge::strategies::content;

    fn node(entry_type: EntryType) -> EntryContent {
        EntryContent { entry_type, username: None, kubernetes_groups: [].into(), access_policies: [].into() }
    }

    #[test]
    fn what_is_left_of_another_type_goes_first() {
        let (from, to) = (node(EntryType::Standard), node(EntryType::Ec2Linux));
        assert_eq!(plan(Some(&from), Some(&to)), [Step::Delete, Step::Create(to.clone())]);
    }

    #[test]
    fn what_eks_computes_for_nodes_is_no_difference_and_never_updated() {
        for kind in EntryType::ALL.into_iter().filter(|kind| kind.is_of_nodes()) {
            let mut seen = node(kind);
            seen.username = Some("system:node:{{whatever}}".to_owned());
            seen.kubernetes_groups = ["system:nodes".to_owned(), "eks:something-new".to_owned()].into();
            assert_eq!(plan(Some(&seen), Some(&node(kind))), [], "{kind:?}");
            let policy = [("arn:AutoNode".to_owned(), AccessScope::Cluster)];
            let asked = EntryContent { access_policies: policy.into(), ..node(kind) };
            let steps = plan(Some(&seen), Some(&asked));
            assert!(matches!(&steps[..], [Step::Associate { .. }]), "{kind:?}: {steps:?}");
        }
    }

    #[test]
    fn a_username_of_ones_own_goes_when_it_is_no_longer_wanted() {
        let mine = EntryContent { username: Some("a:{{SessionName}}".into()), ..node(EntryType::Standard) };
        let plain = node(EntryType::Standard);
        assert!(matches!(&plan(Some(&plain), Some(&mine))[..], [Step::Update { username: Some(_), .. }]));
        assert!(matches!(&plan(Some(&mine), Some(&plain))[..], [Step::Update { username: None, .. }]));
    }

    #[test]
    fn update_always_sends_username_and_groups() {
        let from = EntryContent { username: Some("a:b".into()), ..node(EntryType::Standard) };
        let to = EntryContent { kubernetes_groups: ["g".to_owned()].into(), ..from.clone() };
        let steps = plan(Some(&from), Some(&to));
        assert_eq!(steps, [Step::Update { username: Some("a:b".into()), groups: ["g".to_owned()].into() }]);
    }

    proptest! {
        #[test]
        fn the_steps_lead_there(from in option::of(content()), to in option::of(content())) {
            let steps = plan(from.as_ref(), to.as_ref());
            let mut now = from;
            for step in &steps {
                now = after(now.as_ref(), step);
            }
            prop_assert_eq!(&now, &to);
            prop_assert_eq!(plan(now.as_ref(), to.as_ref()), vec![]);
        }

        #[test]
        fn no_step_can_be_spared(from in option::of(content()), to in option::of(content())) {
            let steps = plan(from.as_ref(), to.as_ref());
            let expected = match (&from, &to) {
                (None, None) => 0,
                (Some(_), None) => 1,
                (None, Some(to)) => 1 + to.access_policies.len(),
                (Some(from), Some(to)) => {
                    let all: BTreeSet<_> = from.access_policies.keys().chain(to.access_policies.keys()).collect();
                    let differing = all.into_iter().filter(|arn| from.access_policies.get(*arn) != to.access_policies.get(*arn)).count();
                    differing + usize::from(from.kubernetes_groups != to.kubernetes_groups)
                }
            };
            prop_assert_eq!(steps.len(), expected);
        }

        #[test]
        fn what_takes_away_comes_first_and_nothing_is_deleted_to_be_updated(from in content(), to in content()) {
            let steps = plan(Some(&from), Some(&to));
            prop_assert!(!steps.iter().any(|s| matches!(s, Step::Delete | Step::Create(_))));
            // Between the steps nothing is taken away any more once something was only given.
            let (mut now, mut gave) = (Some(from), false);
            for step in &steps {
                let next = after(now.as_ref(), step);
                let (before, then) = (now.as_ref().expect("it stays"), next.as_ref().expect("it stays"));
                let takes = before.access_policies.iter().any(|(arn, scope)| {
                    then.access_policies.get(arn).is_none_or(|left| left.union(scope) != *left)
                });
                prop_assert!(!(takes && gave), "{steps:?}");
                gave |= !takes && matches!(step, Step::Associate { .. });
                now = next;
            }
        }
    }
}

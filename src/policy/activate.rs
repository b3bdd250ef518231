//! The question that quorum is: may this be applied now, with these approvals?

use std::collections::BTreeSet;
use std::rc::Rc;

use cedar_policy::{Context, Entities, EntityUid, RestrictedExpression};

use super::entities::{self, Unrepresentable};
use super::evaluate::{ACTIVATE, Answer, Question};
use super::load::PolicySet;
use super::scene::Scene;
use crate::domain::identity::Identity;

/// The approvals that `activate` is asked with, real or supposed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Approvals {
    pub(super) count: usize,
    pub(super) approvers: BTreeSet<EntityUid>,
    pub(super) groups: BTreeSet<EntityUid>,
}

impl Approvals {
    /// The approvals of these people, each of whom is there once.
    pub(super) fn of<'a>(people: impl Iterator<Item = &'a Identity>) -> Self {
        let mut approvals = Self::default();
        for person in people {
            approvals.count += 1;
            approvals.approvers.insert(entities::user(&person.user));
            approvals.groups.extend(person.groups.iter().map(|name| entities::group(name)));
        }
        approvals
    }

    /// What `activate` would be asked with, were there `more` approvals, with these groups and people among them.
    pub(super) fn with<'a>(&self, more: usize, names: impl IntoIterator<Item = &'a EntityUid>) -> Self {
        let mut supposed = self.clone();
        supposed.count += more;
        for name in names {
            let names = if entities::is_group(name) { &mut supposed.groups } else { &mut supposed.approvers };
            names.insert(name.clone());
        }
        supposed
    }

    fn context(&self, moment: &Context) -> Result<Context, Unrepresentable> {
        let set = |names: &BTreeSet<EntityUid>| {
            RestrictedExpression::new_set(names.iter().cloned().map(RestrictedExpression::new_entity_uid))
        };
        let count = i64::try_from(self.count).map_err(|error| Unrepresentable::because(&error))?;
        let pairs = vec![
            ("approvals".to_owned(), RestrictedExpression::new_long(count)),
            ("approvers".to_owned(), set(&self.approvers)),
            ("approverGroups".to_owned(), set(&self.groups)),
        ];
        entities::extend(moment, pairs)
    }
}

/// Everything about an `activate` question but the approvals: the requester asks to have it applied.
pub(super) struct QuorumQuestion<'a> {
    scene: &'a Scene<'a>,
    entities: Rc<Entities>,
}

impl<'a> QuorumQuestion<'a> {
    pub(super) fn new(scene: &'a Scene<'a>) -> Result<Self, Unrepresentable> {
        Ok(Self { scene, entities: scene.with(scene.facts().requester)? })
    }

    /// Whether these approvals are enough.
    pub(super) fn ask(&self, policies: &PolicySet, approvals: &Approvals) -> Answer {
        self.ask_of(policies, &policies.engine.slice(ACTIVATE).all, approvals)
    }

    /// Whether they would be, were nothing forbidden.
    pub(super) fn ask_permits(&self, policies: &PolicySet, approvals: &Approvals) -> Answer {
        self.ask_of(policies, &policies.engine.slice(ACTIVATE).permits, approvals)
    }

    fn ask_of(&self, policies: &PolicySet, asked: &cedar_policy::PolicySet, approvals: &Approvals) -> Answer {
        let put = || {
            let (context, resource) = (approvals.context(self.scene.moment()?)?, self.scene.resource()?);
            let principal = entities::user(&self.scene.facts().requester.user);
            let question = Question { principal, action: ACTIVATE, resource, context, entities: &self.entities };
            Ok(policies.engine.ask_of(asked, question))
        };
        put().unwrap_or_else(|error| Answer::failed(&error))
    }
}

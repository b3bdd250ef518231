//! One request at one moment, ready to be asked about many times: by each person, with each number of approvals. Making
//! entities costs far more than asking about them, so each is made when it is first needed, and once.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use cedar_policy::{Context, Entities, Entity, EntityUid};
use chrono::{DateTime, Utc};

use super::actions::Call;
use super::entities::{Facts, Unrepresentable, cluster_entity, moment, person, request_entity};
use crate::domain::identity::Identity;

/// The request, its cluster and its people, at the moment of a decision. Belongs to one use case and is gone with it.
pub struct Scene<'a> {
    facts: Facts<'a>,
    now: DateTime<Utc>,
    set: OnceCell<Result<Set, Unrepresentable>>,
    /// Everything, by who acts.
    acted: RefCell<Vec<(Identity, Rc<Entities>)>>,
    /// What surrounds a call of each kind.
    contexts: RefCell<Vec<(Call, Context)>>,
}

/// The entities, without whoever acts.
struct Set {
    moment: Context,
    request: Entity,
    cluster: Entity,
    people: BTreeMap<String, Entity>,
}

impl Set {
    fn new(facts: &Facts<'_>, now: DateTime<Utc>) -> Result<Self, Unrepresentable> {
        let mut people = BTreeMap::new();
        for identity in facts.submitted_by.into_iter().chain([facts.requester]) {
            people.insert(identity.user.clone(), person(identity)?);
        }
        let (request, cluster) = (request_entity(facts)?, cluster_entity(facts.cluster)?);
        Ok(Self { moment: moment(now)?, request, cluster, people })
    }
}

impl<'a> Scene<'a> {
    /// The request that `facts` describe, at `now`. Calls about it are of that moment.
    #[must_use]
    pub fn new(facts: &Facts<'a>, now: DateTime<Utc>) -> Self {
        Self { facts: *facts, now, set: OnceCell::new(), acted: RefCell::default(), contexts: RefCell::default() }
    }

    pub(super) const fn facts(&self) -> &Facts<'a> {
        &self.facts
    }

    fn set(&self) -> Result<&Set, Unrepresentable> {
        self.set.get_or_init(|| Set::new(&self.facts, self.now)).as_ref().map_err(Clone::clone)
    }

    /// The context that every question begins with: the time.
    pub(super) fn moment(&self) -> Result<&Context, Unrepresentable> {
        Ok(&self.set()?.moment)
    }

    /// The context of a call.
    pub(super) fn context(&self, call: &Call) -> Result<Context, Unrepresentable> {
        debug_assert_eq!(call.now, self.now, "a scene is of one moment");
        let mut contexts = self.contexts.borrow_mut();
        if let Some((_, known)) = contexts.iter().find(|(known, _)| known == call) {
            return Ok(known.clone());
        }
        let context = call.context(self.moment()?)?;
        contexts.push((*call, context.clone()));
        Ok(context)
    }

    /// The request itself.
    pub(super) fn resource(&self) -> Result<EntityUid, Unrepresentable> {
        Ok(self.set()?.request.uid())
    }

    /// Everything, with `who` acting. Where `who` is also the requester, their groups are those `who` came with.
    pub(super) fn with(&self, who: &Identity) -> Result<Rc<Entities>, Unrepresentable> {
        let mut acted = self.acted.borrow_mut();
        if let Some((_, known)) = acted.iter().find(|(known, _)| known == who) {
            return Ok(Rc::clone(known));
        }
        let Set { request, cluster, people, .. } = self.set()?;
        let mut people = people.clone();
        people.insert(who.user.clone(), person(who)?);
        let all = people.into_values().chain([request.clone(), cluster.clone()]);
        let entities = Rc::new(Entities::from_entities(all, None).map_err(|e| Unrepresentable::because(&e))?);
        acted.push((who.clone(), Rc::clone(&entities)));
        Ok(entities)
    }
}

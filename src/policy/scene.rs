//! One request at one moment, ready to be asked about many times: by each reviewer, with each number of approvals.

use std::collections::BTreeMap;

use cedar_policy::{Context, Entities, Entity, EntityUid};
use chrono::{DateTime, Utc};

use super::entities::{Facts, Unrepresentable, cluster_entity, moment, person, request_entity};
use crate::domain::identity::Identity;

/// The request, its cluster and its people, without whoever acts on it.
pub(super) struct Scene<'a> {
    facts: Facts<'a>,
    moment: Context,
    request: Entity,
    cluster: Entity,
    people: BTreeMap<String, Entity>,
}

impl<'a> Scene<'a> {
    pub(super) fn new(facts: &Facts<'a>, now: DateTime<Utc>) -> Result<Self, Unrepresentable> {
        let mut people = BTreeMap::new();
        for identity in facts.submitted_by.into_iter().chain([facts.requester]) {
            people.insert(identity.user.clone(), person(identity)?);
        }
        let (request, cluster) = (request_entity(facts)?, cluster_entity(facts.cluster)?);
        Ok(Self { facts: *facts, moment: moment(now)?, request, cluster, people })
    }

    pub(super) const fn facts(&self) -> &Facts<'a> {
        &self.facts
    }

    /// The context that every question begins with: the time.
    pub(super) const fn moment(&self) -> &Context {
        &self.moment
    }

    /// The request itself.
    pub(super) fn resource(&self) -> EntityUid {
        self.request.uid()
    }

    /// Everything, with `who` acting. Where `who` is also the requester, their groups are those `who` came with.
    pub(super) fn with(&self, who: &Identity) -> Result<Entities, Unrepresentable> {
        let mut people = self.people.clone();
        people.insert(who.user.clone(), person(who)?);
        let all = people.into_values().chain([self.request.clone(), self.cluster.clone()]);
        Entities::from_entities(all, None).map_err(|e| Unrepresentable::because(&e))
    }
}

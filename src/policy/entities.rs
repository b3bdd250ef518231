//! What a policy sees: the request, its cluster and the people, as entities of the schema. Built by the typed API
//! on every decision; that they fit the schema is proven by a test, not asked again each time.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use cedar_policy::{Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, RestrictedExpression};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use uuid::Uuid;

use crate::domain::catalogue::bare_name;
use crate::domain::cluster::Cluster;
use crate::domain::entry::AccessScope;
use crate::domain::identity::Identity;
use crate::domain::request::Spec;

/// One request as policy sees it, before it is stored (dry run, submit) or after.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The id of the request.
    pub id: Uuid,
    /// What is asked.
    pub spec: &'a Spec,
    /// The cluster it is about.
    pub cluster: &'a Cluster,
    /// Whose ask it is, with their groups.
    pub requester: &'a Identity,
    /// Of an extension: how far ahead of its filing access reaches with it. Policy sees that as its duration.
    pub reach: Option<TimeDelta>,
    /// The service that filed it for them, if any; policy sees the requester here where there is none.
    pub submitted_by: Option<&'a Identity>,
}

impl Facts<'_> {
    /// Whether `user` asked for this or filed it for somebody.
    pub(super) fn is_own_of(&self, user: &str) -> bool {
        self.requester.user == user || self.submitted_by.is_some_and(|service| service.user == user)
    }
}

/// A value that Cedar cannot hold, such as a time beyond the year 9999. Whoever meets it answers as for any other
/// error of evaluation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("policy cannot be asked about this: {0}")]
pub(super) struct Unrepresentable(String);

impl Unrepresentable {
    pub(super) fn because(error: &dyn std::error::Error) -> Self {
        Self(error.to_string())
    }
}

macro_rules! entity_types {
    ($($name:ident = $text:literal),+ $(,)?) => {$(
        static $name: LazyLock<EntityTypeName> =
            LazyLock::new(|| $text.parse().expect("the names of the schema's entity types are well-formed"));
    )+};
}

entity_types! {
    USER = "Entryway::User",
    GROUP = "Entryway::Group",
    CLUSTER = "Entryway::Cluster",
    ENVIRONMENT = "Entryway::Environment",
    REQUEST = "Entryway::AccessRequest",
    SERVICE = "Entryway::Service",
    ACTION = "Entryway::Action",
}

fn uid(kind: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
}

pub(super) fn user(name: &str) -> EntityUid {
    uid(&USER, name)
}

pub(super) fn group(name: &str) -> EntityUid {
    uid(&GROUP, name)
}

pub(super) fn action(name: &str) -> EntityUid {
    uid(&ACTION, name)
}

/// The one resource of the service-wide actions.
pub(super) fn service() -> EntityUid {
    uid(&SERVICE, "entryway")
}

pub(super) fn is_user(uid: &EntityUid) -> bool {
    *uid.type_name() == *USER
}

pub(super) fn is_group(uid: &EntityUid) -> bool {
    *uid.type_name() == *GROUP
}

pub(super) fn is_request(uid: &EntityUid) -> bool {
    *uid.type_name() == *REQUEST
}

pub(super) fn is_environment(uid: &EntityUid) -> bool {
    *uid.type_name() == *ENVIRONMENT
}

/// The part of every context that costs most to make: the time, which Cedar takes as text only.
pub(super) fn moment(now: DateTime<Utc>) -> Result<Context, Unrepresentable> {
    let now = RestrictedExpression::new_datetime(now.to_rfc3339_opts(SecondsFormat::Millis, true));
    extend(&Context::empty(), vec![("now".to_owned(), now)])
}

/// A context with more in it.
pub(super) fn extend(
    context: &Context,
    pairs: Vec<(String, RestrictedExpression)>,
) -> Result<Context, Unrepresentable> {
    let more = Context::from_pairs(pairs).map_err(|error| Unrepresentable::because(&error))?;
    context.clone().merge(more).map_err(|error| Unrepresentable::because(&error))
}

fn text(value: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(value.to_owned())
}

fn texts<'a>(values: impl IntoIterator<Item = &'a str>) -> RestrictedExpression {
    RestrictedExpression::new_set(values.into_iter().map(text))
}

/// A person or service, in its groups.
pub(super) fn person(identity: &Identity) -> Result<Entity, Unrepresentable> {
    let attributes = [("service".to_owned(), RestrictedExpression::new_bool(identity.service))];
    let groups = identity.groups.iter().map(|name| group(name));
    Entity::new_with_tags(user(&identity.user), attributes, groups, []).map_err(|e| Unrepresentable::because(&e))
}

/// Nobody but `who`, for what is not about a request.
pub(super) fn only(who: &Identity) -> Result<Entities, Unrepresentable> {
    Entities::from_entities([person(who)?], None).map_err(|e| Unrepresentable::because(&e))
}

pub(super) fn cluster_entity(cluster: &Cluster) -> Result<Entity, Unrepresentable> {
    let attributes = [("account", &cluster.account_id), ("region", &cluster.region)];
    Entity::new_with_tags(
        uid(&CLUSTER, &cluster.name),
        attributes.map(|(key, value)| (key.to_owned(), text(value))),
        [uid(&ENVIRONMENT, &cluster.environment)],
        cluster.labels.iter().map(|(key, value)| (key.clone(), text(value))),
    )
    .map_err(|e| Unrepresentable::because(&e))
}

pub(super) fn request_entity(facts: &Facts<'_>) -> Result<Entity, Unrepresentable> {
    let spec = facts.spec;
    let entity = |uid: EntityUid| RestrictedExpression::new_entity_uid(uid);
    let boolean = RestrictedExpression::new_bool;
    let submitter = facts.submitted_by.unwrap_or(facts.requester);
    let policies = spec.content.access_policies.keys().map(|arn| bare_name(arn));
    let mut attributes = vec![
        ("requester", entity(user(&facts.requester.user))),
        ("submittedBy", entity(user(&submitter.user))),
        ("cluster", entity(uid(&CLUSTER, &facts.cluster.name))),
        ("principalArn", text(&spec.principal.to_string())),
        ("principalAccount", text(spec.principal.account())),
        ("principalKind", text(spec.principal.kind().as_str())),
        ("type", text(spec.content.entry_type.as_str())),
        ("customUsername", boolean(spec.content.username.is_some())),
        ("kubernetesGroups", texts(spec.content.kubernetes_groups.iter().map(String::as_str))),
        ("accessPolicies", texts(policies)),
        ("clusterWide", boolean(spec.is_cluster_wide())),
        ("namespaces", texts(namespaces(spec))),
        ("permanent", boolean(spec.duration.is_none())),
        ("breakGlass", boolean(spec.break_glass)),
    ];
    if let Some(duration) = facts.reach.or(spec.duration) {
        let millis = format!("{}ms", duration.num_milliseconds());
        attributes.push(("duration", RestrictedExpression::new_duration(millis)));
    }
    if let Some(ticket) = &spec.ticket {
        attributes.push(("ticket", text(ticket)));
    }
    let attributes = attributes.into_iter().map(|(key, value)| (key.to_owned(), value));
    Entity::new_with_tags(uid(&REQUEST, &facts.id.to_string()), attributes, [], [])
        .map_err(|e| Unrepresentable::because(&e))
}

/// The union of the scopes, patterns as written.
fn namespaces(spec: &Spec) -> BTreeSet<&str> {
    let scopes = spec.content.access_policies.values();
    scopes
        .filter_map(|scope| match scope {
            AccessScope::Namespace { namespaces } => Some(namespaces),
            AccessScope::Cluster => None,
        })
        .flatten()
        .map(String::as_str)
        .collect()
}

#[cfg(test)]
mod tests;

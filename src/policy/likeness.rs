//! By which parts of a request policies decide. Who looks for what they may review among ten thousand requests asks policy
//! once about all that are alike in those parts, and lets the database tell which are.
//!
//! Read off the policies' text, so it errs on one side only: a part that is named counts, whether or not it matters.

use cedar_policy::{Effect, Policy, PrincipalConstraint};
use serde_json::Value;

use super::actions::Action;
use super::entities;
use super::load::PolicySet;
use crate::domain::identity::Identity;
use crate::domain::likeness::{Part, Parts};

/// What can be told of a policy without asking it.
#[derive(Debug)]
pub(super) struct Reader {
    principal: PrincipalConstraint,
    effect: Effect,
    /// The parts of the request that it names.
    parts: Parts,
    /// Whether it is about nothing but the caller's own requests.
    own: bool,
}

impl Reader {
    pub(super) fn of(policy: &Policy) -> Self {
        let named = policy.entity_literals().iter().any(entities::is_request);
        let whole = named.then_some(Part::Whole);
        let (principal, effect) = (policy.principal_constraint(), policy.effect());
        let Ok(json) = policy.to_json() else {
            return Self { principal, effect, parts: [Part::Whole].into_iter().collect(), own: false };
        };
        let mut parts = Vec::new();
        collect(&json["conditions"], &mut parts);
        Self { principal, effect, parts: parts.into_iter().chain(whole).collect(), own: is_about_own(&json) }
    }

    /// Whether it can say anything to `who` about requests of others.
    fn concerns(&self, who: &Identity) -> bool {
        let within =
            |uid: &_| *uid == entities::user(&who.user) || who.groups.iter().any(|name| *uid == entities::group(name));
        let addressed = match &self.principal {
            PrincipalConstraint::Any | PrincipalConstraint::Is(_) => true,
            PrincipalConstraint::Eq(uid) | PrincipalConstraint::In(uid) | PrincipalConstraint::IsIn(_, uid) => {
                within(uid)
            }
        };
        addressed && !self.own
    }
}

impl PolicySet {
    /// Whether there is a policy that could let `who` do `action` about a request of somebody else's.
    #[must_use]
    pub fn could_let(&self, who: &Identity, action: Action) -> bool {
        let readers = &self.engine.slice(action.as_str()).readers;
        let barred = action.is_review() && who.service;
        !barred && readers.iter().any(|reader| reader.effect == Effect::Permit && reader.concerns(who))
    }

    /// The parts of others' requests on which it depends whether `who` may do `action`: two that are alike in them are
    /// decided alike, for the same call.
    #[must_use]
    pub fn depends_on(&self, who: &Identity, action: Action) -> Parts {
        let readers = self.engine.slice(action.as_str()).readers.iter();
        readers.filter(|reader| reader.concerns(who)).fold(Parts::default(), |all, reader| all.and(reader.parts))
    }
}

/// The parts that an expression names. Attributes of clusters, people and the call are no parts of the request; one gets at
/// the first two by a part that is.
fn collect(expression: &Value, parts: &mut Vec<Part>) {
    match expression {
        Value::Array(all) => all.iter().for_each(|inner| collect(inner, parts)),
        Value::Object(fields) => {
            for (operator, inner) in fields {
                let attribute = inner["attr"].as_str();
                match (operator.as_str(), attribute) {
                    (".", Some(name)) => parts.extend(part_of(name)),
                    ("has", Some("duration")) => parts.push(Part::Permanent),
                    ("has", Some("ticket")) => parts.push(Part::Ticketed),
                    _ => {}
                }
                collect(inner, parts);
            }
        }
        _ => {}
    }
}

fn part_of(attribute: &str) -> Option<Part> {
    Some(match attribute {
        "requester" => Part::Requester,
        "submittedBy" => Part::SubmittedBy,
        "cluster" => Part::Cluster,
        "principalArn" | "principalAccount" | "principalKind" => Part::Principal,
        "type" => Part::Type,
        "customUsername" => Part::CustomUsername,
        "kubernetesGroups" => Part::Groups,
        "accessPolicies" => Part::Policies,
        "clusterWide" => Part::ClusterWide,
        "namespaces" => Part::Scopes,
        "permanent" => Part::Permanent,
        "duration" => Part::Duration,
        "ticket" => Part::Ticket,
        "breakGlass" => Part::BreakGlass,
        _ => return None,
    })
}

/// Whether the first thing a policy wants is that the caller be the requester. It is then false for all others, whatever
/// else it says.
fn is_about_own(policy: &Value) -> bool {
    let first = &policy["conditions"][0];
    let mut body = &first["body"];
    while let Some(left) = body.pointer("/&&/left") {
        body = left;
    }
    let is_caller = |side: &Value| side["Var"] == "principal";
    let is_requester = |side: &Value| side["."]["attr"] == "requester" && side["."]["left"]["Var"] == "resource";
    let (left, right) = (&body["=="]["left"], &body["=="]["right"]);
    first["kind"] == "when" && ((is_caller(left) && is_requester(right)) || (is_requester(left) && is_caller(right)))
}

#[cfg(test)]
mod tests;

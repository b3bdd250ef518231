//! One question to Cedar and its answer. Policies are sorted by action when they are loaded, so that a question
//! looks only at those that could match.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::{
    ActionConstraint, AuthorizationError, Authorizer, Context, Decision, Effect, Entities, EntityUid, Policy, PolicyId,
    Request,
};

use super::actions::{Action, ServiceAction};
use super::entities::{self, Unrepresentable};
use super::likeness::Reader;

/// The action that quorum is.
pub(super) const ACTIVATE: &str = "activate";

/// Every action of the schema.
pub(super) fn actions() -> impl Iterator<Item = &'static str> {
    let of_requests = Action::ALL.iter().map(|action| action.as_str());
    of_requests.chain(ServiceAction::ALL.iter().map(|action| action.as_str())).chain([ACTIVATE])
}

/// The policies whose scope names (or leaves open) one action.
#[derive(Debug, Default)]
pub(super) struct Slice {
    /// All of them.
    pub(super) all: cedar_policy::PolicySet,
    /// Those that permit, for asking what would be permitted were nothing forbidden.
    pub(super) permits: cedar_policy::PolicySet,
    /// What each of them reads, for telling requests apart by what matters.
    pub(super) readers: Vec<Reader>,
}

/// What Cedar said. Errors are kept apart: what they mean depends on whether the action grants or ends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Answer {
    /// Cedar's own decision, in which a policy that errs is skipped.
    pub(super) allowed: bool,
    /// The permits that allowed it, or the forbids that did not. Sorted.
    pub(super) deciding: Vec<String>,
    /// The policies that could not be evaluated, each with Cedar's words.
    pub(super) errors: BTreeMap<String, String>,
}

/// A question: who wants what of which resource, in which circumstances.
pub(super) struct Question<'a> {
    pub(super) principal: EntityUid,
    pub(super) action: &'a str,
    pub(super) resource: EntityUid,
    pub(super) context: Context,
    pub(super) entities: &'a Entities,
}

/// The parsed policies and what is looked up in them.
#[derive(Debug)]
pub(super) struct Engine {
    authorizer: Authorizer,
    slices: BTreeMap<&'static str, Slice>,
    annotations: BTreeMap<String, String>,
    effects: BTreeMap<String, Effect>,
    /// Groups, users and environments that any policy names.
    pub(super) named: BTreeSet<EntityUid>,
    /// The groups and users that policies on `activate` name: whose approval might make a difference.
    pub(super) quorum_names: BTreeSet<EntityUid>,
}

impl Engine {
    /// Takes policies with ids of their own.
    pub(super) fn new(policies: Vec<Policy>) -> Self {
        let mut engine = Self {
            authorizer: Authorizer::new(),
            slices: BTreeMap::new(),
            annotations: BTreeMap::new(),
            effects: BTreeMap::new(),
            named: BTreeSet::new(),
            quorum_names: BTreeSet::new(),
        };
        for policy in &policies {
            let id = id_of(policy.id());
            let reason = policy.annotation("reason").map(str::trim).filter(|reason| !reason.is_empty());
            engine.annotations.extend(reason.map(|reason| (id.clone(), reason.to_owned())));
            engine.effects.insert(id, policy.effect());
            engine.named.extend(policy.entity_literals());
        }
        engine.slices = actions().map(|action| (action, slice(&policies, action))).collect();
        let about_quorum = engine.slice(ACTIVATE).all.policies().flat_map(Policy::entity_literals);
        engine.quorum_names = about_quorum.filter(|uid| entities::is_group(uid) || entities::is_user(uid)).collect();
        engine
    }

    /// The policies that could match `action`.
    pub(super) fn slice(&self, action: &str) -> &Slice {
        self.slices.get(action).expect("every action of the schema got its slice when the set was loaded")
    }

    /// The `@reason` of a policy.
    pub(super) fn reason(&self, id: &str) -> Option<&str> {
        self.annotations.get(id).map(String::as_str)
    }

    /// Whether the policy forbids.
    pub(super) fn forbids(&self, id: &str) -> bool {
        self.effects.get(id) == Some(&Effect::Forbid)
    }

    /// The sentence for people about a policy that decided: its `@reason`, or one that names it.
    pub(super) fn sentence(&self, id: &str) -> String {
        let verb = if self.forbids(id) { "forbids" } else { "permits" };
        self.reason(id).map_or_else(|| format!("policy `{id}` {verb} it"), ToOwned::to_owned)
    }

    /// Asks the given policies.
    pub(super) fn ask_of(&self, policies: &cedar_policy::PolicySet, question: Question<'_>) -> Answer {
        let Question { principal, action, resource, context, entities } = question;
        let request = match Request::new(principal, entities::action(action), resource, context, None) {
            Ok(request) => request,
            Err(error) => return Answer::failed(&Unrepresentable::because(&error)),
        };
        let response = self.authorizer.is_authorized(&request, policies, entities);
        let mut deciding: Vec<String> = response.diagnostics().reason().map(id_of).collect();
        deciding.sort();
        let errors = response.diagnostics().errors().map(|error| match error {
            AuthorizationError::PolicyEvaluationError(error) => (id_of(error.policy_id()), error.inner().to_string()),
        });
        Answer { allowed: response.decision() == Decision::Allow, deciding, errors: errors.collect() }
    }
}

impl Answer {
    /// The answer where the question could not even be put.
    pub(super) fn failed(error: &Unrepresentable) -> Self {
        Self { errors: BTreeMap::from([(String::new(), error.to_string())]), ..Self::default() }
    }

    /// Allowed, and every policy had its say.
    pub(super) fn granted(&self) -> bool {
        self.allowed && self.errors.is_empty()
    }

    /// The policies that could not be evaluated, as far as it was a policy.
    pub(super) fn erring(&self) -> Vec<String> {
        self.errors.keys().filter(|id| !id.is_empty()).cloned().collect()
    }

    /// The errors, for operators.
    pub(super) fn error_lines(&self) -> Vec<String> {
        let line = |(id, error): (&String, &String)| {
            if id.is_empty() { error.clone() } else { format!("policy `{id}`: {error}") }
        };
        self.errors.iter().map(line).collect()
    }

    /// The errors, for people: which policy, but not what inside it.
    pub(super) fn error_sentences(&self) -> Vec<String> {
        let sentence = |id: &String| match id.as_str() {
            "" => "policy could not be asked about this; tell the operators of Entryway".to_owned(),
            id => format!("policy `{id}` could not be evaluated; tell the operators of Entryway"),
        };
        self.errors.keys().map(sentence).collect()
    }
}

fn id_of(id: &PolicyId) -> String {
    let id: &str = id.as_ref();
    id.to_owned()
}

/// A policy whose scope names another action is false without being looked into, so that leaving it out changes
/// neither the decision nor the errors.
fn slice(policies: &[Policy], action: &str) -> Slice {
    let wanted = entities::action(action);
    let applies = |policy: &&Policy| match policy.action_constraint() {
        ActionConstraint::Any => true,
        ActionConstraint::Eq(one) => one == wanted,
        ActionConstraint::In(some) => some.contains(&wanted),
    };
    let set = |policies: Vec<Policy>| {
        cedar_policy::PolicySet::from_policies(policies).expect("the set was validated, so its ids are unique")
    };
    let all: Vec<Policy> = policies.iter().filter(applies).cloned().collect();
    let permits = all.iter().filter(|policy| policy.effect() == Effect::Permit).cloned().collect();
    let readers = all.iter().map(Reader::of).collect();
    Slice { all: set(all), permits: set(permits), readers }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::scene::Scene;
    use crate::policy::testing::{Ask, STARTER, call, now, starter, who};

    /// Leaving out the policies of other actions must change nothing.
    #[test]
    fn a_slice_answers_as_the_whole_set_does() {
        let set = starter();
        let whole: cedar_policy::PolicySet = STARTER.parse().expect("the starter set");
        let named = whole.policies().map(|policy| {
            policy.new_id(PolicyId::new(policy.annotation("id").expect("every policy of the starter set has one")))
        });
        let whole = cedar_policy::PolicySet::from_policies(named.collect::<Vec<_>>()).expect("unique ids");
        let mut allowed = 0;
        for ask in [Ask::of("alice", "prod", "AmazonEKSViewPolicy", 9), Ask::of("bob", "dev", "AmazonEKSViewPolicy", 1)]
        {
            let scene = Scene::new(&ask.facts(), now());
            let context = scene.context(&call()).expect("a context");
            for user in ["alice", "bob", "carol", "erin", "portal"] {
                let entities = scene.with(&who(user)).expect("entities");
                for action in Action::ALL.iter().map(|action| action.as_str()) {
                    let asked = |policies: &cedar_policy::PolicySet| {
                        let (principal, context) = (entities::user(user), context.clone());
                        let resource = scene.resource().expect("entities");
                        let question = Question { principal, action, resource, context, entities: &entities };
                        set.engine.ask_of(policies, question)
                    };
                    let answer = asked(&whole);
                    allowed += usize::from(answer.allowed);
                    assert_eq!(asked(&set.engine.slice(action).all), answer, "{user} {action}");
                }
            }
        }
        assert!(allowed > 10, "{allowed}");
    }
}

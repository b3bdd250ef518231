//! Whether somebody may do something, and why.
//!
//! Three layers, in this order:
//!
//! 1. **Built in.** Nobody approves or denies what they asked for or filed for somebody ([`Builtin::SelfApproval`]);
//!    services never review ([`Builtin::NotAPerson`]). The requester may always withdraw and relinquish. No policy
//!    is asked about any of this, so none can change it, erring or not.
//! 2. **Policy.** Nothing is allowed that no policy permits; `forbid` always wins.
//! 3. **Errors.** A policy that cannot be evaluated makes the answer *no* for everything that grants something: to
//!    ask, see, retry, approve, speak for people, audit, administer. For what ends or prevents access (withdraw,
//!    relinquish, revoke, deny) an error neither forbids nor permits: the other policies decide, so that a broken
//!    `forbid` never keeps a reviewer from taking access away, and a broken `permit` lets nobody in.
//!
//! Either way the errors are in the answer, for the operators to hear of.

use super::actions::{Action, Builtin, Call, ServiceAction};
use super::entities::{self, Facts};
use super::evaluate::{Answer, Question};
use super::load::PolicySet;
use super::scene::Scene;
use crate::domain::identity::Identity;

/// The answer, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Whether it may be done.
    pub allowed: bool,
    /// The ids of the policies that decided; empty where none matched or none was asked.
    pub deciding: Vec<String>,
    /// In words, for people. Never empty.
    pub reasons: Vec<String>,
    /// Policies that could not be evaluated, for operators.
    pub errors: Vec<String>,
    /// The built-in refusal, if that is what it was.
    pub builtin: Option<Builtin>,
}

impl Decision {
    fn refused(builtin: Builtin) -> Self {
        let reasons = vec![builtin.sentence().to_owned()];
        Self { allowed: false, deciding: Vec::new(), reasons, errors: Vec::new(), builtin: Some(builtin) }
    }

    fn right_of_requester() -> Self {
        let reasons = vec!["whoever asked for access may always give it up".to_owned()];
        Self { allowed: true, deciding: Vec::new(), reasons, errors: Vec::new(), builtin: None }
    }
}

impl PolicySet {
    /// Whether `who` may do `action` about the request that `facts` describe. See the module for what is built in
    /// and what errors mean.
    #[must_use]
    pub fn authorize(&self, who: &Identity, action: Action, facts: &Facts<'_>, call: &Call) -> Decision {
        self.authorize_in(&Scene::new(facts, call.now), who, action, call)
    }

    /// [`PolicySet::authorize`] for one of many questions about the same request.
    #[must_use]
    pub fn authorize_in(&self, scene: &Scene<'_>, who: &Identity, action: Action, call: &Call) -> Decision {
        decide_without_policy(who, action, scene.facts())
            .unwrap_or_else(|| self.policy_decides(scene, who, action, call))
    }

    /// Whether `who` may do `action` about Entryway itself. Any error is a no.
    #[must_use]
    pub fn authorize_service(&self, who: &Identity, action: ServiceAction, call: &Call) -> Decision {
        let put = || {
            let context = call.context(&entities::moment(call.now)?)?;
            let entities = entities::only(who)?;
            let (principal, resource) = (entities::user(&who.user), entities::service());
            let question = Question { principal, action: action.as_str(), resource, context, entities: &entities };
            Ok(self.engine.ask_of(&self.engine.slice(action.as_str()).all, question))
        };
        let answer = put().unwrap_or_else(|error| Answer::failed(&error));
        self.decide(&answer, who, action.in_words(), false)
    }

    /// The permits that match, whether or not something forbids it as well.
    pub(super) fn matching_permits(
        &self,
        who: &Identity,
        action: Action,
        facts: &Facts<'_>,
        call: &Call,
    ) -> Vec<String> {
        let scene = Scene::new(facts, call.now);
        self.ask(&self.engine.slice(action.as_str()).permits, &scene, who, action, call).deciding
    }

    fn policy_decides(&self, scene: &Scene<'_>, who: &Identity, action: Action, call: &Call) -> Decision {
        let answer = self.ask(&self.engine.slice(action.as_str()).all, scene, who, action, call);
        self.decide(&answer, who, action.in_words(), action.ends_access())
    }

    fn ask(
        &self,
        policies: &cedar_policy::PolicySet,
        scene: &Scene<'_>,
        who: &Identity,
        action: Action,
        call: &Call,
    ) -> Answer {
        let put = || {
            let (context, entities) = (scene.context(call)?, scene.with(who)?);
            let (principal, resource) = (entities::user(&who.user), scene.resource()?);
            let question = Question { principal, action: action.as_str(), resource, context, entities: &entities };
            Ok(self.engine.ask_of(policies, question))
        };
        put().unwrap_or_else(|error| Answer::failed(&error))
    }

    /// Cedar's answer, with the meaning of errors put on it.
    fn decide(&self, answer: &Answer, who: &Identity, in_words: &str, ends_access: bool) -> Decision {
        let broken = !answer.errors.is_empty() && !ends_access;
        let (deciding, reasons) = if broken {
            (answer.erring(), answer.error_sentences())
        } else if answer.deciding.is_empty() {
            (Vec::new(), vec![format!("no policy permits {} to {in_words}", who.user)])
        } else {
            let sentences = answer.deciding.iter().map(|id| self.engine.sentence(id));
            (answer.deciding.clone(), sentences.collect())
        };
        Decision { allowed: answer.allowed && !broken, deciding, reasons, errors: answer.error_lines(), builtin: None }
    }
}

/// What is built in. A service is told first that it is one: being somebody else's service would not help it.
fn decide_without_policy(who: &Identity, action: Action, facts: &Facts<'_>) -> Option<Decision> {
    if action.is_review() && who.service {
        return Some(Decision::refused(Builtin::NotAPerson));
    }
    if action.is_review() && facts.is_own_of(&who.user) {
        return Some(Decision::refused(Builtin::SelfApproval));
    }
    (action.is_right_of_requester() && who.user == facts.requester.user).then(Decision::right_of_requester)
}

#[cfg(test)]
mod tests;

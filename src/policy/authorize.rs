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
use super::entities::{self, Facts, Scene};
use super::evaluate::{Answer, Question};
use super::load::PolicySet;
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
        decide_without_policy(who, action, facts).unwrap_or_else(|| match Scene::new(facts, call.now) {
            Ok(scene) => self.policy_decides(&scene, who, action, call),
            Err(error) => self.decide(&Answer::failed(&error), who, action.in_words(), action.ends_access()),
        })
    }

    /// [`PolicySet::authorize`] where the entities are built already.
    pub(super) fn authorize_in(&self, scene: &Scene<'_>, who: &Identity, action: Action, call: &Call) -> Decision {
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
        let Ok(scene) = Scene::new(facts, call.now) else { return Vec::new() };
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
            let (context, entities) = (call.context(scene.moment())?, scene.with(who)?);
            let (principal, resource) = (entities::user(&who.user), scene.resource());
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
mod tests {
    use chrono::{DateTime, Utc};

    use super::*;
    use crate::policy::testing::{Ask, call, starter, starter_and, who};

    /// A policy on this action that always errs, in a way no validator can see.
    fn broken(effect: &str, action: &str) -> String {
        format!(
            r#"@id("broken") {effect} (principal, action == Entryway::Action::"{action}", resource)
               when {{ 9223372036854775807 + (if resource == resource then 1 else 0) > 0 }};"#
        )
    }

    fn prod() -> Ask {
        Ask::of("alice", "prod", "AmazonEKSViewPolicy", 8)
    }

    #[test]
    fn the_starter_set_row_by_row() {
        let all = ["request", "view", "withdraw", "relinquish", "revoke", "retry", "approve", "deny"];
        let rows: [(&str, &[&str]); 6] = [
            ("alice", &["request", "view", "withdraw", "relinquish", "retry"]),
            ("bob", &["request", "view", "revoke", "approve", "deny"]),
            ("carol", &["view", "revoke", "approve", "deny"]),
            ("erin", &["view"]),
            ("portal", &[]),
            ("stranger", &[]),
        ];
        let (set, ask) = (starter(), prod());
        for (user, expected) in rows {
            let may = |action: &&str| {
                let action = Action::parse(action).expect("an action");
                set.authorize(&who(user), action, &ask.facts(), &call()).allowed
            };
            let allowed: Vec<&str> = all.into_iter().filter(may).collect();
            assert_eq!(allowed, expected, "{user}");
        }
        let services: [(&str, &[ServiceAction]); 4] = [
            ("bob", &[ServiceAction::Audit, ServiceAction::Administer]),
            ("erin", &[ServiceAction::Audit]),
            ("portal", &[ServiceAction::ActFor]),
            ("alice", &[]),
        ];
        for (user, expected) in services {
            let may = |action: &ServiceAction| set.authorize_service(&who(user), *action, &call()).allowed;
            let allowed: Vec<ServiceAction> = ServiceAction::ALL.iter().copied().filter(may).collect();
            assert_eq!(allowed, expected, "{user}");
        }
    }

    #[test]
    fn a_refusal_says_who_decided_and_why() {
        let long = Ask::of("alice", "prod", "AmazonEKSViewPolicy", 9);
        let decision = starter().authorize(&who("alice"), Action::Request, &long.facts(), &call());
        assert_eq!(decision.deciding, ["prod-is-temporary"]);
        assert_eq!(decision.reasons, ["access to production lasts at most 8 hours"]);

        let decision = starter().authorize(&who("erin"), Action::Request, &prod().facts(), &call());
        assert_eq!((decision.allowed, decision.deciding.len()), (false, 0));
        assert_eq!(decision.reasons, ["no policy permits erin to ask for this"]);

        let mut frozen = prod();
        frozen.cluster.labels = [("freeze".to_owned(), "true".to_owned())].into();
        let decision = starter().authorize(&who("alice"), Action::Request, &frozen.facts(), &call());
        assert_eq!(decision.reasons, ["policy `work-hours-example` forbids it"]);
    }

    #[test]
    fn nobody_reviews_their_own_whatever_policy_says() {
        let set = starter_and(r#"@id("all") permit (principal, action, resource);"#);
        let mut ask = Ask::of("bob", "prod", "AmazonEKSViewPolicy", 8);
        ask.submitted_by = Some(who("dave"));
        for action in [Action::Approve, Action::Deny] {
            for user in ["bob", "dave"] {
                let decision = set.authorize(&who(user), action, &ask.facts(), &call());
                assert_eq!((decision.allowed, decision.builtin), (false, Some(Builtin::SelfApproval)), "{user}");
            }
            let robot = set.authorize(&who("robot"), action, &ask.facts(), &call());
            assert_eq!((robot.allowed, robot.builtin), (false, Some(Builtin::NotAPerson)));
            let carol = set.authorize(&who("carol"), action, &ask.facts(), &call());
            assert_eq!((carol.allowed, carol.builtin), (true, None));
        }
    }

    #[test]
    fn a_requester_can_always_give_up_but_only_their_own() {
        let set = starter_and(r#"@id("never") forbid (principal, action, resource);"#);
        let mut ask = prod();
        ask.submitted_by = Some(who("portal"));
        for action in [Action::Withdraw, Action::Relinquish] {
            assert!(set.authorize(&who("alice"), action, &ask.facts(), &call()).allowed);
            assert!(!set.authorize(&who("portal"), action, &ask.facts(), &call()).allowed);
            assert!(!set.authorize(&who("bob"), action, &ask.facts(), &call()).allowed);
        }
        assert!(!set.authorize(&who("alice"), Action::View, &ask.facts(), &call()).allowed);
    }

    #[test]
    fn a_policy_that_errs_closes_what_grants() {
        for (user, action) in
            [("alice", Action::Request), ("alice", Action::View), ("alice", Action::Retry), ("bob", Action::Approve)]
        {
            let whole = starter().authorize(&who(user), action, &prod().facts(), &call());
            assert!(whole.allowed, "{action:?}");
            for effect in ["forbid", "permit"] {
                let set = starter_and(&broken(effect, action.as_str()));
                let decision = set.authorize(&who(user), action, &prod().facts(), &call());
                assert_eq!((decision.allowed, &decision.deciding[..]), (false, &["broken".to_owned()][..]));
                let told = "policy `broken` could not be evaluated; tell the operators of Entryway";
                assert_eq!(decision.reasons, [told], "{action:?}");
                assert!(decision.errors[0].contains("overflow"), "{:?}", decision.errors);
            }
        }
        for (user, action) in
            [("portal", ServiceAction::ActFor), ("bob", ServiceAction::Audit), ("bob", ServiceAction::Administer)]
        {
            let set = starter_and(&broken("forbid", action.as_str()));
            assert!(starter().authorize_service(&who(user), action, &call()).allowed);
            assert!(!set.authorize_service(&who(user), action, &call()).allowed, "{action:?}");
        }
    }

    #[test]
    fn a_policy_that_errs_neither_blocks_nor_opens_what_ends() {
        for action in [Action::Revoke, Action::Deny] {
            for effect in ["forbid", "permit"] {
                let set = starter_and(&broken(effect, action.as_str()));
                let bob = set.authorize(&who("bob"), action, &prod().facts(), &call());
                assert!(bob.allowed, "{effect} {action:?}");
                assert_eq!(bob.errors.len(), 1, "and the operators hear of it");
                assert!(!set.authorize(&who("erin"), action, &prod().facts(), &call()).allowed);
            }
        }
        let set = starter_and(&broken("forbid", "withdraw"));
        assert!(set.authorize(&who("alice"), Action::Withdraw, &prod().facts(), &call()).allowed);
    }

    #[test]
    fn what_cannot_be_put_to_policy_is_a_no() {
        let late = Call { now: DateTime::<Utc>::MAX_UTC, ..call() };
        let decision = starter().authorize(&who("alice"), Action::Request, &prod().facts(), &late);
        assert!(!decision.allowed && !decision.errors.is_empty(), "{decision:?}");
        assert!(!starter().authorize_service(&who("bob"), ServiceAction::Audit, &late).allowed);
        assert!(starter().authorize(&who("alice"), Action::Withdraw, &prod().facts(), &late).allowed);
    }
}

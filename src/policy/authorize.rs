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

use std::net::IpAddr;

use cedar_policy::{Context, Entities, EntityUid, RestrictedExpression};
use chrono::{DateTime, Utc};

use super::entities::{self, Facts, Scene, Unrepresentable};
use super::evaluate::{Answer, Question};
use super::load::PolicySet;
use crate::domain::identity::{Identity, Via};

macro_rules! actions {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$doc])* $variant),+ }

        impl $name {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The name in the schema and in `allowedActions`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// Reads the name that [`Self::as_str`] writes.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|action| action.as_str() == text)
            }
        }
    };
}

actions! {
    /// What can be done about one request.
    Action {
        /// File it.
        Request = "request",
        /// See it.
        View = "view",
        /// Take it back before it is applied.
        Withdraw = "withdraw",
        /// Give the access back.
        Relinquish = "relinquish",
        /// Take the access away.
        Revoke = "revoke",
        /// Try again after a failure.
        Retry = "retry",
        /// Sign it off.
        Approve = "approve",
        /// Turn it down.
        Deny = "deny",
    }
}

actions! {
    /// What can be done about Entryway itself.
    ServiceAction {
        /// Speak for people (`Entryway-On-Behalf-Of`).
        ActFor = "actFor",
        /// Read the audit log.
        Audit = "audit",
        /// Repair entries, and whatever else operators do.
        Administer = "administer",
    }
}

impl Action {
    /// Whether this ends or prevents access. Such actions are never blocked by a policy that errs.
    #[must_use]
    pub const fn ends_access(self) -> bool {
        matches!(self, Self::Withdraw | Self::Relinquish | Self::Revoke | Self::Deny)
    }

    const fn is_review(self) -> bool {
        matches!(self, Self::Approve | Self::Deny)
    }

    /// What the requester may do whatever policy says.
    const fn is_right_of_requester(self) -> bool {
        matches!(self, Self::Withdraw | Self::Relinquish)
    }
}

/// The circumstances of a call that policy may look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// The time it is decided at.
    pub now: DateTime<Utc>,
    /// The road it came by.
    pub via: Via,
    /// The address it came from, where there is one.
    pub source_ip: Option<IpAddr>,
}

/// A refusal that no policy can change; each is a code of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Builtin {
    /// They asked for it, or filed it for somebody.
    SelfApproval,
    /// It is a service that reviews as itself.
    NotAPerson,
}

impl Builtin {
    /// The code of the API.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::SelfApproval => "self-approval",
            Self::NotAPerson => "not-a-person",
        }
    }

    /// The sentence for people.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::SelfApproval => {
                "nobody reviews a request that they asked for or filed for somebody; ask another reviewer"
            }
            Self::NotAPerson => "a service does not review as itself; send the person's name in Entryway-On-Behalf-Of",
        }
    }
}

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
        match Scene::new(facts) {
            Ok(scene) => self.authorize_in(&scene, who, action, facts, call),
            Err(error) => decide_without_policy(who, action, facts)
                .unwrap_or_else(|| self.closed(&Answer::failed(&error), who, action.as_str(), action.ends_access())),
        }
    }

    /// [`PolicySet::authorize`] where the entities are built already.
    pub(super) fn authorize_in(
        &self,
        scene: &Scene,
        who: &Identity,
        action: Action,
        facts: &Facts<'_>,
        call: &Call,
    ) -> Decision {
        decide_without_policy(who, action, facts).unwrap_or_else(|| {
            let policies = &self.engine.slice(action.as_str()).all;
            let answer = self.ask(policies, who, action.as_str(), scene.resource(), scene.with(who), call);
            self.closed(&answer, who, action.as_str(), action.ends_access())
        })
    }

    /// The permits that match, whether or not something forbids it as well.
    pub(super) fn matching_permits(
        &self,
        who: &Identity,
        action: Action,
        facts: &Facts<'_>,
        call: &Call,
    ) -> Vec<String> {
        let Ok(scene) = Scene::new(facts) else { return Vec::new() };
        let permits = &self.engine.slice(action.as_str()).permits;
        self.ask(permits, who, action.as_str(), scene.resource(), scene.with(who), call).deciding
    }

    /// Whether `who` may do `action` about Entryway itself. Any error is a no.
    #[must_use]
    pub fn authorize_service(&self, who: &Identity, action: ServiceAction, call: &Call) -> Decision {
        let entities = entities::person(who).and_then(|person| {
            Entities::from_entities([person], None).map_err(|error| Unrepresentable::because(&error))
        });
        let policies = &self.engine.slice(action.as_str()).all;
        let answer = self.ask(policies, who, action.as_str(), entities::service(), entities, call);
        self.closed(&answer, who, action.as_str(), false)
    }

    fn ask(
        &self,
        policies: &cedar_policy::PolicySet,
        who: &Identity,
        action: &str,
        resource: EntityUid,
        entities: Result<Entities, Unrepresentable>,
        call: &Call,
    ) -> Answer {
        let put = entities.and_then(|entities| {
            let (principal, context) = (entities::user(&who.user), call.context()?);
            let question = Question { principal, action, resource, context, entities: &entities };
            Ok(self.engine.ask_of(policies, question))
        });
        put.unwrap_or_else(|error| Answer::failed(&error))
    }

    /// Cedar's answer with the meaning of errors put on it.
    fn closed(&self, answer: &Answer, who: &Identity, action: &str, ends_access: bool) -> Decision {
        let broken = !answer.errors.is_empty() && !ends_access;
        let deciding: Vec<String> = if broken {
            answer.errors.keys().filter(|id| !id.is_empty()).cloned().collect()
        } else {
            answer.deciding.clone()
        };
        let reasons = if broken {
            answer.error_sentences()
        } else if deciding.is_empty() {
            vec![format!("no policy permits {} to {}", who.user, in_words(action))]
        } else {
            deciding.iter().map(|id| self.engine.sentence(id)).collect()
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

fn in_words(action: &str) -> &str {
    match action {
        "request" => "ask for this",
        "actFor" => "speak for other people",
        "audit" => "read the audit log",
        "administer" => "administer Entryway",
        "relinquish" => "give this access back for somebody else",
        "withdraw" => "withdraw somebody else's request",
        "revoke" => "revoke this access",
        "view" => "see this request",
        "retry" => "retry this request",
        "deny" => "turn this request down",
        _ => "approve this request",
    }
}

impl Call {
    fn context(&self) -> Result<Context, Unrepresentable> {
        let mut pairs = vec![
            ("now".to_owned(), entities::datetime(self.now)),
            ("via".to_owned(), RestrictedExpression::new_string(self.via.as_str().to_owned())),
        ];
        if let Some(address) = self.source_ip {
            // `::ffff:10.0.0.1` is 10.0.0.1 to whoever writes a policy about 10.0.0.0/8.
            let address = address.to_canonical().to_string();
            pairs.push(("sourceIp".to_owned(), RestrictedExpression::new_ip(address)));
        }
        Context::from_pairs(pairs).map_err(|error| Unrepresentable::because(&error))
    }
}

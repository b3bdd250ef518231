//! Whether a request has been signed off enough: which reviews count, and whether policy wants more.
//!
//! Worked out anew each time from the review rows, the directory and the policies in force, never stored. A review
//! counts while its author may still approve: same request, same digest, not their own ask, and a policy that
//! permits `approve` with the groups they are in now. It is asked with the time of the question and the road the
//! click came by. The address of the click is not kept, so a policy about approving from certain networks must let
//! its absence pass: `when { context has sourceIp && !context.sourceIp.isInRange(…) }`.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::actions::{Action, Call};
use super::activate::{Approvals, QuorumQuestion};
use super::entities::Facts;
use super::evaluate::Answer;
use super::load::PolicySet;
use super::scene::Scene;
use crate::domain::identity::{Directory, Identity};
use crate::domain::review::{Decision as Verdict, Review};

/// Where a request stands with its reviewers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Somebody turned it down. That is final, whoever they are by now.
    pub denied: bool,
    /// The approvals that count, by review id, in the order given.
    pub counting: Vec<Uuid>,
    /// The approvals that do not, and why.
    pub discounted: Vec<Discounted>,
    /// Whether that is enough. Never satisfied when denied.
    pub quorum: Quorum,
    /// Policies that could not be evaluated on the way, for operators.
    pub errors: Vec<String>,
}

/// An approval that does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discounted {
    /// The review.
    pub review: Uuid,
    /// Whose it is.
    pub reviewer: String,
    /// Why not, in words.
    pub why: String,
}

/// What policy says to the approvals there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quorum {
    /// The request may be applied.
    pub satisfied: bool,
    /// It may be, and needed nobody's approval (`notNeeded` in the API).
    pub needed_none: bool,
    /// Whether more approvals could satisfy it as things stand; true when it is satisfied.
    pub reachable: bool,
    /// How many people's approvals count.
    pub approvals: usize,
    /// What is missing, in sentences; empty when satisfied, never when not.
    pub missing: Vec<String>,
    /// The ids of the policies that decide.
    pub deciding: Vec<String>,
}

impl Quorum {
    fn unsatisfied(approvals: usize, missing: Vec<String>, deciding: Vec<String>) -> Self {
        Self { satisfied: false, needed_none: false, reachable: false, approvals, missing, deciding }
    }
}

impl PolicySet {
    /// Counts the reviews and asks whether they are enough. `reviews` are those of the request; any other row among
    /// them is ignored. `directory` says which groups the reviewers are in now.
    ///
    /// An error in a policy about `activate` means not satisfied; one about `approve` means that the review does
    /// not count.
    #[must_use]
    pub fn standing(&self, facts: &Facts<'_>, reviews: &[Review], directory: &Directory, call: &Call) -> Standing {
        self.standing_in(&Scene::new(facts, call.now), reviews, directory, call)
    }

    /// [`PolicySet::standing`] for one of many questions about the same request.
    #[must_use]
    pub fn standing_in(&self, scene: &Scene<'_>, reviews: &[Review], directory: &Directory, call: &Call) -> Standing {
        let ours = || reviews.iter().filter(|review| review.request_id == scene.facts().id);
        let denial = ours().find(|review| review.decision == Verdict::Deny);
        let mut tally = Tally::default();
        let quorum = QuorumQuestion::new(scene).map(|question| {
            if ours().any(|review| review.decision == Verdict::Approve) {
                tally = self.tally(scene, ours(), directory, call);
            }
            self.quorum(&question, &Approvals::of(tally.approvers.values()))
        });
        let (mut quorum, errors) = quorum.unwrap_or_else(|error| self.broken(0, &Answer::failed(&error)));
        if let Some(denial) = denial {
            let missing = vec![format!("{} turned it down, and that is final", denial.reviewer)];
            quorum = Quorum::unsatisfied(quorum.approvals, missing, Vec::new());
        }
        tally.errors.extend(errors);
        Standing {
            denied: denial.is_some(),
            counting: tally.counting,
            discounted: tally.discounted,
            quorum,
            errors: tally.errors.into_iter().collect(),
        }
    }

    fn tally<'r>(
        &self,
        scene: &Scene<'_>,
        reviews: impl Iterator<Item = &'r Review>,
        directory: &Directory,
        call: &Call,
    ) -> Tally {
        let mut tally = Tally::default();
        let digest = scene.facts().spec.digest();
        for review in reviews.filter(|review| review.decision == Verdict::Approve) {
            let reviewer = directory.identity(&review.reviewer);
            let why = if review.spec_digest != digest {
                Some("it was given for something else than what this request asks".to_owned())
            } else if tally.approvers.contains_key(&reviewer.user) {
                Some("one person counts once".to_owned())
            } else if review.submitted_by.as_ref() == Some(&scene.facts().requester.user) {
                Some("the requester carried it themselves".to_owned())
            } else {
                let call = Call { via: review.via, source_ip: None, ..*call };
                let decision = self.authorize_in(scene, &reviewer, Action::Approve, &call);
                tally.errors.extend(decision.errors);
                (!decision.allowed).then(|| decision.reasons.join("; "))
            };
            if let Some(why) = why {
                tally.discounted.push(Discounted { review: review.id, reviewer: reviewer.user, why });
            } else {
                tally.counting.push(review.id);
                tally.approvers.insert(reviewer.user.clone(), reviewer);
            }
        }
        tally
    }

    fn quorum(&self, question: &QuorumQuestion<'_>, approvals: &Approvals) -> (Quorum, Vec<String>) {
        let answer = question.ask(self, approvals);
        if !answer.errors.is_empty() {
            return self.broken(approvals.count, &answer);
        }
        if answer.allowed {
            let needed_none = approvals.count == 0 || question.ask(self, &Approvals::default()).granted();
            let satisfied = Quorum {
                satisfied: true,
                needed_none,
                reachable: true,
                ..Quorum::unsatisfied(approvals.count, Vec::new(), answer.deciding)
            };
            return (satisfied, Vec::new());
        }
        let (missing, reachable) = self.missing(question, approvals, &answer);
        (Quorum { reachable, ..Quorum::unsatisfied(approvals.count, missing, answer.deciding) }, Vec::new())
    }

    fn broken(&self, approvals: usize, answer: &Answer) -> (Quorum, Vec<String>) {
        (Quorum::unsatisfied(approvals, answer.error_sentences(), answer.erring()), answer.error_lines())
    }
}

#[derive(Default)]
struct Tally {
    approvers: BTreeMap<String, Identity>,
    counting: Vec<Uuid>,
    discounted: Vec<Discounted>,
    errors: BTreeSet<String>,
}

#[cfg(test)]
mod tests;

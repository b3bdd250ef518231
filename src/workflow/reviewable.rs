//! What somebody could review now. The database leaves out what no policy need be asked about; policy is asked once about
//! all that are alike in the parts it decides by, and what it refuses the database leaves out from then on. So a page costs
//! what is on it, also where nearly everything is for others to review.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::WorkflowError;
use super::desk::{Desk, call_of};
use super::read::{Filter, Page};
use crate::domain::identity::Caller;
use crate::domain::request::Request;
use crate::policy::{Action, PolicySet, Scene};
use crate::store::requests::{self, Candidate, Sought};
use crate::store::reviews;

/// About how many requests a page asks policy at most, before it answers with what it has found. That many differ in what policy
/// decides by only where policies name what is different in each, such as the ticket.
const MOST_ASKED: usize = 2000;

/// The most candidates that are looked at at once.
const LONGEST_STRETCH: usize = 2000;

/// What policy has said to requests of each likeness.
#[derive(Default)]
struct Verdicts {
    granted: BTreeSet<String>,
    refused: Map<String, Value>,
    /// Rows that do not decode: they stand for nothing but themselves.
    unsound: BTreeSet<Uuid>,
    asked: usize,
}

impl Verdicts {
    /// One candidate of each likeness that nothing is known about.
    fn unknown(&self, candidates: &[Candidate]) -> Vec<Uuid> {
        let mut seen = BTreeSet::new();
        let open = candidates.iter().filter(|candidate| {
            let likeness = &candidate.likeness;
            !self.unsound.contains(&candidate.id)
                && !self.granted.contains(likeness)
                && !self.refused.contains_key(likeness)
                && seen.insert(likeness)
        });
        open.map(|candidate| candidate.id).collect()
    }
}

impl Desk {
    /// What `caller` could review now, newest first.
    pub(super) async fn to_review(
        &self,
        caller: &Caller,
        filter: &Filter,
        mut before: Option<Uuid>,
        limit: usize,
    ) -> Result<Page, WorkflowError> {
        let (policies, now, who) = (self.policies.current(), self.now(), &caller.identity);
        let needed = [Action::Approve, Action::View];
        if !needed.iter().all(|action| policies.could_let(who, *action)) {
            return Ok(Page { items: vec![], next: None });
        }
        let parts = policies.depends_on(who, Action::Approve).and(policies.depends_on(who, Action::View));
        let (mut verdicts, mut picked) = (Verdicts::default(), Vec::new());
        let mut stretch = limit + 1;
        let next = loop {
            let sought = Sought {
                filter,
                reviewer: caller.user(),
                now,
                parts,
                refused: &verdicts.refused,
                before,
                limit: i64::try_from(stretch).unwrap_or(i64::MAX),
            };
            let candidates = requests::to_review(&self.store, &sought).await?;
            let at_end = candidates.len() < stretch;
            self.ask(&policies, caller, now, &candidates, &mut verdicts).await?;
            before = candidates.last().map(|last| last.id);
            let granted = |candidate: &&Candidate| {
                verdicts.granted.contains(&candidate.likeness) && !verdicts.unsound.contains(&candidate.id)
            };
            picked.extend(candidates.iter().filter(granted).map(|candidate| candidate.id));
            if picked.len() > limit {
                picked.truncate(limit);
                break picked.last().copied();
            }
            if at_end {
                break None;
            }
            if verdicts.asked >= MOST_ASKED {
                break before;
            }
            stretch = (stretch * 4).min(LONGEST_STRETCH);
        };
        let given = reviews::read(&self.store, &picked).await?;
        let found = requests::among(&self.store, &picked).await?.into_iter().filter_map(|request| {
            let own = given.iter().filter(|review| review.request_id == request.id).cloned().collect();
            self.details(&policies, caller, request, own, now)
        });
        // What has changed meanwhile is judged by what it is now.
        Ok(Page { items: found.filter(super::standing::Details::is_reviewable).collect(), next })
    }

    /// Finds out about every likeness among `candidates`.
    async fn ask(
        &self,
        policies: &PolicySet,
        caller: &Caller,
        now: DateTime<Utc>,
        candidates: &[Candidate],
        verdicts: &mut Verdicts,
    ) -> Result<(), WorkflowError> {
        loop {
            let unknown = verdicts.unknown(candidates);
            if unknown.is_empty() {
                return Ok(());
            }
            verdicts.asked += unknown.len();
            let requests = requests::among(&self.store, &unknown).await?;
            for candidate in candidates.iter().filter(|candidate| unknown.contains(&candidate.id)) {
                match requests.iter().find(|request| request.id == candidate.id) {
                    None => _ = verdicts.unsound.insert(candidate.id),
                    Some(request) if self.may_review(policies, caller, request, now) => {
                        verdicts.granted.insert(candidate.likeness.clone());
                    }
                    Some(_) => _ = verdicts.refused.insert(candidate.likeness.clone(), Value::Null),
                }
            }
        }
    }

    fn may_review(&self, policies: &PolicySet, caller: &Caller, request: &Request, now: DateTime<Utc>) -> bool {
        let (case, call) = (self.case(request), call_of(caller, now));
        let scene = Scene::new(&case.facts(request), now);
        let may = |action| policies.authorize_in(&scene, &caller.identity, action, &call).allowed;
        may(Action::Approve) && may(Action::View)
    }
}

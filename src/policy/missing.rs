//! What quorum still wants, in words. Cedar answers only yes or no, so the answer is found by supposing more
//! approvals and asking again.

use std::collections::BTreeSet;

use cedar_policy::EntityUid;

use super::activate::{Approvals, QuorumQuestion};
use super::evaluate::Answer;
use super::load::PolicySet;

/// How many further approvals are supposed before policy is taken to want something else.
const MOST_MORE: usize = 10;

/// The fewest further approvals that would do.
struct Need {
    more: usize,
    /// The groups and people that must be among them.
    among: Vec<EntityUid>,
    /// Those any one of which would do instead, where exactly one is needed.
    instead: Vec<EntityUid>,
    /// The policies that would permit then.
    permits: Vec<String>,
}

impl PolicySet {
    /// What is missing, and whether more approvals could bring it. `answer` is the refusal to be put in words.
    pub(super) fn missing(
        &self,
        question: &QuorumQuestion<'_>,
        have: &Approvals,
        answer: &Answer,
    ) -> (Vec<String>, bool) {
        let need = self.nearest(have, |supposed| question.ask(self, supposed));
        let permit_need = || self.nearest(have, |supposed| question.ask_permits(self, supposed));
        let forbids = &answer.deciding;
        let mut sentences = Sentences::default();
        for id in forbids {
            match (self.engine.reason(id), &need) {
                (None, Some(need)) => sentences.add(need.words(have)),
                _ => sentences.add(self.engine.sentence(id)),
            }
        }
        let Some(need) = need else {
            let unpermitted = !question.ask_permits(self, have).allowed;
            match unpermitted.then(permit_need).flatten() {
                Some(permit) => sentences.add(self.permit_words(&permit, have)),
                None if unpermitted => sentences.add("no policy permits this to be applied".to_owned()),
                None => {}
            }
            sentences.add("as things stand, no number of approvals is enough".to_owned());
            return (sentences.0, false);
        };
        // With forbids in force the permits go without saying, unless they want even more people than the forbids.
        let one_less = have.with(need.more - 1, &need.among);
        if forbids.is_empty() || question.ask(self, &one_less).deciding.is_empty() {
            sentences.add(self.permit_words(&need, have));
        }
        (sentences.0, true)
    }

    /// The fewest approvals, then the fewest names among them, that `ask` allows. Policies that allow less when
    /// more people approve are looked at only as far as their numbers go.
    fn nearest(&self, have: &Approvals, ask: impl Fn(&Approvals) -> Answer) -> Option<Need> {
        let names: Vec<&EntityUid> = self.engine.quorum_names.iter().collect();
        let enough = |more: usize, names: &[&EntityUid]| ask(&have.with(more, names.iter().copied())).granted();
        let first = |names: &[&EntityUid]| (1..=MOST_MORE).find(|more| enough(*more, names));
        let (more, mut among) = match first(&names) {
            Some(more) => (more, names.clone()),
            None => (first(&[])?, Vec::new()),
        };
        for name in &names {
            let without: Vec<&EntityUid> = among.iter().copied().filter(|kept| kept != name).collect();
            if without.len() < among.len() && enough(more, &without) {
                among = without;
            }
        }
        let other = |name: &&EntityUid| !among.contains(name) && enough(more, &[*name]);
        let instead =
            if among.len() == 1 { names.iter().copied().filter(other).cloned().collect() } else { Vec::new() };
        let permits = ask(&have.with(more, among.iter().copied())).deciding;
        Some(Need { more, among: among.into_iter().cloned().collect(), instead, permits })
    }

    /// The `@reason`s of the permits that would do, or the count.
    fn permit_words(&self, need: &Need, have: &Approvals) -> String {
        let reasons: BTreeSet<&str> = need.permits.iter().filter_map(|id| self.engine.reason(id)).collect();
        if reasons.is_empty() {
            return need.words(have);
        }
        reasons.into_iter().collect::<Vec<_>>().join(", or ")
    }
}

impl Need {
    /// `needs 2 more approvals, one of them from security`.
    fn words(&self, have: &Approvals) -> String {
        let approvals = if self.more == 1 { "approval" } else { "approvals" };
        let more = if have.count == 0 { "" } else { " more" };
        let quote = |names: &[EntityUid], word: &str| {
            let names: Vec<&str> = names.iter().map(|name| name.id().unescaped()).collect();
            names.join(word)
        };
        let among = match (self.among.len(), self.more) {
            (0, _) => String::new(),
            (1, 1) => format!(", from {}", quote(&[&self.among[..], &self.instead].concat(), " or ")),
            (1, _) => format!(", one of them from {}", quote(&[&self.among[..], &self.instead].concat(), " or ")),
            _ => format!(", with {} among them", quote(&self.among, " and ")),
        };
        format!("needs {}{more} {approvals}{among}", self.more)
    }
}

/// Sentences in the order they were found, each once.
#[derive(Default)]
struct Sentences(Vec<String>);

impl Sentences {
    fn add(&mut self, sentence: String) {
        if !self.0.contains(&sentence) {
            self.0.push(sentence);
        }
    }
}

#[cfg(test)]
mod tests;

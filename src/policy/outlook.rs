//! What would become of a request: may it be asked, is it signed off, who could do that.

use super::actions::{Action, Call};
use super::authorize::Decision;
use super::entities::Facts;
use super::load::PolicySet;
use super::quorum::Standing;
use super::scene::Scene;
use crate::domain::identity::Directory;
use crate::domain::review::Review;

/// Everything policy has to say about a request, filed or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outlook {
    /// Whether the requester may ask for it.
    pub ask: Decision,
    /// The reviews and what is missing.
    pub standing: Standing,
    /// The people of the directory who may approve it, sorted.
    pub could_sign_off: Vec<String>,
}

impl PolicySet {
    /// The people of the directory who may approve this now. Where they would be when they do is not known, so
    /// they are asked about without an address.
    #[must_use]
    pub fn could_sign_off(&self, facts: &Facts<'_>, directory: &Directory, call: &Call) -> Vec<String> {
        let scene = Scene::new(facts, call.now);
        let call = Call { source_ip: None, ..*call };
        let people = directory.people();
        let may = |who: &_| self.authorize_in(&scene, who, Action::Approve, &call).allowed;
        people.filter(may).map(|who| who.user).collect()
    }

    /// The whole outlook.
    #[must_use]
    pub fn outlook(&self, facts: &Facts<'_>, reviews: &[Review], directory: &Directory, call: &Call) -> Outlook {
        Outlook {
            ask: self.authorize(facts.requester, Action::Request, facts, call),
            standing: self.standing(facts, reviews, directory, call),
            could_sign_off: self.could_sign_off(facts, directory, call),
        }
    }
}

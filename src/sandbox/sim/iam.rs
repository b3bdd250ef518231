//! The roles and users of the simulated IAM, each with the unique id that EKS remembers beside the ARN.

use std::collections::BTreeMap;

use rand::Rng;
use rand::rngs::StdRng;

use super::arn::Principal;
use super::clock::Ms;
use super::knobs::Principals;

/// A role or user that exists.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub(crate) principal: Principal,
    /// `AROA…` or `AIDA…`; another one means the principal was deleted and made anew.
    pub(crate) unique_id: String,
    pub(crate) created_at: Ms,
    /// IAM is eventually consistent: EKS believes in the principal only from here on.
    pub(crate) known_to_eks_from: Ms,
    /// What a caller must present to assume this role.
    pub(crate) external_id: Option<String>,
}

/// IAM names are unique per account and kind, whatever the path.
type Name = (String, bool, String);

/// Everything IAM knows: who exists, and who is known not to.
#[derive(Debug, Default)]
pub(crate) struct Iam {
    by_name: BTreeMap<Name, Option<Identity>>,
}

fn name_of(principal: &Principal) -> Name {
    (principal.account.clone(), principal.is_role, principal.name.clone())
}

impl Iam {
    /// The principal behind an ARN, path included: an ARN with another path is nobody. In the open world the first
    /// mention creates it.
    pub(crate) fn resolve(
        &mut self,
        arn: &Principal,
        world: Principals,
        now: Ms,
        rng: &mut StdRng,
    ) -> Option<&Identity> {
        if world == Principals::Any && !self.by_name.contains_key(&name_of(arn)) {
            self.create(arn, now, rng);
        }
        self.existing(arn)
    }

    /// The unique id behind an ARN, creating the principal where it is missing.
    pub(crate) fn ensure(&mut self, arn: &Principal, now: Ms, rng: &mut StdRng) -> String {
        match self.existing(arn) {
            Some(identity) => identity.unique_id.clone(),
            None => self.create(arn, now, rng).unique_id,
        }
    }

    /// The principal behind an ARN, if it is there already.
    pub(crate) fn existing(&self, arn: &Principal) -> Option<&Identity> {
        self.by_name.get(&name_of(arn))?.as_ref().filter(|identity| identity.principal == *arn)
    }

    /// The role or user of this name, whatever its path.
    pub(crate) fn named(&self, account: &str, is_role: bool, name: &str) -> Option<&Option<Identity>> {
        self.by_name.get(&(account.to_owned(), is_role, name.to_owned()))
    }

    /// Creates a principal, or re-creates it under a new unique id. An external id survives.
    pub(crate) fn create(&mut self, arn: &Principal, now: Ms, rng: &mut StdRng) -> Identity {
        let external_id = self.existing(arn).and_then(|identity| identity.external_id.clone());
        let prefix = if arn.is_role { "AROA" } else { "AIDA" };
        let identity = Identity {
            principal: arn.clone(),
            unique_id: format!("{prefix}{}", base32(17, rng)),
            created_at: now,
            known_to_eks_from: now,
            external_id,
        };
        self.by_name.insert(name_of(arn), Some(identity.clone()));
        identity
    }

    /// Deletes a principal, and remembers that it is not there.
    pub(crate) fn delete(&mut self, arn: &Principal) {
        self.by_name.insert(name_of(arn), None);
    }

    /// Lets EKS know of a principal only from some moment on.
    pub(crate) fn hide_from_eks(&mut self, arn: &Principal, until: Ms) {
        if let Some(Some(identity)) = self.by_name.get_mut(&name_of(arn)) {
            identity.known_to_eks_from = until;
        }
    }

    /// Sets or lifts the external id that assuming the role takes.
    pub(crate) fn demand_external_id(&mut self, arn: &Principal, external_id: Option<String>) {
        if let Some(Some(identity)) = self.by_name.get_mut(&name_of(arn)) {
            identity.external_id = external_id;
        }
    }

    /// Everyone who exists.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Identity> {
        self.by_name.values().flatten()
    }
}

/// Random letters and digits as AWS uses them in ids.
pub(crate) fn base32(length: usize, rng: &mut StdRng) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    (0..length).map(|_| char::from(ALPHABET[rng.random_range(0..ALPHABET.len())])).collect()
}

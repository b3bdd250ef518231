//! `entryway policy check`: whether a directory would be taken, and what it holds.

use std::fmt;
use std::path::Path;

use cedar_policy::EntityUid;

use super::entities;
use super::load::PolicySet;
use super::problems::{PolicyProblems, Problem};

/// What a sound directory holds. The names are there to be read: no schema knows that `enginering` is a typo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The files, sorted.
    pub files: Vec<String>,
    /// How many policies.
    pub policies: usize,
    /// The digest of the set.
    pub digest: String,
    /// Groups that policies name.
    pub groups: Vec<String>,
    /// People and services that policies name.
    pub users: Vec<String>,
    /// Environments that policies name.
    pub environments: Vec<String>,
    /// What looks like a mistake.
    pub warnings: Vec<Problem>,
}

/// Parses and validates the policies in `dir`.
///
/// # Errors
/// Everything that is wrong, at once; see [`PolicySet::load`].
pub fn check(dir: &Path) -> Result<Summary, PolicyProblems> {
    let set = PolicySet::load(dir)?;
    let named = |kind: fn(&EntityUid) -> bool| {
        let names = set.engine.named.iter().filter(|uid| kind(uid));
        names.map(|uid| uid.id().unescaped().to_owned()).collect()
    };
    Ok(Summary {
        files: set.files().to_vec(),
        policies: set.len(),
        digest: set.digest().to_owned(),
        groups: named(entities::is_group),
        users: named(entities::is_user),
        environments: named(entities::is_environment),
        warnings: set.warnings().to_vec(),
    })
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for warning in &self.warnings {
            writeln!(f, "warning: {warning}")?;
        }
        let names = [("groups", &self.groups), ("users", &self.users), ("environments", &self.environments)];
        for (what, names) in names.into_iter().filter(|(_, names)| !names.is_empty()) {
            writeln!(f, "{what} named: {}", names.join(", "))?;
        }
        write!(f, "{} policies in {} are sound, {}", self.policies, self.files.join(", "), self.digest)
    }
}

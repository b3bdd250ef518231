//! The people and clusters that the command line asks about.

use std::collections::BTreeMap;
use std::path::Path;

use super::cases::{CaseCluster, CaseFile};
use super::problems::{PolicyProblems, Problem};
use crate::domain::cluster::{Cluster, DriftMode, ExistingEntries};
use crate::domain::identity::Directory;

/// The account of a cluster for which none is given.
const SOME_ACCOUNT: &str = "111122223333";
/// The region of a cluster for which none is given.
const SOME_REGION: &str = "eu-central-1";

/// Who is in which group, and which cluster is in which environment. Made from the service's configuration, or
/// from what `*.test.toml` says.
#[derive(Debug, Clone, Default)]
pub struct World {
    /// People and services.
    pub directory: Directory,
    /// Clusters by the name requests use.
    pub clusters: BTreeMap<String, Cluster>,
}

impl World {
    /// The people and clusters of all `*.test.toml` in `dir` together. Empty where there is none.
    ///
    /// # Errors
    /// The files that cannot be read, each with its line.
    pub fn of_tests(dir: &Path) -> Result<Self, PolicyProblems> {
        let unreadable =
            |error| Problem::of_file("", format!("{} cannot be read: {error}", dir.display()), "mend the path");
        let files = CaseFile::all_of(dir).map_err(|error| PolicyProblems(vec![unreadable(error)]))?;
        let mut world = Self::default();
        let mut problems = Vec::new();
        for (_, file) in files {
            match file {
                Ok(file) => world.add(&file),
                Err(problem) => problems.push(problem),
            }
        }
        if problems.is_empty() { Ok(world) } else { Err(PolicyProblems(problems)) }
    }

    pub(super) fn of_file(file: &CaseFile) -> Self {
        let mut world = Self::default();
        world.add(file);
        world
    }

    fn add(&mut self, file: &CaseFile) {
        for (members, service) in [(&file.people, false), (&file.services, true)] {
            for (user, groups) in members {
                self.directory.add_user(user, service);
                for group in groups {
                    self.directory.add_member(user, group);
                }
            }
        }
        for (name, cluster) in &file.clusters {
            self.clusters.insert(name.clone(), make(name, cluster));
        }
    }

    /// The cluster called `name`; where it is unknown, one whose environment has the same name.
    pub(super) fn cluster_or_guess(&self, name: &str) -> Cluster {
        let guess = || {
            let environment = name.to_owned();
            make(name, &CaseCluster { environment, account_id: None, region: None, labels: BTreeMap::new() })
        };
        self.clusters.get(name).cloned().unwrap_or_else(guess)
    }
}

fn make(name: &str, given: &CaseCluster) -> Cluster {
    Cluster {
        name: name.to_owned(),
        eks_name: name.to_owned(),
        region: given.region.clone().unwrap_or_else(|| SOME_REGION.to_owned()),
        account_id: given.account_id.clone().unwrap_or_else(|| SOME_ACCOUNT.to_owned()),
        role_arn: None,
        external_id: None,
        environment: given.environment.clone(),
        labels: given.labels.clone(),
        existing_entries: ExistingEntries::Refuse,
        drift: DriftMode::Repair,
        protected_principals: [].into(),
        allowed_principal_accounts: [].into(),
    }
}

//! The policies, tried out by an evaluation of IAM's rules: what Entryway does must be allowed, what it must not be
//! able to do must not.

mod asked;
mod evaluate;
mod granting;
mod sizes;
mod standing;

use std::collections::{BTreeMap, BTreeSet};

use evaluate::{Call, allows};

use super::*;
use crate::domain::cluster::{DriftMode, ExistingEntries};

const ACCOUNT: &str = "111122223333";
const TARGET: &str = "arn:aws:iam::111122223333:role/entryway-target";
const PERSON: &str = "arn:aws:iam::111122223333:role/dev/apps/my-role";

/// A cluster of [`ACCOUNT`] behind [`TARGET`].
fn cluster(name: &str) -> Cluster {
    Cluster {
        name: name.to_owned(),
        eks_name: format!("{name}-1"),
        region: "eu-central-1".to_owned(),
        account_id: ACCOUNT.to_owned(),
        role_arn: Some(TARGET.to_owned()),
        external_id: Some("e-1".to_owned()),
        environment: "prod".to_owned(),
        labels: BTreeMap::new(),
        existing_entries: ExistingEntries::Refuse,
        drift: DriftMode::Repair,
        protected_principals: BTreeSet::new(),
        allowed_principal_accounts: [ACCOUNT.to_owned()].into(),
    }
}

fn rights(clusters: &[Cluster], asked: &Asked) -> Rights {
    let walls = Walls::read(asked).unwrap_or_else(|refused| panic!("{refused}"));
    Rights::of("acme", clusters, &walls).unwrap_or_else(|refused| panic!("{refused}"))
}

fn refused(clusters: &[Cluster], asked: &Asked) -> String {
    let walls = match Walls::read(asked) {
        Ok(walls) => walls,
        Err(refused) => return refused.to_string(),
    };
    Rights::of("acme", clusters, &walls).expect_err("refused").to_string()
}

fn texts(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Whether the one target role of `clusters` may make the call.
fn target_may(clusters: &[Cluster], asked: &Asked, call: &Call) -> bool {
    let rights = rights(clusters, asked);
    let [target] = rights.target_roles.as_slice() else { panic!("one role") };
    allows(&target.policies, call)
}

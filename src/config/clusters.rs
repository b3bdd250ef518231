//! `[[clusters]]`

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error, StrDeserializer};

use super::reader::Section;
use super::shapes::{account_id, cluster_name, eks_name, external_id, principal, region, role, word};
use super::value::parsed;
use crate::domain::cluster::{Cluster, partition_of};

/// Reads every cluster, and holds them against each other.
pub(super) fn read(root: &mut Section<'_>) -> Vec<Cluster> {
    let mut names = BTreeMap::new();
    let mut places = BTreeMap::new();
    root.sections("clusters", |s| {
        let cluster = read_one(s);
        if !cluster.name.is_empty()
            && let Some(first) = names.insert(cluster.name.clone(), s.path.clone())
        {
            s.wrong("name", format!("{:?} is the name of {first} too; names must differ", cluster.name));
        }
        let place = (cluster.account_id.clone(), cluster.region.clone(), cluster.eks_name.clone());
        let known = [&place.0, &place.1, &place.2].iter().all(|part| !part.is_empty());
        if known && let Some(first) = places.insert(place, s.path.clone()) {
            // Policy goes by our name: a second one would be a way around what the first one's environment demands.
            let key = if s.was_written("eks_name") { "eks_name" } else { "name" };
            s.wrong(
                key,
                format!("is the same EKS cluster as {first} (account, region and EKS name); keep one of them"),
            );
        }
        cluster
    })
}

fn read_one(s: &mut Section<'_>) -> Cluster {
    let name: String = s.required("name", "\"prod\"", parsed(cluster_name));
    let region: String = s.required("region", "\"eu-central-1\"", parsed(region));
    let account: String = s.required("account_id", "\"111122223333\"", parsed(account_id));
    let eks_name = match s.optional("eks_name", parsed(eks_name)) {
        Some(eks_name) => eks_name,
        None if s.was_written("eks_name") || name.is_empty() => String::new(),
        None => default_eks_name(s, &name),
    };
    Cluster {
        role_arn: role_arn(s, &region, &account),
        external_id: read_external_id(s),
        // The strictest there is, where nothing is said: policies are written for `prod` first of all.
        environment: s.or("environment", "prod".to_owned(), parsed(word)),
        labels: labels(s),
        existing_entries: choice(s, "existing_entries", "\"refuse\" or \"layer\""),
        drift: choice(s, "drift", "\"repair\" or \"report\""),
        protected_principals: s
            .list("protected_principals", parsed(principal))
            .unwrap_or_default()
            .into_iter()
            .collect(),
        allowed_principal_accounts: allowed_accounts(s, &account),
        name,
        eks_name,
        region,
        account_id: account,
    }
}

fn default_eks_name(s: &Section<'_>, name: &str) -> String {
    eks_name(name).unwrap_or_else(|message| {
        s.missing("eks_name", &format!("name stands in for it, but {message}"));
        String::new()
    })
}

/// EKS answers for the account of the caller, so a role of another account would look for the cluster in the
/// wrong place, and may find one.
fn role_arn(s: &mut Section<'_>, region: &str, account: &str) -> Option<String> {
    let arn = s.optional("role_arn", parsed(role)).flatten()?;
    if !account.is_empty() && arn.account() != account {
        s.wrong("role_arn", format!("is in account {}, the cluster in {account}; give a role there", arn.account()));
    }
    if !region.is_empty() && arn.partition() != partition_of(region) {
        let partition = partition_of(region);
        s.wrong("role_arn", format!("is in partition {}, {region} in {partition}; give a role there", arn.partition()));
    }
    Some(arn.to_string())
}

fn read_external_id(s: &mut Section<'_>) -> Option<String> {
    let id = s.optional("external_id", parsed(external_id));
    if s.was_written("external_id") && !s.was_written("role_arn") {
        s.wrong("external_id", "is used only to assume a role; add role_arn or remove it");
    }
    id
}

fn labels(s: &mut Section<'_>) -> BTreeMap<String, String> {
    let entries = s.field("labels").map(super::reader::Field::entries).unwrap_or_default();
    entries.into_iter().filter_map(|(key, field)| Some((key, field.get(parsed(word))?))).collect()
}

fn allowed_accounts(s: &mut Section<'_>, own: &str) -> BTreeSet<String> {
    match s.list("allowed_principal_accounts", parsed(account_id)) {
        None => BTreeSet::from([own.to_owned()]),
        Some(accounts) => accounts.into_iter().collect(),
    }
}

/// One of the words of an enum of the domain, its default where absent.
fn choice<T: Default + for<'de> Deserialize<'de>>(s: &mut Section<'_>, key: &'static str, words: &str) -> T {
    let read = |text: &str| {
        let text: StrDeserializer<'_, Error> = text.into_deserializer();
        T::deserialize(text).map_err(|_| format!("write {words}"))
    };
    s.or(key, T::default(), parsed(read))
}

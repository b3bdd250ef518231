//! What is on a cluster, held against what Entryway knows of it: whose each entry is, and what about it is not as it
//! should be. For people to look at; the worker decides by [`super::reconcile`].

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::arn::PrincipalArn;
use super::catalogue::bare_name;
use super::cluster::Cluster;
use super::entry::{AccessScope, EntryContent, EntryType, OWNER_TAG, ObservedEntry};
use super::merge::{Contribution, merge};
use super::plan::plan;
use super::reconcile::Tempo;
use super::record::EntryRecord;
use super::request::Request;

/// A page of the principals that have entries on a cluster, as EKS lists them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryPage {
    /// Their ARNs, as text: among them may be some that no request could name.
    pub principals: Vec<String>,
    /// Where EKS goes on; `None` at the end.
    pub next: Option<String>,
}

/// Where a page of the inventory starts: on which page of EKS's, and behind whom on it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Place {
    /// EKS's own token; `None` for its first page.
    pub token: Option<String>,
    /// Whoever was shown last of that page.
    pub after: Option<String>,
}

impl Place {
    /// What of `page`, which starts where this place says, was not shown yet. EKS lists in ascending order, which only
    /// matters where whoever was shown last has gone meanwhile.
    #[must_use]
    pub fn rest_of<'p>(&self, page: &'p [String]) -> &'p [String] {
        let Some(after) = &self.after else { return page };
        let shown = page.iter().position(|principal| principal == after).map(|place| place + 1);
        &page[shown.unwrap_or_else(|| page.iter().take_while(|principal| *principal < after).count())..]
    }
}

/// Whose an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Managed {
    /// Entryway made it.
    Ours,
    /// Somebody else made it, and grants are layered on it.
    Layered,
    /// Somebody else's.
    Foreign,
}

impl Managed {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Ours, Self::Layered, Self::Foreign];

    /// The spelling in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Layered => "layered",
            Self::Foreign => "foreign",
        }
    }

    /// Whose `entry` is, by its tag, and by its ARN, which tells it from any other on the same principal.
    #[must_use]
    pub fn of(entry: &ObservedEntry, record: Option<&EntryRecord>, installation: &str) -> Self {
        let arn = Some(&entry.access_entry_arn);
        if record.and_then(EntryRecord::layered_on).map(|base| &base.access_entry_arn) == arn {
            Self::Layered
        } else if entry.is_owned_by(installation) || record.is_some_and(|r| r.access_entry_arn.as_ref() == arn) {
            Self::Ours
        } else {
            Self::Foreign
        }
    }
}

/// Why Entryway never touches an entry, whatever is configured about entries of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// Configuration names its principal in `protected_principals`.
    ProtectedPrincipal,
    /// AWS made it for a service-linked role.
    ServiceLinkedRole,
    /// It is a node's, and not ours.
    Node,
}

impl Protection {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::ProtectedPrincipal, Self::ServiceLinkedRole, Self::Node];

    /// The spelling in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ProtectedPrincipal => "protectedPrincipal",
            Self::ServiceLinkedRole => "serviceLinkedRole",
            Self::Node => "node",
        }
    }

    /// Why the entry of `principal` is left alone on `cluster`, if it is.
    #[must_use]
    pub fn of(cluster: &Cluster, principal: &str, entry_type: Option<EntryType>, managed: Managed) -> Option<Self> {
        let linked = || principal.parse::<PrincipalArn>().is_ok_and(|arn| arn.is_service_linked_role());
        if cluster.protected_principals.contains(principal) {
            Some(Self::ProtectedPrincipal)
        } else if linked() {
            Some(Self::ServiceLinkedRole)
        } else if managed == Managed::Foreign && entry_type.is_some_and(|kind| kind != EntryType::Standard) {
            Some(Self::Node)
        } else {
            None
        }
    }
}

/// What the entry should hold by the requests that are live at `now`, and by the entry they are layered on.
#[must_use]
pub fn desired(record: Option<&EntryRecord>, requests: &[Request], now: DateTime<Utc>) -> Option<EntryContent> {
    let over = |request: &Request| request.grant.expires_at.is_some_and(|expiry| expiry <= now);
    let mut live: Vec<_> = requests.iter().filter(|r| r.state.is_granting() && !over(r)).collect();
    live.sort_by_key(|request| (request.grant.starts_at.is_none(), request.grant.starts_at, request.id));
    let grants: Vec<_> =
        live.iter().map(|request| Contribution { id: request.id, content: &request.spec.content }).collect();
    let base = record.and_then(EntryRecord::layered_on).map(|baseline| &baseline.content);
    merge(base, &grants).desired
}

/// What is not as it should be, in sentences; empty where nothing is known to be wrong. What Entryway is still writing or
/// proving is not wrong but under way.
#[must_use]
pub fn drift(
    record: Option<&EntryRecord>,
    desired: Option<&EntryContent>,
    observed: Option<&ObservedEntry>,
    principal: &PrincipalArn,
    (installation, tempo): (&str, &Tempo),
) -> Vec<String> {
    let Some(record) = record else {
        let stray = observed.filter(|entry| entry.is_owned_by(installation));
        let why = "it carries Entryway's tag, and Entryway knows nothing of it";
        return stray.map(|_| why.to_owned()).into_iter().collect();
    };
    let written = record.written.as_ref().map(|written| written.content.as_ref());
    let as_proven = written.is_some_and(|written| plan(written, desired).is_empty()) && record.is_proven(tempo);
    if !as_proven && !record.drifted {
        return vec![];
    }
    if let Some(entry) = observed.filter(|entry| Managed::of(entry, Some(record), installation) == Managed::Foreign) {
        let arn = &entry.access_entry_arn;
        let why = || format!("somebody else's entry stands in the place of Entryway's: {arn}");
        return desired.map(|_| why()).into_iter().collect();
    }
    let seen = observed.map(|entry| match record.layered_on() {
        Some(_) => entry.content.clone(),
        None => entry.as_asked(principal, desired.and_then(|content| content.username.as_deref())),
    });
    let mut found = differences(desired, seen.as_ref());
    let untagged = |entry: &ObservedEntry| record.layered_on().is_none() && !entry.is_owned_by(installation);
    if desired.is_some() && observed.is_some_and(untagged) {
        found.push(format!("the tag {OWNER_TAG} is missing"));
    }
    found
}

/// How `found` differs from what is `wanted`. Usernames and groups of nodes are EKS's own affair.
#[must_use]
pub fn differences(wanted: Option<&EntryContent>, found: Option<&EntryContent>) -> Vec<String> {
    let (wanted, found) = match (wanted, found) {
        (None, None) => return vec![],
        (Some(_), None) => return vec!["the entry is missing".to_owned()],
        (None, Some(_)) => return vec!["the entry is there and should not be".to_owned()],
        (Some(wanted), Some(found)) => (wanted, found),
    };
    let mut lines = Vec::new();
    if wanted.entry_type != found.entry_type {
        lines.push(format!("the type is {}, not {}", found.entry_type.as_str(), wanted.entry_type.as_str()));
    }
    if wanted.entry_type == EntryType::Standard {
        if wanted.username != found.username {
            let name = |username: &Option<String>| username.clone().unwrap_or_else(|| "the one EKS derives".to_owned());
            lines.push(format!("the username is {}, not {}", name(&found.username), name(&wanted.username)));
        }
        let (want, have) = (&wanted.kubernetes_groups, &found.kubernetes_groups);
        lines.extend(want.difference(have).map(|group| format!("the group {group} is missing")));
        lines.extend(have.difference(want).map(|group| format!("the group {group} is there and should not be")));
    }
    let arns: BTreeSet<_> = wanted.access_policies.keys().chain(found.access_policies.keys()).collect();
    lines.extend(arns.into_iter().filter_map(|arn| {
        let name = bare_name(arn);
        match (wanted.access_policies.get(arn), found.access_policies.get(arn)) {
            (Some(_), None) => Some(format!("{name} is missing")),
            (None, Some(_)) => Some(format!("{name} is there and should not be")),
            (Some(want), Some(have)) if want != have => {
                Some(format!("{name} holds for {}, not for {}", reach(have), reach(want)))
            }
            _ => None,
        }
    }));
    lines
}

fn reach(scope: &AccessScope) -> String {
    match scope {
        AccessScope::Cluster => "the whole cluster".to_owned(),
        AccessScope::Namespace { namespaces } => namespaces.iter().cloned().collect::<Vec<_>>().join(", "),
    }
}

/// Entries that lists say are not as they were proven: not among those `listed`, or, of the policies in `holders`, without
/// one that they should have or with one that they should not. Lists lag behind, so this is a reason to look, and nothing
/// more.
#[must_use]
pub fn suspects<'k>(
    known: &'k BTreeMap<String, EntryContent>,
    listed: &BTreeSet<String>,
    holders: &BTreeMap<String, BTreeSet<String>>,
) -> Vec<&'k str> {
    let differs = |principal: &String, content: &EntryContent| {
        !listed.contains(principal)
            || holders.iter().any(|(arn, who)| who.contains(principal) != content.access_policies.contains_key(arn))
    };
    known.iter().filter(|(principal, content)| differs(principal, content)).map(|(who, _)| who.as_str()).collect()
}

#[cfg(test)]
mod tests;

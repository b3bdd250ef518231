//! What a principal keeps when one of its grants ends: overlapping grants share an entry, so the end of one proves nothing
//! about what others give. Whoever takes access back after a leak has to be told.

use serde::Serialize;
use uuid::Uuid;

use super::entry::{AccessScope, EntryContent};
use super::merge::Contribution;

/// What one other giver still gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Kept {
    /// The live request that gives it; `None` where the entry held it before Entryway came, as somebody else's.
    pub request_id: Option<Uuid>,
    /// All that it gives: a wider policy than the one that ended is what matters most.
    pub entry: EntryContent,
}

/// What the principal holds by the `baseline`, and by the `grants` that are live.
#[must_use]
pub fn kept(baseline: Option<&EntryContent>, grants: &[Contribution<'_>]) -> Vec<Kept> {
    let theirs = baseline.map(|content| (None, content));
    let ours = grants.iter().map(|grant| (Some(grant.id), grant.content));
    let all = theirs.into_iter().chain(ours);
    all.map(|(request_id, content)| Kept { request_id, entry: content.clone() }).collect()
}

/// One sentence for people; `None` when nothing is kept.
#[must_use]
pub fn in_words(kept: &[Kept]) -> Option<String> {
    let parts = kept.iter().map(|kept| match kept.request_id {
        Some(id) => format!("{} by request {id}", what(&kept.entry)),
        None => format!("{} by what the entry's owner gave it", what(&kept.entry)),
    });
    let all = parts.collect::<Vec<_>>().join("; ");
    (!all.is_empty()).then(|| format!("the principal still has {all}"))
}

fn what(entry: &EntryContent) -> String {
    let policies = entry.access_policies.iter().map(|(arn, scope)| {
        let name = arn.rsplit('/').next().unwrap_or(arn);
        match scope {
            AccessScope::Cluster => format!("{name} in the whole cluster"),
            AccessScope::Namespace { namespaces } => {
                format!("{name} in {}", namespaces.iter().map(String::as_str).collect::<Vec<_>>().join(", "))
            }
        }
    });
    let groups = entry.kubernetes_groups.iter().map(|group| format!("the group {group}"));
    let parts: Vec<_> = policies.chain(groups).collect();
    if parts.is_empty() { format!("an entry of type {}", entry.entry_type.as_str()) } else { parts.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::entry::EntryType;

    fn gives(policies: &[(&str, &[&str])], groups: &[&str]) -> EntryContent {
        let scope = |namespaces: &[&str]| match namespaces {
            [] => AccessScope::Cluster,
            names => AccessScope::Namespace { namespaces: names.iter().map(|name| (*name).to_owned()).collect() },
        };
        EntryContent {
            entry_type: EntryType::Standard,
            username: None,
            kubernetes_groups: groups.iter().map(|group| (*group).to_owned()).collect(),
            access_policies: policies.iter().map(|(arn, names)| (format!("arn/{arn}"), scope(names))).collect(),
        }
    }

    #[test]
    fn it_names_who_gives_what() {
        let (owner, other) =
            (gives(&[("Edit", &["z"]), ("Admin", &[])], &[]), gives(&[("View", &["a", "b"])], &["dev"]));
        let none = gives(&[], &[]);
        let grant = |id, content| Contribution { id, content };
        let words = in_words(&kept(Some(&owner), &[grant(Uuid::nil(), &other), grant(Uuid::max(), &none)]));
        let expected = "the principal still has Admin in the whole cluster, Edit in z by what the entry's owner gave it; \
             View in a, b, the group dev by request 00000000-0000-0000-0000-000000000000; \
             an entry of type STANDARD by request ffffffff-ffff-ffff-ffff-ffffffffffff";
        assert_eq!(words.as_deref(), Some(expected));
        assert_eq!(in_words(&kept(None, &[])), None);
    }
}

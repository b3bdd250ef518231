//! What IAM knows of a principal. An ARN is only a name; who bears it may change.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::arn::PrincipalArn;
use super::entry::ObservedEntry;

/// A role or user that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownPrincipal {
    /// Its ARN with its real path. IAM finds principals by name alone, so this may be another ARN than was asked about.
    pub arn: PrincipalArn,
    /// `AROA…` or `AIDA…`. EKS remembers it beside the ARN: a principal that was deleted and made anew has another one,
    /// and its old access entries are dead (`EKS user guide, access entries`).
    pub unique_id: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// Whether the principal of an ask exists, as far as that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// There is a role or user of this name.
    Exists(KnownPrincipal),
    /// IAM knows nobody of this name in this account.
    Missing,
    /// Nobody knows; why not, for people.
    NotChecked(String),
}

/// What has become of the principal that an entry was made for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// It is still the same.
    Ok,
    /// IAM knows nobody of this ARN any more.
    Missing,
    /// It was deleted and made anew: EKS lets nobody in by the entry.
    Recreated,
    /// Nobody knows.
    #[default]
    Unknown,
}

impl Standing {
    /// The spelling in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Missing => "missing",
            Self::Recreated => "recreated",
            Self::Unknown => "unknown",
        }
    }
}

/// Whom EKS has bound an entry to, and what has become of them. EKS does not tell; this is what IAM said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Binding {
    /// Which entry; about another ARN this says nothing.
    pub access_entry_arn: String,
    /// The unique id of the principal it was made for; `None` where IAM was not to be asked then.
    pub unique_id: Option<String>,
    /// What IAM said last.
    pub standing: Standing,
    /// The unique id that bears the ARN now, where that is another one.
    pub found: Option<String>,
    /// When IAM last said anything.
    pub checked_at: Option<DateTime<Utc>>,
    /// Whether the entry is dead and about to be deleted and made anew, because a repair was asked for.
    pub condemned: bool,
}

/// EKS's clock and IAM's are not the same, and IAM tells whole seconds.
const CLOCK_SLACK: TimeDelta = TimeDelta::minutes(1);

impl Binding {
    /// The binding of an entry that was just made, by what IAM said right before it.
    ///
    /// Before and not after: of a principal that is made anew in between, this says that the entry is dead while it is not,
    /// which shows and can be repaired; the other way round a dead entry would look well for ever.
    #[must_use]
    pub fn of_new(access_entry_arn: &str, presence: &Presence, now: DateTime<Utc>) -> Self {
        let unique_id = match presence {
            Presence::Exists(known) => Some(known.unique_id.clone()),
            Presence::Missing | Presence::NotChecked(_) => None,
        };
        let checked_at = unique_id.is_some().then_some(now);
        let standing = if unique_id.is_some() { Standing::Ok } else { Standing::Unknown };
        let access_entry_arn = access_entry_arn.to_owned();
        Self { access_entry_arn, unique_id, standing, found: None, checked_at, condemned: false }
    }

    /// Whether this is about `entry`.
    #[must_use]
    pub fn is_of(&self, entry: &ObservedEntry) -> bool {
        self.access_entry_arn == entry.access_entry_arn
    }

    /// What IAM's answer about `principal` says of `entry`, given what was known of it; `None` where nothing may be concluded.
    #[must_use]
    pub fn weighed(
        known: Option<&Self>,
        entry: &ObservedEntry,
        principal: &PrincipalArn,
        presence: &Presence,
        now: DateTime<Utc>,
    ) -> Option<Self> {
        let bound = known.filter(|binding| binding.is_of(entry)).and_then(|binding| binding.unique_id.clone());
        let (standing, unique_id, found) = match presence {
            Presence::NotChecked(_) => return None,
            Presence::Missing => (Standing::Missing, bound, None),
            // Under another path it is another principal, which merely has the same name.
            Presence::Exists(bearer) if !bearer.arn.to_string().eq_ignore_ascii_case(&principal.to_string()) => {
                (Standing::Missing, bound, None)
            }
            Presence::Exists(bearer) => match bound {
                Some(id) if id == bearer.unique_id => (Standing::Ok, Some(id), None),
                Some(id) => (Standing::Recreated, Some(id), Some(bearer.unique_id.clone())),
                None => by_age(entry, bearer),
            },
        };
        let access_entry_arn = entry.access_entry_arn.clone();
        Some(Self { access_entry_arn, unique_id, standing, found, checked_at: Some(now), condemned: false })
    }
}

/// Where nobody noted the id when the entry was made, its age tells: nobody can have made it for a principal that is younger.
fn by_age(entry: &ObservedEntry, bearer: &KnownPrincipal) -> (Standing, Option<String>, Option<String>) {
    let id = || Some(bearer.unique_id.clone());
    match entry.created_at {
        Some(made) if bearer.created_at <= made => (Standing::Ok, id(), None),
        Some(made) if bearer.created_at > made + CLOCK_SLACK => (Standing::Recreated, None, id()),
        _ => (Standing::Unknown, None, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::entry::{EntryContent, EntryType};

    const ARN: &str = "arn:aws:iam::111122223333:role/dev/r";

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
    }

    fn entry(created_at: Option<i64>) -> ObservedEntry {
        let content = EntryContent {
            entry_type: EntryType::Standard,
            username: None,
            kubernetes_groups: [].into(),
            access_policies: [].into(),
        };
        ObservedEntry { content, tags: [].into(), access_entry_arn: "e".into(), created_at: created_at.map(at) }
    }

    fn bearer(arn: &str, unique_id: &str, created_at: i64) -> Presence {
        let arn = arn.parse().expect("an ARN");
        Presence::Exists(KnownPrincipal { arn, unique_id: unique_id.into(), created_at: at(created_at) })
    }

    fn weighed(
        known: Option<&Binding>,
        entry: &ObservedEntry,
        presence: &Presence,
    ) -> Option<(Standing, Option<String>)> {
        let principal = ARN.parse().expect("an ARN");
        Binding::weighed(known, entry, &principal, presence, at(9_000)).map(|now| (now.standing, now.unique_id))
    }

    fn id(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn another_id_under_the_same_arn_is_another_principal() {
        let known = Binding::of_new("e", &bearer(ARN, "A", 0), at(10));
        assert_eq!((known.standing, known.checked_at), (Standing::Ok, Some(at(10))));
        let told = |presence| weighed(Some(&known), &entry(Some(10)), &presence);
        assert_eq!(told(bearer(ARN, "A", 0)), Some((Standing::Ok, id("A"))));
        assert_eq!(told(bearer(ARN, "B", 20)), Some((Standing::Recreated, id("A"))));
        assert_eq!(told(bearer(&ARN.replace("dev/", "ops/"), "A", 0)), Some((Standing::Missing, id("A"))));
        assert_eq!(told(Presence::Missing), Some((Standing::Missing, id("A"))));
    }

    #[test]
    fn where_iam_cannot_be_asked_nothing_is_concluded() {
        let silent = Presence::NotChecked("why".into());
        assert_eq!(weighed(None, &entry(Some(10)), &silent), None);
        let known = Binding::of_new("e", &silent, at(10));
        assert_eq!((known.standing, known.unique_id, known.checked_at), (Standing::Unknown, None, None));
    }

    #[test]
    fn without_a_note_the_age_of_the_entry_tells() {
        let told = |created, born| weighed(None, &entry(created), &bearer(ARN, "A", born));
        assert_eq!(told(Some(100), 100), Some((Standing::Ok, id("A"))), "it is noted from now on");
        assert_eq!(told(Some(100), 161), Some((Standing::Recreated, None)));
        assert_eq!(told(Some(100), 160), Some((Standing::Unknown, None)), "clocks differ");
        assert_eq!(told(None, 0), Some((Standing::Unknown, None)));
    }

    #[test]
    fn what_is_known_of_another_entry_says_nothing_about_this_one() {
        let other = Binding::of_new("the one before it", &bearer(ARN, "A", 0), at(10));
        assert_eq!(weighed(Some(&other), &entry(Some(30)), &bearer(ARN, "B", 20)), Some((Standing::Ok, id("B"))));
    }
}

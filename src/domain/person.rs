//! A person or service account that a provider's token told about, and what is remembered of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, TimeDelta, Utc};

use super::identity::same_but_for_case;

/// Who a token speaks of. Who they are is issuer and subject; the name is what everything is recorded under, and stays with
/// them once it is theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The stable name. In what a token says: the name it asks for.
    pub user: String,
    /// The provider, exactly as it calls itself.
    pub issuer: String,
    /// Who it is at that provider (`sub`).
    pub subject: String,
    /// How people call them.
    pub display_name: Option<String>,
    /// The groups that the newest token tells.
    pub groups: BTreeSet<String>,
    /// Whether it is a service account.
    pub service: bool,
    /// When the provider said so: a token issued before that changes nothing.
    pub issued_at: DateTime<Utc>,
    /// Until when the groups count for somebody who is not on the line.
    pub known_until: DateTime<Utc>,
}

/// For how long knowledge that says nothing new need not be written down.
const FRESH: TimeDelta = TimeDelta::minutes(1);

impl Person {
    /// Whether `other` tells the same of the same somebody, at about the same time.
    #[must_use]
    pub fn is_as_fresh_as(&self, other: &Self) -> bool {
        let said = |person: &Self| (person.display_name.clone(), person.groups.clone(), person.service);
        self.issued_at > other.issued_at || (other.issued_at - self.issued_at < FRESH && said(self) == said(other))
    }
}

/// What tokens told, by name and by (issuer, subject). Clones are the same memory. What is certain stands in the database;
/// this is read where a decision cannot wait for it.
#[derive(Debug, Clone, Default)]
pub struct Memory(Arc<RwLock<Known>>);

#[derive(Debug, Default)]
struct Known {
    by_name: BTreeMap<String, Person>,
    names: BTreeMap<(String, String), String>,
}

impl Memory {
    /// Takes in what `person` is now, unless something newer is known.
    pub fn remember(&self, person: Person) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.by_name.get(&person.user).is_some_and(|old| old.issued_at > person.issued_at) {
            return;
        }
        known.names.insert((person.issuer.clone(), person.subject.clone()), person.user.clone());
        known.by_name.insert(person.user.clone(), person);
    }

    /// Forgets `user`.
    pub fn forget(&self, user: &str) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(person) = known.by_name.remove(user) {
            known.names.remove(&(person.issuer, person.subject));
        }
    }

    /// Forgets whose time is over.
    pub fn forget_stale(&self, now: DateTime<Utc>) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let Known { by_name, names } = &mut *known;
        by_name.retain(|_, person| person.known_until > now);
        names.retain(|_, user| by_name.contains_key(user));
    }

    /// Who `user` is.
    #[must_use]
    pub fn named(&self, user: &str) -> Option<Person> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).by_name.get(user).cloned()
    }

    /// How `user` is spelt where it is the same but for upper and lower case.
    #[must_use]
    pub fn other_spelling(&self, user: &str) -> Option<String> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let same = || known.by_name.keys().find(|name| same_but_for_case(name, user)).cloned();
        if known.by_name.contains_key(user) { None } else { same() }
    }

    /// Whoever `subject` is at `issuer`.
    #[must_use]
    pub fn subject(&self, issuer: &str, subject: &str) -> Option<Person> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let name = known.names.get(&(issuer.to_owned(), subject.to_owned()))?;
        known.by_name.get(name).cloned()
    }

    /// Everybody, by name.
    #[must_use]
    pub fn everybody(&self) -> Vec<Person> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).by_name.values().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(user: &str, groups: &[&str], minute: i64) -> Person {
        Person {
            user: user.to_owned(),
            issuer: "https://login".to_owned(),
            subject: format!("id of {user}"),
            display_name: None,
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
            service: false,
            issued_at: DateTime::UNIX_EPOCH + TimeDelta::minutes(minute),
            known_until: DateTime::UNIX_EPOCH + TimeDelta::minutes(minute + 60),
        }
    }

    #[test]
    fn an_older_token_brings_no_group_back() {
        let memory = Memory::default();
        memory.remember(person("bob", &[], 5));
        memory.remember(person("bob", &["sre"], 4));
        assert!(memory.named("bob").expect("known").groups.is_empty());
        memory.remember(person("bob", &["sre"], 6));
        assert_eq!(memory.subject("https://login", "id of bob").expect("known").groups.len(), 1);
    }

    #[test]
    fn what_is_not_heard_of_again_is_forgotten() {
        let memory = Memory::default();
        memory.remember(person("bob", &["sre"], 0));
        memory.forget_stale(DateTime::UNIX_EPOCH + TimeDelta::minutes(59));
        assert!(memory.named("bob").is_some());
        memory.forget_stale(DateTime::UNIX_EPOCH + TimeDelta::minutes(60));
        assert!(memory.named("bob").is_none() && memory.subject("https://login", "id of bob").is_none());
    }

    #[test]
    fn only_news_are_worth_writing_down() {
        let known = person("bob", &["sre"], 10);
        assert!(known.is_as_fresh_as(&known));
        assert!(known.is_as_fresh_as(&person("bob", &[], 9)), "older");
        assert!(!known.is_as_fresh_as(&person("bob", &[], 10)), "other groups");
        assert!(!known.is_as_fresh_as(&person("bob", &["sre"], 11)), "so that what is known does not grow old");
    }
}

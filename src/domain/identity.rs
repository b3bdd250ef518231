//! Who somebody is, as far as Entryway is concerned: a stable name, the groups they belong to, and whether they
//! are a person or a service.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::person::Memory;

/// A person or a service, with the groups that policy decides on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The stable name everything is recorded under. Compared exactly: `Bob` is not `bob`.
    pub user: String,
    /// Every group the directory or the token says this identity is in.
    pub groups: BTreeSet<String>,
    /// Services carry messages for people. They never review as themselves.
    pub service: bool,
}

/// The road a call came by. Recorded on every review and event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Via {
    /// The REST API.
    Api,
    /// A click or command in Slack.
    Slack,
    /// The web console.
    Console,
    /// Entryway's own background work.
    Worker,
    /// The command line on the server.
    Cli,
}

impl Via {
    /// The spelling in the database and in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Slack => "slack",
            Self::Console => "console",
            Self::Worker => "worker",
            Self::Cli => "cli",
        }
    }

    /// Reads the spelling that [`Via::as_str`] writes; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Api, Self::Slack, Self::Console, Self::Worker, Self::Cli].into_iter().find(|via| via.as_str() == text)
    }
}

/// The one who is asking for something to be done now: the person, and the service that speaks for them if any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The person (or the service, when it speaks for itself). All rights are theirs.
    pub identity: Identity,
    /// The service that filed the call for that person (`Entryway-On-Behalf-Of`).
    pub submitted_by: Option<String>,
    /// How the call came in.
    pub via: Via,
    /// The address of the peer, where there is one.
    pub source_ip: Option<IpAddr>,
}

impl Caller {
    /// The name everything this caller does is recorded under.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.identity.user
    }
}

/// Whether two different names are one to people.
pub(super) fn same_but_for_case(one: &str, other: &str) -> bool {
    if one.is_ascii() && other.is_ascii() {
        return one != other && one.eq_ignore_ascii_case(other);
    }
    one != other && one.to_lowercase() == other.to_lowercase()
}

/// Who belongs to what, for people who are not on the line right now: reviewers whose standing is checked again,
/// requesters whose quorum is asked about by the worker, people a portal speaks for. It is what operators configured, and
/// beside it what tokens of identity providers told.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    people: BTreeMap<String, Entry>,
    /// What tokens told; `None` where no provider is configured, and nothing is ever told.
    memory: Option<Memory>,
}

#[derive(Debug, Clone, Default)]
struct Entry {
    groups: BTreeSet<String>,
    service: bool,
}

impl Directory {
    /// Puts `user` into `group`.
    pub fn add_member(&mut self, user: &str, group: &str) {
        self.people.entry(user.to_owned()).or_default().groups.insert(group.to_owned());
    }

    /// Makes `user` known, and says whether it is a service.
    pub fn add_user(&mut self, user: &str, service: bool) {
        self.people.entry(user.to_owned()).or_default().service |= service;
    }

    /// From now on, what tokens tell is remembered.
    pub fn listen_to_tokens(&mut self) {
        self.memory.get_or_insert_default();
    }

    /// What tokens told, where any are taken.
    #[must_use]
    pub const fn memory(&self) -> Option<&Memory> {
        self.memory.as_ref()
    }

    /// The identity of `user` as the directory and the tokens seen lately know it. Somebody they have never heard of is a
    /// person in no group, whom no policy written for a group will let do anything.
    #[must_use]
    pub fn identity(&self, user: &str) -> Identity {
        let mut identity = self.configured(user);
        if let Some(told) = self.memory.as_ref().and_then(|memory| memory.named(user)) {
            identity.groups.extend(told.groups);
            identity.service |= told.service;
        }
        identity
    }

    /// The identity of `user` by what operators configured alone.
    #[must_use]
    pub fn configured(&self, user: &str) -> Identity {
        let entry = self.people.get(user).cloned().unwrap_or_default();
        Identity { user: user.to_owned(), groups: entry.groups, service: entry.service }
    }

    /// How operators spell `user` where it is the same but for upper and lower case: one person in two spellings would be
    /// two approvals.
    #[must_use]
    pub fn other_spelling(&self, user: &str) -> Option<&str> {
        let same = |known: &&String| same_but_for_case(known, user);
        if self.people.contains_key(user) { None } else { self.people.keys().find(same).map(String::as_str) }
    }

    /// As [`Directory::other_spelling`], and as the tokens seen lately spell it: for a name that comes with no token of its own.
    #[must_use]
    pub fn known_spelling(&self, user: &str) -> Option<String> {
        if self.people.contains_key(user) {
            return None;
        }
        let told = || self.memory.as_ref().and_then(|memory| memory.other_spelling(user));
        self.other_spelling(user).map(str::to_owned).or_else(told)
    }

    /// Everybody they know who is not a service, sorted by name.
    pub fn people(&self) -> impl Iterator<Item = Identity> {
        let told = self.memory.as_ref().map(Memory::everybody).unwrap_or_default();
        let names: BTreeSet<_> =
            self.people.keys().cloned().chain(told.into_iter().map(|person| person.user)).collect();
        let everybody = names.into_iter().map(|user| self.identity(&user)).collect::<Vec<_>>();
        everybody.into_iter().filter(|identity| !identity.service)
    }

    /// Whether operators configured `user`.
    #[must_use]
    pub fn knows(&self, user: &str) -> bool {
        self.people.contains_key(user)
    }
}

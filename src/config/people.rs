//! `[auth]` and `[directory.groups]`: who may speak, and who belongs to what.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use sha2::{Digest, Sha256};

use super::Origin;
use super::reader::{Field, Section};
use super::shapes::{sha256, word};
use super::sign_in::{self, Alb, Oidc};
use super::value::{flag, parsed};
use crate::domain::event::SELF;
use crate::domain::identity::Directory;

/// The sandbox's tokens. They are public, so production takes none of them.
const DEMO_TOKENS: [&str; 5] = ["alice-token", "bob-token", "carol-token", "dan-token", "portal-token"];

/// `[auth]`: how callers show who they are.
#[derive(Debug, Clone, Default)]
pub struct Auth {
    /// Static bearer tokens.
    pub tokens: Vec<Token>,
    /// OpenID Connect issuers.
    pub oidc: Vec<Oidc>,
    /// A load balancer that signs people in.
    pub alb: Option<Alb>,
}

/// `[[auth.tokens]]`
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// Whose it is.
    pub user: String,
    /// SHA-256 of the token; the token itself is nowhere in the configuration.
    pub sha256: [u8; 32],
    /// Whether its holder is a service.
    pub service: bool,
    /// Groups of its holder, beside those of `[directory.groups]`.
    pub groups: BTreeSet<String>,
}

impl Token {
    /// All zeros, as examples have it: no token that anybody could find has this hash.
    pub const PLACEHOLDER: [u8; 32] = [0; 32];

    /// Whether nobody has put the hash of a token in yet.
    #[must_use]
    pub fn is_placeholder(&self) -> bool {
        self.sha256 == Self::PLACEHOLDER
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { user, sha256: _, service, groups } = self;
        f.debug_struct("Token")
            .field("user", user)
            .field("service", service)
            .field("groups", groups)
            .finish_non_exhaustive()
    }
}

/// Reads `[auth]` and `[directory]`, and makes the directory of both.
pub(super) fn read(root: &mut Section<'_>, origin: Origin) -> (Auth, Directory) {
    let mut people = People::default();
    let auth = root.section("auth", |s| {
        let tokens = read_tokens(s, origin, &mut people);
        let (oidc, alb) = sign_in::read(s);
        Auth { tokens, oidc, alb }
    });
    if !auth.oidc.is_empty() || auth.alb.is_some() {
        people.directory.listen_to_tokens();
    }
    root.section("directory", |s| {
        for (group, members) in s.field("groups").map(Field::entries).unwrap_or_default() {
            for member in members.items() {
                people.add_member(&group, member);
            }
        }
    });
    (auth, people.directory)
}

fn read_tokens(root: &mut Section<'_>, origin: Origin, people: &mut People) -> Vec<Token> {
    let mut hashes = BTreeMap::new();
    let mut holders: BTreeMap<String, (Token, String)> = BTreeMap::new();
    root.sections("tokens", |s| {
        let token = Token {
            user: s.required("user", "\"portal\"", parsed(word)),
            sha256: s.required("sha256", "\"the hex SHA-256 of the token\"", parsed(sha256)),
            service: s.or("service", false, flag),
            groups: s.list("groups", parsed(word)).unwrap_or_default().into_iter().collect(),
        };
        if origin == Origin::Production && is_demo(token.sha256) {
            s.wrong("sha256", "is that of a sandbox token, which everybody knows; make a token of your own");
        }
        if !token.is_placeholder()
            && let Some(first) = hashes.insert(token.sha256, s.path.clone())
        {
            s.wrong("sha256", format!("is that of {first} too; every token is its own"));
        }
        if let Err(message) = people.check_name(&token.user, &s.path) {
            s.wrong("user", message);
        }
        if let Some((first, path)) = holders.get(&token.user) {
            if first.service != token.service || first.groups != token.groups {
                s.wrong("user", format!("has another service or groups than in {path}; say the same of one user"));
            }
        } else {
            holders.insert(token.user.clone(), (token.clone(), s.path.clone()));
        }
        people.add(&token);
        token
    })
}

fn is_demo(sha256: [u8; 32]) -> bool {
    DEMO_TOKENS.iter().any(|token| <[u8; 32]>::from(Sha256::digest(token)) == sha256)
}

/// Everybody named so far.
#[derive(Default)]
struct People {
    directory: Directory,
    /// Lower-case name → as it was spelt first, and where.
    spellings: BTreeMap<String, (String, String)>,
}

impl People {
    /// Two spellings of one person would be two approvals.
    fn check_name(&mut self, user: &str, path: &str) -> Result<(), String> {
        if user == SELF {
            return Err(format!("{SELF:?} is the name of Entryway's own doings; choose another"));
        }
        let first = self.spellings.entry(user.to_lowercase()).or_insert_with(|| (user.to_owned(), path.to_owned()));
        let (spelling, place) = first;
        if spelling == user {
            Ok(())
        } else {
            Err(format!("{user:?} is spelt {spelling:?} in {place}; spell it one way"))
        }
    }

    fn add(&mut self, token: &Token) {
        self.directory.add_user(&token.user, token.service);
        for group in &token.groups {
            self.directory.add_member(&token.user, group);
        }
    }

    fn add_member(&mut self, group: &str, member: Field<'_>) {
        let path = member.path.clone();
        let user = member.get(|node| {
            let user = parsed(word)(node)?;
            self.check_name(&user, &path).map(|()| user)
        });
        if let Some(user) = user {
            self.directory.add_member(&user, group);
        }
    }
}

//! The people of the sandbox. Their tokens are written here for everybody to read, and so production refuses them.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

/// Somebody, or a service, that can speak to the sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Person {
    /// As requests and reviews name them.
    pub user: &'static str,
    /// Their bearer token.
    pub token: &'static str,
    /// What they belong to.
    pub groups: &'static [&'static str],
    /// Whether this is a service, which acts for people and never signs off itself.
    pub service: bool,
}

/// Everybody there is: two who ask, two who sign off, and a portal.
pub const PEOPLE: [Person; 5] = [
    Person { user: "alice", token: "alice-token", groups: &["engineering"], service: false },
    Person { user: "bob", token: "bob-token", groups: &["sre"], service: false },
    Person { user: "carol", token: "carol-token", groups: &["sre", "security"], service: false },
    Person { user: "dan", token: "dan-token", groups: &["engineering"], service: false },
    Person { user: "portal", token: "portal-token", groups: &[], service: true },
];

/// The tokens of [`PEOPLE`]. A configuration for production that takes one of them is refused.
pub const DEMO_TOKENS: [&str; 5] =
    [PEOPLE[0].token, PEOPLE[1].token, PEOPLE[2].token, PEOPLE[3].token, PEOPLE[4].token];

impl Person {
    /// What the configuration holds in place of the token: its SHA-256 in hexadecimal.
    #[must_use]
    pub fn token_sha256(&self) -> String {
        Sha256::digest(self.token).iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}

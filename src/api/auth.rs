//! Who holds which bearer token. Only hashes are known here.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

/// One token.
#[derive(Debug, Clone)]
pub struct TokenEntry {
    /// Whose it is.
    pub user: String,
    /// SHA-256 of the token. A token has enough entropy that no slow hash is needed; a slow one would let anybody
    /// keep the service busy.
    pub sha256: [u8; 32],
    /// Whether its holder is a service.
    pub service: bool,
    /// Groups of its holder, beside those in the directory.
    pub groups: BTreeSet<String>,
}

/// All tokens there are.
#[derive(Debug, Default)]
pub struct TokenTable {
    entries: Vec<TokenEntry>,
}

impl TokenTable {
    /// A table of these tokens.
    #[must_use]
    pub const fn new(entries: Vec<TokenEntry>) -> Self {
        Self { entries }
    }

    /// Whose token this is. Every entry is compared, each in constant time, so that the time it takes tells nothing
    /// about how near a guess came or which entry it was.
    pub(super) fn holder(&self, token: &str) -> Option<&TokenEntry> {
        let presented = Sha256::digest(token);
        let mut found = Choice::from(0);
        let mut index = 0_u64;
        for (position, entry) in (0_u64..).zip(&self.entries) {
            let same = entry.sha256.as_slice().ct_eq(&presented);
            index.conditional_assign(&position, same);
            found |= same;
        }
        let index = usize::try_from(index).ok()?;
        bool::from(found).then(|| self.entries.get(index)).flatten()
    }

    /// Whether `user` is a service by any token.
    pub(super) fn is_service(&self, user: &str) -> bool {
        self.entries.iter().any(|entry| entry.user == user && entry.service)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(user: &str, token: &str) -> TokenEntry {
        let sha256 = Sha256::digest(token).into();
        TokenEntry { user: user.to_owned(), sha256, service: user == "portal", groups: BTreeSet::new() }
    }

    #[test]
    fn finds_the_holder_wherever_they_stand_and_nobody_else() {
        let table = TokenTable::new(vec![entry("alice", "a"), entry("bob", "b"), entry("portal", "p")]);
        for (token, user) in [("a", Some("alice")), ("b", Some("bob")), ("p", Some("portal")), ("A", None), ("", None)]
        {
            assert_eq!(table.holder(token).map(|entry| entry.user.as_str()), user, "{token:?}");
        }
        assert!(TokenTable::default().holder("").is_none());
        assert!(table.is_service("portal") && !table.is_service("alice"));
    }
}

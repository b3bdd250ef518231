//! Page tokens: where the next page starts, signed together with who asked for what. A token that was changed, or that
//! is sent by somebody else or with other filters, is none.

use std::sync::{Arc, OnceLock};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use uuid::Uuid;

use super::problem::{Code, Problem};
use crate::domain::identity::Caller;
use crate::workflow::Desk;

/// The length of an HMAC-SHA-256.
const MAC: usize = 32;

/// The key that page tokens are signed with. All replicas share it; it is read once.
#[derive(Debug, Clone, Default)]
pub(super) struct PageKey(Arc<OnceLock<String>>);

impl PageKey {
    /// The key.
    ///
    /// # Errors
    /// When it cannot be read just now.
    pub(super) async fn get(&self, desk: &Desk) -> Result<&str, Problem> {
        if let Some(key) = self.0.get() {
            return Ok(key);
        }
        // Whoever comes before it is known asks for themselves: while Postgres is slow, those who waited for one another would
        // wait in vain one after the other.
        let key = desk.page_key().await?;
        Ok(self.0.get_or_init(|| key))
    }
}

/// One list as one caller asked for it.
#[derive(Debug)]
pub(super) struct Listing<'a> {
    key: &'a str,
    asked: Vec<u8>,
}

impl<'a> Listing<'a> {
    /// The list that `caller` asked for with these filters.
    pub(super) fn new(key: &'a str, caller: &Caller, filters: &[(String, Vec<String>)]) -> Self {
        Self::of("requests", key, caller, filters)
    }

    /// The same for another kind of list.
    pub(super) fn of(kind: &str, key: &'a str, caller: &Caller, filters: &[(String, Vec<String>)]) -> Self {
        let asked = serde_json::to_vec(&(kind, caller.user(), &caller.submitted_by, filters));
        Self { key, asked: asked.expect("texts and lists are JSON") }
    }

    /// The token of the page that starts after `last`.
    pub(super) fn token(&self, last: Uuid) -> String {
        self.sealed(last.as_bytes())
    }

    /// The token of the page that starts where `place` says.
    pub(super) fn sealed(&self, place: &[u8]) -> String {
        let mut token = place.to_vec();
        token.extend_from_slice(&self.mac(place).finalize().into_bytes());
        URL_SAFE_NO_PAD.encode(token)
    }

    /// Where the page of `token` starts.
    ///
    /// # Errors
    /// `next-token-invalid` for anything that [`Listing::token`] did not make for this very list.
    pub(super) fn start(&self, token: &str) -> Result<Uuid, Problem> {
        let place = self.opened(token)?;
        Uuid::from_slice(&place).map_err(|_| not_one())
    }

    /// What [`Listing::sealed`] was given.
    ///
    /// # Errors
    /// As [`Listing::start`].
    pub(super) fn opened(&self, token: &str) -> Result<Vec<u8>, Problem> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok();
        let parts = bytes.as_deref().and_then(|bytes| bytes.split_at_checked(bytes.len().checked_sub(MAC)?));
        let read = parts.and_then(|(place, mac)| {
            self.mac(place).verify_slice(mac).ok()?;
            Some(place.to_vec())
        });
        read.ok_or_else(not_one)
    }

    fn mac(&self, place: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.key.as_bytes()).expect("HMAC takes keys of any length");
        mac.update(b"entryway/page/v1\n");
        // How long the first is, so that nothing can move from it into the second.
        mac.update(&u64::try_from(place.len()).unwrap_or_default().to_be_bytes());
        mac.update(place);
        mac.update(&self.asked);
        mac
    }
}

fn not_one() -> Problem {
    let detail = "nextToken is not one of this list; send it as it was answered, with the same filters";
    Problem::new(Code::NextTokenInvalid, detail)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::identity::{Identity, Via};

    fn caller(user: &str, submitted_by: Option<&str>) -> Caller {
        let identity = Identity { user: user.to_owned(), groups: [].into(), service: false };
        Caller { identity, submitted_by: submitted_by.map(str::to_owned), via: Via::Api, source_ip: None }
    }

    fn filters(state: &str) -> Vec<(String, Vec<String>)> {
        vec![("state".to_owned(), vec![state.to_owned()])]
    }

    #[test]
    fn a_token_leads_where_it_was_made_for() {
        let listing = Listing::new("key", &caller("alice", None), &filters("active"));
        let last = Uuid::now_v7();
        assert_eq!(listing.start(&listing.token(last)).expect("its own"), last);
    }

    #[test]
    fn a_token_is_good_for_nobody_and_nothing_else() {
        let (alice, mine) = (caller("alice", None), filters("active"));
        let token = Listing::new("key", &alice, &mine).token(Uuid::now_v7());
        let others = [
            Listing::new("key", &caller("bob", None), &mine),
            Listing::new("key", &caller("alice", Some("portal")), &mine),
            Listing::new("key", &alice, &filters("ended")),
            Listing::new("key", &alice, &[]),
            Listing::new("another key", &alice, &mine),
            Listing::of("entries", "key", &alice, &mine),
        ];
        for other in others {
            assert_eq!(other.start(&token).expect_err("not its own").code(), "next-token-invalid");
        }
    }

    #[test]
    fn no_bit_of_a_token_can_be_changed() {
        let listing = Listing::new("key", &caller("alice", None), &[]);
        let token = URL_SAFE_NO_PAD.decode(listing.token(Uuid::now_v7())).expect("base64");
        for bit in 0..token.len() * 8 {
            let mut changed = token.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(listing.start(&URL_SAFE_NO_PAD.encode(changed)).is_err(), "bit {bit}");
        }
        for not_one in
            ["", "x", "AAAA", &URL_SAFE_NO_PAD.encode(&token[..47]), &format!("{}=", URL_SAFE_NO_PAD.encode(&token))]
        {
            assert!(listing.start(not_one).is_err(), "{not_one:?}");
        }
    }
    proptest! {
        #[test]
        fn whatever_place_is_sealed_comes_out_of_its_own_token_alone(
            place in proptest::collection::vec(any::<u8>(), 0..80), at in any::<prop::sample::Index>(), letter in "[A-Za-z0-9_=-]",
        ) {
            let listing = Listing::new("key", &caller("alice", None), &[]);
            let token = listing.sealed(&place);
            prop_assert_eq!(listing.opened(&token).map_err(|problem| problem.code()), Ok(place));
            let at = at.index(token.len());
            let changed = format!("{}{letter}{}", &token[..at], &token[at + 1..]);
            prop_assert!(changed == token || listing.opened(&changed).is_err(), "{changed} for {token}");
        }

        #[test]
        fn no_text_is_a_token(text in prop_oneof!["\\PC{0,100}", "[A-Za-z0-9_-]{0,100}"]) {
            prop_assert!(Listing::new("key", &caller("alice", None), &[]).opened(&text).is_err());
        }
    }
}

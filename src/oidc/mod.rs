//! Tokens of identity providers (OpenID Connect): whether a provider issued a token, and whom it speaks of.
//!
//! The keys of each provider are fetched in the background and kept; a token is checked without asking anybody. Only a key
//! that is not known yet makes the provider be asked at once, and that seldom, whatever tokens are sent. What the header of
//! a token says chooses among the keys there are, and nothing else: the algorithm is the key's, and addresses in a token
//! (`jku`, `x5u`, an embedded key) are never looked at.

mod alb;
mod fetch;
mod issuer;
mod keys;

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::domain::person::Person;
use crate::domain::token::{AlbRules, Flaw, TokenRules};

use alb::Alb;
use fetch::Fetcher;
use issuer::Issuer;

/// The longest token that is looked at, in bytes: people who are in very many groups have long ones.
pub const LONGEST_TOKEN: usize = 16 * 1024;

/// Why a token lets nobody in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No provider of ours issued it. Why is for the log alone: whoever made it up learns nothing.
    #[error("not a token of a configured provider: {0}")]
    NotGenuine(&'static str),
    /// It is genuine and not good; whoever it was issued to may know why.
    #[error("{0}")]
    NotGood(String),
    /// The keys of its provider were never fetched, so that nothing can be said of it.
    #[error("the keys of {0} could not be fetched yet")]
    NoKeys(String),
}

impl From<Flaw> for Refused {
    fn from(flaw: Flaw) -> Self {
        Self::NotGood(flaw.0)
    }
}

/// The providers whose tokens are taken.
#[derive(Debug, Default)]
pub struct Providers {
    issuers: Vec<Issuer>,
    alb: Option<Alb>,
    fetcher: Fetcher,
    /// What stands before the names of each issuer's users.
    prefixes: Vec<(String, String)>,
}

impl Providers {
    /// Those of `rules`, several of which may be about one issuer, and a load balancer in front. Nothing is fetched yet.
    ///
    /// # Errors
    /// When there can be no HTTPS client.
    pub fn new(rules: Vec<TokenRules>, alb: Option<AlbRules>) -> Result<Self, String> {
        let said = |rules: &TokenRules| (rules.issuer.clone(), rules.user_prefix.clone());
        let prefixes = rules.iter().chain(alb.iter().map(|alb| &alb.token)).map(said).collect();
        let mut issuers: Vec<Issuer> = Vec::new();
        for rules in rules {
            match issuers.iter_mut().find(|issuer| issuer.name() == rules.issuer) {
                Some(issuer) => issuer.also(rules),
                None => issuers.push(Issuer::new(rules)),
            }
        }
        Ok(Self { issuers, alb: alb.map(Alb::new), fetcher: Fetcher::new()?, prefixes })
    }

    /// Whether there is any.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.issuers.is_empty() && self.alb.is_none()
    }

    /// Whether a load balancer may say who is calling.
    #[must_use]
    pub const fn take_alb(&self) -> bool {
        self.alb.is_some()
    }

    /// Whom `token` speaks of.
    ///
    /// # Errors
    /// Why it lets nobody in.
    pub async fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Person, Refused> {
        let claimed = issuer::claimed(token).ok_or(Refused::NotGenuine("it is no JWT"))?;
        let issuer = self.issuers.iter().find(|issuer| issuer.name() == claimed);
        let issuer = issuer.ok_or(Refused::NotGenuine("its issuer is not configured"))?;
        let claims = issuer.genuine(token, now, &self.fetcher).await?;
        self.own_name(issuer.read(&claims, now)?)
    }

    /// Whom the load balancer's word `data` (`x-amzn-oidc-data`) speaks of.
    ///
    /// # Errors
    /// Why it lets nobody in.
    pub async fn verify_alb(&self, data: &str, now: DateTime<Utc>) -> Result<Person, Refused> {
        let alb = self.alb.as_ref().ok_or(Refused::NotGenuine("no load balancer is configured"))?;
        self.own_name(alb.verify(data, now, &self.fetcher).await?)
    }

    /// Fetches the keys of every issuer anew; answers whether all could be had. Those that cannot keep the keys they have.
    pub async fn refresh(&self) -> bool {
        let mut all = true;
        for issuer in &self.issuers {
            all &= issuer.refresh(&self.fetcher).await;
        }
        all
    }

    /// Names of one issuer's people never look like another's.
    fn own_name(&self, person: Person) -> Result<Person, Refused> {
        let foreign = |(issuer, prefix): &(String, String)| {
            *issuer != person.issuer && !prefix.is_empty() && person.user.starts_with(prefix)
        };
        if self.prefixes.iter().any(foreign) {
            return Err(Refused::NotGood("the name in the token looks like one of another provider".to_owned()));
        }
        Ok(person)
    }
}

/// Reads a segment of a token: base64url, with or without padding, of JSON.
fn segment(text: &str) -> Option<Value> {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()?;
    serde_json::from_slice(&bytes).ok()
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    proptest! {
        #[test]
        fn who_a_token_claims_to_be_of_is_read_from_three_parts_and_no_other_number(
            name in "\\PC{0,30}", others in proptest::collection::vec("[A-Za-z0-9_-]{0,20}", 0..5), at in 0usize..5,
        ) {
            let mut parts = others;
            let at = at.min(parts.len());
            parts.insert(at, URL_SAFE_NO_PAD.encode(json!({"iss": name}).to_string()));
            let claimed = issuer::claimed(&parts.join("."));
            prop_assert_eq!(claimed, (parts.len() == 3 && at == 1).then_some(name));
        }

        #[test]
        fn no_text_makes_it_panic(text in prop_oneof!["\\PC{0,60}", "[A-Za-z0-9_=-]{0,30}(\\.[A-Za-z0-9_=-]{0,30}){0,4}"]) {
            let _ = (issuer::claimed(&text), segment(&text));
        }
    }
}

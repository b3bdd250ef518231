//! What a token must say before anybody is let in by it, once its signature is known to be the provider's.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::event::SELF;
use super::person::Person;
use super::rules::{is_plain_name, misleading};

/// How far the clocks of two machines may be apart.
pub const LEEWAY: TimeDelta = TimeDelta::seconds(30);

/// The most groups of one person, and the longest name of a person or group in characters.
const MOST_GROUPS: usize = 2000;
const LONGEST_NAME: usize = 256;

/// Where something stands in the claims: the name of a claim, or a JSON pointer to what is nested (`/realm_access/roles`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim(String);

impl Claim {
    /// The claim at `place`.
    #[must_use]
    pub fn new(place: impl Into<String>) -> Self {
        Self(place.into())
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands there; `None` for nothing and for null.
    fn of<'a>(&self, claims: &'a Value) -> Option<&'a Value> {
        let found = if self.0.starts_with('/') { claims.pointer(&self.0) } else { claims.get(&self.0) };
        found.filter(|value| !value.is_null())
    }
}

/// Which tokens of one issuer are good here, and how to read them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRules {
    /// The issuer, exactly as tokens spell it.
    pub issuer: String,
    /// Whom tokens must be for.
    pub audience: String,
    /// Names the user.
    pub user: Claim,
    /// Stands before the names of this issuer's users, so that they are nobody else's.
    pub user_prefix: String,
    /// Lists the groups.
    pub groups: Claim,
    /// Stands before the names of this issuer's groups.
    pub groups_prefix: String,
    /// How people call the user.
    pub display: Claim,
    /// What makes it a service account: this claim, with one of these values; with anything but `false` where there are none.
    pub service: Option<(Claim, BTreeSet<String>)>,
    /// Whether a token must say from when on it is good.
    pub require_nbf: bool,
    /// The longest a token may be good for.
    pub max_lifetime: TimeDelta,
    /// For how long the groups of a token are remembered of somebody who is not on the line.
    pub remember_groups: TimeDelta,
}

/// Whose word to take for whom an AWS Application Load Balancer has signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlbRules {
    /// The ARN of the one load balancer that is believed.
    pub signer: String,
    /// Where its keys are; the id of a key follows.
    pub keys_url: String,
    /// How to read what it says. The audience is the client id that it signs people in with.
    pub token: TokenRules,
}

/// Why a genuine token is not good, in words for whoever it was issued to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Flaw(pub String);

fn flaw<T>(words: impl Into<String>) -> Result<T, Flaw> {
    Err(Flaw(words.into()))
}

impl TokenRules {
    /// Whether the claims are of this issuer and for this audience.
    #[must_use]
    pub fn are_for(&self, claims: &Value) -> bool {
        let audience = |value: &Value| value.as_str() == Some(&self.audience);
        let aimed = match &claims["aud"] {
            Value::Array(all) => all.iter().any(audience),
            one => audience(one),
        };
        claims["iss"].as_str() == Some(&self.issuer) && aimed
    }

    /// Who the claims of a genuine token speak of, if it is good at `now`.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn read(&self, claims: &Value, now: DateTime<Utc>) -> Result<Person, Flaw> {
        if !self.are_for(claims) {
            return flaw(format!("the token is for somebody else; ask for one with the audience {:?}", self.audience));
        }
        let issued_at = self.check_times(claims, now)?;
        self.person(claims, issued_at)
    }

    /// Answers when the token was issued.
    fn check_times(&self, claims: &Value, now: DateTime<Utc>) -> Result<DateTime<Utc>, Flaw> {
        let (expires, from, issued) = (instant(claims, "exp")?, instant(claims, "nbf")?, instant(claims, "iat")?);
        let Some(expires) = expires else { return flaw("the token does not say when it ends (exp)") };
        if expires + LEEWAY <= now {
            return flaw("the token has expired; sign in again");
        }
        if from.is_none() && self.require_nbf {
            return flaw(
                "the token does not say from when on it is good (nbf); have the provider add it, or set require_nbf",
            );
        }
        if [from, issued].into_iter().flatten().any(|at| at - LEEWAY > now) {
            return flaw("the token is not good yet; wait a moment, or set the clock of whoever issued it");
        }
        let Some(issued_at) = issued.or(from) else { return flaw("the token does not say when it was issued (iat)") };
        if expires - issued_at > self.max_lifetime {
            let hours = self.max_lifetime.num_hours();
            return flaw(format!("the token is good for too long; have one issued that lasts at most {hours} hours"));
        }
        Ok(issued_at.min(now))
    }

    /// Who the claims speak of, whenever that was said.
    ///
    /// # Errors
    /// What is missing or unreadable.
    pub fn person(&self, claims: &Value, issued_at: DateTime<Utc>) -> Result<Person, Flaw> {
        let Some(subject) = claims["sub"].as_str().filter(|text| is_plain(text)) else {
            return flaw("the token does not say whom it was issued to (sub)");
        };
        let place = self.user.as_str();
        let Some(name) = self.user.of(claims).and_then(Value::as_str).filter(|text| is_plain(text)) else {
            return flaw(format!(
                "the token has no name in the claim {place:?}; ask for one with the scope that brings it"
            ));
        };
        // An address that nobody has checked is whatever somebody typed.
        if place == "email" && claims.get("email_verified").is_some_and(|verified| *verified != Value::Bool(true)) {
            return flaw("the address in the token is not verified; verify it with whoever issued the token");
        }
        let user = format!("{}{name}", self.user_prefix);
        if user == SELF {
            return flaw(format!("{SELF:?} is the name of Entryway's own doings"));
        }
        let display = self.display.of(claims).and_then(Value::as_str).map(str::trim).filter(|text| is_readable(text));
        Ok(Person {
            user,
            issuer: self.issuer.clone(),
            subject: subject.to_owned(),
            display_name: display.map(str::to_owned),
            groups: self.groups(claims)?,
            service: self.is_service(claims),
            issued_at,
            known_until: issued_at + self.remember_groups,
        })
    }

    fn groups(&self, claims: &Value) -> Result<BTreeSet<String>, Flaw> {
        let listed = match self.groups.of(claims) {
            None => &[][..],
            Some(Value::Array(all)) => all,
            Some(one) => std::slice::from_ref(one),
        };
        let names: Option<BTreeSet<_>> = listed
            .iter()
            .map(|group| group.as_str().filter(|text| is_plain(text)))
            .map(|group| group.map(|name| format!("{}{name}", self.groups_prefix)))
            .collect();
        match names {
            Some(names) if listed.len() <= MOST_GROUPS => Ok(names),
            _ => flaw(format!(
                "the claim {:?} of the token is no list of up to {MOST_GROUPS} groups",
                self.groups.as_str()
            )),
        }
    }

    fn is_service(&self, claims: &Value) -> bool {
        let Some((claim, values)) = &self.service else { return false };
        claim.of(claims).is_some_and(|value| match value {
            Value::String(text) => values.is_empty() || values.contains(text),
            Value::Bool(flag) => *flag && values.is_empty(),
            _ => values.is_empty(),
        })
    }
}

/// A name that is what it looks like: names stand in the audit log.
fn is_plain(text: &str) -> bool {
    is_short(text) && is_plain_name(text)
}

/// One line for people to read, and nothing to tell anybody by.
fn is_readable(text: &str) -> bool {
    is_short(text) && !text.trim().is_empty() && misleading(text).is_none() && !text.contains(['\n', '\t'])
}

fn is_short(text: &str) -> bool {
    text.chars().count() <= LONGEST_NAME
}

/// The time in a claim, in seconds since 1970 (RFC 7519, `NumericDate`).
fn instant(claims: &Value, name: &str) -> Result<Option<DateTime<Utc>>, Flaw> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let seconds = value.as_f64().and_then(|seconds| std::time::Duration::try_from_secs_f64(seconds).ok());
    let at = seconds.and_then(|since| TimeDelta::from_std(since).ok());
    // Far from the last instant there is, so that what is added to it or taken from it is one as well.
    let at = at.and_then(|since| DateTime::UNIX_EPOCH.checked_add_signed(since)).filter(|at| at.timestamp() < 1 << 40);
    at.map(Some).ok_or_else(|| Flaw(format!("the claim {name:?} of the token is no time")))
}

#[cfg(test)]
mod tests;

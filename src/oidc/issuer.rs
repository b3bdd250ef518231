//! One issuer: its keys as last seen, and when they are fetched anew.

use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use tokio::sync::{Mutex, Semaphore};

use super::fetch::{FetchError, Fetcher};
use super::keys::{self, Key};
use super::{Refused, segment};
use crate::domain::person::Person;
use crate::domain::token::TokenRules;

/// How often tokens with unknown keys may make the provider be asked.
const ASK_AGAIN: TimeDelta = TimeDelta::seconds(10);

/// How many callers wait for keys at once. More are turned down: they would take the place of those whose keys are known.
const MOST_WAITING: usize = 32;

/// An issuer, and what its tokens must be like for each audience.
#[derive(Debug)]
pub(super) struct Issuer {
    rules: Vec<TokenRules>,
    keys: RwLock<Arc<Vec<Key>>>,
    /// When keys were last asked for because of a token. Held while they are fetched, so that nobody else does meanwhile.
    asked_at: Mutex<Option<DateTime<Utc>>>,
    waiting: Semaphore,
}

impl Issuer {
    pub(super) fn new(rules: TokenRules) -> Self {
        Self {
            rules: vec![rules],
            keys: RwLock::default(),
            asked_at: Mutex::default(),
            waiting: Semaphore::new(MOST_WAITING),
        }
    }

    /// Takes tokens for another audience too.
    pub(super) fn also(&mut self, rules: TokenRules) {
        self.rules.push(rules);
    }

    pub(super) fn name(&self) -> &str {
        &self.rules[0].issuer
    }

    /// The claims of `token`, if this issuer has signed it.
    pub(super) async fn genuine(&self, token: &str, now: DateTime<Utc>, fetcher: &Fetcher) -> Result<Value, Refused> {
        let id =
            keys::key_id(token).ok_or(Refused::NotGenuine("its header is not one of a token that says who it is"))?;
        let known = self.known();
        if let Some(claims) = keys::claims(token, id.as_deref(), &known) {
            return Ok(claims);
        }
        // One whose key is known and did not sign it is a forgery, unless it does not say which key that was.
        if id.is_some() && keys::has(&known, id.as_deref()) {
            return Err(Refused::NotGenuine("its signature is not that of its key"));
        }
        let fresh = self.ask_for(&known, now, fetcher).await;
        if fresh.is_empty() {
            return Err(Refused::NoKeys(self.name().to_owned()));
        }
        keys::claims(token, id.as_deref(), &fresh).ok_or(Refused::NotGenuine("it is signed by no key that is known"))
    }

    /// Whom `claims` speak of, by the rules for their audience.
    pub(super) fn read(&self, claims: &Value, now: DateTime<Utc>) -> Result<Person, Refused> {
        let rules = self.rules.iter().find(|rules| rules.are_for(claims)).unwrap_or(&self.rules[0]);
        Ok(rules.read(claims, now)?)
    }

    /// Fetches the keys anew; answers whether they could be had.
    pub(super) async fn refresh(&self, fetcher: &Fetcher) -> bool {
        let _alone = self.asked_at.lock().await;
        self.fetch(fetcher).await
    }

    /// The keys there are after asking for them, unless that was done a moment ago.
    async fn ask_for(&self, known: &Arc<Vec<Key>>, now: DateTime<Utc>, fetcher: &Fetcher) -> Arc<Vec<Key>> {
        let Ok(_place) = self.waiting.try_acquire() else { return self.known() };
        let mut asked_at = self.asked_at.lock().await;
        let fresh = self.known();
        let lately = asked_at.is_some_and(|at| at <= now && now - at < ASK_AGAIN);
        if !Arc::ptr_eq(known, &fresh) || lately {
            return fresh;
        }
        *asked_at = Some(now);
        self.fetch(fetcher).await;
        self.known()
    }

    fn known(&self) -> Arc<Vec<Key>> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn fetch(&self, fetcher: &Fetcher) -> bool {
        match self.fetched(fetcher).await {
            Ok(fresh) => {
                *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(fresh);
                true
            }
            Err(error) => {
                let kept = self.known().len();
                tracing::warn!(issuer = self.name(), %error, kept, "the keys of an identity provider could not be fetched");
                false
            }
        }
    }

    async fn fetched(&self, fetcher: &Fetcher) -> Result<Vec<Key>, FetchError> {
        let place = format!("{}/.well-known/openid-configuration", self.name().trim_end_matches('/'));
        let document = fetcher.json(&place).await?;
        // Whoever answers in another's name is not the one whose keys these would be.
        let (Some(name), Some(keys_at)) = (document["issuer"].as_str(), document["jwks_uri"].as_str()) else {
            return Err(FetchError::Odd(place));
        };
        if name != self.name() {
            return Err(FetchError::Odd(place));
        }
        let fresh = keys::of_set(&fetcher.json(keys_at).await?);
        if fresh.is_empty() { Err(FetchError::Odd(keys_at.to_owned())) } else { Ok(fresh) }
    }
}

/// Who `token` says has issued it. Decides nothing but whose keys to look among.
pub(super) fn claimed(token: &str) -> Option<String> {
    let mut parts = token.split('.');
    let (_, claims, _, None) = (parts.next()?, parts.next()?, parts.next()?, parts.next()) else { return None };
    segment(claims)?["iss"].as_str().map(str::to_owned)
}

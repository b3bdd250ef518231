//! What an AWS Application Load Balancer that signs people in says of them (`x-amzn-oidc-data`). It is a token in all but
//! three ways: segments may be padded, the load balancer signs with a key that AWS publishes one by one, and the header says
//! which load balancer that was (Elastic Load Balancing user guide, "Authenticate users using an Application Load Balancer").

use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::fetch::Fetcher;
use super::keys::{self, Key};
use super::{Refused, segment};
use crate::domain::person::Person;
use crate::domain::token::AlbRules;

/// How often words signed with an unknown key may make AWS be asked.
const ASK_AGAIN: TimeDelta = TimeDelta::seconds(10);

/// The most keys to keep.
const MOST_KEYS: usize = 16;

#[derive(Debug)]
pub(super) struct Alb {
    rules: AlbRules,
    keys: RwLock<Arc<Vec<Key>>>,
    asked_at: Mutex<Option<DateTime<Utc>>>,
}

impl Alb {
    pub(super) fn new(rules: AlbRules) -> Self {
        Self { rules, keys: RwLock::default(), asked_at: Mutex::default() }
    }

    pub(super) async fn verify(&self, data: &str, now: DateTime<Utc>, fetcher: &Fetcher) -> Result<Person, Refused> {
        let odd = Refused::NotGenuine("it is not what a load balancer says");
        let (message, signature) = data.rsplit_once('.').ok_or_else(|| odd.clone())?;
        let parts = message.split_once('.').and_then(|(header, claims)| Some((segment(header)?, segment(claims)?)));
        let (header, claims) = parts.ok_or_else(|| odd.clone())?;
        if header["alg"] != "ES256" || header["crit"] != Value::Null {
            return Err(odd);
        }
        if header["signer"] != self.rules.signer.as_str() {
            return Err(Refused::NotGenuine("another load balancer signed it"));
        }
        // An id stands in a URL: it is letters, digits and hyphens, and leads nowhere else.
        let plain =
            |id: &&str| (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let id = header["kid"].as_str().filter(plain).ok_or(odd)?;
        let key = self.key(id, now, fetcher).await.ok_or(Refused::NotGenuine("its key could not be had"))?;
        if !key.signed(message, signature.trim_end_matches('=')) {
            return Err(Refused::NotGenuine("its signature is not that of its key"));
        }
        self.read(&header, claims, now)
    }

    /// The claims with what the header says beside them, read as those of a token.
    fn read(&self, header: &Value, mut claims: Value, now: DateTime<Utc>) -> Result<Person, Refused> {
        if !claims.is_object() {
            return Err(Refused::NotGenuine("it is not what a load balancer says"));
        }
        claims["aud"] = header["client"].clone();
        claims["iss"] = header["iss"].clone();
        claims["exp"] = header["exp"].clone();
        // It is said anew with every call.
        claims["iat"] = json!(now.timestamp());
        Ok(self.rules.token.read(&claims, now)?)
    }

    async fn key(&self, id: &str, now: DateTime<Utc>, fetcher: &Fetcher) -> Option<Key> {
        if let Some(known) = self.known(id) {
            return Some(known);
        }
        let mut asked_at = self.asked_at.lock().await;
        if let Some(known) = self.known(id) {
            return Some(known);
        }
        if asked_at.is_some_and(|at| at <= now && now - at < ASK_AGAIN) {
            return None;
        }
        *asked_at = Some(now);
        let fetched = fetcher.bytes(&format!("{}/{id}", self.rules.keys_url)).await;
        let pem =
            fetched.inspect_err(|error| tracing::warn!(%error, "a load balancer's key could not be fetched")).ok()?;
        let key = keys::of_pem(id, &pem)?;
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<Key> = keys.iter().rev().take(MOST_KEYS - 1).rev().cloned().collect();
        all.push(key.clone());
        *keys = Arc::new(all);
        Some(key)
    }

    fn known(&self, id: &str) -> Option<Key> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner).clone();
        keys.iter().find(|key| key.id.as_deref() == Some(id)).cloned()
    }
}

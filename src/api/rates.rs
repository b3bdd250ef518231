//! How often one caller may call. What a caller has used up holds for all replicas ([`Allowance`]); whoever shows no good token is
//! counted by address, by each process for itself, and only keeps out others without one: behind a load balancer all have
//! the same address. Ending access is neither counted nor kept out, and probes and documents are for everybody.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use chrono::{DateTime, TimeDelta, Utc};

use super::lanes::ends_access;
use super::problem::{Code, Problem};
use crate::domain::allowance::{Account, Allowance, Standing};
use crate::workflow::Desk;

/// What is left, and for how long (`draft-ietf-httpapi-ratelimit-headers`).
pub(crate) const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
/// What there is at most, and in which time.
pub(crate) const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// How long a call may wait for what the other replicas have let through.
const PATIENCE: Duration = Duration::from_millis(500);

/// The most accounts that are kept: some 10 MiB. Whoever comes then is not counted until others have earned theirs back.
const MOST_ACCOUNTS: usize = 65_536;

/// How often each may call, and how often they have.
#[derive(Debug, Clone, Default)]
pub struct Rates {
    calls: Option<Allowance>,
    failures: Option<Allowance>,
    callers: Arc<Mutex<Accounts<String>>>,
    strangers: Arc<Mutex<Accounts<IpAddr>>>,
}

impl Rates {
    /// So many calls a minute for each caller, and so many without a good token for each address; 0 for any number.
    #[must_use]
    pub fn new(calls_per_minute: u32, failed_sign_ins_per_minute: u32) -> Self {
        Self {
            calls: Allowance::per_minute(calls_per_minute),
            failures: Allowance::per_minute(failed_sign_ins_per_minute),
            ..Self::default()
        }
    }

    /// Counts a call of `user`, whoever carries it.
    ///
    /// # Errors
    /// `rate-limited`.
    pub(super) async fn let_in(&self, desk: &Desk, call: &Parts, user: &str) -> Result<(), Problem> {
        let Some(allowance) = self.calls.filter(|_| !ends_access(&call.method, call.uri.path())) else {
            return Ok(());
        };
        let told = self.of_callers(|callers| callers.of(user.to_owned(), desk.now(), |a, _| a.tell(allowance)));
        if let Some(untold) = told.flatten() {
            let telling = desk.tell_of_calls(user, allowance.price(untold));
            match tokio::time::timeout(PATIENCE, telling).await {
                Ok(Ok(owed)) => {
                    let now = desk.now();
                    self.of_callers(|callers| callers.of(user.to_owned(), now, |a, now| a.hear(owed, allowance, now)));
                }
                // While Postgres is away each process counts for itself; nobody is kept out for it.
                Ok(Err(error)) => {
                    tracing::warn!(%error, "the other replicas could not be told how often somebody calls")
                }
                Err(_) => tracing::warn!("it took too long to tell the other replicas how often somebody calls"),
            }
        }
        let spent =
            self.of_callers(|callers| callers.of(user.to_owned(), desk.now(), |a, now| a.spend(allowance, now)));
        self.answer(call, "caller", allowance, spent, "you are calling too often")
    }

    /// Counts a call that was not let in: of `user`, where it is known who that is, of the address otherwise.
    ///
    /// # Errors
    /// `rate-limited`.
    pub(super) async fn turn_away(
        &self,
        desk: &Desk,
        call: &Parts,
        user: Option<&str>,
        address: Option<IpAddr>,
    ) -> Result<(), Problem> {
        if let Some(user) = user {
            return self.let_in(desk, call, user).await;
        }
        let (Some(allowance), Some(address)) = (self.failures, address.map(neighbourhood)) else { return Ok(()) };
        let spent = {
            let mut strangers = self.strangers.lock().unwrap_or_else(PoisonError::into_inner);
            strangers.of(address, desk.now(), |account, now| account.spend(allowance, now))
        };
        self.answer(call, "address", allowance, spent, "too many calls without a good token come from your address")
    }

    fn of_callers<T>(&self, what: impl FnOnce(&mut Accounts<String>) -> T) -> T {
        what(&mut self.callers.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Leaves word for [`tell`], and refuses what was too many.
    fn answer(
        &self,
        call: &Parts,
        policy: &'static str,
        allowance: Allowance,
        spent: Option<Result<Standing, Standing>>,
        why: &str,
    ) -> Result<(), Problem> {
        let Some(spent) = spent else { return Ok(()) };
        let (Ok(standing) | Err(standing)) = spent;
        if let Some(word) = call.extensions.get::<Word>() {
            // The first word stands: a call is counted once.
            let _ = word.0.set(Told { policy, allowance, standing });
        }
        let wait = seconds(standing.wait).max(1);
        let limited = |_| {
            let most = allowance.calls();
            let detail = format!("{why} ({most} a minute are taken); wait {wait} s and call less often");
            Problem::new(Code::RateLimited, detail).after(wait)
        };
        spent.map(|_| ()).map_err(limited)
    }
}

/// Accounts by whose they are.
#[derive(Debug)]
struct Accounts<K> {
    known: HashMap<K, Account>,
    /// When there are so many, it is time to look for those that can be forgotten.
    look_at: usize,
}

impl<K> Default for Accounts<K> {
    fn default() -> Self {
        Self { known: HashMap::new(), look_at: 1024 }
    }
}

impl<K: Eq + std::hash::Hash> Accounts<K> {
    /// Does something with the account of `whose`; `None` when there are too many to keep another.
    fn of<T>(
        &mut self,
        whose: K,
        now: DateTime<Utc>,
        what: impl FnOnce(&mut Account, DateTime<Utc>) -> T,
    ) -> Option<T> {
        if self.known.len() >= self.look_at {
            self.known.retain(|_, account| !account.is_full(now));
            // Looking again only after as many more have come keeps the cost of looking small.
            self.look_at = (self.known.len() * 2).clamp(1024, MOST_ACCOUNTS);
        }
        if self.known.len() >= MOST_ACCOUNTS && !self.known.contains_key(&whose) {
            return None;
        }
        Some(what(self.known.entry(whose).or_insert_with(|| Account::new(now)), now))
    }
}

/// Whoever has one address of IPv6 has a whole network of them.
fn neighbourhood(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

/// Seconds, rounded up.
fn seconds(time: TimeDelta) -> u64 {
    u64::try_from(time.num_milliseconds().max(0)).unwrap_or_default().div_ceil(1000)
}

/// Where a call that is counted leaves word of how its caller stands, for its answer.
#[derive(Debug, Clone, Default)]
struct Word(Arc<OnceLock<Told>>);

#[derive(Debug, Clone, Copy)]
struct Told {
    policy: &'static str,
    allowance: Allowance,
    standing: Standing,
}

/// Says with every answer how its caller stands, where calls are counted.
pub(super) async fn tell(mut request: Request, next: Next) -> Response {
    let word = Word::default();
    request.extensions_mut().insert(word.clone());
    let mut answer = next.run(request).await;
    if let Some(Told { policy, allowance, standing }) = word.0.get().copied() {
        let (calls, window) = (allowance.calls(), seconds(allowance.window()));
        let (left, wait) = (standing.left, seconds(standing.wait));
        let headers = [
            (RATE_LIMIT_POLICY, format!("\"{policy}\";q={calls};w={window}")),
            (RATE_LIMIT, format!("\"{policy}\";r={left};t={wait}")),
        ];
        for (name, text) in headers {
            let value = HeaderValue::try_from(text).expect("letters, digits, quotes, semicolons and equals signs");
            answer.headers_mut().insert(name, value);
        }
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one_and_addresses_of_ipv4_for_themselves() {
        let of = |text: &str| neighbourhood(text.parse().expect("an address")).to_string();
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(of("192.0.2.7"), "192.0.2.7");
    }

    #[test]
    fn however_many_come_only_so_many_are_kept() {
        let (mut accounts, once) = (Accounts::default(), Allowance::per_minute(1).expect("some"));
        let counted = |accounts: &mut Accounts<usize>, who, now| accounts.of(who, now, |a, now| a.spend(once, now));
        for who in 0..MOST_ACCOUNTS {
            assert!(counted(&mut accounts, who, at(0)).is_some());
        }
        assert_eq!(counted(&mut accounts, MOST_ACCOUNTS, at(0)), None, "they are not counted, and not kept out");
        assert!(counted(&mut accounts, 7, at(0)).is_some_and(|spent| spent.is_err()), "others still are");
        assert!(counted(&mut accounts, MOST_ACCOUNTS, at(60)).is_some());
        assert_eq!(accounts.known.len(), 1, "whoever has earned everything back is forgotten");
    }
}

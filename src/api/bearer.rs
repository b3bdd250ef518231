//! What a call shows to say who makes it: a token of ours, a token of an identity provider, or the word of a load balancer.

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderName, Method};

use super::auth::TokenEntry;
use super::problem::{Code, Problem};
use super::state::ApiState;
use crate::domain::identity::Identity;
use crate::domain::person::Person;
use crate::oidc::{LONGEST_TOKEN, Refused};
use crate::workflow::people::Unwelcome;

/// Where an AWS Application Load Balancer says who is calling.
const ALB_DATA: HeaderName = HeaderName::from_static("x-amzn-oidc-data");

/// What browsers say of where a call comes from (Fetch Metadata).
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The headers in which callers show who they are.
pub(super) const SHOWN: [HeaderName; 2] = [AUTHORIZATION, ALB_DATA];

/// What is said to whoever shows a token that is nobody's. One answer for all of them: it tells nothing about how near it was.
const NOBODYS: &str = "nobody here has this token; show one of your own, or sign in again with your identity provider";

/// Who is calling.
pub(super) async fn identity(method: &Method, headers: &HeaderMap, state: &ApiState) -> Result<Identity, Problem> {
    let person = match (one(headers, &AUTHORIZATION), one(headers, &ALB_DATA)) {
        (None, Some(data)) if state.providers.take_alb() => {
            refuse_other_sites(method, headers)?;
            state.providers.verify_alb(data?, state.desk.now()).await
        }
        (given, _) => {
            let token = bearer_token(given)?;
            if let Some(entry) = state.tokens.holder(token) {
                return Ok(holder(entry, state));
            }
            state.providers.verify(token, state.desk.now()).await
        }
    };
    welcome(person.map_err(turn_down)?, state).await
}

/// The value of a header that may be there once; `None` where it is not there.
fn one<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<Result<&'h str, Problem>> {
    let mut given = headers.get_all(name).iter();
    let first = given.next()?;
    let once = given.next().is_none() && first.len() <= LONGEST_TOKEN;
    let text = first.to_str().ok().filter(|_| once);
    Some(text.ok_or_else(|| Problem::unauthenticated(&format!("send exactly one header {name}, in ASCII"))))
}

fn bearer_token(given: Option<Result<&str, Problem>>) -> Result<&str, Problem> {
    let missing = || Problem::unauthenticated("send exactly one header `Authorization: Bearer <token>`");
    let token = given.ok_or_else(missing)??.split_once(' ').and_then(|(scheme, token)| {
        let token = token.trim_matches(' ');
        (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
    });
    token.ok_or_else(|| Problem::unauthenticated("write the header as `Authorization: Bearer <token>`"))
}

/// A load balancer speaks for whoever has a cookie, and a browser sends that along with whatever some other site makes it send.
fn refuse_other_sites(method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
    let from = headers.get(FETCH_SITE).map(|site| site.as_bytes());
    if method.is_safe() || matches!(from, None | Some(b"same-origin" | b"none")) {
        return Ok(());
    }
    Err(Problem::new(Code::Forbidden, "another site made the browser send this; open Entryway itself and do it there"))
}

/// Who a token's holder is: in the groups of the token and in those that are known otherwise.
fn holder(entry: &TokenEntry, state: &ApiState) -> Identity {
    let mut identity = state.desk.directory.identity(&entry.user);
    identity.groups.extend(entry.groups.iter().cloned());
    identity.service |= entry.service;
    identity
}

/// The identity of somebody whose token is genuine and good.
async fn welcome(person: Person, state: &ApiState) -> Result<Identity, Problem> {
    state.desk.welcome(person).await.map_err(|refusal| match refusal {
        Unwelcome::Name(why) => {
            tracing::warn!(why, "a genuine token lets nobody in");
            Problem::unauthenticated(&why)
        }
        Unwelcome::Failed(error) => error.into(),
    })
}

fn turn_down(refused: Refused) -> Problem {
    match refused {
        Refused::NotGenuine(why) => {
            tracing::info!(why, "a token was turned down");
            Problem::unauthenticated(NOBODYS)
        }
        Refused::NotGood(why) => {
            tracing::info!(why, "a genuine token was turned down");
            Problem::unauthenticated(&why)
        }
        Refused::NoKeys(_) => Problem::unavailable(refused),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_token_comes_out_as_it_was_sent(scheme in "[bB][eE][aA][rR][eE][rR]", gap in " {1,3}", token in "[!-~]{1,200}") {
            let header = format!("{scheme}{gap}{token}");
            prop_assert_eq!(bearer_token(Some(Ok(&header))).map_err(|problem| problem.code()), Ok(token.as_str()));
        }

        #[test]
        fn whatever_else_is_sent_is_no_token(header in prop_oneof!["\\PC{0,40}", "[bB]earers?[ \t]{0,2}[a-c ]{0,4}"]) {
            if let Ok(token) = bearer_token(Some(Ok(&header))) {
                let (scheme, rest) = header.split_at(6);
                prop_assert!(scheme.eq_ignore_ascii_case("bearer") && rest.starts_with(' '), "{header:?}");
                prop_assert!(!token.is_empty() && rest.trim_matches(' ') == token, "{header:?}");
            }
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let Ok(value) = axum::http::HeaderValue::from_bytes(&bytes) else { return Ok(()) };
            let headers = HeaderMap::from_iter([(AUTHORIZATION, value)]);
            let _ = bearer_token(one(&headers, &AUTHORIZATION));
        }
    }
}

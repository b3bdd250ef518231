//! Who is calling: from the bearer token, and for services that speak for people from `Entryway-On-Behalf-Of`.

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};

use super::auth::TokenEntry;
use super::listen::Peer;
use super::problem::{Code, Problem};
use super::state::ApiState;
use crate::domain::event;
use crate::domain::identity::{Caller, Identity, Via};
use crate::domain::rules;
use crate::policy::ServiceAction;

/// The header in which a service names the person it speaks for.
pub(crate) const ON_BEHALF_OF: HeaderName = HeaderName::from_static("entryway-on-behalf-of");

/// The longest token and the longest name worth looking at, in bytes.
const LONGEST: usize = 4096;

/// A caller who has shown who they are. Only this extractor makes one.
#[derive(Debug, Clone)]
pub(crate) struct Authenticated(pub(crate) Caller);

impl FromRequestParts<ApiState> for Authenticated {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        if let Some(known) = parts.extensions.get::<Self>() {
            return Ok(known.clone());
        }
        let source_ip = parts.extensions.get::<ConnectInfo<Peer>>().map(|ConnectInfo(peer)| peer.ip());
        let holder = holder(&parts.headers, state);
        let user = holder.as_ref().ok().map(|entry| entry.user.as_str());
        let found = holder.clone().and_then(|entry| {
            let identity = identity(entry, state);
            let own = Caller { identity, submitted_by: None, via: Via::Api, source_ip };
            match person_spoken_for(&parts.headers)? {
                None => Ok(own),
                Some(person) => speak_for(own, person, state),
            }
        });
        let caller = match found {
            Ok(caller) => Self(caller),
            Err(problem) => {
                state.turned_away.note(&state.desk, source_ip, user, problem.code()).await;
                return Err(problem);
            }
        };
        tracing::Span::current().record("user", caller.0.user());
        parts.extensions.insert(caller.clone());
        Ok(caller)
    }
}

fn holder<'a>(headers: &HeaderMap, state: &'a ApiState) -> Result<&'a TokenEntry, Problem> {
    let mut given = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (given.next(), given.next()) else {
        return Err(Problem::unauthenticated("send exactly one header `Authorization: Bearer <token>`"));
    };
    let token = value.to_str().ok().and_then(|text| text.split_once(' ')).and_then(|(scheme, token)| {
        let token = token.trim_matches(' ');
        (scheme.eq_ignore_ascii_case("bearer") && (1..=LONGEST).contains(&token.len())).then_some(token)
    });
    let token = token.ok_or_else(|| Problem::unauthenticated("write the header as `Authorization: Bearer <token>`"))?;
    state.tokens.holder(token).ok_or_else(|| Problem::unauthenticated("nobody here has this token"))
}

/// Who a token's holder is: in the groups of the token and in those of the directory.
fn identity(entry: &TokenEntry, state: &ApiState) -> Identity {
    let mut identity = state.desk.directory.identity(&entry.user);
    identity.groups.extend(entry.groups.iter().cloned());
    identity.service |= entry.service;
    identity
}

fn person_spoken_for(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let mut given = headers.get_all(ON_BEHALF_OF).iter();
    let Some(value) = given.next() else { return Ok(None) };
    let name = std::str::from_utf8(value.as_bytes()).unwrap_or_default();
    // What posed as another name would stand so in the audit log.
    let plain = !name.is_empty() && name.len() <= LONGEST && name.trim() == name && rules::misleading(name).is_none();
    let plain = plain && !name.contains(['\n', '\t']);
    if !plain || given.next().is_some() {
        let detail = "name exactly one person, in UTF-8, as the directory spells them";
        return Err(Problem::parameter("Entryway-On-Behalf-Of", detail));
    }
    Ok(Some(name))
}

/// `service` as it speaks for `person`: all rights are the person's, as the directory knows them.
fn speak_for(service: Caller, person: &str, state: &ApiState) -> Result<Caller, Problem> {
    let forbidden = |detail: &str| Err(Problem::new(Code::Forbidden, detail));
    if !service.identity.service {
        return forbidden("only services speak for people; leave out Entryway-On-Behalf-Of");
    }
    if !state.desk.may(&service, ServiceAction::ActFor) {
        return forbidden("policy does not let you speak for people (actFor)");
    }
    if person == event::SELF {
        return forbidden("Entryway-On-Behalf-Of names Entryway itself; name a person");
    }
    let identity = state.desk.directory.identity(person);
    if identity.service || person == service.user() || state.tokens.is_service(person) {
        return forbidden("Entryway-On-Behalf-Of names a service; name a person");
    }
    Ok(Caller { submitted_by: Some(service.identity.user), identity, ..service })
}

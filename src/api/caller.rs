//! Who is calling: from the bearer token, and for services that speak for people from `Entryway-On-Behalf-Of`.

use std::convert::Infallible;
use std::net::IpAddr;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Method};

use super::bearer;
use super::listen::Peer;
use super::problem::{Code, Problem};
use super::state::ApiState;
use crate::domain::event;
use crate::domain::identity::{Caller, Identity, Via};
use crate::domain::rules;
use crate::policy::ServiceAction;

/// The header in which a service names the person it speaks for.
pub(crate) const ON_BEHALF_OF: HeaderName = HeaderName::from_static("entryway-on-behalf-of");

/// The longest name worth looking at, in bytes.
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
        let source_ip = source_ip(parts);
        let identified = bearer::identity(&parts.method, &parts.headers, state).await;
        let user = identified.as_ref().ok().map(|identity| identity.user.clone());
        let found = identified.and_then(|identity| spoken_for(identity, &parts.headers, source_ip, state));
        let caller = match found {
            Ok(caller) => Self(caller),
            Err(problem) => {
                // What is our own failure says nothing about the caller.
                if !problem.is_ours() {
                    state.turned_away.note(&state.desk, source_ip, user.as_deref(), problem.code()).await;
                    state.rates.turn_away(&state.desk, parts, user.as_deref(), source_ip).await?;
                }
                return Err(problem);
            }
        };
        state.rates.let_in(&state.desk, parts, caller.0.user()).await?;
        tracing::Span::current().record("user", caller.0.user());
        parts.extensions.insert(caller.clone());
        Ok(caller)
    }
}

/// What a call showed, for whoever has to look at it again: an answer that takes long may outlive the right to it.
#[derive(Debug, Clone)]
pub(crate) struct Credentials {
    headers: HeaderMap,
    source_ip: Option<IpAddr>,
}

impl FromRequestParts<ApiState> for Credentials {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &ApiState) -> Result<Self, Infallible> {
        let mut headers = HeaderMap::new();
        for name in bearer::SHOWN.iter().chain([&ON_BEHALF_OF]) {
            for value in parts.headers.get_all(name) {
                headers.append(name, value.clone());
            }
        }
        Ok(Self { headers, source_ip: source_ip(parts) })
    }
}

impl Credentials {
    /// Who is calling by now. Nobody failed to say who they are, so that nothing is put on record.
    ///
    /// # Errors
    /// As when the call came in.
    pub(crate) async fn caller(&self, state: &ApiState) -> Result<Caller, Problem> {
        let identity = bearer::identity(&Method::GET, &self.headers, state).await?;
        spoken_for(identity, &self.headers, self.source_ip, state)
    }
}

fn source_ip(parts: &Parts) -> Option<IpAddr> {
    parts.extensions.get::<ConnectInfo<Peer>>().map(|ConnectInfo(peer)| peer.ip())
}

/// The holder of a token, or whom they speak for.
fn spoken_for(
    identity: Identity,
    headers: &HeaderMap,
    source_ip: Option<IpAddr>,
    state: &ApiState,
) -> Result<Caller, Problem> {
    let own = Caller { identity, submitted_by: None, via: Via::Api, source_ip };
    match person_spoken_for(headers)? {
        Some(person) => speak_for(own, person, state),
        None => Ok(own),
    }
}

fn person_spoken_for(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let mut given = headers.get_all(ON_BEHALF_OF).iter();
    let Some(value) = given.next() else { return Ok(None) };
    let name = std::str::from_utf8(value.as_bytes()).unwrap_or_default();
    // What posed as another name would stand so in the audit log.
    let plain = name.len() <= LONGEST && rules::is_plain_name(name);
    if !plain || given.next().is_some() {
        let detail = "name exactly one person, in UTF-8, as the directory spells them";
        return Err(Problem::parameter("Entryway-On-Behalf-Of", detail));
    }
    Ok(Some(name))
}

/// `service` as it speaks for `person`: all rights are the person's, as the configured directory knows them. What the person's
/// own tokens told does not count: the person has not shown one.
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
    let directory = &state.desk.directory;
    // In another spelling they would be somebody else: one who may sign off what they asked for, and be counted twice.
    if let Some(spelling) = directory.known_spelling(person) {
        let detail = format!("{person:?} is spelt {spelling:?} here; name people as the directory spells them");
        return Err(Problem::parameter("Entryway-On-Behalf-Of", detail));
    }
    if directory.identity(person).service || person == service.user() || state.tokens.is_service(person) {
        return forbidden("Entryway-On-Behalf-Of names a service; name a person");
    }
    let identity = directory.configured(person);
    Ok(Caller { submitted_by: Some(service.identity.user), identity, ..service })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_name_is_taken_as_it_is_spelt_or_not_at_all(bytes in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..40),
            "[ \\PC]{0,20}".prop_map(String::into_bytes),
            "\\p{Cf}?[a-zäöü]{1,9}[\t ]?".prop_map(String::into_bytes),
        ]) {
            let Ok(value) = HeaderValue::from_bytes(&bytes) else { return Ok(()) };
            let headers = HeaderMap::from_iter([(ON_BEHALF_OF, value)]);
            if let Ok(name) = person_spoken_for(&headers) {
                let name = name.expect("the header is there");
                prop_assert_eq!(name.as_bytes(), &*bytes);
                prop_assert!(!name.is_empty() && name.trim() == name && !name.contains(char::is_control), "{name:?}");
            }
        }
    }
}

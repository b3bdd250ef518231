//! Roles assumed, and under which name: CloudTrail in the cluster's account shows the name of the session with each call.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use aws_config::SdkConfig;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{self, ProvideCredentials, future};
use aws_sdk_eks::config::{Credentials, IdentityCache, SharedCredentialsProvider, SharedIdentityCache};
use aws_sdk_eks::operation::RequestId;
use uuid::Uuid;

use super::failure::failure;
use super::sent::Sent;

/// How many requests' sessions are kept at most. One that is needed again after it was dropped is made anew.
const MOST: usize = 256;

/// STS's limit for the name of a session (`STS API reference, AssumeRole`).
const MAX_NAME: usize = 64;

/// The role of a cluster, and everything it takes to assume it.
#[derive(Debug)]
pub(super) struct Role {
    /// Without the role.
    pub(super) base: SdkConfig,
    pub(super) role_arn: String,
    pub(super) external_id: Option<String>,
    pub(super) installation: String,
}

impl Role {
    /// Credentials of the role, fetched when they are needed and again before they expire.
    pub(super) fn assume(&self, request: Option<Uuid>) -> SharedCredentialsProvider {
        SharedCredentialsProvider::new(AssumedRole {
            sts: aws_sdk_sts::Client::new(&self.base),
            role_arn: self.role_arn.clone(),
            external_id: self.external_id.clone(),
            session_name: session_name(&self.installation, request),
        })
    }
}

/// A role, assumed by a call that is counted and traced like every other; the SDK's own provider makes it where nobody sees.
#[derive(Debug)]
struct AssumedRole {
    sts: aws_sdk_sts::Client,
    role_arn: String,
    external_id: Option<String>,
    session_name: String,
}

impl AssumedRole {
    async fn credentials(&self) -> provider::Result {
        let assume = self
            .sts
            .assume_role()
            .role_arn(&self.role_arn)
            .role_session_name(&self.session_name)
            .set_external_id(self.external_id.clone());
        let sent = Sent::watch();
        let answer = assume.customize().interceptor(sent.clone()).send().await;
        // The error goes on as it is: whoever asked for credentials finds in it what STS said.
        let failed = answer.as_ref().err().map(|error| failure(error, &sent));
        sent.count(answer.as_ref().ok().and_then(RequestId::request_id), failed.as_ref());
        let given = answer.map_err(CredentialsError::provider_error)?.credentials;
        let given = given.ok_or_else(|| CredentialsError::unhandled("AssumeRole answered no credentials"))?;
        let until = SystemTime::try_from(given.expiration).map_err(CredentialsError::unhandled)?;
        Ok(Credentials::new(
            given.access_key_id,
            given.secret_access_key,
            Some(given.session_token),
            Some(until),
            "AssumedRole",
        ))
    }
}

impl ProvideCredentials for AssumedRole {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.credentials())
    }
}

/// The credentials of the role in the name of one request.
#[derive(Debug, Clone)]
pub(super) struct Session {
    credentials: SharedCredentialsProvider,
    /// Its own, so that it goes when the session goes.
    cache: SharedIdentityCache,
}

impl Session {
    /// What makes an operation use them.
    pub(super) fn for_eks(&self) -> aws_sdk_eks::config::Builder {
        let mut config = aws_sdk_eks::Config::builder().identity_cache(self.cache.clone());
        // The other setter would make a new provider of it, which the cache does not know.
        config.set_credentials_provider(Some(self.credentials.clone()));
        config
    }
}

/// The sessions of the requests that calls were last made for, the latest made at the back.
#[derive(Debug)]
pub(super) struct Sessions {
    role: Role,
    made: Mutex<VecDeque<(Uuid, Session)>>,
}

impl Sessions {
    pub(super) fn new(role: Role) -> Self {
        Self { role, made: Mutex::default() }
    }

    /// The session of `request`.
    pub(super) fn of(&self, request: Uuid) -> Session {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, known)) = made.iter().find(|(id, _)| *id == request) {
            return known.clone();
        }
        let credentials = self.role.assume(Some(request));
        let session = Session { credentials, cache: IdentityCache::lazy().build() };
        if made.len() == MOST {
            made.pop_front();
        }
        made.push_back((request, session.clone()));
        session
    }
}

/// `entryway-<installation>`, and the request where there is one, within what STS allows: 2 to 64 of `[\w+=,.@-]`. What
/// is too long is cut from the installation, never from the request.
fn session_name(installation: &str, request: Option<Uuid>) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() || "_+=,.@-".contains(c) { c } else { '-' };
    let tail = request.map(|request| format!("-{request}")).unwrap_or_default();
    let head = format!("entryway-{installation}");
    head.chars().map(allowed).take(MAX_NAME - tail.len()).chain(tail.chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_names_are_ones_sts_takes() {
        assert_eq!(session_name("acme-platform", None), "entryway-acme-platform");
        assert_eq!(session_name("büro 7/b", None), "entryway-b-ro-7-b");
        assert_eq!(session_name(&"x".repeat(100), None).len(), MAX_NAME);
    }

    #[test]
    fn the_request_is_named_in_full_whatever_the_installation_is_called() {
        let request = "01a20b08-f8cb-73e8-9e37-80d074e2fc50".parse().expect("an id");
        let name = session_name("acme-platform", Some(request));
        assert_eq!(name, "entryway-acme-platform-01a20b08-f8cb-73e8-9e37-80d074e2fc50");
        let long = session_name(&"x".repeat(100), Some(request));
        assert_eq!(long.len(), MAX_NAME);
        assert!(long.ends_with("-01a20b08-f8cb-73e8-9e37-80d074e2fc50"), "{long}");
    }
}

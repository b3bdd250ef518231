//! Who calls: the access key id in the `Authorization` header names the account, its scope the region.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, header};

use super::clock::Ms;
use super::refusal::{Refusal, Refused};

/// The caller of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) account: String,
    pub(crate) region: String,
    /// As `GetCallerIdentity` and access-denied messages name it.
    pub(crate) arn: String,
    /// Unique id, with the session name for an assumed role.
    pub(crate) user_id: String,
}

impl Caller {
    /// Somebody whose credentials say nothing.
    pub(crate) fn nobody() -> Self {
        Self { account: String::new(), region: String::new(), arn: String::new(), user_id: String::new() }
    }
}

/// Credentials that `AssumeRole` handed out. The secret is not kept: it follows from the key id.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) account: String,
    pub(crate) arn: String,
    pub(crate) user_id: String,
    pub(crate) expires_at: Ms,
}

/// Which key belongs to whom.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    /// Static keys that belong to another account than the default one.
    pub(crate) accounts: BTreeMap<String, String>,
    /// Temporary credentials, by access key id.
    pub(crate) sessions: BTreeMap<String, Session>,
    /// The account of every other static key, and of calls without any.
    pub(crate) default_account: String,
    /// The region of calls that name none.
    pub(crate) default_region: String,
}

/// The credential scope of a signed request: `Credential=<key id>/<date>/<region>/<service>/aws4_request`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scope<'a> {
    pub(crate) key_id: &'a str,
    pub(crate) date: &'a str,
    pub(crate) region: &'a str,
    pub(crate) service: &'a str,
}

impl<'a> Scope<'a> {
    /// Reads it from an `Authorization` header.
    pub(crate) fn parse(authorization: &'a str) -> Option<Self> {
        let parameters = authorization.strip_prefix("AWS4-HMAC-SHA256")?;
        let credential = parameters.split(',').find_map(|part| part.trim().strip_prefix("Credential="))?;
        let fields: Vec<&str> = credential.trim().split('/').collect();
        let [key_id, date, region, service, "aws4_request"] = fields[..] else { return None };
        Some(Self { key_id, date, region, service })
    }
}

impl Keys {
    /// The caller behind a request's headers. Unsigned calls (curl) act for the default account and region.
    ///
    /// # Errors
    /// What AWS answers to a malformed header, and to temporary credentials that are unknown or over.
    pub(crate) fn caller(&self, headers: &HeaderMap, now: Ms) -> Refused<Caller> {
        let Some(authorization) = headers.get(header::AUTHORIZATION) else {
            return Ok(self.user(&self.default_account, &self.default_region, "anonymous"));
        };
        let scope = authorization.to_str().ok().and_then(Scope::parse).ok_or_else(|| {
            Refusal::new(400, "IncompleteSignatureException", "Authorization header is not AWS4-HMAC-SHA256")
        })?;
        if !scope.key_id.starts_with("ASIA") {
            let account = self.accounts.get(scope.key_id).unwrap_or(&self.default_account);
            return Ok(self.user(account, scope.region, scope.key_id));
        }
        let session = self.sessions.get(scope.key_id).filter(|_| headers.contains_key("x-amz-security-token"));
        let session = session.ok_or_else(|| {
            Refusal::new(403, "UnrecognizedClientException", "The security token included in the request is invalid.")
        })?;
        if session.expires_at <= now {
            let message = "The security token included in the request is expired";
            return Err(Refusal::new(403, "ExpiredTokenException", message));
        }
        Ok(Caller {
            account: session.account.clone(),
            region: scope.region.to_owned(),
            arn: session.arn.clone(),
            user_id: session.user_id.clone(),
        })
    }

    fn user(&self, account: &str, region: &str, key_id: &str) -> Caller {
        let partition = super::arn::partition_of(region);
        // Enough of the key to tell callers apart, not so much that a log holds keys.
        let tail: String = key_id.chars().rev().take(4).collect::<Vec<_>>().into_iter().rev().collect();
        Caller {
            account: account.to_owned(),
            region: region.to_owned(),
            arn: format!("arn:{partition}:iam::{account}:user/caller-{tail}"),
            user_id: format!("AIDA{tail:A>17}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_credential_scope() {
        let header = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/eu-central-1/eks/aws4_request, \
                      SignedHeaders=host;x-amz-date, Signature=00";
        let scope = Scope::parse(header).expect("a scope");
        assert_eq!((scope.key_id, scope.region, scope.service), ("AKIDEXAMPLE", "eu-central-1", "eks"));
        assert_eq!(Scope::parse("Bearer x"), None);
        assert_eq!(Scope::parse("AWS4-HMAC-SHA256 Credential=AKID/20150830/eks/aws4_request"), None);
    }
}

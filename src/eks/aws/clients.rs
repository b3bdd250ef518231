//! One SDK client per (account, role, external id, region), made when first needed and kept: it holds the
//! connections and the credentials.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion, Region, SdkConfig};
use aws_sdk_eks::Client;
use aws_sdk_eks::config::{Credentials, SharedCredentialsProvider};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::OnceCell;

use crate::domain::cluster::Cluster;

/// How long making a connection may take, which is the SDK's own default; half of what the whole operation may take
/// when that is less, so that it is known which of the two it was.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(3_100);

/// How to reach AWS.
#[derive(Debug, Clone)]
pub struct AwsOptions {
    /// Where EKS and STS are, for the sandbox and tests. Without it the SDK's own environment decides
    /// (`AWS_ENDPOINT_URL`, `AWS_ENDPOINT_URL_EKS`, …), and without that either, the region.
    pub endpoint_url: Option<String>,
    /// Credentials to start from, for the sandbox and tests. Without them the SDK's own chain is searched:
    /// environment, profile, web identity, container, instance.
    pub static_credentials: Option<StaticCredentials>,
    /// The most a call may take, credentials included. Must be far below the worker's lease.
    pub operation_timeout: Duration,
    /// Entryway's installation name; becomes the session name when a cluster's role is assumed, where CloudTrail
    /// shows it.
    pub installation: String,
}

/// A pair of keys without a session.
#[derive(Debug, Clone)]
pub struct StaticCredentials {
    /// `AKIA…`
    pub access_key_id: String,
    /// Its secret.
    pub secret_access_key: SecretString,
}

/// What clusters must share to share a client.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    account_id: String,
    region: String,
    role_arn: Option<String>,
    external_id: Option<String>,
}

/// The clients made so far.
#[derive(Debug)]
pub(super) struct Clients {
    options: AwsOptions,
    made: Mutex<HashMap<Key, Arc<OnceCell<Client>>>>,
}

impl Clients {
    pub(super) fn new(options: AwsOptions) -> Self {
        Self { options, made: Mutex::default() }
    }

    /// The client for `cluster`. Makes no call to AWS itself: credentials are fetched by the first call that
    /// needs them.
    pub(super) async fn of(&self, cluster: &Cluster) -> Client {
        let key = Key {
            account_id: cluster.account_id.clone(),
            region: cluster.region.clone(),
            role_arn: cluster.role_arn.clone(),
            external_id: cluster.external_id.clone(),
        };
        let cell = {
            let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(made.entry(key.clone()).or_default())
        };
        // Boxed because it is large, and part of every call's future although it runs once.
        cell.get_or_init(|| Box::pin(self.make(key))).await.clone()
    }

    async fn make(&self, key: Key) -> Client {
        let base = self.base(key.region).await;
        let Some(role_arn) = key.role_arn else { return Client::new(&base) };
        let mut role = AssumeRoleProvider::builder(role_arn)
            .configure(&base)
            .session_name(session_name(&self.options.installation));
        if let Some(external_id) = key.external_id {
            role = role.external_id(external_id);
        }
        let assumed = SharedCredentialsProvider::new(role.build().await);
        Client::new(&base.into_builder().credentials_provider(assumed).build())
    }

    /// Everything but the role: with the region given, and credentials where there are static ones, nothing is
    /// looked for on the network.
    async fn base(&self, region: String) -> SdkConfig {
        let options = &self.options;
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT.min(options.operation_timeout / 2))
            .read_timeout(options.operation_timeout)
            .operation_attempt_timeout(options.operation_timeout)
            .operation_timeout(options.operation_timeout)
            .build();
        let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .region(Region::new(region))
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts)
            .app_name(AppName::new("entryway").expect("letters are what AWS allows in it"));
        if let Some(url) = &options.endpoint_url {
            loader = loader.endpoint_url(url);
        }
        if let Some(keys) = &options.static_credentials {
            let secret = keys.secret_access_key.expose_secret();
            loader = loader.credentials_provider(Credentials::new(&keys.access_key_id, secret, None, None, "entryway"));
        }
        loader.load().await
    }
}

/// `entryway-<installation>` within what STS allows: 2 to 64 of `[\w+=,.@-]` (`STS API reference, AssumeRole`).
fn session_name(installation: &str) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() || "_+=,.@-".contains(c) { c } else { '-' };
    format!("entryway-{installation}").chars().map(allowed).take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_names_are_ones_sts_takes() {
        assert_eq!(session_name("acme-platform"), "entryway-acme-platform");
        assert_eq!(session_name("büro 7/b"), "entryway-b-ro-7-b");
        assert_eq!(session_name(&"x".repeat(100)).len(), 64);
    }
}

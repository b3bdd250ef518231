//! One set of SDK clients per (account, role, external id, region), made when first needed and kept: they hold the
//! connections and the credentials. All four come from configuration, none from a request.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion, Region, SdkConfig};
use aws_sdk_eks::config::Credentials;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::OnceCell;

use super::place::Place;
use super::session::{Role, Sessions};
use crate::domain::cluster::Cluster;

/// How long making a connection may take, which is the SDK's own default; half of what the whole operation may take
/// when that is less, so that it is known which of the two it was.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(3_100);

/// How to reach AWS.
#[derive(Debug, Clone)]
pub struct AwsOptions {
    /// Where EKS, IAM and STS are, for the sandbox and tests. Without it the SDK's own environment decides
    /// (`AWS_ENDPOINT_URL`, `AWS_ENDPOINT_URL_EKS`, `AWS_ENDPOINT_URL_IAM`, …), and without that either, the region.
    pub endpoint_url: Option<String>,
    /// Credentials to start from, for the sandbox and tests. Without them the SDK's own chain is searched:
    /// environment, profile, web identity, container, instance.
    pub static_credentials: Option<StaticCredentials>,
    /// The most a call may take, credentials included. Must be far below the worker's lease.
    pub operation_timeout: Duration,
    /// Entryway's installation name; part of the session name when a cluster's role is assumed, where CloudTrail
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

/// The places calls were made to so far.
#[derive(Debug)]
pub(super) struct Clients {
    options: AwsOptions,
    made: Mutex<HashMap<Key, Arc<OnceCell<Arc<Place>>>>>,
}

impl Clients {
    pub(super) fn new(options: AwsOptions) -> Self {
        Self { options, made: Mutex::default() }
    }

    /// The place that `cluster` is in. Makes no call to AWS itself: credentials are fetched by the first call that
    /// needs them.
    pub(super) async fn of(&self, cluster: &Cluster) -> Arc<Place> {
        let key = Key {
            account_id: cluster.account_id.clone(),
            region: cluster.region.clone(),
            role_arn: cluster.role_arn.clone(),
            external_id: cluster.external_id.clone(),
        };
        let cell = {
            let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
            let cell = made.entry(key.clone()).or_default();
            if cell.get().is_some_and(|place| place.is_spent()) {
                *cell = Arc::default();
            }
            Arc::clone(cell)
        };
        // Boxed because it is large, and part of every call's future although it runs once.
        cell.get_or_init(|| Box::pin(self.make(key))).await.clone()
    }

    async fn make(&self, key: Key) -> Arc<Place> {
        let base = self.base(key.region).await;
        let role = key.role_arn.map(|role_arn| Role {
            base: base.clone(),
            role_arn,
            external_id: key.external_id,
            installation: self.options.installation.clone(),
        });
        Arc::new(match role {
            None => Place::new(base, None),
            Some(role) => {
                let credentials = role.assume(None);
                Place::new(base.into_builder().credentials_provider(credentials).build(), Some(Sessions::new(role)))
            }
        })
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

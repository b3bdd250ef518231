//! `[server]`, `[database]` and `[eks]`: what this process talks to.

use std::net::SocketAddr;
use std::time::Duration;

use secrecy::SecretString;

use super::reader::Section;
use super::shapes::{http_url, postgres_url, socket};
use super::value::{flag, number, parsed, text, wait};

/// `[server]`
#[derive(Debug, Clone)]
pub struct Server {
    /// Where the API listens. Port 0 takes any free one.
    pub listen: SocketAddr,
    /// Where `/metrics` listens, if not behind the API's `audit` permission.
    pub metrics_listen: Option<SocketAddr>,
    /// How people reach the API, without a slash at the end: the root of links in answers and messages.
    pub public_url: String,
    /// How long a stopping process waits for work under way. Keep it below the orchestrator's own patience
    /// (Kubernetes: `terminationGracePeriodSeconds`, 30 s unless set).
    pub shutdown_grace: Duration,
    /// Calls that one caller may make in a minute; 0 for any number.
    pub calls_per_minute: u32,
    /// Calls without a good token that one address may make in a minute; 0 for any number.
    pub failed_sign_ins_per_minute: u32,
}

impl Server {
    pub(super) fn read(s: &mut Section<'_>) -> Self {
        let listen = s.or("listen", SocketAddr::from(([127, 0, 0, 1], 8080)), parsed(socket));
        let metrics_listen = s.optional("metrics_listen", parsed(socket));
        if metrics_listen == Some(listen) && listen.port() != 0 {
            s.wrong("metrics_listen", "is the address of server.listen; give it a port of its own");
        }
        Self {
            listen,
            metrics_listen,
            public_url: s.or("public_url", format!("http://{listen}"), parsed(http_url)),
            shutdown_grace: s.or("shutdown_grace", Duration::from_secs(20), wait),
            calls_per_minute: s.or("calls_per_minute", 60_000, number(0..=1_000_000)),
            failed_sign_ins_per_minute: s.or("failed_sign_ins_per_minute", 6_000, number(0..=1_000_000)),
        }
    }
}

/// `[database]`
#[derive(Debug, Clone)]
pub struct Database {
    /// The Postgres URL, password and all.
    pub url: SecretString,
    /// The most connections that this process opens.
    pub max_connections: u32,
    /// Whether `serve` brings the schema up to date before it starts.
    pub migrate: bool,
}

impl Database {
    pub(super) fn read(s: &mut Section<'_>) -> Self {
        Self {
            url: s.required_secret(
                "url",
                "url_file",
                "add url = \"postgres://…\" or url_file, or set DATABASE_URL",
                postgres_url,
            ),
            // Two at least: one of them listens for NOTIFY.
            max_connections: s.or("max_connections", 10, number(2..=10_000)),
            migrate: s.or("migrate", true, flag),
        }
    }
}

/// `[eks]`
#[derive(Debug, Clone, Default)]
pub struct Eks {
    /// Where EKS, STS and IAM are reached instead of AWS's own addresses; the SDK's environment
    /// (`AWS_ENDPOINT_URL`, …) applies where this is not set.
    pub endpoint_url: Option<String>,
}

impl Eks {
    pub(super) fn read(s: &mut Section<'_>) -> Self {
        if s.optional("mode", text).is_some_and(|mode| mode != "aws") {
            s.wrong("mode", "write \"aws\"; a simulator is reached by endpoint_url or AWS_ENDPOINT_URL");
        }
        Self { endpoint_url: s.optional("endpoint_url", parsed(http_url)) }
    }
}

//! The only place that wires things together: each command of the command line is one function here.

mod audit;
mod channels;
mod iam;
mod people;
mod registry;
mod reload;
#[cfg(feature = "sandbox")]
mod sandbox;
mod service;
mod sign_in;
mod slack;
mod window;

use std::borrow::Cow;
use std::io::{self, ErrorKind, Write as _};
use std::path::Path;

use thiserror::Error;

use crate::api;
use crate::clock::Clock;
use crate::config::{Config, ConfigErrors, Database, Origin, environment};
use crate::lifecycle::Signals;
use crate::policy;
use crate::store::{self, Store};

pub use audit::{ExportFormat, VerifyOptions, audit_export, audit_verify};
pub use iam::{IamFormat, IamOptions, config_iam};
pub use people::person;
pub use registry::IamRegistry;
#[cfg(feature = "sandbox")]
pub use sandbox::{SandboxOptions, sandbox, sim};
pub use service::{Roles, Service, Simulated};
pub use window::Window;

/// Why a command did not do what it was asked to. The text says what to do about it.
#[derive(Debug, Error)]
pub enum Failure {
    /// A check failed, or the work could not be done.
    #[error("{0}")]
    Failed(String),
    /// The configuration or the call is wrong; nothing was started.
    #[error("{0}")]
    Misconfigured(String),
    /// It has been said already; the exit code is left.
    #[error("")]
    Told(u8),
}

impl Failure {
    /// The exit code of the contract: 1 for what failed, 2 for what could not even begin. Commands for people have more.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Failed(_) => 1,
            Self::Misconfigured(_) => 2,
            Self::Told(code) => *code,
        }
    }
}

impl From<ConfigErrors> for Failure {
    fn from(errors: ConfigErrors) -> Self {
        Self::Misconfigured(errors.to_string())
    }
}

/// `config check`: says what a configuration holds, or everything that is wrong with it.
///
/// # Errors
/// Every mistake, one line each.
pub fn config_check(path: Option<&Path>) -> Result<(), Failure> {
    let config = Config::load(path, environment(), Origin::Production)?;
    println!("sound: {}", summary(&config));
    for note in notes(&config) {
        println!("note: {note}");
    }
    Ok(())
}

/// `serve`: the API, the worker, or both, until a signal comes.
///
/// # Errors
/// What kept it from starting, or what made it stop.
pub fn serve(path: Option<&Path>, roles: Roles) -> Result<(), Failure> {
    let config = Config::load(path, environment(), Origin::Production)?;
    runtime()?.block_on(async {
        let mut signals = listen()?;
        Service::start(&config, None, roles).await?.run(&mut signals).await
    })
}

/// `migrate`: brings the schema up to date, and gives the role `grant_to` what the service needs of it.
///
/// # Errors
/// What is wrong with the configuration, or with the database.
pub fn migrate(path: Option<&Path>, grant_to: Option<&str>) -> Result<(), Failure> {
    let database = Database::load(path, environment())?;
    runtime()?.block_on(async {
        let store = Store::connect(&database.url, 2, Clock::database())
            .map_err(|error| Failure::Misconfigured(error.to_string()))?;
        let migrated = async {
            store.migrate().await?;
            match grant_to {
                Some(role) => store::grant_to(&store, role).await,
                None => Ok(()),
            }
        };
        let migrated = migrated.await.map_err(|error| Failure::Failed(error.to_string()));
        store.close().await;
        migrated
    })?;
    println!("the schema is up to date");
    if let Some(role) = grant_to {
        println!("{role} may serve with it: run the service as that role, with database.migrate = false");
    }
    Ok(())
}

/// `openapi`: prints the document.
///
/// # Errors
/// None in practice; printing it is what could fail.
pub fn openapi() -> Result<(), Failure> {
    let text = api::document().to_pretty_json().map_err(|error| Failure::Failed(error.to_string()))?;
    print(&(text + "\n"))
}

/// Prints it; a reader that has seen enough (`| head`) is no failure.
fn print(text: &str) -> Result<(), Failure> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::Failed(format!("stdout cannot be written: {error}")))
        }
        _ => Ok(()),
    }
}

/// `policy check`: parses and validates a policy directory.
///
/// # Errors
/// Every problem, with file and line.
pub fn policy_check(dir: &Path) -> Result<(), Failure> {
    let summary = policy::check(dir).map_err(|problems| Failure::Failed(problems.to_string()))?;
    println!("{summary}");
    Ok(())
}

/// `policy test`: runs the cases beside the policies.
///
/// # Errors
/// Those that came out otherwise than expected.
pub fn policy_test(dir: &Path) -> Result<(), Failure> {
    let report = policy::test_dir(dir);
    if !report.passed() {
        return Err(Failure::Failed(report.to_string()));
    }
    println!("{report}");
    Ok(())
}

/// `policy explain`: what the policies say to one request, in words.
///
/// # Errors
/// What is wrong with the policies, the request file, or its content.
pub fn policy_explain(dir: &Path, who: &str, request: &Path, reviews: &[String]) -> Result<(), Failure> {
    let text = std::fs::read_to_string(request)
        .map_err(|error| Failure::Misconfigured(format!("{} cannot be read: {error}", request.display())))?;
    let now = Clock::database().approximate();
    let told = policy::explain(dir, who, &text, reviews, now).map_err(|error| Failure::Failed(error.to_string()))?;
    print(&told)
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Failed(format!("cannot start: {error}")))
}

fn listen() -> Result<Signals, Failure> {
    Signals::listen().map_err(|error| Failure::Failed(format!("cannot listen to signals: {error}")))
}

fn summary(config: &Config) -> String {
    let Config { installation, clusters, auth, webhooks, .. } = config;
    let counted = |count: usize, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
    let mut parts = vec![
        format!("installation {installation:?}"),
        counted(clusters.len(), "cluster"),
        counted(auth.tokens.len(), "token"),
        counted(auth.oidc.len(), "OpenID Connect issuer"),
        counted(webhooks.len(), "webhook"),
    ];
    parts.retain(|part| !part.starts_with("0 "));
    parts.join(", ")
}

/// What is no mistake, and still perhaps not meant.
fn notes(config: &Config) -> Vec<Cow<'static, str>> {
    let mut notes: Vec<Cow<'static, str>> = Vec::new();
    for (place, token) in config.auth.tokens.iter().enumerate().filter(|(_, token)| token.is_placeholder()) {
        let user = &token.user;
        notes.push(format!("auth.tokens[{place}].sha256 is a placeholder, which no token has, so {user} cannot sign in with it; put there what printf %s \"$TOKEN\" | sha256sum prints").into());
    }
    if config.clusters.is_empty() {
        notes.push("there are no [[clusters]], so there is nothing to ask for".into());
    }
    let here = ["http://127.0.0.1", "http://localhost", "http://[::1]"];
    if config.slack.is_some() && here.iter().any(|here| config.server.public_url.starts_with(here)) {
        notes.push("server.public_url is this machine's own, so links in Slack lead nowhere; write the address people reach it at".into());
    }
    if config.slack.as_ref().is_some_and(|slack| slack.routes.is_empty()) {
        notes.push(
            "there are no [[slack.routes]], so no channel hears of requests; only people who could sign off do".into(),
        );
    }
    if config.auth.tokens.is_empty() && config.auth.oidc.is_empty() && config.auth.alb.is_none() {
        notes.push("there are no [[auth.tokens]] and no [[auth.oidc]], so nobody can call the API".into());
    }
    if config.webhooks.iter().any(|webhook| !webhook.enabled) {
        notes.push(
            "a webhook with enabled = false is told nothing; it is told of everything it missed once it is switched on"
                .into(),
        );
    }
    notes
}

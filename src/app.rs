//! The only place that wires things together: each command of the command line is one function here.

use std::path::Path;

use thiserror::Error;

use crate::config::{Config, ConfigErrors, Origin, environment};

/// Why a command did not do what it was asked to. The text says what to do about it.
#[derive(Debug, Error)]
pub enum Failure {
    /// A check failed, or the work could not be done.
    #[error("{0}")]
    Failed(String),
    /// The configuration or the call is wrong; nothing was started.
    #[error("{0}")]
    Misconfigured(String),
}

impl Failure {
    /// The exit code of the contract: 1 for what failed, 2 for what could not even begin.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Failed(_) => 1,
            Self::Misconfigured(_) => 2,
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

fn summary(config: &Config) -> String {
    let Config { installation, clusters, auth, .. } = config;
    format!("installation {installation:?}, {} clusters, {} tokens", clusters.len(), auth.tokens.len())
}

/// What is no mistake, and still perhaps not meant.
fn notes(config: &Config) -> Vec<&'static str> {
    let mut notes = Vec::new();
    if config.clusters.is_empty() {
        notes.push("there are no [[clusters]], so there is nothing to ask for");
    }
    if config.auth.tokens.is_empty() {
        notes.push("there are no [[auth.tokens]], so nobody can call the API");
    }
    notes
}

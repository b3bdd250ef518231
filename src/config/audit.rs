//! `[audit]`: checkpoints over the log of events.

use std::path::Path;

use chrono::TimeDelta;
use secrecy::SecretString;

use super::errors::ConfigErrors;
use super::reader::Section;
use super::shapes::private_key;
use super::value::{number, parsed, span};
use super::{Database, read, shapes};

/// `[audit]`
#[derive(Debug, Clone)]
pub struct Audit {
    /// A checkpoint is made after this time, where anything happened.
    pub checkpoint_interval: TimeDelta,
    /// A checkpoint is made after this many events.
    pub checkpoint_events: i64,
    /// The Ed25519 key that checkpoints are signed with (PKCS#8, PEM or base64).
    pub signing_key: Option<SecretString>,
}

impl Audit {
    pub(super) fn read(s: &mut Section<'_>) -> Self {
        Self {
            checkpoint_interval: s.or("checkpoint_interval", TimeDelta::seconds(60), span(TimeDelta::seconds(1))),
            checkpoint_events: s.or("checkpoint_events", 1_000, number(1..=10_000)),
            signing_key: s.secret("signing_key", "signing_key_file", private_key),
        }
    }
}

/// What is needed to look at the log of events: where it is, whose it is, and how it is signed.
#[derive(Debug, Clone)]
pub struct Records {
    /// As [`super::Config::installation`], where it is there.
    pub installation: Option<String>,
    /// `[database]`
    pub database: Database,
    /// `[audit]`
    pub audit: Audit,
}

impl Records {
    /// Reads these alone: auditors need not have the clusters, policies and tokens at hand.
    ///
    /// # Errors
    /// Every mistake in them.
    pub fn load(path: Option<&Path>, env: impl IntoIterator<Item = (String, String)>) -> Result<Self, ConfigErrors> {
        read(path, env, |root| {
            let records = Self {
                installation: root.optional("installation", parsed(shapes::tag_value)),
                database: root.section("database", Database::read),
                audit: root.section("audit", Audit::read),
            };
            root.ignore_the_rest();
            records
        })
    }
}

//! What `audit` can be asked for.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use entryway::app::ExportFormat;

use super::ConfigFile;

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Walk the hash chains and checkpoints; names the first break
    #[command(after_help = r#"Examples:
  entryway audit verify --config entryway.toml
  entryway audit verify --config entryway.toml --anchor \
    sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
  entryway audit verify --config entryway.toml --public-key audit.pub

An anchor is the hash of a checkpoint, from a line "audit checkpoint" of the
service's log. docs/AUDIT.md says what is found with it, and how to check
without this program."#)]
    Verify {
        #[command(flatten)]
        config: ConfigFile,
        /// The hash of a checkpoint that has to be there; may be repeated
        #[arg(long = "anchor", value_name = "HASH")]
        anchors: Vec<String>,
        /// A public key that checkpoints were signed with, besides that of audit.signing_key; may be repeated
        #[arg(long = "public-key", value_name = "FILE")]
        public_keys: Vec<PathBuf>,
    },
    /// Print the log, one JSON object to a line
    #[command(after_help = "Examples:
  entryway audit export --config entryway.toml
  entryway audit export --config entryway.toml --format ocsf --after 4711")]
    Export {
        #[command(flatten)]
        config: ConfigFile,
        /// What an event looks like
        #[arg(long, value_enum, default_value_t = Format::Native)]
        format: Format,
        /// Only events above this seq
        #[arg(long, value_name = "SEQ", default_value_t = 0)]
        after: i64,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Format {
    /// As the API answers; the one that can be verified
    Native,
    /// CloudEvents 1.0
    Cloudevents,
    /// OCSF 1.3
    Ocsf,
}

impl From<Format> for ExportFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Native => Self::Native,
            Format::Cloudevents => Self::CloudEvents,
            Format::Ocsf => Self::Ocsf,
        }
    }
}

//! The command line: what can be asked for, in the words of `--help`. What it does is in `entryway::app`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

const EXAMPLES: &str = "\
Examples:
  entryway config check --config entryway.toml   every mistake in a configuration

Exit codes: 0 done, 1 a check failed, 2 bad usage or configuration.
Logs go to stderr; ENTRYWAY_LOG=debug (or RUST_LOG) says more, ENTRYWAY_LOG_FORMAT is text or json.";

/// A self-service desk for access to Amazon EKS clusters: ask, sign off, apply, prove, end.
#[derive(Debug, Parser)]
#[command(name = "entryway", version, arg_required_else_help = true, max_term_width = 110, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Look at a configuration
    #[command(subcommand, arg_required_else_help = true)]
    Config(ConfigCommand),
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Name every mistake in a configuration at once, a line each; secrets are never printed
    #[command(after_help = "Examples:
  entryway config check --config entryway.toml
  ENTRYWAY__VERIFY__READS=5 entryway config check --config entryway.toml")]
    Check {
        #[command(flatten)]
        config: ConfigFile,
    },
}

/// Where the configuration is.
#[derive(Debug, Args)]
pub(crate) struct ConfigFile {
    /// The configuration file; without one, the environment (ENTRYWAY__SECTION__KEY) says it all
    #[arg(long = "config", value_name = "FILE", env = "ENTRYWAY_CONFIG")]
    pub(crate) path: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    /// `command` and everything below it.
    fn all(command: &clap::Command) -> Vec<&clap::Command> {
        std::iter::once(command).chain(command.get_subcommands().flat_map(all)).collect()
    }

    #[test]
    fn every_example_in_the_help_can_be_run() {
        let root = Cli::command();
        let mut examples = 0;
        for command in all(&root) {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(command.has_subcommands() || !help.is_empty(), "{} has no example", command.get_name());
            for line in help.lines().filter(|line| line.starts_with("  ")) {
                let line = line.split("   ").find(|part| !part.is_empty()).unwrap_or_default();
                let line = line.split(" > ").next().unwrap_or_default();
                let words = line.split_whitespace().skip_while(|word| word.contains('='));
                let parsed = Cli::try_parse_from(words);
                assert!(parsed.is_ok(), "{line}: {parsed:?}");
                examples += 1;
            }
        }
        assert!(examples > 0);
    }

    #[test]
    fn the_tree_is_sound() {
        Cli::command().debug_assert();
    }
}

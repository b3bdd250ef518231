//! The command line: what can be asked for, in the words of `--help`. What it does is in `entryway::app`.

mod audit;
mod iam;

use std::io::{self, Write as _};
#[cfg(feature = "sandbox")]
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use entryway::app::Failure;

pub(crate) use audit::AuditCommand;
pub(crate) use iam::IamArgs;

const EXAMPLES: &str = "\
Examples:
  entryway sandbox --demo
      everything in one command, with a demo story
  entryway config check --config entryway.toml
      every mistake in a configuration
  entryway serve --config entryway.toml
      the API and the worker
  entryway login --url http://127.0.0.1:8080
      and then request, list, show, approve, wait, revoke, …

Exit codes: 0 done, 1 a check failed, 2 bad usage or configuration.
Of the commands that talk to a service, besides:
  1  the request failed, or the service is broken
  3  refused: not sound, not permitted, not there, or not in that state
  4  not signed in
  5  the service cannot be reached, or not just now
  6  the time to wait was up
  7  turned down, or over

Logs go to stderr; ENTRYWAY_LOG=debug (or RUST_LOG) says more,
ENTRYWAY_LOG_FORMAT is text or json.";

/// A self-service desk for access to Amazon EKS clusters: ask, sign off, apply, prove, end.
#[derive(Debug, Parser)]
#[command(name = "entryway", version, arg_required_else_help = true, max_term_width = 110, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[command(flatten)]
    Person(entryway::client::Command),
    /// Run the API and the worker
    #[command(after_help = "Examples:
  entryway serve --config entryway.toml
  entryway serve --config entryway.toml --only worker")]
    Serve {
        #[command(flatten)]
        config: ConfigFile,
        /// Run only one of the two, to scale them apart
        #[arg(long, value_enum)]
        only: Option<Only>,
    },
    /// Try it: a private Postgres, a simulated EKS, three clusters, demo people, and the service
    #[cfg(feature = "sandbox")]
    #[command(after_help = "Examples:
  entryway sandbox
  entryway sandbox --demo
  entryway sandbox --demo --exit
  entryway sandbox --listen 127.0.0.1:9000 --data-dir /tmp/entryway")]
    Sandbox {
        /// Play the story: ask, two approvals, active, expiry; a line per step
        #[arg(long)]
        demo: bool,
        /// Stop after the story, with exit code 0 only if every step did what it says
        #[arg(long, requires = "demo")]
        exit: bool,
        /// Where the API listens; otherwise on 127.0.0.1:8080, or on a free port where that is taken
        #[arg(long, value_name = "ADDRESS")]
        listen: Option<SocketAddr>,
        /// Where the sandbox keeps its Postgres, its configuration and its policies
        #[arg(long, value_name = "DIR")]
        data_dir: Option<PathBuf>,
    },
    /// Bring the database's schema up to date (serve does so too, unless database.migrate = false)
    #[command(after_help = "Examples:
  entryway migrate --config entryway.toml
  entryway migrate --config owner.toml --grant-to entryway_service")]
    Migrate {
        #[command(flatten)]
        config: ConfigFile,
        /// Give this role of the database, which has to exist, what the service needs, and no right to change the audit log
        #[arg(long, value_name = "ROLE")]
        grant_to: Option<String>,
    },
    /// Print the OpenAPI document
    #[command(after_help = "Examples:
  entryway openapi > openapi/entryway.json")]
    Openapi,
    /// Look at a policy directory
    #[command(subcommand, arg_required_else_help = true)]
    Policy(PolicyCommand),
    /// Look at the audit log
    #[command(subcommand, arg_required_else_help = true)]
    Audit(AuditCommand),
    /// Run the simulated EKS, STS and IAM alone
    #[cfg(feature = "sandbox")]
    #[command(after_help = "Examples:
  entryway sim --listen 127.0.0.1:4566")]
    Sim {
        /// Where it listens
        #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4566")]
        listen: SocketAddr,
    },
    /// Print a script that completes commands in your shell
    #[command(after_help = r"Examples:
  entryway completions bash \
    > ~/.local/share/bash-completion/completions/entryway
  entryway completions zsh > ~/.zfunc/_entryway
  entryway completions fish > ~/.config/fish/completions/entryway.fish")]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Look at a configuration
    #[command(subcommand, arg_required_else_help = true)]
    Config(ConfigCommand),
}

impl Command {
    /// Whether what it prints is read by people while it runs, so that the log had better keep out of it.
    pub(crate) const fn prints_for_people(&self) -> bool {
        !matches!(self, Self::Serve { .. })
    }

    /// Whether there is anything in it to trace: it runs the service.
    pub(crate) const fn is_traced(&self) -> bool {
        match self {
            Self::Serve { .. } => true,
            #[cfg(feature = "sandbox")]
            Self::Sandbox { .. } => true,
            _ => false,
        }
    }
}

/// Prints the script that completes commands in `shell`.
///
/// # Errors
/// When it cannot be printed.
pub(crate) fn completions(shell: Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "entryway", &mut script);
    io::stdout().write_all(&script).map_err(|error| Failure::Failed(error.to_string()))
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
    /// Print the IAM policies that Entryway needs for exactly the configured clusters
    #[command(after_help = iam::EXAMPLES)]
    Iam {
        #[command(flatten)]
        config: ConfigFile,
        #[command(flatten)]
        iam: Box<IamArgs>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Parse and validate the policies; says file, line and what was probably meant
    #[command(after_help = "Examples:
  entryway policy check policies")]
    Check {
        /// The directory with the *.cedar files
        dir: PathBuf,
    },
    /// Run the cases in DIR/*.test.toml
    #[command(after_help = "Examples:
  entryway policy test policies")]
    Test {
        /// The directory with the *.cedar and *.test.toml files
        dir: PathBuf,
    },
    /// Say in words which policies permit, which forbid, and what quorum wants
    #[command(after_help = r#"Examples:
  entryway policy explain policies --as alice --request request.json \
    --reviews bob,carol

Who is in which group, and which cluster is in which environment, is what
[people] and [clusters] of DIR/*.test.toml say. FILE is an ask in the words of
the API:
  {"clusterName": "prod", "duration": "8h", "reason": "Look around",
   "principalArn": "arn:aws:iam::111122223333:role/dev/apps/my-role",
   "kubernetesGroups": ["viewers"]}"#)]
    Explain {
        /// The directory with the *.cedar and *.test.toml files
        dir: PathBuf,
        /// Who asks
        #[arg(long = "as", value_name = "USER")]
        who: String,
        /// What is asked for, as JSON in the words of the API
        #[arg(long, value_name = "FILE")]
        request: PathBuf,
        /// Who has approved; several with commas between them
        #[arg(long, value_name = "USERS", value_delimiter = ',')]
        reviews: Vec<String>,
    },
}

/// One half of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Only {
    /// Answer HTTP
    Api,
    /// Work on entries
    Worker,
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
    use super::*;

    /// `command` and everything below it.
    fn all(command: &clap::Command) -> Vec<&clap::Command> {
        std::iter::once(command).chain(command.get_subcommands().flat_map(all)).collect()
    }

    /// The words of a line, as a shell that knows single quotes sees them.
    fn words(line: &str) -> Vec<String> {
        let quoted = line
            .split('\'')
            .enumerate()
            .map(|(place, part)| if place % 2 == 1 { part.replace(' ', "\0") } else { part.to_owned() });
        quoted.collect::<String>().split_whitespace().map(|word| word.replace('\0', " ")).collect()
    }

    /// The help of every command, and the lines of it that are examples, each whole.
    fn examples() -> Vec<(String, Vec<String>)> {
        let root = Cli::command();
        let told = |command: &clap::Command| {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(command.has_subcommands() || !help.is_empty(), "{} has no example", command.get_name());
            let whole = help.replace("\\\n", "");
            let typed = |line: &&str| line.starts_with("  entryway ") || line.starts_with("  ENTRYWAY_");
            (help.clone(), whole.lines().filter(typed).map(str::to_owned).collect())
        };
        all(&root).into_iter().map(told).collect()
    }

    #[test]
    fn every_example_in_the_help_can_be_run() {
        let lines: Vec<_> = examples().into_iter().flat_map(|(_, lines)| lines).collect();
        assert!(lines.len() > 40, "{lines:?}");
        for line in lines {
            let typed = line.split(['>', '<']).next().unwrap_or_default();
            let words = words(typed).into_iter().skip_while(|word| word.contains('='));
            let parsed = Cli::try_parse_from(words);
            assert!(parsed.is_ok(), "{line}: {parsed:?}");
        }
    }

    /// What the terminal breaks cannot be pasted.
    #[test]
    fn no_example_is_broken_by_a_terminal_of_80_columns() {
        for (help, _) in examples() {
            for line in help.lines() {
                assert!(line.chars().count() <= 78, "{line}");
            }
        }
    }

    /// Whoever presses tab, or reads the help, learns which words there are.
    #[test]
    fn arguments_that_are_one_of_some_words_list_them() {
        let root = Cli::command();
        for (command, argument, word) in
            [("list", "state", "revoking"), ("wait", "until", "ended"), ("request", "entry_type", "EC2_LINUX")]
        {
            let command = root.find_subcommand(command).expect("there is one");
            let argument = command.get_arguments().find(|known| known.get_id() == argument).expect("there is one");
            let words = argument.get_possible_values();
            assert!(words.iter().any(|known| known.get_name() == word), "{words:?}");
        }
        let asked = "entryway request --cluster dev --principal x --type EC2_Linux".split(' ');
        assert!(Cli::try_parse_from(asked).is_ok(), "what is not listed is for the service to judge");
    }

    #[test]
    fn the_tree_is_sound() {
        Cli::command().debug_assert();
    }
}

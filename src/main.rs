//! The command line.

mod cli;

use std::process::ExitCode;

use clap::Parser;
use cli::{AuditCommand, Cli, Command, ConfigCommand, Only, PolicyCommand};
use entryway::app::{self, Failure, Roles, VerifyOptions};
use entryway::config::environment;
use entryway::telemetry::{self, Volume};

fn main() -> ExitCode {
    let command = Cli::parse().command;
    let volume = if command.prints_for_people() { Volume::Quiet } else { Volume::Usual };
    let done = match telemetry::init(environment(), volume, command.is_traced()) {
        Ok(traces) => {
            let done = run(command);
            traces.finish();
            done
        }
        Err(error) => Err(Failure::Misconfigured(error.to_string())),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !matches!(failure, Failure::Told(_)) {
                eprintln!("{failure}");
            }
            ExitCode::from(failure.exit_code())
        }
    }
}

fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Serve { config, only } => {
            let roles = Roles { api: only != Some(Only::Worker), worker: only != Some(Only::Api) };
            app::serve(config.path.as_deref(), roles)
        }
        #[cfg(feature = "sandbox")]
        Command::Sandbox { demo, exit, listen, data_dir } => {
            app::sandbox(app::SandboxOptions { demo, exit, listen, data_dir })
        }
        #[cfg(feature = "sandbox")]
        Command::Sim { listen } => app::sim(listen),
        Command::Migrate { config, grant_to } => app::migrate(config.path.as_deref(), grant_to.as_deref()),
        Command::Audit(AuditCommand::Verify { config, anchors, public_keys }) => {
            app::audit_verify(config.path.as_deref(), &VerifyOptions { anchors, public_keys })
        }
        Command::Audit(AuditCommand::Export { config, format, after }) => {
            app::audit_export(config.path.as_deref(), format.into(), after)
        }
        Command::Openapi => app::openapi(),
        Command::Person(command) => app::person(command),
        Command::Completions { shell } => cli::completions(shell),
        Command::Config(ConfigCommand::Check { config }) => app::config_check(config.path.as_deref()),
        Command::Config(ConfigCommand::Iam { config, iam }) => app::config_iam(config.path.as_deref(), &(*iam).into()),
        Command::Policy(PolicyCommand::Check { dir }) => app::policy_check(&dir),
        Command::Policy(PolicyCommand::Test { dir }) => app::policy_test(&dir),
        Command::Policy(PolicyCommand::Explain { dir, who, request, reviews }) => {
            app::policy_explain(&dir, &who, &request, &reviews)
        }
    }
}

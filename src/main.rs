//! The command line.

mod cli;

use std::process::ExitCode;

use clap::Parser;
use cli::{Cli, Command, ConfigCommand};
use entryway::app::{self, Failure};
use entryway::config::environment;
use entryway::telemetry;

fn main() -> ExitCode {
    let command = Cli::parse().command;
    let done = match telemetry::init(environment()) {
        Ok(()) => run(command),
        Err(error) => Err(Failure::Misconfigured(error.to_string())),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}

fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Config(ConfigCommand::Check { config }) => app::config_check(config.path.as_deref()),
    }
}

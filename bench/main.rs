//! The load and ratio benchmarks: how much of what this machine can do reaches whoever uses Entryway.
//!
//! A private Postgres, the simulated EKS and the program itself, as a process like any other, are started here and
//! stopped again. What depends on the machine is measured against something else on the same machine in the same run:
//! the statements that the program was seen to run against `pgbench` running them, the worker against a bare loop over
//! the same calls, in short windows by turns. What comes out is a table of figures, never a pass or a failure: the exit
//! code tells only whether everything could be measured. `docs/PERFORMANCE.md` says how to read it.

mod calls;
mod contest;
mod cpu;
mod database;
mod eks;
mod explain;
mod fill;
mod http;
mod load;
mod pgbench;
mod postgres_log;
mod sections;
mod service;
mod settings;
mod stand;
mod table;
mod versus;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use sections::Section;
use stand::Stand;
use table::Table;

/// Why something could not be measured.
type Failure = Box<dyn std::error::Error + Send + Sync>;
type Result<T> = std::result::Result<T, Failure>;

/// Measures Entryway against what this machine can do
#[derive(Debug, Clone, Parser)]
#[command(name = "bench", max_term_width = 110)]
struct Args {
    /// What to measure; everything but `expiry`, which takes minutes, where nothing is named
    sections: Vec<Section>,
    /// The program to measure, in place of the one built with this
    #[arg(long, value_name = "FILE", default_value = env!("CARGO_BIN_EXE_entryway"))]
    program: PathBuf,
    /// How often either side has its turn
    #[arg(long, default_value_t = 5)]
    rounds: u64,
    /// How many callers there are at once
    #[arg(long, default_value_t = 8)]
    clients: u64,
    /// How many calls each caller makes in one turn
    #[arg(long, default_value_t = 500)]
    calls: u64,
    /// How many requests the long list holds
    #[arg(long, default_value_t = 1_000_000)]
    rows: u64,
    /// Let Postgres not wait for the disk, which leaves the price of computing alone
    #[arg(long)]
    no_fsync: bool,
    /// Keep the directory with the logs
    #[arg(long)]
    keep: bool,
    // `cargo bench` says so to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let named = if args.sections.is_empty() { Section::usual() } else { args.sections.clone() };
    let stand = match Stand::set_up(args).await {
        Ok(stand) => stand,
        Err(failure) => {
            eprintln!("{failure}");
            return ExitCode::FAILURE;
        }
    };
    let mut table = Table::default();
    let mut failed = false;
    for section in named {
        eprintln!("{section:?}");
        if let Err(failure) = section.run(&stand, &mut table).await {
            eprintln!("  could not be measured: {failure}");
            failed = true;
            // What it was to suffer is not for the next one.
            stand.sim.heal();
        }
    }
    println!("\n{}\n{table}", stand.description());
    if let Err(failure) = stand.take_down().await {
        eprintln!("{failure}");
        failed = true;
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

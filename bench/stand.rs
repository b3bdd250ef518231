//! The stand that everything is measured on: one private Postgres, one simulated EKS, one program.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use entryway::sandbox::postgres::{Durability, Postgres, PostgresOptions};
use entryway::sandbox::sim::{Knobs, Sim, World};
use uuid::Uuid;

use super::cpu;
use super::database::Database;
use super::{Args, Result};

/// Connections of all services, of `pgbench` and of the stand itself.
const CONNECTIONS: u16 = 100;

/// Entries that the simulator takes per cluster. EKS takes 3,000; what is measured is not how it says no.
const ENTRY_QUOTA: usize = 1_000_000;

/// Everything that runs during a benchmark but the service.
#[derive(Debug)]
pub(crate) struct Stand {
    /// What the run was asked for.
    pub(crate) args: Args,
    /// The simulated EKS.
    pub(crate) sim: Sim,
    /// Where configurations and logs are kept.
    pub(crate) dir: PathBuf,
    /// `pgbench`, of the same build as the server.
    pub(crate) pgbench: PathBuf,
    postgres: Postgres,
    version: String,
}

impl Stand {
    /// Starts everything.
    pub(crate) async fn set_up(args: Args) -> Result<Self> {
        let bin = postgres_programs()?;
        let pgbench = bin.join("pgbench");
        let version = said(Command::new(&pgbench).arg("--version"))
            .map_err(|error| format!("{}: {error}; install pgbench beside postgres", pgbench.display()))?;
        let mut options = PostgresOptions::temporary();
        options.durability = if args.no_fsync { Durability::TestFast } else { Durability::Safe };
        options.max_connections = CONNECTIONS;
        let postgres = Postgres::start(options).await?;
        let world = World::default().knobs(Knobs { entry_quota: ENTRY_QUOTA, ..Knobs::default() });
        let sim = Sim::start(SocketAddr::from(([127, 0, 0, 1], 0)), world).await?;
        let dir = std::env::temp_dir().join(format!("entryway-bench-{}", Uuid::new_v4()));
        fs::create_dir(&dir)?;
        Ok(Self { args, sim, dir, pgbench, postgres, version })
    }

    /// A fresh, empty database; the service brings its schema up to date.
    pub(crate) async fn database(&self, name: &str) -> Result<Database> {
        self.server().run(&format!("CREATE DATABASE {name}")).await?;
        Ok(Database::new(self.postgres.url(name)))
    }

    /// The server itself, for what is about all databases.
    pub(crate) fn server(&self) -> Database {
        Database::new(self.postgres.url("postgres"))
    }

    /// The server's log, which the sandbox keeps beside its data.
    pub(crate) fn postgres_log(&self) -> PathBuf {
        PathBuf::from(format!("{}.log", self.postgres.data_dir().display()))
    }

    /// What the server's processes have computed so far, where the machine tells.
    pub(crate) fn postgres_cpu(&self) -> Option<Duration> {
        let file = fs::read_to_string(self.postgres.data_dir().join("postmaster.pid")).ok()?;
        cpu::of_family(file.lines().next()?.trim().parse().ok()?)
    }

    /// What the figures were seen on.
    pub(crate) fn description(&self) -> String {
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let Args { program, rounds, clients, calls, no_fsync, .. } = &self.args;
        let disk = if *no_fsync { "fsync=off" } else { "fsync=on" };
        format!(
            "{cores} cores · {}, {disk} · {} · {clients} callers, {rounds} rounds of {calls} calls each",
            self.version.trim(),
            program.display()
        )
    }

    /// Stops everything and removes it.
    pub(crate) async fn take_down(self) -> Result<()> {
        self.sim.shutdown().await?;
        self.postgres.stop().await?;
        if self.args.keep {
            eprintln!("logs and configurations are in {}", self.dir.display());
        } else {
            fs::remove_dir_all(&self.dir)?;
        }
        Ok(())
    }
}

/// Where Postgres' programs are: as the sandbox looks for them.
fn postgres_programs() -> Result<PathBuf> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/find-postgres.sh");
    let found = said(&mut Command::new(script)).map_err(|_| "Postgres' programs were not found; run `make setup`")?;
    Ok(PathBuf::from(found.trim()))
}

/// What a program prints.
fn said(command: &mut Command) -> Result<String> {
    let output = command.output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

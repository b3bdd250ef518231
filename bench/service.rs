//! The program under measurement: `entryway serve` as a process of its own, configured like any other.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::calls;
use super::database::Database;
use super::http::Client;
use super::settings::{Settings, to_toml};
use super::stand::Stand;
use super::{Result, cpu};

/// How long a start may take before it counts as none.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often to look whether it is ready. What a start takes is known to within this.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// What the process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Roles {
    /// API and worker.
    All,
    /// The API alone, so that nothing else moves.
    Api,
}

/// A running service. Ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Service {
    /// Where the API listens.
    pub(crate) addr: SocketAddr,
    /// From the start of the process to the first good answer of `/readyz`.
    pub(crate) ready_after: Duration,
    /// Its configuration.
    pub(crate) config: PathBuf,
    process: Child,
}

impl Stand {
    /// Starts the program on `database` and waits until it is ready.
    pub(crate) async fn serve(&self, database: &Database, roles: Roles, settings: Settings<'_>) -> Result<Service> {
        let listen = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?.local_addr()?;
        let name = Uuid::new_v4();
        let (config, log) = (self.dir.join(format!("{name}.toml")), self.dir.join(format!("{name}.log")));
        fs::write(&config, to_toml(listen, &database.url, &self.sim.endpoint_url(), settings))?;
        let mut command = Command::new(&self.args.program);
        command.arg("serve").arg("--config").arg(&config);
        if roles == Roles::Api {
            command.args(["--only", "api"]);
        }
        let keys =
            [("AWS_ACCESS_KEY_ID", "AKIABENCHBENCHBENCH1"), ("AWS_SECRET_ACCESS_KEY", "the simulator takes any")];
        let command = command.envs(keys).stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&log)?);
        let begun = Instant::now();
        let process = command.kill_on_drop(true).spawn()?;
        let mut service = Service { addr: listen, ready_after: Duration::ZERO, config, process };
        while !service.is_ready().await {
            if service.process.try_wait()?.is_some() || begun.elapsed() > PATIENCE {
                return Err(format!("the service did not start: {}", fs::read_to_string(&log)?).into());
            }
            sleep(LOOK_EVERY).await;
        }
        service.ready_after = begun.elapsed();
        Ok(service)
    }
}

impl Service {
    async fn is_ready(&self) -> bool {
        match Client::connect(self.addr).await {
            Ok(mut client) => client.call(calls::read("/readyz".to_owned())).await.is_ok(),
            Err(_) => false,
        }
    }

    /// Another connection to it.
    pub(crate) async fn client(&self) -> Result<Client> {
        Client::connect(self.addr).await
    }

    /// What it has computed so far, where the machine tells.
    pub(crate) fn cpu(&self) -> Option<Duration> {
        self.process.id().and_then(cpu::of_process)
    }

    /// A line of its `/proc/<pid>/status`, in KiB, where the machine tells.
    pub(crate) fn memory(&self, line: &str) -> Option<u64> {
        self.process.id().and_then(|pid| cpu::memory(pid, line))
    }

    /// Ends it at once, which it must be able to bear.
    pub(crate) async fn end(mut self) -> Result<()> {
        Ok(self.process.kill().await?)
    }
}

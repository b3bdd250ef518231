//! The embedded default: everything the service needs, started beside it and stopped after it.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;

use secrecy::SecretString;
use tokio::net::TcpListener;

use super::{Failure, Roles, Service, Simulated, listen, runtime};
use crate::config::{Config, Origin};
use crate::eks::aws::StaticCredentials;
use crate::lifecycle::Signals;
use crate::sandbox::config::{SandboxConfig, UNHEARD_OF, world};
use crate::sandbox::postgres::{Postgres, PostgresOptions, default_state_dir};
use crate::sandbox::sim::{Sim, World};
use crate::sandbox::story::{Stage, Whereabouts, broken_off, play, print_hints};

/// Where the API listens unless that is taken.
const USUAL: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8080);

/// Any free port of this machine's loopback.
const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// What `entryway sandbox` was asked for.
#[derive(Debug, Clone)]
pub struct SandboxOptions {
    /// Play the story.
    pub demo: bool,
    /// Stop after it.
    pub exit: bool,
    /// Where the API is to listen.
    pub listen: Option<SocketAddr>,
    /// Where Postgres and the configuration are kept.
    pub data_dir: Option<PathBuf>,
}

/// `sim`: the simulated EKS, STS and IAM alone, until a signal comes.
///
/// # Errors
/// When the address cannot be had.
pub fn sim(address: SocketAddr) -> Result<(), Failure> {
    runtime()?.block_on(async {
        let mut signals = listen()?;
        let sim = start_sim(address, World::default()).await?;
        println!("the simulated EKS, STS and IAM listen on {}", sim.endpoint_url());
        // The region twice: boto3 and version 1 of the AWS CLI know the second name only.
        println!(
            "export AWS_ENDPOINT_URL={} AWS_REGION=eu-central-1 AWS_DEFAULT_REGION=eu-central-1 \
             AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any",
            sim.endpoint_url()
        );
        signals.next().await;
        sim.shutdown().await.map_err(|error| Failure::Failed(error.to_string()))
    })
}

/// `sandbox`: a private Postgres, a simulated EKS, demo people and the service; with `demo`, the story as well.
///
/// # Errors
/// What could not be started, or the first step of the story that did not do what it says.
pub fn sandbox(options: SandboxOptions) -> Result<(), Failure> {
    runtime()?.block_on(async {
        let mut signals = listen()?;
        let dir = match options.data_dir.clone() {
            Some(dir) => dir,
            None => default_state_dir().await.map_err(|error| Failure::Failed(error.to_string()))?,
        };
        // Before anything is started: that the port is taken is said at once.
        let listen = free_address(options.listen).await?;
        let postgres = tokio::select! {
            started = Postgres::start(PostgresOptions::new(dir.join("postgres"))) => started,
            _ = signals.next() => return Ok(()),
        };
        let postgres = postgres.map_err(|error| Failure::Failed(error.to_string()))?;
        let done = with_postgres(&options, listen, &dir, &postgres, &mut signals).await;
        postgres.stop().await.map_err(|error| Failure::Failed(error.to_string()))?;
        done
    })
}

async fn with_postgres(
    options: &SandboxOptions,
    listen: SocketAddr,
    dir: &std::path::Path,
    postgres: &Postgres,
    signals: &mut Signals,
) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::Failed(format!("{}: {error}", dir.display()));
    let sim = start_sim(ANY, world()).await?;
    let database_url = postgres.url("postgres");
    let sim_url = sim.endpoint_url();
    let written =
        SandboxConfig { listen, database_url: &database_url, sim_url: &sim_url }.write(dir).map_err(failed)?;
    // The sandbox is its own world: nothing of this machine's environment reaches into it.
    let config = Config::load(Some(&written), [], Origin::Sandbox)?;
    let credentials = StaticCredentials {
        access_key_id: "AKIASANDBOXSANDBOX01".to_owned(),
        secret_access_key: SecretString::from("the simulator takes any"),
    };
    let simulated = Simulated { credentials, unheard_of: UNHEARD_OF };
    let service = Service::start(&config, Some(simulated), Roles { api: true, worker: true }).await;
    let service = service.map_err(|error| {
        let dir = dir.display();
        Failure::Failed(format!("{error} (the sandbox's data is in {dir}; if another build made it, remove that)"))
    })?;
    let addr = service.addr;
    let stage = Stage::new(format!("http://{addr}"), sim_url, std::io::stdout().is_terminal());
    let program = std::env::args().next().unwrap_or_else(|| "entryway".to_owned());
    let taken = Some(USUAL).filter(|usual| options.listen.is_none() && addr != *usual);
    let whereabouts = Whereabouts { data_dir: dir.display().to_string(), program, taken };
    let done = play_and_run(options, service, stage, &whereabouts, signals).await;
    sim.shutdown().await.map_err(failed)?;
    done
}

async fn play_and_run(
    options: &SandboxOptions,
    service: Service,
    stage: Stage,
    whereabouts: &Whereabouts,
    signals: &mut Signals,
) -> Result<(), Failure> {
    let (stop, stopping) = (service.stopper(), service.stopping());
    let unwritten = |error: std::io::Error| Failure::Failed(error.to_string());
    let show = async {
        let mut out = std::io::stdout();
        if options.demo {
            let played = tokio::select! {
                biased;
                // What the story meets from here on is a service that ends, and no fault of anybody's.
                () = stopping.cancelled() => {
                    broken_off(&stage, &mut out).map_err(unwritten)?;
                    return if options.exit { Err(Failure::Told(1)) } else { Ok(()) };
                }
                played = play(&stage, &mut out) => played,
            };
            if let Err(error) = played {
                stop();
                return Err(Failure::Failed(error.to_string()));
            }
        }
        if options.exit {
            stop();
            return Ok(());
        }
        print_hints(&stage, whereabouts, &mut out).map_err(unwritten)
    };
    let (shown, ended) = tokio::join!(show, service.run(signals));
    shown.and(ended)
}

async fn start_sim(address: SocketAddr, world: World) -> Result<Sim, Failure> {
    Sim::start(address, world).await.map_err(|error| {
        Failure::Failed(format!("the simulated EKS cannot listen on {address}: {error}; name another with --listen"))
    })
}

/// The address that was asked for, or else the usual one, or else any that is free.
async fn free_address(asked: Option<SocketAddr>) -> Result<SocketAddr, Failure> {
    let none = |error: std::io::Error| Failure::Failed(format!("no port is free: {error}"));
    let free = match asked {
        Some(address) => TcpListener::bind(address).await.map_err(|error| {
            Failure::Failed(format!(
                "cannot listen on {address}: {error}; free the port, name another with --listen, or leave that out for any"
            ))
        })?,
        None => match TcpListener::bind(USUAL).await {
            Ok(free) => free,
            Err(_) => TcpListener::bind(ANY).await.map_err(none)?,
        },
    };
    free.local_addr().map_err(|error| Failure::Failed(error.to_string()))
}

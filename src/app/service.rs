//! One process of Entryway: API, worker and everything they need, started in order and stopped in order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::{Failure, IamRegistry, Window, audit, channels, reload, sign_in, slack};
use crate::api::{self, ApiState, Rates, TokenEntry, TokenTable};
use crate::clock::Clock;
use crate::config::{Config, OnLostQuorum};
use crate::domain::reconcile::Tempo;
use crate::domain::rules::Limits;
use crate::eks::aws::{AwsEks, AwsOptions, StaticCredentials};
use crate::lifecycle::{Ended, Signals, Tasks};
use crate::policy::PolicySet;
use crate::store::{self, Store};
use crate::worker::{Pace, Turns, Worker, checkpoints, sweep};
use crate::workflow::checkpoint::Rhythm;
use crate::workflow::{self, Catalogues, Clusters, Desk, Inventory, Policies, Principals, Settings};

/// What one process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Roles {
    /// Answers HTTP.
    pub api: bool,
    /// Works on entries.
    pub worker: bool,
}

/// An AWS that is simulated, in place of that which the SDK finds by itself.
#[derive(Debug)]
pub struct Simulated {
    /// What it is called with.
    pub credentials: StaticCredentials,
    /// What to say of principals that it has not heard of.
    pub unheard_of: &'static str,
}

/// How long the first look at the clusters may hold up the start: so that an ask to one that takes no access entries is
/// refused from the first moment on, and so that a region that hangs does not keep the API from starting.
const FIRST_LOOK: Duration = Duration::from_secs(2);

/// How long to wait before listening for `NOTIFY` again after the connection broke.
const LISTEN_AGAIN: Duration = Duration::from_secs(5);

/// How often this machine's clock is held against the database's.
const CLOCK_TICK: Duration = Duration::from_secs(60);

/// How often to look whether the health of a cluster is due; whoever of the replicas comes first asks.
const HEALTH_TICK: Duration = Duration::from_secs(5);

/// A running process.
#[derive(Debug)]
pub struct Service {
    /// Where the API listens, or the probes where there is none.
    pub addr: SocketAddr,
    tasks: Tasks,
    store: Store,
    grace: Duration,
}

impl Service {
    /// Starts everything. When this returns, the API answers, or the probes of a process without one.
    ///
    /// # Errors
    /// Whatever cannot be started, in one sentence that says what to do.
    pub async fn start(config: &Config, simulated: Option<Simulated>, roles: Roles) -> Result<Self, Failure> {
        let policies =
            PolicySet::load(&config.policy.dir).map_err(|problems| Failure::Misconfigured(problems.to_string()))?;
        let signing_key = audit::signing_key(&config.audit)?;
        let told = channels::channels(config)?;
        let store = Store::connect(&config.database.url, config.database.max_connections, Clock::database())
            .map_err(|error| Failure::Misconfigured(error.to_string()))?;
        if config.database.migrate {
            store.migrate().await.map_err(|error| Failure::Failed(error.to_string()))?;
        }
        store.ready().await.map_err(|error| Failure::Failed(format!("cannot start: {error}")))?;
        let aws = Arc::new(AwsEks::new(AwsOptions {
            endpoint_url: config.eks.endpoint_url.clone(),
            static_credentials: simulated.as_ref().map(|simulated| simulated.credentials.clone()),
            operation_timeout: config.worker.operation_timeout,
            installation: config.installation.clone(),
        }));
        let iam = match simulated {
            Some(simulated) => IamRegistry::simulated(aws.iam(), simulated.unheard_of),
            None => IamRegistry::new(aws.iam()),
        };
        let desk = desk(config, store.clone(), policies, &aws, Principals::new(Arc::new(iam)));
        reload::announce(&desk).await?;
        let tasks = Tasks::new();
        tasks.spawn("counting", api::keep_counting(tasks.soft()));
        tasks.spawn("clock", watch_clock(desk.clone(), tasks.soft()));
        if roles.worker {
            start_worker(config, &desk, aws, &tasks).await;
            let rhythm = Rhythm { interval: config.audit.checkpoint_interval, events: config.audit.checkpoint_events };
            tasks.spawn("audit", checkpoints::run(desk.clone(), rhythm, signing_key, tasks.soft()));
            channels::start(config, &store, told, &tasks);
            slack::tell(config, &desk, &tasks)?;
        }
        let addr = start_answering(config, &desk, roles, &tasks).await?;
        let (listening, stop) = (store.clone(), tasks.soft());
        tasks.spawn("notices", async move {
            while !stop.is_cancelled() {
                if let Err(error) = store::listen(&listening, &stop).await {
                    info!(%error, "not listening for NOTIFY; polling does the work");
                    tokio::select! {
                        () = stop.cancelled() => {}
                        () = tokio::time::sleep(LISTEN_AGAIN) => {}
                    }
                }
            }
        });
        if desk.directory.memory().is_some() {
            tasks.spawn("people", sign_in::hear_of_people(desk.clone(), tasks.soft()));
        }
        tasks.spawn("policies", reload::run(desk, config.policy.clone(), tasks.soft()));
        Ok(Self { addr, tasks, store, grace: config.server.shutdown_grace })
    }

    /// Runs until a signal comes or a task panics; then stops taking work, lets what is under way finish, and ends.
    ///
    /// # Errors
    /// When a task panicked: the process is to be started anew.
    pub async fn run(self, signals: &mut Signals) -> Result<(), Failure> {
        let ended = self.tasks.run(async || signals.next().await, self.grace).await;
        self.store.close().await;
        match ended {
            Ended::Drained | Ended::GivenUp => Ok(()),
            Ended::Panicked(name) => {
                Err(Failure::Failed(format!("the task {name:?} panicked; start the process anew")))
            }
        }
    }

    /// Cancelled as soon as everything is asked to stop, and before anything has.
    pub fn stopping(&self) -> CancellationToken {
        self.tasks.soft()
    }

    /// What asks everything to stop; [`Service::run`] then ends.
    pub fn stopper(&self) -> impl Fn() + use<> {
        let tasks = self.tasks.clone();
        move || tasks.stop()
    }
}

async fn watch_clock(desk: Desk, stop: CancellationToken) {
    loop {
        if let Err(error) = desk.check_clock().await {
            info!(%error, "the clocks could not be compared; trying again");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(CLOCK_TICK) => {}
        }
    }
}

async fn start_worker(config: &Config, desk: &Desk, aws: Arc<AwsEks>, tasks: &Tasks) {
    let pace = Pace {
        concurrency: config.worker.concurrency,
        poll_interval: config.worker.poll_interval,
        calls_per_second: config.worker.eks_calls_per_second,
        patience: config.worker.operation_timeout,
    };
    let worker = Worker::new(desk.clone(), aws, pace);
    let watching = worker.clone();
    let stop = tasks.soft();
    tasks.spawn("clusters", async move { watching.watch_clusters(HEALTH_TICK, stop).await });
    let all_known = async {
        while !desk.knows_all_clusters().await.unwrap_or(false) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    if tokio::time::timeout(FIRST_LOOK, all_known).await.is_err() {
        info!("some clusters have not answered yet; starting without knowing them");
    }
    let (listing, stop) = (worker.clone(), tasks.soft());
    let tick = HEALTH_TICK.min((config.worker.drift_interval / 8).to_std().unwrap_or(HEALTH_TICK));
    tasks.spawn("entries", async move { listing.watch_entries(tick, stop).await });
    let stop = tasks.soft();
    tasks.spawn("worker", async move { worker.run(stop).await });
    tasks.spawn("sweep", sweep::run(desk.clone(), config.worker.poll_interval, tasks.soft()));
}

async fn start_answering(config: &Config, desk: &Desk, roles: Roles, tasks: &Tasks) -> Result<SocketAddr, Failure> {
    let tokens = config.auth.tokens.iter().map(|token| TokenEntry {
        user: token.user.clone(),
        sha256: token.sha256,
        service: token.service,
        groups: token.groups.clone(),
    });
    let tokens = Arc::new(TokenTable::new(tokens.collect()));
    let public_url = config.server.public_url.as_str();
    let providers = Arc::new(sign_in::providers(&config.auth)?);
    let rates = Rates::new(config.server.calls_per_minute, config.server.failed_sign_ins_per_minute);
    let state = ApiState::new(desk.clone(), tokens, public_url, tasks.soft())
        .taking_tokens_of(providers.clone())
        .calling_at_most(rates)
        .knowing_webhooks(channels::entries(config));
    let answering = slack::answering(config)?;
    let state = answering.clone().into_iter().fold(state, ApiState::answering);
    if roles.api && !providers.is_empty() {
        tasks.spawn("providers", sign_in::keep_keys(providers, tasks.soft()));
    }
    if let Some(own) = config.server.metrics_listen {
        let (listener, addr) = bind(own, "server.metrics_listen").await?;
        info!(%addr, "the figures listen");
        tasks.spawn("metrics", api::serve(listener, api::figures_alone(state.clone()), tasks.soft()));
    }
    if roles.api {
        tasks.spawn("live", state.keep_looking());
    }
    let (listener, addr) = bind(config.server.listen, "server.listen").await?;
    let router = if roles.api {
        info!(%addr, public_url, "the API listens");
        api::router(state)
    } else {
        info!(%addr, "the probes listen");
        api::probes(state)
    };
    let stop = tasks.soft();
    tasks.spawn("api", async move {
        api::serve(listener, router, stop).await;
        // What Slack was told is taken goes on after its answer.
        if let Some(slack) = answering {
            slack.drain().await;
        }
    });
    Ok(addr)
}

async fn bind(address: SocketAddr, key: &str) -> Result<(TcpListener, SocketAddr), Failure> {
    let bound = async {
        let listener = TcpListener::bind(address).await?;
        let addr = listener.local_addr()?;
        Ok::<_, std::io::Error>((listener, addr))
    };
    bound
        .await
        .map_err(|error| Failure::Failed(format!("cannot listen on {address}: {error}; free the port or set {key}")))
}

fn desk(config: &Config, store: Store, policies: PolicySet, aws: &Arc<AwsEks>, principals: Principals) -> Desk {
    let worker = &config.worker;
    let turns = Turns::new(store.clone(), worker.eks_calls_per_second, worker.operation_timeout);
    Desk {
        inventory: Inventory::new(Arc::new(Window::new(aws.clone(), turns))),
        store,
        policies: Policies::new(policies),
        directory: Arc::new(config.directory.clone()),
        clusters: Arc::new(config.clusters.iter().cloned().collect::<Clusters>()),
        principals,
        catalogue: Catalogues::default(),
        settings: Arc::new(settings(config)),
    }
}

fn settings(config: &Config) -> Settings {
    let (requests, verify, worker) = (&config.requests, &config.verify, &config.worker);
    Settings {
        installation: config.installation.clone(),
        limits: Limits {
            max_duration: requests.max_duration,
            allow_permanent: requests.allow_permanent,
            max_start_ahead: requests.max_start_ahead,
            reason_required: requests.reason_required,
            break_glass_max: requests.break_glass_max,
        },
        pending_ttl: requests.pending_ttl,
        max_pending_per_requester: i64::from(requests.max_pending_per_requester),
        tempo: Tempo {
            reads: i32::try_from(verify.reads).unwrap_or(i32::MAX),
            interval: verify.interval,
            settle: verify.settle,
            visibility: verify.visibility,
            drift_interval: worker.drift_interval,
        },
        verification_deadline: verify.deadline,
        apply_deadline: worker.apply_deadline,
        fresh_principal_grace: worker.fresh_principal_grace,
        lease: worker.lease,
        on_lost_quorum: match config.policy.on_lost_quorum {
            OnLostQuorum::Keep => workflow::OnLostQuorum::Keep,
            OnLostQuorum::End => workflow::OnLostQuorum::End,
        },
    }
}

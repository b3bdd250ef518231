//! A simulated AWS, as far as access entries need one: EKS, STS and IAM on one loopback socket, on the real wire
//! protocol, used through the real SDK clients (`AWS_ENDPOINT_URL` points all three at it).
//!
//! It is strict where EKS is strict: the order of checks, the error texts that have been measured, the replacing
//! `UpdateAccessEntry`, the raw-path routing. It shares no code with the product, so that its call log is an
//! independent witness of what the product did.
//!
//! - The access key id of a request's credential scope names the account (unknown static keys and unsigned calls: the
//!   default account), the scope's region the region. Keys from `AssumeRole` stand for their role and its account.
//! - Every role and user exists from its first mention on, under one path; until then IAM does not answer about it,
//!   because names tell no paths. `principals: "known"` closes the world.
//! - Everything random follows from `seed`; everything timed follows from a clock that tests may move or stop.
//!
//! # Control routes
//!
//! JSON in and out; mistakes are answered `{"error": "…"}`. `account` and `region` select a cluster of another place
//! than the default one.
//!
//! | route | what |
//! |---|---|
//! | `GET PUT /_sim/config` | the [`Knobs`]: `seed`, `lag`, `throttle`, `denied`, `principals`, `clusterUpdateMs`, `entryQuota`, `clientTokens`, `verifySignatures`. PUT changes what it names; `null` sets back to the default |
//! | `GET POST /_sim/clock` | `{"advanceMs": 5000}`, `{"frozen": true}`: move, stop or start the clock |
//! | `GET POST DELETE /_sim/faults`, `DELETE /_sim/faults/{id}` | one [`Fault`] per POST: `{"op": "*AccessEntry", "times": 1, "action": {"kind": "error", "status": 500, "code": "ServerException", "applied": true}}`; kinds `error`, `reset`, `hang`. DELETE lets go of the calls that hang |
//! | `GET DELETE /_sim/calls` | the call log, [`CallRecord`]s by arrival; `?op=&cluster=&principalArn=&after=` |
//! | `GET PUT DELETE /_sim/entries` | `?cluster=` the truth without lag; PUT `{cluster, principalArn, type?, username?, kubernetesGroups?, tags?, accessPolicies?, lagged?}` creates or edits behind everybody's back; DELETE `?cluster=&principalArn=` |
//! | `GET /_sim/authorizer` | `?cluster=&principalArn=`: what the cluster itself would let the principal do right now |
//! | `GET POST /_sim/clusters` | add a [`ClusterSpec`]; one of the same place and name goes with everything in it |
//! | `POST DELETE /_sim/clusters/{name}` | `{"status": "DELETING", "authenticationMode": "API", "platformVersion": "eks.1"}` |
//! | `GET PUT /_sim/principals` | `{"arn": "…", "exists": false}`, `"recreate": true`, `"visibleToEksInMs": 5000`, `"externalId": "…"` |
//! | `POST /_sim/keys` | `{"accessKeyId": "…", "account": "…"}` |
//!
//! `lag` has one entry per view: `describe`, `list`, `policies` (`ListAssociatedAccessPolicies`), `index`
//! (`ListAccessEntries` by policy), `write` (the look-up that writes start with) and `authorizer`; each is a number of
//! milliseconds or `{"minMs": 0, "maxMs": 30000}`, drawn per write. With `nonMonotonic` each read within a window asks
//! a random replica.

mod arn;
mod call;
mod caller;
mod catalogue;
mod clock;
mod cluster;
mod clusters;
mod control;
mod entries;
mod entry;
mod faults;
mod iam;
mod iam_api;
mod knobs;
mod lag;
mod log;
mod page;
mod policies;
mod reads;
mod refusal;
mod route;
mod rules;
mod server;
mod sigv4;
mod state;
mod sts;
mod tags;
mod throttle;
mod tokens;
mod wire;
mod world;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::DropGuard;

pub use cluster::{AuthenticationMode, ClusterStatus};
pub use faults::{Action, Fault};
pub use knobs::{Denial, Knobs, Principals};
pub use lag::{Lag, Lags};
pub use log::CallRecord;
pub use sigv4::secret_of;
pub use throttle::Throttle;
pub use world::{ClusterSpec, DEFAULT_ACCOUNT, DEFAULT_REGION, World};

use server::{Door, Shared};

/// A running simulator. Dropping it stops it; [`Sim::shutdown`] waits for the calls under way as well.
#[derive(Debug)]
pub struct Sim {
    addr: SocketAddr,
    shared: Shared,
    server: JoinSet<io::Result<()>>,
    _stop: DropGuard,
}

impl Sim {
    /// Starts on `listen` (port 0 takes a free one) in the state that `world` describes.
    ///
    /// # Errors
    /// The address cannot be bound, or (`InvalidInput`) the world makes no sense.
    pub async fn start(listen: SocketAddr, world: World) -> io::Result<Self> {
        let state = state::State::new(&world).map_err(|reason| io::Error::new(io::ErrorKind::InvalidInput, reason))?;
        let listener = TcpListener::bind(listen).await?;
        let addr = listener.local_addr()?;
        let shared = Shared::new(state);
        let app = control::router(shared.clone()).into_make_service_with_connect_info::<server::Connection>();
        let stop = shared.stop.clone();
        let mut server = JoinSet::new();
        server.spawn(
            async move { axum::serve(Door(listener), app).with_graceful_shutdown(stop.cancelled_owned()).await },
        );
        let guard = shared.stop.clone().drop_guard();
        Ok(Self { addr, shared, server, _stop: guard })
    }

    /// Where it listens.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What `AWS_ENDPOINT_URL` must be.
    #[must_use]
    pub fn endpoint_url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Every call so far, by arrival.
    #[must_use]
    pub fn calls(&self) -> Vec<CallRecord> {
        self.shared.lock().log.calls().to_vec()
    }

    /// Moves the simulator's clock forward, past a lag window for instance.
    pub fn advance(&self, by: Duration) {
        let ms = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.shared.lock().clock.advance(ms);
    }

    /// Adds a fault; returns its id.
    pub fn inject(&self, fault: Fault) -> u64 {
        self.shared.lock().faults.add(fault).id
    }

    /// Ends all faults, and lets go of the calls they hold.
    pub fn heal(&self) {
        self.shared.heal();
    }

    /// Turns knobs, as `PUT /_sim/config` does.
    pub fn configure(&self, turn: impl FnOnce(&mut Knobs)) {
        self.shared.lock().configure(turn);
    }

    /// Stops taking connections, lets hanging calls go, and waits for the rest, but not for peers that keep half a
    /// request open.
    ///
    /// # Errors
    /// What the listener ran into.
    pub async fn shutdown(mut self) -> io::Result<()> {
        self.shared.stop.cancel();
        self.shared.calls.close();
        self.shared.calls.wait().await;
        match tokio::time::timeout(Duration::from_secs(5), self.server.join_next()).await {
            Ok(Some(Ok(result))) => result,
            Ok(Some(Err(failure))) => Err(io::Error::other(failure)),
            Ok(None) | Err(_) => Ok(()),
        }
    }
}

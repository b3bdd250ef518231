//! A simulated AWS, as far as access entries need one: EKS, STS and IAM on one loopback socket, on the real wire
//! protocol, used through the real SDK clients.

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
pub use throttle::Throttle;
pub use world::{ClusterSpec, DEFAULT_ACCOUNT, DEFAULT_REGION, World};

use server::{Door, Shared};

/// A running simulator. Dropping it stops it at once; [`Sim::shutdown`] lets the calls under way finish.
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

    /// Stops taking connections, lets hanging calls go, and waits for the rest.
    ///
    /// # Errors
    /// What the listener ran into.
    pub async fn shutdown(mut self) -> io::Result<()> {
        self.shared.stop.cancel();
        self.shared.calls.close();
        self.shared.calls.wait().await;
        match self.server.join_next().await {
            Some(Ok(result)) => result,
            Some(Err(failure)) => Err(io::Error::other(failure)),
            None => Ok(()),
        }
    }
}

//! A simulated EKS of one's own per test, which checks signatures, and the adapter on it.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use entryway::eks::aws::AwsEks;
use entryway::sandbox::sim::{Action, CallRecord, Fault, Knobs, Sim, World};

use super::adapter;

/// Short, because a test waits for it, and still far above what an answer takes.
pub(super) const OPERATION_TIMEOUT: Duration = Duration::from_secs(2);

pub(super) struct Bed {
    pub(super) sim: Sim,
    pub(super) eks: AwsEks,
}

impl Bed {
    /// The sandbox's world.
    pub(super) async fn new() -> Self {
        Self::with(Knobs::default()).await
    }

    /// The sandbox's world, behaving like this.
    pub(super) async fn with(knobs: Knobs) -> Self {
        Self::of(World::default(), knobs).await
    }

    /// This world, behaving like this.
    pub(super) async fn of(world: World, knobs: Knobs) -> Self {
        let world = world.knobs(Knobs { verify_signatures: true, ..knobs });
        let sim = Sim::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), world).await.unwrap();
        let eks = adapter(&sim.endpoint_url(), OPERATION_TIMEOUT);
        Self { sim, eks }
    }

    /// Lets `action` strike every call from now on.
    pub(super) fn strike(&self, action: Action) {
        let every = Fault {
            id: 0,
            op: None,
            account: None,
            region: None,
            cluster: None,
            principal_arn: None,
            policy_arn: None,
            skip: 0,
            times: None,
            probability: 1.0,
            action,
            struck: 0,
        };
        self.sim.inject(every);
    }

    /// The one call that was made; fails when there were more, which nobody asked for.
    #[track_caller]
    pub(super) fn only_call(&self) -> CallRecord {
        let calls = self.sim.calls();
        let [call] = &calls[..] else { panic!("one call was asked for, these were made: {calls:?}") };
        call.clone()
    }

    /// Asks the simulator itself for something (`PUT /_sim/…`).
    pub(super) async fn control(&self, path: &str, body: serde_json::Value) {
        self.ask(reqwest::Method::PUT, path, body).await;
    }

    /// The same by `POST`.
    pub(super) async fn post(&self, path: &str, body: serde_json::Value) {
        self.ask(reqwest::Method::POST, path, body).await;
    }

    async fn ask(&self, method: reqwest::Method, path: &str, body: serde_json::Value) {
        let http = reqwest::Client::builder().timeout(OPERATION_TIMEOUT).no_proxy().build().unwrap();
        let url = format!("{}/_sim/{path}", self.sim.endpoint_url());
        http.request(method, url).json(&body).send().await.unwrap().error_for_status().unwrap();
    }
}

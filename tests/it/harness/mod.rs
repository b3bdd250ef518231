//! A test bed: a database of its own, the simulated EKS behind the real SDK client, the starter policies, the demo
//! people, and a clock that only the test moves.

pub(crate) mod database;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use entryway::app::{IamRegistry, Window};
use entryway::clock::{Clock, ManualClock};
use entryway::domain::ask::{Ask, AskedPolicy};
use entryway::domain::cluster::{Cluster, DriftMode, ExistingEntries};
use entryway::domain::event::Event;
use entryway::domain::identity::{Caller, Directory, Via};
use entryway::domain::reconcile::Tempo;
use entryway::domain::request::Request;
use entryway::domain::review::Decision;
use entryway::domain::rules::Limits;
use entryway::domain::states::RequestState;
use entryway::eks::aws::{AwsEks, AwsOptions, StaticCredentials};
use entryway::policy::PolicySet;
use entryway::sandbox::sim::{Sim, World};
use entryway::worker::{Pace, Turns, Worker};
use entryway::workflow::standing::{Act, Details, Target};
use entryway::workflow::{
    Catalogues, Clusters, Desk, Inventory, OnLostQuorum, Outcome, Policies, Principals, Settings, WorkflowError,
};
use entryway::workflow::{extend, relinquish, retry, review, revoke, submit, withdraw};
use uuid::Uuid;

pub(crate) const ROLE: &str = "arn:aws:iam::111122223333:role/dev/apps/my-role";
pub(crate) const ACCOUNT: &str = "111122223333";
pub(crate) const REGION: &str = "eu-central-1";

/// The start of every test's time.
pub(crate) fn start() -> DateTime<Utc> {
    "2026-06-01T12:00:00Z".parse().unwrap()
}

pub(crate) struct Bed {
    pub(crate) url: String,
    pub(crate) hands: ManualClock,
    pub(crate) sim: Sim,
    pub(crate) desk: Desk,
    pub(crate) worker: Worker<AwsEks>,
    /// From which moment of the simulator's on the test's clock showed what: the simulator's also runs by itself.
    passed: Mutex<Vec<(i64, DateTime<Utc>)>>,
}

impl Bed {
    pub(crate) async fn new() -> Self {
        Self::with(World::default(), |_| {}).await
    }

    /// A bed in `world`, with the desk changed by `change`.
    pub(crate) async fn with(world: World, change: impl FnOnce(&mut Desk)) -> Self {
        Self::on(database::fresh().await, world, change).await
    }

    /// A bed on the database at `url`.
    pub(crate) async fn on(url: String, world: World, change: impl FnOnce(&mut Desk)) -> Self {
        let (clock, hands) = Clock::manual(start());
        let sim = Sim::start(SocketAddr::from(([127, 0, 0, 1], 0)), world.principal(ROLE)).await.unwrap();
        let mut desk = desk(database::connect(&url, clock), &sim);
        change(&mut desk);
        let worker = Worker::new(desk.clone(), Arc::new(eks(&sim)), pace());
        Self { url, hands, sim, desk, worker, passed: Mutex::default() }
    }

    /// Another process on the same database and the same EKS.
    pub(crate) fn another_worker(&self) -> Worker<AwsEks> {
        self.another_on(&self.url)
    }

    /// As [`Bed::another_worker`], on the database at `url`.
    pub(crate) fn another_on(&self, url: &str) -> Worker<AwsEks> {
        let clock = self.desk.store.clock().clone();
        let desk = Desk { store: database::connect(url, clock), ..self.desk.clone() };
        Worker::new(desk, Arc::new(eks(&self.sim)), pace())
    }

    pub(crate) fn caller(&self, user: &str) -> Caller {
        Caller { identity: self.desk.directory.identity(user), submitted_by: None, via: Via::Api, source_ip: None }
    }

    pub(crate) async fn file(&self, user: &str, ask: Ask) -> Request {
        self.try_file(user, ask).await.unwrap_or_else(|error| panic!("{error:?}"))
    }

    pub(crate) async fn try_file(&self, user: &str, ask: Ask) -> Result<Request, WorkflowError> {
        let outcome = submit::submit(&self.desk, &self.caller(user), vec![ask], None).await?;
        Ok(only(outcome).request)
    }

    pub(crate) async fn review(&self, user: &str, id: Uuid, decision: Decision) -> Result<Details, WorkflowError> {
        let caller = self.caller(user);
        let comment = (decision == Decision::Deny).then(|| "not today".to_owned());
        let act = Act { caller: &caller, target: Target { id, version: None }, reason: comment, once: None };
        review::review(&self.desk, act, review::Verdict { decision, spec_digest: None }).await.map(only)
    }

    pub(crate) async fn approve(&self, user: &str, id: Uuid) -> Details {
        self.review(user, id, Decision::Approve).await.unwrap_or_else(|error| panic!("{error:?}"))
    }

    /// Files and approves; the worker has not seen it yet.
    pub(crate) async fn granted(&self, ask: Ask) -> Request {
        let request = self.file("alice", ask).await;
        self.approve("bob", request.id).await.request
    }

    pub(crate) async fn revoke(&self, user: &str, id: Uuid) -> Result<Details, WorkflowError> {
        let caller = self.caller(user);
        revoke::revoke(&self.desk, act(&caller, id)).await.map(only)
    }

    pub(crate) async fn relinquish(&self, user: &str, id: Uuid) -> Result<Details, WorkflowError> {
        let caller = self.caller(user);
        relinquish::relinquish(&self.desk, act(&caller, id)).await.map(only)
    }

    pub(crate) async fn withdraw(&self, user: &str, id: Uuid) -> Result<Details, WorkflowError> {
        let caller = self.caller(user);
        withdraw::withdraw(&self.desk, act(&caller, id)).await.map(only)
    }

    pub(crate) async fn retry(&self, user: &str, id: Uuid) -> Result<Details, WorkflowError> {
        let caller = self.caller(user);
        retry::retry(&self.desk, act(&caller, id)).await.map(only)
    }

    pub(crate) async fn extend(&self, user: &str, id: Uuid, duration: &str) -> Result<Details, WorkflowError> {
        let caller = self.caller(user);
        extend::extend(&self.desk, act(&caller, id), Some(duration.to_owned())).await.map(only)
    }

    pub(crate) async fn get(&self, id: Uuid) -> Details {
        self.desk.get(&self.caller("bob"), id).await.unwrap()
    }

    /// The story of a request, as `user` may read it.
    pub(crate) async fn timeline(&self, user: &str, id: Uuid) -> Vec<Event> {
        self.desk.events(&self.caller(user), id, 0, 10_000).await.unwrap().events
    }

    pub(crate) async fn state(&self, id: Uuid) -> RequestState {
        self.get(id).await.request.state
    }

    /// Lets time pass, for Entryway and for EKS.
    pub(crate) fn pass(&self, time: TimeDelta) {
        self.hands.advance(time);
        let mut passed = self.passed.lock().unwrap();
        self.sim.advance(time.to_std().unwrap());
        let ahead = (self.hands.now() - start()).num_milliseconds();
        passed.push((Utc::now().timestamp_millis() + ahead, self.hands.now()));
    }

    /// What the test's clock showed at a moment of the simulator's. Holds where all time passed by [`Bed::pass`].
    pub(crate) fn at(&self, ms: i64) -> DateTime<Utc> {
        let passed = self.passed.lock().unwrap();
        let index = passed.partition_point(|(from, _)| *from <= ms);
        index.checked_sub(1).map_or_else(start, |index| passed[index].1)
    }

    /// Lets the worker do everything that is due now.
    pub(crate) async fn work(&self) {
        self.work_with(&self.worker).await;
    }

    pub(crate) async fn work_with(&self, worker: &Worker<AwsEks>) {
        for _ in 0..200 {
            if worker.turn().await.unwrap() == 0 {
                return;
            }
        }
        panic!("the worker is never done with what is due now");
    }

    /// Works, and lets time pass from one due moment to the next, until `id` is in `state`.
    pub(crate) async fn until(&self, id: Uuid, state: RequestState) -> Details {
        for _ in 0..400 {
            self.work().await;
            let details = self.get(id).await;
            if details.request.state == state {
                return details;
            }
            assert!(
                details.request.state.can_reach(state),
                "{state:?} cannot be reached from {:?}: {:?}",
                details.request.state,
                details.request.last_error
            );
            self.pass(self.next_due().await.unwrap_or(TimeDelta::seconds(1)).max(TimeDelta::milliseconds(1)));
        }
        panic!("never {state:?}: {:#?}", self.get(id).await.request);
    }

    pub(crate) async fn next_due(&self) -> Option<TimeDelta> {
        entryway::store::entries::next_due(&self.desk.store, &[]).await.unwrap()
    }

    /// The entry as it truly is, whatever reads show.
    pub(crate) async fn truth(&self, cluster: &str, principal: &str) -> Option<serde_json::Value> {
        let url = format!("{}/_sim/entries?cluster={cluster}", self.sim.endpoint_url());
        let all: serde_json::Value = http().get(url).send().await.unwrap().json().await.unwrap();
        let all = all["entries"].as_array().cloned().unwrap_or_else(|| panic!("{all}"));
        all.into_iter().find(|entry| entry["principalArn"] == principal)
    }

    /// The writes EKS has taken, in order: `CreateAccessEntry`, ….
    pub(crate) fn writes(&self) -> Vec<String> {
        self.sim.calls().into_iter().filter(|call| call.applied).map(|call| call.op).collect()
    }
}

pub(crate) fn http() -> reqwest::Client {
    reqwest::Client::builder().timeout(Duration::from_secs(30)).build().unwrap()
}

fn act(caller: &Caller, id: Uuid) -> Act<'_> {
    Act { caller, target: Target { id, version: None }, reason: Some("for a test".to_owned()), once: None }
}

fn only(outcome: Outcome) -> Details {
    match outcome {
        Outcome::Fresh(mut details) => details.remove(0),
        Outcome::Replayed(answer) => panic!("nothing was to be replayed: {answer:?}"),
    }
}

/// `AmazonEKSViewPolicy` in one namespace of `dev`, for eight hours.
pub(crate) fn view(namespace: &str) -> Ask {
    policy("AmazonEKSViewPolicy", &[namespace])
}

/// `name` in `namespaces` of `dev` (none: the whole cluster), for eight hours.
pub(crate) fn policy(name: &str, namespaces: &[&str]) -> Ask {
    let scope_type = if namespaces.is_empty() { "cluster" } else { "namespace" };
    Ask {
        cluster_name: "dev".to_owned(),
        principal_arn: ROLE.to_owned(),
        access_policies: vec![AskedPolicy {
            policy_arn: name.to_owned(),
            scope_type: Some(scope_type.to_owned()),
            namespaces: (!namespaces.is_empty()).then(|| namespaces.iter().map(|name| (*name).to_owned()).collect()),
        }],
        reason: Some("a test needs it".to_owned()),
        // One minute more than what the starter policies let through without a sign-off on dev.
        duration: Some("481m".to_owned()),
        ..Ask::default()
    }
}

pub(crate) fn pace() -> Pace {
    Pace {
        concurrency: 8,
        poll_interval: Duration::from_secs(1),
        // The clock of a test stands still, and with it the bucket of turns: this lasts for any test.
        calls_per_second: 1_000_000,
        patience: Duration::from_secs(5),
    }
}

pub(crate) fn eks(sim: &Sim) -> AwsEks {
    patient_eks(sim, Duration::from_secs(5))
}

/// A client that waits for so long for an answer.
pub(crate) fn patient_eks(sim: &Sim, operation_timeout: Duration) -> AwsEks {
    AwsEks::new(AwsOptions {
        endpoint_url: Some(sim.endpoint_url()),
        static_credentials: Some(StaticCredentials {
            access_key_id: "AKIATESTTESTTESTTEST".to_owned(),
            secret_access_key: "not-a-secret".into(),
        }),
        operation_timeout,
        installation: "tests".to_owned(),
    })
}

pub(crate) fn desk(store: entryway::store::Store, sim: &Sim) -> Desk {
    let mut directory = Directory::default();
    for (group, people) in [
        ("engineering", &["alice", "dan"][..]),
        ("sre", &["bob", "carol"]),
        ("security", &["carol"]),
        ("auditors", &["olga"]),
    ] {
        for person in people {
            directory.add_member(person, group);
        }
    }
    directory.add_user("portal", true);
    let policies = PolicySet::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("policies")).unwrap();
    let turns = Turns::new(store.clone(), pace().calls_per_second, pace().patience);
    Desk {
        inventory: Inventory::new(Arc::new(Window::new(Arc::new(eks(sim)), turns))),
        store,
        policies: Policies::new(policies),
        directory: Arc::new(directory),
        principals: Principals::new(Arc::new(IamRegistry::new(eks(sim).iam()))),
        clusters: Arc::new(["dev", "prod", "legacy"].into_iter().map(cluster).collect::<Clusters>()),
        catalogue: Catalogues::default(),
        settings: Arc::new(settings()),
    }
}

pub(crate) fn cluster(name: &str) -> Cluster {
    Cluster {
        name: name.to_owned(),
        eks_name: name.to_owned(),
        region: REGION.to_owned(),
        account_id: ACCOUNT.to_owned(),
        role_arn: None,
        external_id: None,
        environment: name.to_owned(),
        labels: [].into(),
        existing_entries: ExistingEntries::Refuse,
        drift: DriftMode::Repair,
        protected_principals: [].into(),
        allowed_principal_accounts: [ACCOUNT.to_owned()].into(),
    }
}

pub(crate) fn settings() -> Settings {
    Settings {
        installation: "tests".to_owned(),
        limits: Limits {
            max_duration: TimeDelta::days(7),
            allow_permanent: true,
            max_start_ahead: TimeDelta::days(30),
            reason_required: true,
            break_glass_max: TimeDelta::hours(1),
        },
        pending_ttl: TimeDelta::hours(72),
        max_pending_per_requester: 50,
        tempo: Tempo {
            reads: 3,
            interval: TimeDelta::seconds(2),
            settle: TimeDelta::seconds(15),
            visibility: TimeDelta::seconds(60),
            drift_interval: TimeDelta::minutes(10),
        },
        verification_deadline: TimeDelta::minutes(5),
        apply_deadline: TimeDelta::hours(24),
        fresh_principal_grace: TimeDelta::minutes(2),
        lease: TimeDelta::seconds(60),
        on_lost_quorum: OnLostQuorum::Keep,
    }
}

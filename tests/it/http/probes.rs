//! Is it there, can it work, how are things: with the API, and in a process that only works.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use entryway::api;
use entryway::app::{Roles, Service};
use entryway::clock::Clock;
use entryway::config::{Config, Origin};
use entryway::lifecycle::Signals;
use entryway::sandbox::config::SandboxConfig;
use entryway::workflow::Desk;
use reqwest::Method;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::bed::{Api, ask, serve, state};
use crate::harness::database;

#[tokio::test]
async fn the_probes_are_for_everybody() {
    let api = Api::new().await;
    let live = api.call(Method::GET, "/livez").await.is(200);
    assert_eq!(live.body, json!({"status": "ok", "detail": null}));
    let ready = api.call(Method::GET, "/readyz").await.is(200);
    assert_eq!(ready.body, json!({"status": "ready", "detail": null}));
}

#[tokio::test]
async fn figures_are_for_those_who_may_audit() {
    let api = Api::new().await;
    api.file("alice", &ask(json!({}))).await;
    api.get("alice", "/metrics").await.fails(403, "forbidden");
    let figures = api.get("olga", "/metrics").await.is(200);
    assert!(figures.header("content-type").unwrap().starts_with("text/plain"));
    for line in [
        "entryway_requests{state=\"pending\"} 1",
        "entryway_requests{state=\"active\"} 0",
        "# TYPE entryway_build_info gauge",
    ] {
        assert!(figures.text.lines().any(|known| known == line), "{line}: {}", figures.text);
    }
    assert!(!figures.text.contains("alice") && !figures.text.contains("arn:"), "nobody is named");
}

#[tokio::test]
async fn without_postgres_it_lives_and_is_not_ready_and_says_so_in_problems() {
    let api = Api::new().await;
    let nowhere = database::connect("postgres://nobody@127.0.0.1:1/nothing", Clock::database());
    let stop = CancellationToken::new();
    let base = serve(api::router(state(&Desk { store: nowhere, ..api.bed.desk.clone() }, &stop)), &stop).await;
    api.call(Method::GET, &format!("{base}/livez")).await.is(200);
    let ready = api.call(Method::GET, &format!("{base}/readyz")).await.is(503);
    assert_eq!(ready.body["status"], "unavailable");
    let calls = [
        api.get("alice", &format!("{base}/v1/requests")),
        api.get("alice", &format!("{base}/v1/requests/{}", Uuid::nil())),
        api.post("alice", &format!("{base}/v1/requests")).json(&ask(json!({}))),
        api.get("alice", &format!("{base}/v1/clusters")),
        // Who fails to show a token is turned away by what this process knows.
        api.get("mallory", &format!("{base}/v1/me")),
    ];
    let mut codes = vec![];
    for call in calls.map(|call| tokio::spawn(call.into_future())) {
        codes.push(call.await.unwrap().code().to_owned());
    }
    assert_eq!(codes, ["unavailable", "unavailable", "unavailable", "unavailable", "unauthenticated"]);
    api.get("alice", &format!("{base}/v1/me")).await.is(200);
    stop.cancel();
}

#[tokio::test]
async fn a_process_that_stops_is_not_ready() {
    let api = Api::new().await;
    let stop = CancellationToken::new();
    // The listener goes on, as it does for calls that have arrived.
    let base = serve(api::router(state(&api.bed.desk, &stop)), &api.stop).await;
    stop.cancel();
    let ready = api.call(Method::GET, &format!("{base}/readyz")).await.is(503);
    assert_eq!(ready.body["status"], "stopping");
    api.call(Method::GET, &format!("{base}/livez")).await.is(200);
}

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn a_worker_alone_answers_its_probes_and_nothing_else() {
    let api = Api::new().await;
    let folder = Folder(std::env::temp_dir().join(format!("entryway-probes-{}", Uuid::new_v4())));
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let sim_url = api.bed.sim.endpoint_url();
    let config = SandboxConfig { listen, database_url: &api.bed.url, sim_url: &sim_url }.write(&folder.0).unwrap();
    let metrics = ("ENTRYWAY__SERVER__METRICS_LISTEN".to_owned(), "127.0.0.1:0".to_owned());
    let config = Config::load(Some(&config), [metrics], Origin::Sandbox).unwrap_or_else(|errors| panic!("{errors}"));
    let only_worker = Roles { api: false, worker: true };
    let service = Service::start(&config, None, only_worker).await.unwrap_or_else(|error| panic!("{error}"));
    let (base, figures) = (format!("http://{}", service.addr), format!("http://{}", service.metrics_addr.unwrap()));
    let (stop, mut signals) = (service.stopper(), Signals::listen().unwrap());
    let asking = async {
        api.call(Method::GET, &format!("{base}/livez")).await.is(200);
        api.call(Method::GET, &format!("{base}/readyz")).await.is(200);
        api.call(Method::GET, &format!("{base}/metrics")).await.fails(401, "unauthenticated");
        assert!(api.get("bob", &format!("{base}/metrics")).await.is(200).text.contains("entryway_requests"));
        for path in ["/", "/v1/requests", "/v1/me", "/docs/", "/openapi.json", "/problems"] {
            api.get("bob", &format!("{base}{path}")).await.fails(404, "not-found");
        }
        let own = api.call(Method::GET, &format!("{figures}/metrics")).await.is(200);
        assert!(own.text.contains("entryway_requests"), "on its own listener it is for whoever reaches it");
        for path in ["/", "/livez", "/v1/me"] {
            api.get("bob", &format!("{figures}{path}")).await.fails(404, "not-found");
        }
        stop();
    };
    let running = tokio::time::timeout(Duration::from_secs(60), service.run(&mut signals));
    let (ended, ()) = tokio::join!(running, asking);
    assert!(matches!(ended, Ok(Ok(()))), "{ended:?}");
}

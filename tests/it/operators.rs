//! What operators are given (deploy/kubernetes, docs/OPERATIONS.md), held against what the service really says. That it is sound
//! YAML, and safe, is tests/clients/test_deploy.py.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use entryway::config::{Config, Origin};
use uuid::Uuid;

use crate::docs::anchors;
use crate::http::every_figure;

const OVERLAY: &str = "deploy/kubernetes/overlays/example";

fn at(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn read(name: &str) -> String {
    fs::read_to_string(at(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Every word of `text` that looks like a figure of Entryway's.
fn figures_in(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    // A role of Postgres.
    words.filter(|word| word.starts_with("entryway_") && *word != "entryway_service").map(str::to_owned).collect()
}

/// The figures that a service says it has, by what kind they are.
fn kinds(figures: &str) -> BTreeMap<String, String> {
    let lines = figures.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let kinds: Vec<_> = lines.map(|line| line.split_once(' ').unwrap()).collect();
    let all: BTreeMap<_, _> = kinds.iter().map(|(name, kind)| ((*name).to_owned(), (*kind).to_owned())).collect();
    assert_eq!(all.len(), kinds.len(), "each figure is told once: {kinds:?}");
    all
}

#[tokio::test]
async fn alerts_the_dashboard_and_the_runbook_name_the_figures_that_there_are_and_all_of_them() {
    let text = every_figure().await;
    let kinds = kinds(&text);
    let helped = text.lines().filter(|line| line.starts_with("# HELP ")).count();
    assert_eq!(helped, kinds.len(), "each says what it is: {text}");
    let real = |name: &String| {
        let base = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
        let histogram = kinds.get(base).is_some_and(|kind| kind == "histogram");
        if histogram { base.to_owned() } else { name.clone() }
    };
    let names = |page: &str| figures_in(&read(page)).iter().map(real).collect::<BTreeSet<_>>();
    let (alerts, dashboard) =
        (names("deploy/kubernetes/monitoring/alerts.yaml"), names("deploy/kubernetes/monitoring/dashboard.json"));
    let all: BTreeSet<_> = kinds.keys().cloned().collect();
    assert_eq!(names("docs/OPERATIONS.md"), all, "docs/OPERATIONS.md and GET /metrics");
    assert_eq!(dashboard, all, "the dashboard and GET /metrics");
    assert!(alerts.is_subset(&all), "{:?}", alerts.difference(&all));
    assert!(alerts.len() > 15, "{alerts:?}");
}

/// A dashboard is JSON, and each of its panels asks something; an alert leads to a part of a page that is there.
#[test]
fn every_panel_asks_something_and_every_alert_leads_somewhere() {
    let dashboard: serde_json::Value =
        serde_json::from_str(&read("deploy/kubernetes/monitoring/dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        let targets = panel["targets"].as_array().unwrap();
        let asks = |target: &serde_json::Value| !figures_in(target["expr"].as_str().unwrap()).is_empty();
        assert!(!targets.is_empty() && targets.iter().all(asks), "{panel}");
    }
    let alerts = read("deploy/kubernetes/monitoring/alerts.yaml");
    let (rules, runbooks) = (alerts.matches("- alert: ").count(), alerts.matches(" runbook: ").count());
    assert!(rules > 15 && rules == runbooks, "{rules} alerts, {runbooks} runbooks");
    for runbook in alerts.lines().filter_map(|line| line.trim().strip_prefix("runbook: ")) {
        let (page, anchor) = runbook.split_once('#').unwrap_or((runbook, ""));
        let text = read(page);
        assert!(anchor.is_empty() || anchors(&text).contains(anchor), "{runbook}");
    }
}

/// The environment that `deployment.yaml` sets, written as it is there.
fn environment(manifest: &str) -> Vec<(String, String)> {
    let mut lines = manifest.lines().map(str::trim);
    let mut found = vec![];
    while let Some(line) = lines.next() {
        if let Some(name) = line.strip_prefix("- name: ").filter(|name| name.starts_with("ENTRYWAY")) {
            let value = lines.next().and_then(|line| line.strip_prefix("value: ")).unwrap();
            found.push((name.to_owned(), value.trim_matches('"').to_owned()));
        }
    }
    found
}

#[test]
fn the_configuration_of_the_overlay_is_sound_with_what_the_deployment_sets() {
    let folder = std::env::temp_dir().join(format!("entryway-overlay-{}", Uuid::new_v4()));
    fs::create_dir_all(folder.join("policies")).unwrap();
    fs::write(folder.join("url"), "postgres://entryway_service@postgres.example.com/entryway").unwrap();
    let mut set = environment(&read("deploy/kubernetes/base/deployment.yaml"));
    assert_eq!(set.len(), 5, "{set:?}");
    for (_, value) in &mut set {
        *value = value.replace("/etc/entryway/database/url", folder.join("url").to_str().unwrap());
        *value = value.replace("/etc/entryway/policies", folder.join("policies").to_str().unwrap());
    }
    let loaded = Config::load(Some(&at(OVERLAY).join("entryway.toml")), set, Origin::Production);
    fs::remove_dir_all(&folder).unwrap();
    let config = loaded.unwrap_or_else(|errors| panic!("{errors}"));
    assert!(!config.database.migrate, "that is for the Job");
    assert_eq!((config.server.listen.port(), config.server.metrics_listen.unwrap().port()), (8080, 9090));
}

/// What the component for traces adds to the example: where the collector is, and the way there.
#[test]
fn with_traces_the_pods_know_a_collector_and_may_reach_it() {
    let folder = std::env::temp_dir().canonicalize().unwrap().join(format!("entryway-traces-{}", Uuid::new_v4()));
    fs::create_dir(&folder).unwrap();
    let up = "../".repeat(folder.components().count() - 1);
    let here = |name: &str| format!("{up}{}", at(name).strip_prefix("/").unwrap().display());
    let (example, traces) = (here(OVERLAY), here("deploy/kubernetes/traces"));
    let text = format!(
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [{example}]\ncomponents: [{traces}]\n"
    );
    fs::write(folder.join("kustomization.yaml"), text).unwrap();
    let rendered = Command::new("kubectl").arg("kustomize").arg(&folder).output();
    fs::remove_dir_all(&folder).unwrap();
    let Ok(rendered) = rendered else {
        eprintln!("skipped: there is no kubectl here to render with");
        return;
    };
    assert!(rendered.status.success(), "{}", String::from_utf8_lossy(&rendered.stderr));
    let rendered = String::from_utf8(rendered.stdout).unwrap();
    let words: Vec<_> = rendered.split_whitespace().collect();
    let set = ["OTEL_EXPORTER_OTLP_ENDPOINT", "value:", "http://collector.observability:4318"];
    assert_eq!(words.windows(3).filter(|words| *words == set).count(), 1, "{rendered}");
    assert_eq!(words.windows(2).filter(|words| *words == ["port:", "4318"]).count(), 1, "{rendered}");
}

#[test]
fn kustomize_renders_the_example() {
    let Ok(rendered) = Command::new("kubectl").arg("kustomize").arg(at(OVERLAY)).output() else {
        eprintln!("skipped: there is no kubectl here to render {OVERLAY} with");
        return;
    };
    assert!(rendered.status.success(), "{}", String::from_utf8_lossy(&rendered.stderr));
    let rendered = String::from_utf8(rendered.stdout).unwrap();
    let mut kinds: Vec<_> = rendered.lines().filter_map(|line| line.strip_prefix("kind: ")).collect();
    kinds.sort_unstable();
    let expected = [
        "ConfigMap",
        "ConfigMap",
        "ConfigMap",
        "Deployment",
        "Job",
        "Namespace",
        "NetworkPolicy",
        "NetworkPolicy",
        "NetworkPolicy",
        "PodDisruptionBudget",
        "PodMonitor",
        "PrometheusRule",
        "Service",
        "ServiceAccount",
        "ServiceAccount",
    ];
    assert_eq!(kinds, expected);
    assert!(rendered.contains("image: registry.example.com/entryway:0.1.0"));
    assert!(rendered.contains("eks.amazonaws.com/role-arn: arn:aws:iam::999988887777:role/entryway"));
    assert_eq!(rendered.matches("cidr: 10.20.30.0/24").count(), 2, "both reach Postgres where the overlay says");
    assert!(!rendered.contains("cidr: 10.0.0.0/8"), "and nowhere else");
}

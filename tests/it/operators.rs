//! What operators watch and read (the alerts, the dashboard, docs/OPERATIONS.md), held against what the service really says.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::docs::sections;
use crate::http::every_figure;

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name))
        .unwrap_or_else(|error| panic!("{name}: {error}"))
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

/// A dashboard is JSON, and each of its panels asks something.
#[test]
fn every_panel_asks_something() {
    let dashboard: serde_json::Value =
        serde_json::from_str(&read("deploy/kubernetes/monitoring/dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        let targets = panel["targets"].as_array().unwrap();
        let asks = |target: &serde_json::Value| !figures_in(target["expr"].as_str().unwrap()).is_empty();
        assert!(!targets.is_empty() && targets.iter().all(asks), "{panel}");
    }
}

/// Whoever is woken up finds what woke them where the alert sends them: that part of the page is there, and names a figure that
/// the alert goes by.
#[test]
fn every_alert_leads_to_words_about_what_it_watches() {
    let alerts = read("deploy/kubernetes/monitoring/alerts.yaml");
    let mut seen = BTreeSet::new();
    for alert in alerts.split("- alert: ").skip(1) {
        let name = alert.lines().next().unwrap();
        let runbook = alert.split("runbook: ").nth(1).unwrap_or_else(|| panic!("{name} leads nowhere"));
        let runbook = runbook.lines().next().unwrap();
        let (page, anchor) = runbook.split_once('#').unwrap_or((runbook, ""));
        let text = read(page);
        let words = if anchor.is_empty() { Some(&text) } else { None };
        let parts = sections(&text);
        let words = words.or_else(|| parts.get(anchor)).unwrap_or_else(|| panic!("{name}: there is no {runbook}"));
        let expression = alert.split("expr: ").nth(1).unwrap().split("annotations:").next().unwrap();
        let watched: BTreeSet<_> =
            figures_in(expression).into_iter().map(|name| name.trim_end_matches("_bucket").to_owned()).collect();
        let told = figures_in(words);
        assert!(!watched.is_disjoint(&told), "{name} watches {watched:?}, of which {runbook} says nothing");
        assert!(seen.insert(name.to_owned()), "{name} is there twice");
    }
    assert!(seen.len() > 15, "{seen:?}");
}

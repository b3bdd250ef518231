//! The documents, held against what they tell of.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use entryway::config::{Config, Origin};
use entryway::domain::event::EventType;
use entryway::domain::rules::{Code, WarningCode};
use entryway::domain::states::{EndReason, RequestState, TRANSITIONS};
use entryway::domain::trouble::Trouble;

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name))
        .unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// `docs/STATES.md`, from the table that the code and the database go by.
fn states() -> String {
    let mut text = String::from(
        "# The life of a request\n\nMade from `src/domain/states.rs` by `UPDATE_DOCS=1 cargo test --test it docs`; the database holds the same\n\
         table as the CHECK `request_move`. Every move is one compare-and-set on (id, state, version) and one event, in one\n\
         transaction.\n\n```mermaid\nstateDiagram-v2\n    [*] --> pending\n",
    );
    for t in TRANSITIONS {
        let _ = writeln!(text, "    {} --> {}", t.from.as_str(), t.to.as_str());
    }
    text.push_str(
        "```\n\nA request that policy lets through without a sign-off begins in `applying` or `scheduled`.\n\n",
    );
    text.push_str("| state | what it means |\n|---|---|\n");
    for state in RequestState::ALL {
        let end = if state.is_final() { " Final." } else { "" };
        let _ = writeln!(text, "| `{}` | {}{end} |", state.as_str(), state.meaning());
    }
    text.push_str("\n| from | to | when |\n|---|---|---|\n");
    for t in TRANSITIONS {
        let _ = writeln!(text, "| `{}` | `{}` | {} |", t.from.as_str(), t.to.as_str(), t.when);
    }
    let reasons: Vec<_> = EndReason::ALL.iter().map(|reason| format!("`{}`", reason.as_str())).collect();
    let _ = writeln!(text, "\nWhat is `revoking` or `ended` says why in `endReason`: {}.", reasons.join(", "));
    text
}

#[test]
fn the_page_of_states_is_the_table_of_states() {
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/STATES.md"), states()).unwrap();
    }
    assert!(read("docs/STATES.md") == states(), "run UPDATE_DOCS=1 cargo test --test it docs");
}

const PAGES: [&str; 14] = [
    "README.md",
    "CONTRIBUTING.md",
    "docs/ARCHITECTURE.md",
    "docs/AUDIT.md",
    "docs/AWS.md",
    "docs/OPERATIONS.md",
    "docs/PERFORMANCE.md",
    "docs/PORTALS.md",
    "docs/REQUESTING.md",
    "docs/REVIEWING.md",
    "docs/SECURITY.md",
    "docs/SLACK.md",
    "docs/STATES.md",
    "docs/WEBHOOKS.md",
];

/// What the headings of a page can be linked to as.
pub(crate) fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with("##")).map(|line| line.trim_start_matches('#').trim());
    let kept = |c: &char| c.is_alphanumeric() || "-_ ".contains(*c);
    headings.map(|heading| heading.to_lowercase().chars().filter(kept).collect::<String>().replace(' ', "-")).collect()
}

/// The parts of a page by what they can be linked to as, each up to the next heading of any size.
pub(crate) fn sections(text: &str) -> BTreeMap<String, String> {
    let parts = format!("\n{text}");
    let parts = parts.split("\n##").skip(1).map(|part| part.trim_start_matches('#'));
    parts.map(|part| (anchors(&format!("##{part}")).pop_first().unwrap_or_default(), part.to_owned())).collect()
}

#[test]
fn links_lead_somewhere_and_targets_exist() {
    let targets: BTreeSet<_> =
        read("Makefile").lines().filter_map(|line| line.split_once(':').map(|(name, _)| name.to_owned())).collect();
    for page in PAGES {
        let text = read(page);
        let folder = Path::new(page).parent().unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.starts_with("http") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let file = if file.is_empty() { Path::new(page).to_owned() } else { folder.join(file) };
            assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(&file).exists(), "{page} links to {link}");
            let known = anchor.is_empty() || anchors(&read(file.to_str().unwrap())).contains(anchor);
            assert!(known, "{page} links to {link}");
        }
        for target in text.split("`make ").skip(1).filter_map(|rest| rest.split(['`', ' ']).next()) {
            assert!(targets.contains(target), "{page} names make {target}");
        }
    }
}

#[test]
fn every_page_can_be_found_from_the_readme() {
    let readme = read("README.md");
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".md") {
            assert!(readme.contains(&format!("(docs/{name})")), "README.md does not link to docs/{name}");
        }
    }
}

#[test]
fn the_configuration_of_the_readme_is_sound() {
    let text = read("README.md");
    let toml = text.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let folder = tempfolder();
    fs::create_dir_all(folder.join("policies")).unwrap();
    fs::write(folder.join("url"), "postgres://entryway@localhost/entryway").unwrap();
    let file = folder.join("entryway.toml");
    let url = folder.join("url");
    fs::write(&file, toml.replace("/run/secrets/database-url", url.to_str().unwrap())).unwrap();
    let loaded = Config::load(Some(&file), [], Origin::Production);
    fs::remove_dir_all(&folder).unwrap();
    loaded.unwrap_or_else(|errors| panic!("{errors}"));
}

fn tempfolder() -> std::path::PathBuf {
    std::env::temp_dir().join(format!("entryway-docs-{}", std::process::id()))
}

#[test]
fn every_error_code_of_the_worker_is_in_the_table_of_the_runbook_and_no_other() {
    let table = sections(&read("docs/OPERATIONS.md")).remove("when-a-request-failed-or-waits").unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    let told: Vec<_> = rows.flat_map(|row| code_words(row.split('|').nth(1).unwrap())).collect();
    let codes: BTreeSet<_> = Trouble::ALL.iter().map(|trouble| trouble.as_str().to_owned()).collect();
    assert_eq!(told.iter().cloned().collect::<BTreeSet<_>>(), codes, "src/domain/trouble.rs and docs/OPERATIONS.md");
    assert_eq!(told.len(), codes.len(), "each is told of once: {told:?}");
    let sources =
        ["src/workflow/reconcile/failed.rs", "src/workflow/reconcile/begin.rs", "src/workflow/reconcile/events.rs"];
    for source in sources {
        let text = read(source);
        for code in text.split('"').skip(1).step_by(2).filter(|word| is_code(word)) {
            assert!(Trouble::parse(code).is_some(), "{source} says {code}, and src/domain/trouble.rs does not");
        }
    }
}

/// What stands between backticks in a text without blocks of code.
fn code_words(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Every key that entryway.example.toml shows, with the table it is in: `worker.lease`.
fn keys() -> BTreeSet<String> {
    let (mut table, mut keys) = (String::new(), BTreeSet::new());
    for line in read("entryway.example.toml").lines().map(|line| line.trim_start_matches('#')) {
        let word = line.trim_start_matches('[').split([']', ' ', '=']).next().unwrap_or_default();
        if line.starts_with('[') {
            word.clone_into(&mut table);
        } else if line.contains('=') {
            keys.insert(format!("{table}.{word}"));
        }
    }
    keys
}

/// What pages call by its name is there under that name: keys of the configuration, events, codes, attributes of spans.
#[test]
fn what_the_pages_name_is_there() {
    let (keys, spans) = (keys(), read("src/telemetry/spans.rs"));
    let options = ["cli.rs", "cli/audit.rs", "cli/iam.rs", "client/args.rs", "client/args/ask.rs"]
        .map(|file| read(&format!("src/{file}")))
        .concat();
    let tables: BTreeSet<_> =
        keys.iter().filter_map(|key| key.split('.').next()).filter(|table| !table.is_empty()).collect();
    let families: BTreeSet<_> = EventType::ALL.iter().filter_map(|kind| kind.as_str().split('.').next()).collect();
    let document = read("openapi/entryway.json");
    let known_code = |word: &str| {
        Trouble::parse(word).is_some()
            || Code::ALL.iter().any(|code| code.as_str() == word)
            || WarningCode::ALL.iter().any(|code| code.as_str() == word)
            || EndReason::ALL.iter().any(|reason| reason.as_str() == word)
            || document.contains(&format!("\"{word}\""))
    };
    let deployed = ["secrets", "database-ca", "alb", "alb-sign-in", "overlays/complete"]
        .map(|folder| read(&format!("deploy/kubernetes/{folder}/kustomization.yaml")))
        .concat()
        + &read("policies/kustomization.yaml")
        + &read("deploy/kubernetes/base/migrate.yaml");
    let mut seen = 0;
    for page in PAGES {
        let text = read(page);
        let prose: String = text.split("```").step_by(2).collect();
        for word in code_words(&prose) {
            let plain = |extra: char| {
                word.contains(extra) && word.chars().all(|c| c.is_ascii_lowercase() || c == '_' || c == extra)
            };
            let first = word.split(['.', '-']).next().unwrap_or_default().to_owned();
            if plain('.') && first == "entryway" && page == "docs/OPERATIONS.md" {
                assert!(spans.contains(&word), "{page} names {word}, which no span says");
            } else if plain('.') && (tables.contains(first.as_str()) || families.contains(first.as_str())) {
                let key = word.trim_end_matches("_file");
                let known = keys.contains(key) || EventType::parse(&word).is_some();
                assert!(known, "{page} names {word}, which is no key of the configuration and no event");
            } else if let Some(option) = word.strip_prefix("--").filter(|_| plain('-') && page != "docs/AWS.md") {
                // The page on AWS names options of the AWS CLI's, too.
                let field = format!(" {}:", option.replace('-', "_"));
                assert!(options.contains(&field), "{page} names {word}, which no command takes");
            } else if plain('-') && page == "docs/OPERATIONS.md" {
                let known = known_code(&word) || deployed.contains(&word);
                assert!(known, "{page} names {word}, which is no code and nothing that is deployed");
            } else {
                continue;
            }
            seen += 1;
        }
    }
    assert!(seen > 80, "{seen}");
}

fn is_code(word: &str) -> bool {
    word.contains('-') && word.len() > 8 && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
}

#[test]
fn every_path_that_the_readme_calls_is_in_the_document() {
    let document: serde_json::Value = serde_json::from_str(&read("openapi/entryway.json")).unwrap();
    let known: Vec<_> = document["paths"].as_object().unwrap().keys().cloned().collect();
    for path in read("README.md").split("http://127.0.0.1:8080").skip(1) {
        let path: String = path.chars().take_while(|c| !c.is_whitespace() && !"\"'`?".contains(*c)).collect();
        // Where the service is, and no call.
        if path.is_empty() {
            continue;
        }
        let path = path.replace("$ID", "{id}");
        assert!(known.contains(&path), "README.md calls {path}");
    }
}

/// A claim about security that no test stands for is only a claim.
#[test]
fn every_test_that_the_page_on_security_names_is_there() {
    let mut sources = String::new();
    let mut folders = vec!["src".to_owned(), "tests".to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(&folder)).unwrap() {
            let (path, name) = (entry.as_ref().unwrap().path(), entry.as_ref().unwrap().file_name());
            let name = format!("{folder}/{}", name.to_string_lossy());
            if path.is_dir() {
                folders.push(name);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                sources.push_str(&read(&name));
            }
        }
    }
    let page = read("docs/SECURITY.md");
    let rows = page.lines().filter(|line| line.starts_with("| ") && line.ends_with("` |"));
    let mut named = 0;
    for row in rows {
        for name in row.rsplit('|').nth(1).unwrap().split('`').skip(1).step_by(2) {
            assert!(
                sources.contains(&format!("fn {name}()")),
                "docs/SECURITY.md names {name}, and there is no such test"
            );
            named += 1;
        }
    }
    assert!(named > 80, "{named}");
}

/// The cases are known by their numbers, so each number is there once, in order, with a test.
#[test]
fn every_case_of_abuse_is_on_the_page_by_its_number() {
    let page = read("docs/SECURITY.md");
    let rows = page.lines().filter(|line| line.starts_with("| A-") && line.ends_with("` |"));
    let numbers: Vec<_> = rows.filter_map(|row| row.get(4..6)?.parse::<usize>().ok()).collect();
    assert_eq!(numbers, (1..=50).collect::<Vec<_>>());
}

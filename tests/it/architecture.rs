//! Who may import whom, and other promises of the source that the compiler does not keep.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Which modules of ours each module may name. A new arrow is a decision, not a slip.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("clock", &[]),
    ("telemetry", &["domain"]),
    ("lifecycle", &[]),
    ("config", &["domain"]),
    ("policy", &["domain"]),
    ("audit", &["domain"]),
    ("eks", &["domain", "telemetry"]),
    ("oidc", &["domain"]),
    ("slack", &["domain"]),
    // What is delivered is an event in a format that the log is exported in.
    ("notify", &["audit", "domain"]),
    ("store", &["domain", "clock"]),
    ("workflow", &["store", "policy", "audit", "domain", "clock", "telemetry"]),
    ("api", &["workflow", "domain", "policy", "oidc", "audit", "slack", "telemetry"]),
    // The types of the API, and none of what is behind it.
    ("client", &["api", "domain"]),
    ("worker", &["workflow", "eks", "notify", "slack", "domain", "store", "telemetry"]),
    ("sandbox", &["domain"]),
    (
        "app",
        &[
            "api",
            "audit",
            "client",
            "clock",
            "config",
            "domain",
            "eks",
            "lifecycle",
            "notify",
            "oidc",
            "policy",
            "sandbox",
            "slack",
            "store",
            "telemetry",
            "worker",
            "workflow",
        ],
    ),
];

/// Crates with one home.
const HOMES: &[(&str, &[&str])] = &[
    ("aws_", &["src/eks/aws", "src/sandbox", "src/audit/key"]),
    ("sqlx", &["src/store"]),
    ("axum", &["src/api", "src/sandbox/sim"]),
    ("jsonwebtoken", &["src/oidc"]),
    ("slack_morphism", &["src/slack", "src/api/slack"]),
    // What is traced is said in src/telemetry/spans.rs, to which everybody may; how, is nobody else's business.
    ("opentelemetry", &["src/telemetry/traces"]),
    ("tracing_opentelemetry", &["src/telemetry/traces"]),
];

fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = vec![];
    let mut folders: Vec<PathBuf> = vec![root.join("src"), root.join("tests")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
                files.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    files.sort();
    files
}

/// The modules of ours that a source names, as `crate::x` or in `use crate::{x, y}`.
fn named(text: &str) -> Vec<String> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut names = vec![];
    for (at, _) in code.match_indices("crate::") {
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':') {
            continue;
        }
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            None => names.push(word(rest)),
            Some(group) => {
                let mut depth = 0;
                for part in group.split_inclusive([',', '{', '}']) {
                    if depth == 0 {
                        names.push(word(part.trim_start()));
                    }
                    depth += i32::from(part.ends_with('{')) - i32::from(part.ends_with('}'));
                    if depth < 0 {
                        break;
                    }
                }
            }
        }
    }
    names
}

#[test]
fn imports_point_one_way() {
    let rules: BTreeMap<_, _> = MAY_IMPORT.iter().copied().collect();
    let mut wrong = vec![];
    for (file, text) in sources() {
        let Some(module) = file.strip_prefix("src/").map(|rest| rest.split(['/', '.']).next().unwrap().to_owned())
        else {
            continue;
        };
        if matches!(module.as_str(), "lib" | "main" | "cli") {
            continue;
        }
        let allowed =
            rules.get(module.as_str()).unwrap_or_else(|| panic!("{file}: say in MAY_IMPORT what {module} may import"));
        for name in named(&text) {
            if rules.contains_key(name.as_str()) && name != module && !allowed.contains(&name.as_str()) {
                wrong.push(format!("{file} names crate::{name}"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// How long statements wait for a connection is only known if all of them get it in one place.
#[test]
fn connections_come_from_one_place() {
    let sources = sources();
    let code = sources.iter().filter(|(file, _)| file.starts_with("src/store/") && file != "src/store/mod.rs");
    let uses = |text: &str| text.contains("(&store.pool)") || text.contains("pool.acquire(");
    let wrong: Vec<_> = code.filter(|(_, text)| uses(text)).map(|(file, _)| file).collect();
    // The listener has one of its own, for good.
    assert_eq!(wrong, ["src/store/wake.rs"]);
}

#[test]
fn crates_stay_in_their_homes() {
    let mut wrong = vec![];
    for (file, text) in sources().into_iter().filter(|(file, _)| file.starts_with("src/")) {
        let code: Vec<_> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        for (name, homes) in HOMES {
            let uses = code.iter().any(|line| {
                line.match_indices(name).any(|(at, _)| {
                    let before = line[..at].chars().last();
                    let after = line[at + name.len()..].trim_start_matches(|c: char| c.is_alphanumeric() || c == '_');
                    !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '"') && after.starts_with("::")
                })
            });
            if uses && !homes.iter().any(|home| file.starts_with(home)) {
                wrong.push(format!("{file} uses {name}"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn every_statement_says_its_name_first() {
    for (file, text) in sources().into_iter().filter(|(file, _)| file.starts_with("src/store")) {
        for (at, _) in text.match_indices("sqlx::query") {
            let statement: String = text[at..].chars().take(200).collect();
            assert!(statement.contains("-- "), "{file}: {statement}");
        }
    }
}

#[test]
fn files_stay_small() {
    let mut lines: Vec<_> = sources().into_iter().map(|(file, text)| (text.lines().count(), file)).collect();
    lines.sort();
    let (longest, file) = lines.last().unwrap();
    assert!(*longest <= 450, "{file} has {longest} lines");
    let ours: Vec<_> = lines.iter().filter(|(_, file)| file.starts_with("src/")).map(|(count, _)| *count).collect();
    let (median, p90) = (ours[ours.len() / 2], ours[ours.len() * 9 / 10]);
    assert!(median <= 120 && p90 <= 300, "median {median}, 90 % {p90}");
}

/// What each line of the log says of itself; a field of the same name would be there twice in JSON.
const SAID_OF_EACH_LINE: &[&str] = &["target", "level", "timestamp", "fields", "span", "spans", "filename", "threadId"];

#[test]
fn no_field_of_the_log_is_called_like_what_each_line_says_of_itself() {
    let mut wrong = vec![];
    for (path, text) in sources().into_iter().filter(|(path, _)| path.starts_with("src/")) {
        for (at, _) in text.match_indices("tracing::") {
            let call = &text[at..];
            let is_event = ["trace!", "debug!", "info!", "warn!", "error!", "event!"]
                .iter()
                .any(|name| call["tracing::".len()..].starts_with(name));
            let Some(end) = call.find(");").or_else(|| call.find(")\n")).filter(|_| is_event) else { continue };
            // `target: "…"` says where a line is from, and is no field.
            let said = call[..end].split(['(', ',']).map(|part| part.trim().trim_start_matches(['%', '?']));
            let fields = said.map(|part| part.split('=').next().unwrap_or_default().trim().to_owned());
            wrong.extend(
                fields.filter(|field| SAID_OF_EACH_LINE.contains(&field.as_str())).map(|f| format!("{path}: {f}")),
            );
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

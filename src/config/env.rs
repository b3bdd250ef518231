//! The environment's say: `ENTRYWAY__SECTION__KEY` overrides, at any depth.

use super::errors::{Mistakes, Source};
use super::node::{Node, Table, Value};

/// What every override starts with. Two underscores: Kubernetes sets `ENTRYWAY_PORT` and friends for a Service called
/// `entryway`, and those are no business of ours.
const PREFIX: &str = "ENTRYWAY__";

/// The environment of this process; the one place that reads it. Bytes that are not Unicode are replaced.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().map(|(name, text)| (name.to_string_lossy().into_owned(), text.to_string_lossy().into_owned()))
}

/// One step on the way to a value. Indices sort by number, so that `CLUSTERS__10` is laid after `CLUSTERS__9`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Index(usize),
    Key(String),
}

/// Lays the overrides among `env` over `root`. An empty variable counts as not set, as compose files leave them.
/// `DATABASE_URL` fills in where nothing of ours names the database.
pub(super) fn overlay(root: &mut Table, env: impl Iterator<Item = (String, String)>, mistakes: &Mistakes) {
    let mut overrides = Vec::new();
    let mut database_url = None;
    for (name, text) in env.filter(|(_, text)| !text.is_empty()) {
        if let Some(path) = name.strip_prefix(PREFIX) {
            overrides.push((steps(path), name, text));
        } else if name == "DATABASE_URL" {
            database_url = Some((name, text));
        }
    }
    overrides.sort();
    for (steps, name, text) in overrides {
        let source = Source::Env(name);
        let placed = match steps {
            Some(steps) => lay(root, &steps, Node { value: Value::Text(text), source: source.clone() }),
            None => Err("names no key; write it like ENTRYWAY__SERVER__LISTEN".to_owned()),
        };
        if let Err(message) = placed {
            mistakes.add("", source, message);
        }
    }
    if let Some((name, text)) = database_url {
        fill_database_url(root, Node { value: Value::Text(text), source: Source::Env(name) });
    }
}

fn steps(path: &str) -> Option<Vec<Step>> {
    path.split("__")
        .map(|part| match part.parse() {
            Ok(index) => Some(Step::Index(index)),
            Err(_) if part.is_empty() => None,
            Err(_) => Some(Step::Key(part.to_ascii_lowercase())),
        })
        .collect()
}

/// Puts `leaf` at `steps`, making tables and list items on the way where there are none.
fn lay(table: &mut Table, steps: &[Step], leaf: Node) -> Result<(), String> {
    let [Step::Key(key), rest @ ..] = steps else {
        return Err("has a number where a key belongs; write it like ENTRYWAY__CLUSTERS__0__REGION".to_owned());
    };
    if rest.is_empty() {
        drop_counterpart(table, key);
        table.insert(key.clone(), leaf);
        return Ok(());
    }
    let empty = match rest {
        [Step::Index(_), ..] => Value::List(Vec::new()),
        _ => Value::Table(Table::new()),
    };
    let node = table.entry(key.clone()).or_insert_with(|| Node { value: empty, source: leaf.source.clone() });
    lay_into(node, key, rest, leaf)
}

fn lay_into(node: &mut Node, name: &str, steps: &[Step], leaf: Node) -> Result<(), String> {
    match (&mut node.value, steps) {
        (Value::Table(table), _) => lay(table, steps, leaf),
        (Value::List(items), [Step::Index(index), rest @ ..]) => {
            let count = items.len();
            if *index > count {
                return Err(format!("{name}[{index}] leaves a gap: the next free one is {name}[{count}]"));
            }
            if *index == count {
                items.push(Node { value: Value::Table(Table::new()), source: leaf.source.clone() });
            }
            let item = &mut items[*index];
            if rest.is_empty() {
                *item = leaf;
                return Ok(());
            }
            lay_into(item, name, rest, leaf)
        }
        (Value::List(_), _) => Err(format!("{name} is a list: name the item, as in {}__0", name.to_ascii_uppercase())),
        (value, _) => Err(format!("{name} is {}: there is nothing below it", value.kind())),
    }
}

/// A secret from the environment replaces the file's, whichever of `url` and `url_file` either of them uses.
fn drop_counterpart(table: &mut Table, key: &str) {
    let counterpart = key.strip_suffix("_file").map_or_else(|| format!("{key}_file"), str::to_owned);
    if table.get(&counterpart).is_some_and(|node| !matches!(node.source, Source::Env(_))) {
        table.remove(&counterpart);
    }
}

fn fill_database_url(root: &mut Table, url: Node) {
    let empty = || Node { value: Value::Table(Table::new()), source: Source::Unknown };
    let database = root.entry("database".to_owned()).or_insert_with(empty);
    if let Value::Table(table) = &mut database.value
        && !table.contains_key("url")
        && !table.contains_key("url_file")
    {
        table.insert("url".to_owned(), url);
    }
}

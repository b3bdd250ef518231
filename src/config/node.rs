//! The configuration before it means anything: a tree of values, each with the place it was written at, read from
//! TOML and overlaid with the environment.

use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};

use super::errors::{Mistakes, Source};

/// A table of the tree.
pub(super) type Table = BTreeMap<String, Node>;

/// A value and where it was written.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) source: Source,
}

impl Node {
    pub(super) const fn is_from_env(&self) -> bool {
        matches!(self.source, Source::Env(_))
    }
}

/// What TOML can hold, as far as this configuration uses it.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Text(String),
    Integer(i64),
    Flag(bool),
    List(Vec<Node>),
    Table(Table),
    /// A float or a date, which no key takes.
    Other(&'static str),
}

impl Value {
    /// What it is, in words for an error: the value itself could be a secret in the wrong place.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Integer(_) => "a whole number",
            Self::Flag(_) => "true or false",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
            Self::Other(kind) => kind,
        }
    }
}

/// Reads a TOML document. On a syntax error every one of them is in `mistakes` and the tree is to be thrown away:
/// what a broken file lacks says nothing.
pub(super) fn from_toml(text: &str, mistakes: &Mistakes) -> Option<Table> {
    let (document, mut errors) = DeTable::parse_recoverable(text);
    errors.sort_by_key(|error| error.span().map(|span| span.start));
    for error in &errors {
        let source = error.span().map_or(Source::Unknown, |span| Source::Line(line_of(text, span.start)));
        // Only the parser's own words: its Display would quote the line, which may hold a password.
        mistakes.add("", source, format!("not TOML: {}", error.message()));
    }
    errors.is_empty().then(|| table(text, document.into_inner()))
}

/// Reads `text`, the value of a variable, as one TOML value (`["a", "b"]`, `{ sre = ["bob"] }`).
pub(super) fn from_env_text(text: &str, source: &Source) -> Option<Value> {
    let value = DeValue::parse(text).ok()?;
    let mut node = node(text, value.into_inner(), 0);
    restamp(&mut node, source);
    Some(node.value)
}

fn restamp(node: &mut Node, source: &Source) {
    node.source = source.clone();
    match &mut node.value {
        Value::List(items) => items.iter_mut().for_each(|item| restamp(item, source)),
        Value::Table(table) => table.values_mut().for_each(|value| restamp(value, source)),
        _ => {}
    }
}

fn table(text: &str, table: DeTable<'_>) -> Table {
    let entry = |(key, value): (toml::Spanned<_>, toml::Spanned<DeValue<'_>>)| {
        let start = key.span().start;
        let key: std::borrow::Cow<'_, str> = key.into_inner();
        (key.into_owned(), node(text, value.into_inner(), start))
    };
    table.into_iter().map(entry).collect()
}

fn node(text: &str, value: DeValue<'_>, start: usize) -> Node {
    let value = match value {
        DeValue::String(text) => Value::Text(text.into_owned()),
        DeValue::Boolean(flag) => Value::Flag(flag),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or(Value::Other("a number beyond 64 bits"), Value::Integer),
        DeValue::Float(_) => Value::Other("a number with a decimal point"),
        DeValue::Datetime(_) => Value::Other("a date"),
        DeValue::Array(items) => Value::List(
            items
                .into_iter()
                .map(|item| {
                    let start = item.span().start;
                    node(text, item.into_inner(), start)
                })
                .collect(),
        ),
        DeValue::Table(inner) => Value::Table(table(text, inner)),
    };
    Node { value, source: Source::Line(line_of(text, start)) }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

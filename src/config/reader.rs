//! Reading a tree into typed values, key by key. A reader never stops at a mistake: it notes it, goes on with the
//! default, and whoever started the reading throws the result away when anything was noted.

use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::errors::{Mistakes, Source, probably_meant};
use super::node::{Node, Table, Value, from_env_text};
use super::value;

/// What all readers of one configuration share.
#[derive(Debug)]
pub(super) struct Reading {
    /// Everything found wrong so far.
    pub(super) mistakes: Mistakes,
    /// Where relative paths start: the folder of the configuration file.
    pub(super) folder: PathBuf,
}

/// One value on its way to a type.
#[derive(Debug)]
pub(super) struct Field<'r> {
    pub(super) path: String,
    node: Node,
    reading: &'r Reading,
}

impl<'r> Field<'r> {
    pub(super) fn wrong(&self, message: impl Into<String>) {
        self.reading.mistakes.add(self.path.clone(), self.node.source.clone(), message);
    }

    /// Reads the value by `how`, or notes why not.
    pub(super) fn get<T>(self, how: impl FnOnce(&Node) -> Result<T, String>) -> Option<T> {
        how(&self.node).map_err(|message| self.wrong(message)).ok()
    }

    /// The items of a list. From the environment: TOML (`["a", "b"]`), or words between commas.
    pub(super) fn items(mut self) -> Vec<Self> {
        let source = self.node.source.clone();
        if let (Value::Text(text), Source::Env(_)) = (&self.node.value, &source) {
            let words = || text.split(',').map(|word| Value::Text(word.trim().to_owned()));
            self.node.value = match from_env_text(text, &source) {
                Some(list @ Value::List(_)) => list,
                _ => Value::List(words().map(|value| Node { value, source: source.clone() }).collect()),
            };
        }
        let Value::List(items) = self.node.value else {
            self.wrong(value::needs("a list", &self.node.value));
            return Vec::new();
        };
        let item = |(index, node)| Field { path: format!("{}[{index}]", self.path), node, reading: self.reading };
        items.into_iter().enumerate().map(item).collect()
    }

    /// The entries of a table whose keys are names of the operator's choosing.
    pub(super) fn entries(self) -> Vec<(String, Self)> {
        let Some(section) = self.section() else { return Vec::new() };
        let Section { path, table, reading, .. } = section;
        table
            .into_iter()
            .map(|(key, node)| {
                let path = join(&path, &key);
                (key, Field { path, node, reading })
            })
            .collect()
    }

    fn section(mut self) -> Option<Section<'r>> {
        let source = self.node.source.clone();
        if let (Value::Text(text), Source::Env(_)) = (&self.node.value, &source)
            && let Some(table @ Value::Table(_)) = from_env_text(text, &source)
        {
            self.node.value = table;
        }
        let Value::Table(table) = self.node.value else {
            self.wrong(value::needs("a table", &self.node.value));
            return None;
        };
        Some(Section { path: self.path, source, table, asked: Vec::new(), reading: self.reading })
    }
}

/// A table whose keys are fixed: those it is asked for. Any other is a mistake.
#[derive(Debug)]
pub(super) struct Section<'r> {
    pub(super) path: String,
    source: Source,
    table: Table,
    /// The keys read so far, and where each was written.
    asked: Vec<(&'static str, Option<Source>)>,
    pub(super) reading: &'r Reading,
}

impl<'r> Section<'r> {
    pub(super) fn root(table: Table, reading: &'r Reading) -> Self {
        Self { path: String::new(), source: Source::Unknown, table, asked: Vec::new(), reading }
    }

    pub(super) fn field(&mut self, key: &'static str) -> Option<Field<'r>> {
        let node = self.table.remove(key);
        self.asked.push((key, node.as_ref().map(|node| node.source.clone())));
        node.map(|node| Field { path: join(&self.path, key), node, reading: self.reading })
    }

    /// Where the value at the dotted `path` below is written, if it is and was not read yet.
    pub(super) fn find(&self, path: &str) -> Option<Source> {
        let mut steps = path.split('.');
        let first = steps.next().and_then(|step| self.table.get(step));
        let found = steps.fold(first, |node, step| match &node?.value {
            Value::Table(table) => table.get(step),
            _ => None,
        });
        found.map(|node| node.source.clone())
    }

    pub(super) fn optional<T>(&mut self, key: &'static str, how: impl FnOnce(&Node) -> Result<T, String>) -> Option<T> {
        self.field(key).and_then(|field| field.get(how))
    }

    pub(super) fn or<T>(&mut self, key: &'static str, default: T, how: impl FnOnce(&Node) -> Result<T, String>) -> T {
        self.optional(key, how).unwrap_or(default)
    }

    /// A key that must be there; `example` is how it could look.
    pub(super) fn required<T: Default>(
        &mut self,
        key: &'static str,
        example: &str,
        how: impl FnOnce(&Node) -> Result<T, String>,
    ) -> T {
        match self.field(key) {
            Some(field) => field.get(how).unwrap_or_default(),
            None => {
                self.missing(key, &format!("add {key} = {example}"));
                T::default()
            }
        }
    }

    /// A list of values, each read by `how`; those that cannot be read are left out (and noted).
    pub(super) fn list<T>(&mut self, key: &'static str, how: impl Fn(&Node) -> Result<T, String>) -> Option<Vec<T>> {
        let items = self.field(key)?.items();
        Some(items.into_iter().filter_map(|item| item.get(&how)).collect())
    }

    /// A table within, read by `how`; an absent one is read as an empty one, so that defaults and missing keys show.
    pub(super) fn section<T>(&mut self, key: &'static str, how: impl FnOnce(&mut Section<'r>) -> T) -> T {
        let empty = Section {
            path: join(&self.path, key),
            source: Source::Unknown,
            table: Table::new(),
            asked: Vec::new(),
            reading: self.reading,
        };
        self.field(key).and_then(Field::section).unwrap_or(empty).finish(how)
    }

    /// A list of tables, each read by `how`.
    pub(super) fn sections<T>(&mut self, key: &'static str, mut how: impl FnMut(&mut Section<'r>) -> T) -> Vec<T> {
        let items = self.field(key).map(Field::items).unwrap_or_default();
        items.into_iter().filter_map(Field::section).map(|section| section.finish(&mut how)).collect()
    }

    /// A secret: `key` itself, or the content of the file that `file_key` names. Whatever `shape` says of it must not
    /// repeat it.
    pub(super) fn secret(
        &mut self,
        key: &'static str,
        file_key: &'static str,
        shape: impl Fn(&str) -> Result<(), String>,
    ) -> Option<SecretString> {
        let (field, from_file) = self.here_or_in_file(key, file_key)?;
        let folder = &self.reading.folder;
        field.get(|node| {
            let text = value::text(node)?;
            let secret = if from_file { read_secret(&folder.join(text))? } else { text };
            if secret.is_empty() {
                return Err("is empty".to_owned());
            }
            shape(&secret).map(|()| SecretString::from(secret))
        })
    }

    /// A secret that must be there, as [`Section::secret`].
    pub(super) fn required_secret(
        &mut self,
        key: &'static str,
        file_key: &'static str,
        mend: &str,
        shape: impl Fn(&str) -> Result<(), String>,
    ) -> SecretString {
        let secret = self.secret(key, file_key, shape);
        if !self.was_written(key) && !self.was_written(file_key) {
            self.missing(key, mend);
        }
        secret.unwrap_or_default()
    }

    /// A list of secrets: `key` itself, or the lines of the file that `file_key` names.
    pub(super) fn secrets(&mut self, key: &'static str, file_key: &'static str) -> Option<Vec<SecretString>> {
        let (field, from_file) = self.here_or_in_file(key, file_key)?;
        if !from_file {
            let items = field.items().into_iter();
            return Some(items.filter_map(|item| item.get(value::text).map(SecretString::from)).collect());
        }
        let folder = &self.reading.folder;
        let text = field.get(|node| read_secret(&folder.join(value::text(node)?)))?;
        Some(text.lines().filter(|line| !line.is_empty()).map(SecretString::from).collect())
    }

    fn here_or_in_file(&mut self, key: &'static str, file_key: &'static str) -> Option<(Field<'r>, bool)> {
        match (self.field(key), self.field(file_key)) {
            (None, None) => None,
            (Some(here), None) => Some((here, false)),
            (None, Some(file)) => Some((file, true)),
            (Some(here), Some(_)) => {
                here.wrong(format!("set here and in {file_key}; keep one of them"));
                None
            }
        }
    }

    /// Notes that `key`, already read, is wrong in the light of the rest.
    pub(super) fn wrong(&self, key: &'static str, message: impl Into<String>) {
        let written = self.asked.iter().rev().find(|(asked, _)| *asked == key).and_then(|(_, source)| source.clone());
        self.reading.mistakes.add(join(&self.path, key), written.unwrap_or(Source::Unknown), message);
    }

    /// Notes that `key` is not there; `mend` says what to write.
    pub(super) fn missing(&self, key: &str, mend: &str) {
        let source = match &self.source {
            Source::Line(line) => Source::TableAt(*line),
            other => other.clone(),
        };
        self.reading.mistakes.add(join(&self.path, key), source, format!("missing; {mend}"));
    }

    /// Whether `key`, already read, was written (soundly or not).
    pub(super) fn was_written(&self, key: &str) -> bool {
        self.asked.iter().any(|(asked, source)| *asked == key && source.is_some())
    }

    /// Drops the keys not asked for: somebody else reads them.
    pub(super) fn ignore_the_rest(&mut self) {
        self.table.clear();
    }

    /// Runs `how`, and notes every key that it did not ask for.
    pub(super) fn finish<T>(mut self, how: impl FnOnce(&mut Self) -> T) -> T {
        let value = how(&mut self);
        let known = || self.asked.iter().map(|(key, _)| *key);
        for (key, node) in &self.table {
            let hint = match probably_meant(key, known()) {
                Some(meant) => format!("did you mean {meant}?"),
                None => format!("known here: {}", known().collect::<Vec<_>>().join(", ")),
            };
            self.reading.mistakes.add(join(&self.path, key), node.source.clone(), format!("unknown key; {hint}"));
        }
        value
    }
}

fn read_secret(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path)
        .map(|text| text.trim_end_matches(['\r', '\n']).to_owned())
        .map_err(|error| format!("{} cannot be read: {error}", path.display()))
}

/// `clusters[0]` + `region` → `clusters[0].region`; a key that is no bare TOML key is quoted.
fn join(path: &str, key: &str) -> String {
    let bare = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    let key = if bare { key.to_owned() } else { format!("{key:?}") };
    if path.is_empty() { key } else { format!("{path}.{key}") }
}

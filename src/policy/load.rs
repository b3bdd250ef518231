//! From files to a set in force: parsed once, validated strictly, or refused as a whole.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::draft::Draft;
use super::evaluate::Engine;
use super::problems::{PolicyProblems, Problem};
use crate::domain::request::hex;

/// A set of policies in force. Immutable; a reload makes another one.
#[derive(Debug)]
pub struct PolicySet {
    pub(super) engine: Engine,
    digest: String,
    files: Vec<String>,
    policies: usize,
    warnings: Vec<Problem>,
}

impl PolicySet {
    /// Reads every `*.cedar` file of `dir` (not of its sub-directories, and none whose name starts with a dot), in
    /// the order of their names. Symbolic links are followed, as a mounted Kubernetes ConfigMap needs.
    ///
    /// # Errors
    /// Everything that is wrong with the directory and its files, at once. A directory without a policy is wrong
    /// too: it would refuse everybody everything.
    pub fn load(dir: &Path) -> Result<Self, PolicyProblems> {
        let unreadable = |file: &str, error: &io::Error| {
            let what = if file.is_empty() { dir.display().to_string() } else { "the file".to_owned() };
            Problem::of_file(file, format!("{what} cannot be read: {error}"), "mend the path or its permissions")
        };
        let names = cedar_files(dir).map_err(|error| PolicyProblems(vec![unreadable("", &error)]))?;
        let mut sources = Vec::new();
        let mut problems = Vec::new();
        for name in names {
            match fs::read_to_string(dir.join(&name)) {
                Ok(text) => sources.push((name, text)),
                Err(error) => problems.push(unreadable(&name, &error)),
            }
        }
        if sources.is_empty() && problems.is_empty() {
            problems.push(nothing_here(&format!("{} has no *.cedar file", dir.display())));
        }
        if problems.is_empty() {
            return Self::parse(&sources);
        }
        if !sources.is_empty() {
            problems.extend(Self::parse(&sources).err().map(|found| found.0).unwrap_or_default());
        }
        Err(PolicyProblems(problems))
    }

    /// Makes a set of `(file name, content)` pairs, whatever their order.
    ///
    /// # Errors
    /// Everything that is wrong with them, at once: what does not parse, what does not fit the schema in Cedar's
    /// strict mode, policies without an `@id` or with one that is taken, templates.
    pub fn parse(sources: &[(String, String)]) -> Result<Self, PolicyProblems> {
        let mut sources: Vec<&(String, String)> = sources.iter().collect();
        sources.sort();
        let mut draft = Draft::default();
        for (file, text) in &sources {
            draft.read(file, text);
        }
        if draft.policies.is_empty() && draft.problems.is_empty() {
            draft.problems.push(nothing_here("there is no policy in any file"));
        }
        let warnings = draft.validate();
        if !draft.problems.is_empty() {
            draft.problems.sort();
            return Err(PolicyProblems(draft.problems));
        }
        Ok(Self {
            digest: digest(&sources),
            files: sources.iter().map(|(file, _)| file.clone()).collect(),
            policies: draft.policies.len(),
            warnings,
            engine: Engine::new(draft.policies),
        })
    }

    /// `sha256:` and hex, over the names and contents of the files. Any change to either is another digest.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The files it came from, sorted.
    #[must_use]
    pub fn files(&self) -> &[String] {
        &self.files
    }

    /// How many policies there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.policies
    }

    /// Never true: a set without a policy is refused.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.policies == 0
    }

    /// What is allowed but looks like a mistake: policies that can never apply, letters that look like others.
    #[must_use]
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }
}

fn nothing_here(message: &str) -> Problem {
    Problem::of_file("", message, "nothing would be allowed; start from the starter set in policies/starter.cedar")
}

fn cedar_files(dir: &Path) -> io::Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".cedar") && !name.starts_with('.') && !entry.path().is_dir() {
            names.insert(name);
        }
    }
    Ok(names)
}

/// Lengths go first, so that no two lists of files run together into the same bytes.
fn digest(sources: &[&(String, String)]) -> String {
    let mut hasher = Sha256::new_with_prefix("entryway/policy/v1\n");
    for part in sources.iter().flat_map(|(file, text)| [file, text]) {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    format!("sha256:{}", hex(&hasher.finalize()))
}

#[cfg(test)]
mod tests;

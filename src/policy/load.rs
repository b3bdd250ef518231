//! From files to a set in force: parsed once, validated strictly, or refused as a whole.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::Path;
use std::sync::LazyLock;

use cedar_policy::ffi::DetailedError;
use cedar_policy::{Policy, PolicyId, Schema, ValidationMode, Validator};
use sha2::{Digest, Sha256};

use super::evaluate::Engine;
use super::problems::{PolicyProblems, Problem, line_of};
use crate::domain::request::hex;

/// The fixed schema, the same file that `policies/` shows to whoever writes policies.
static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
    let source = include_str!("../../policies/schema.cedarschema");
    Schema::from_cedarschema_str(source).expect("the schema is compiled in and parses in every test").0
});

pub(super) fn schema() -> &'static Schema {
    &SCHEMA
}

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

/// What has been read so far. Policies whose `@id` is missing or taken go on under the name of their place, so
/// that the validator still gets to see them.
#[derive(Default)]
struct Draft<'a> {
    policies: Vec<Policy>,
    places: BTreeMap<String, (&'a str, &'a str)>,
    problems: Vec<Problem>,
}

impl<'a> Draft<'a> {
    fn read(&mut self, file: &'a str, text: &'a str) {
        let set: cedar_policy::PolicySet = match text.parse() {
            Ok(set) => set,
            Err(errors) => {
                let errors: &cedar_policy::ParseErrors = &errors;
                self.problems
                    .extend(errors.iter().map(|error| Problem::of_cedar(file, text, &DetailedError::from(error))));
                return;
            }
        };
        let mut offset = 0;
        for found in in_order(&set) {
            let at = text[offset..].find(&found.source).map_or(offset, |distance| offset + distance);
            offset = at + found.source.len();
            self.take(file, text, line_of(text, at), found.policy);
        }
    }

    fn take(&mut self, file: &'a str, text: &'a str, line: usize, policy: Option<Policy>) {
        let mut refuse = |message: String, help: &str| {
            let help = Some(help.to_owned());
            self.problems.push(Problem { file: file.to_owned(), line: Some(line), message, help });
        };
        let Some(policy) = policy else {
            return refuse(
                "this is a template (it has ?principal or ?resource), and nothing ever fills it in".to_owned(),
                "write the principal or resource out",
            );
        };
        let place = format!("{file}:{line}");
        let id = match policy.annotation("id").map(str::trim) {
            None | Some("") => {
                refuse("this policy has no @id".to_owned(), "put @id(\"…\") with a name of its own before it");
                place
            }
            Some(id) => match self.places.get(id) {
                Some((first, _)) => {
                    refuse(format!("the @id \"{id}\" is taken by a policy in {first}"), "give each policy its own");
                    place
                }
                None => id.to_owned(),
            },
        };
        self.policies.push(policy.new_id(PolicyId::new(&id)));
        self.places.insert(id, (file, text));
    }

    /// Adds what the validator finds to the problems; answers its warnings.
    fn validate(&mut self) -> Vec<Problem> {
        let set = cedar_policy::PolicySet::from_policies(self.policies.iter().cloned())
            .expect("every policy was given an id of its own");
        let result = Validator::new(SCHEMA.clone()).validate(&set, ValidationMode::Strict);
        let problem = |id: &PolicyId, error: DetailedError| {
            let id: &str = id.as_ref();
            let (file, text) = self.places.get(id).copied().unwrap_or_default();
            Problem::of_cedar(file, text, &error)
        };
        let found = result.validation_errors().map(|error| problem(error.policy_id(), error.into()));
        let found: BTreeSet<Problem> = found.collect();
        let warnings: BTreeSet<Problem> =
            result.validation_warnings().map(|warning| problem(warning.policy_id(), warning.into())).collect();
        self.problems.extend(found);
        warnings.into_iter().collect()
    }
}

struct Found {
    source: String,
    /// `None` for a template.
    policy: Option<Policy>,
}

/// The policies of one file in the order they are written: Cedar names them `policy0`, `policy1`, ….
fn in_order(set: &cedar_policy::PolicySet) -> Vec<Found> {
    let number = |id: &PolicyId| {
        let id: &str = id.as_ref();
        id.trim_start_matches("policy").parse::<usize>().unwrap_or(usize::MAX)
    };
    let policies = set.policies().map(|policy| {
        let source = policy.to_cedar().unwrap_or_default();
        (number(policy.id()), Found { source, policy: Some(policy.clone()) })
    });
    let templates =
        set.templates().map(|template| (number(template.id()), Found { source: template.to_cedar(), policy: None }));
    let by_number: BTreeMap<usize, Found> = policies.chain(templates).collect();
    by_number.into_values().collect()
}

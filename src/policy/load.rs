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
mod tests {
    use super::*;
    use crate::policy::testing::STARTER;

    fn sources(files: &[(&str, &str)]) -> Vec<(String, String)> {
        files.iter().map(|(file, text)| ((*file).to_owned(), (*text).to_owned())).collect()
    }

    fn problems(files: &[(&str, &str)]) -> Vec<String> {
        let problems = PolicySet::parse(&sources(files)).expect_err("a set with something wrong");
        problems.0.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn takes_the_starter_set_without_a_warning() {
        let set = PolicySet::parse(&sources(&[("starter.cedar", STARTER)])).expect("the starter set");
        assert_eq!((set.len(), set.files(), set.warnings()), (15, &["starter.cedar".to_owned()][..], &[][..]));
    }

    #[test]
    fn says_everything_at_once_with_its_place_and_what_was_meant() {
        let a = r#"
@id("typo")
permit (principal, action == Entryway::Action::"activate", resource)
when { context.aprovals >= 1 };
permit (principal, action == Entryway::Action::"view", resource);
@id("typo")
permit (principal in Entryway::Grup::"sre", action == Entryway::Action::"aprove", resource);
@id("template")
permit (principal == ?principal, action, resource);
@id("unguarded")
forbid (principal, action == Entryway::Action::"request", resource)
when { resource.ticket == "" };"#;
        let b = "@id(\"x\")\npermit (principal, action, resource";
        let found = problems(&[("b.cedar", b), ("a.cedar", a)]);
        let expected = [
            "a.cedar:4: for policy `typo`, attribute `aprovals` in context for Entryway::Action::\"activate\" not found \
             (did you mean `approvals`?)",
            "a.cedar:5: this policy has no @id (put @id(\"…\") with a name of its own before it)",
            "a.cedar:6: the @id \"typo\" is taken by a policy in a.cedar (give each policy its own)",
            "a.cedar:7: for policy `a.cedar:6`, unrecognized action `Entryway::Action::\"aprove\"` (did you mean \
             `Entryway::Action::\"approve\"`?)",
            "a.cedar:7: for policy `a.cedar:6`, unrecognized entity type `Entryway::Grup` (did you mean \
             `Entryway::Group`?)",
            "a.cedar:8: this is a template (it has ?principal or ?resource), and nothing ever fills it in (write the \
             principal or resource out)",
            "a.cedar:12: for policy `unguarded`, unable to guarantee safety of access to optional attribute `ticket` \
             on entity type `Entryway::AccessRequest` (try testing for the attribute's presence with `e has ticket && \
             ..`)",
        ];
        assert_eq!(found[..expected.len()], expected);
        assert!(found[expected.len()].starts_with("b.cedar:2: unexpected end of input"), "{found:?}");
    }

    #[test]
    fn ids_are_unique_across_files() {
        let one = r#"@id("one") permit (principal, action == Entryway::Action::"view", resource);"#;
        let found = problems(&[("a.cedar", one), ("b.cedar", one)]);
        assert_eq!(found, [r#"b.cedar:1: the @id "one" is taken by a policy in a.cedar (give each policy its own)"#]);
        let blank = r#"@id(" ") permit (principal, action == Entryway::Action::"view", resource);"#;
        assert_eq!(problems(&[("a.cedar", blank)]).len(), 1);
    }

    #[test]
    fn nothing_is_a_problem() {
        assert!(problems(&[])[0].starts_with("there is no policy in any file"));
        assert!(problems(&[("a.cedar", "// only words")])[0].starts_with("there is no policy in any file"));
    }

    #[test]
    fn warns_of_a_policy_that_can_never_apply() {
        let never = r#"@id("never") permit (principal, action == Entryway::Action::"audit",
            resource is Entryway::AccessRequest);"#;
        let set = PolicySet::parse(&sources(&[("a.cedar", never)])).expect("odd, but sound");
        assert!(!set.warnings().is_empty() && set.warnings().iter().all(|warning| warning.line == Some(1)));
    }

    #[test]
    fn the_digest_tells_apart_what_is_not_the_same() {
        let policy = |id: &str| format!("@id(\"{id}\") permit (principal, action, resource);");
        let digest = |files: &[(&str, &str)]| PolicySet::parse(&sources(files)).expect("sound").digest().to_owned();
        let (a, b) = (policy("a"), policy("b"));
        let two = digest(&[("a.cedar", &a), ("b.cedar", &b)]);
        assert!(two.starts_with("sha256:") && two.len() == "sha256:".len() + 64, "{two}");
        assert_eq!(two, digest(&[("b.cedar", &b), ("a.cedar", &a)]), "whatever the order");
        assert_ne!(two, digest(&[("a.cedar", &b), ("b.cedar", &a)]), "names count");
        assert_ne!(two, digest(&[("a.cedar", &format!("{a}{b}"))]), "files count");
        assert_ne!(two, digest(&[("a.cedar", &a), ("b.cedar", &format!("{b} "))]), "every byte counts");
    }
}

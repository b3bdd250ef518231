//! Every mistake in a configuration, each with the place to mend it. No message ever repeats a secret: readers of
//! secrets say what is wrong without the value, and a wrong type is named by its type alone.

use std::cell::RefCell;
use std::fmt;

use thiserror::Error;

/// Where a value was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The line of the file, counted from 1.
    Line(usize),
    /// The table that should hold the value starts at this line.
    TableAt(usize),
    /// This environment variable.
    Env(String),
    /// Nowhere in particular: a default, or the file as a whole.
    Unknown,
}

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The path in the file, such as `clusters[1].region`; the name of the file where it could not be read at all.
    pub path: String,
    /// Where it was written.
    pub source: Source,
    /// What is wrong and how to mend it.
    pub message: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        write!(f, "{}", self.message)?;
        match &self.source {
            Source::Line(line) => write!(f, " (line {line})"),
            Source::TableAt(line) => write!(f, " (in the table at line {line})"),
            Source::Env(name) => write!(f, " (from {name})"),
            Source::Unknown => Ok(()),
        }
    }
}

/// Everything wrong with a configuration, one line each. Never empty.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{error}")?;
        }
        Ok(())
    }
}

impl ConfigErrors {
    /// These, and a last one about no place in particular.
    pub(super) fn and(mut self, message: &str) -> Self {
        self.0.push(ConfigError { path: String::new(), source: Source::Unknown, message: message.to_owned() });
        self
    }
}

/// Collects mistakes while the whole configuration is read, so that one run names them all.
#[derive(Debug, Default)]
pub(super) struct Mistakes(RefCell<Vec<ConfigError>>);

impl Mistakes {
    pub(super) fn add(&self, path: impl Into<String>, source: Source, message: impl Into<String>) {
        self.0.borrow_mut().push(ConfigError { path: path.into(), source, message: message.into() });
    }

    /// What was found so far.
    pub(super) fn into_errors(self) -> ConfigErrors {
        ConfigErrors(self.0.into_inner())
    }

    /// `value`, unless a mistake was found on the way to it.
    pub(super) fn or<T>(self, value: T) -> Result<T, ConfigErrors> {
        let errors = self.into_errors();
        if errors.0.is_empty() { Ok(value) } else { Err(errors) }
    }
}

/// The word of `known` that `word` was probably meant to be: at most a third of its letters differ.
pub(super) fn probably_meant<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    known
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len().max(3) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// How many letters have to be typed, dropped or changed to make `b` of `a` (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, right) in b.iter().enumerate() {
            let above = row[j + 1];
            row[j + 1] = (above.min(row[j]) + 1).min(diagonal + usize::from(left != *right));
            diagonal = above;
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_the_letters_that_differ() {
        for (a, b, expected) in [("", "abc", 3), ("abc", "abc", 0), ("lease", "leese", 1), ("regoin", "region", 2)] {
            assert_eq!(distance(a, b), expected, "{a} {b}");
        }
    }

    #[test]
    fn suggests_what_is_near_and_nothing_that_is_far() {
        let known = ["region", "role_arn", "name"];
        assert_eq!(probably_meant("regoin", known), Some("region"));
        assert_eq!(probably_meant("role-arn", known), Some("role_arn"));
        assert_eq!(probably_meant("banana", known), None);
    }

    #[test]
    fn prints_one_line_per_mistake() {
        let mistakes = Mistakes::default();
        mistakes.add("clusters[1].region", Source::TableAt(9), "missing; add region = \"eu-central-1\"");
        mistakes.add("verify.reads", Source::Env("ENTRYWAY__VERIFY__READS".to_owned()), "needs a whole number");
        let errors = mistakes.or(()).expect_err("two mistakes");
        assert_eq!(
            errors.to_string(),
            "clusters[1].region: missing; add region = \"eu-central-1\" (in the table at line 9)\n\
             verify.reads: needs a whole number (from ENTRYWAY__VERIFY__READS)"
        );
    }
}

//! What is wrong with a directory of policies: everything at once, each with its place and what was probably meant.

use std::fmt;

use cedar_policy::ffi::DetailedError;

/// One thing wrong (or, in [`super::PolicySet::warnings`], suspicious) in the policy files.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The name of the file, without its directory; empty where it is about the directory as a whole.
    pub file: String,
    /// The line, counted from 1; `None` where it is about the file as a whole.
    pub line: Option<usize>,
    /// What is wrong.
    pub message: String,
    /// What was probably meant, or what to do.
    pub help: Option<String>,
}

impl Problem {
    /// A problem of a whole file, or of the directory when `file` is empty.
    pub(super) fn of_file(file: &str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line: None, message: message.into(), help: Some(help.into()) }
    }

    /// What Cedar has to say about the file called `file` with the content `text`.
    pub(super) fn of_cedar(file: &str, text: &str, error: &DetailedError) -> Self {
        let label = error.source_locations.first();
        let offset = label.map(|label| label.loc.start);
        let hint = label.and_then(|label| label.label.clone());
        Self {
            file: file.to_owned(),
            line: offset.map(|offset| line_of(text, offset)),
            message: error.message.clone(),
            help: error.help.clone().or(hint),
        }
    }
}

/// Of `known`, the word that `word` is most likely a slip for; `None` where none is near.
///
/// Cedar has a suggestion of its own for everything but actions, where it compares the bare name with full ones
/// and so proposes the shortest action there is.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let candidates = known.into_iter().map(|candidate| (edits(word, candidate), candidate));
    let (distance, candidate) = candidates.min_by_key(|(distance, _)| *distance)?;
    (distance * 2 <= candidate.len()).then_some(candidate)
}

/// Levenshtein distance: how many letters to insert, delete or exchange.
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (index, letter) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, other) in to.iter().enumerate() {
            let exchanged = diagonal + usize::from(letter != *other);
            diagonal = row[column + 1];
            row[column + 1] = exchanged.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}

/// The line, counted from 1, that the byte at `offset` is on.
pub(super) fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.file.is_empty() {
            write!(f, "{}:", self.file)?;
            if let Some(line) = self.line {
                write!(f, "{line}:")?;
            }
            f.write_str(" ")?;
        }
        f.write_str(&self.message)?;
        if let Some(help) = &self.help {
            write!(f, " ({help})")?;
        }
        Ok(())
    }
}

/// Why a policy directory is refused as a whole. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyProblems(pub Vec<Problem>);

impl fmt::Display for PolicyProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for PolicyProblems {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_only_what_is_near() {
        let known = ["view", "approve", "deny", "withdraw"];
        assert_eq!(nearest("aprove", known), Some("approve"));
        assert_eq!(nearest("Deny", known), Some("deny"));
        assert_eq!(nearest("with-draw", known), Some("withdraw"));
        assert_eq!(nearest("escalate", known), None);
    }

    #[test]
    fn counts_lines_from_one() {
        let text = "one\ntwo\nthree";
        let line = |word: &str| line_of(text, text.find(word).expect(word));
        assert_eq!([line("one"), line("two"), line("three")], [1, 2, 3]);
        assert_eq!(line_of(text, 999), 3);
    }
}

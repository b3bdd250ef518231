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

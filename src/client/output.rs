//! What is printed, and where: results on stdout, everything else on stderr. Plain text on a terminal and elsewhere.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::failure::Failure;
use super::problem;
use crate::domain::rules;

/// Where a command prints.
#[derive(Debug, Clone, Copy)]
pub(super) struct Output {
    /// Whether stdout gets JSON.
    pub(super) json: bool,
}

impl Output {
    /// Prints a result: `text`, or with `--json` what the service answered.
    pub(super) fn result(self, text: &str, answered: &Value) {
        let printed = if self.json { format!("{answered:#}\n") } else { clean(text) };
        write(&mut io::stdout(), &printed);
    }

    /// Tells people something beside the result, one line.
    pub(super) fn note(self, line: &str) {
        write(&mut io::stderr(), &clean(&format!("{line}\n")));
    }

    /// Asks people something; they answer on the same line.
    pub(super) fn ask(self, question: &str) {
        write(&mut io::stderr(), &clean(question));
    }

    /// Says what went wrong. With `--json`, what the service answered is the result; where nothing was, a problem in its manner.
    pub(super) fn failed(self, failure: &Failure) {
        if !self.json {
            return write(&mut io::stderr(), &clean(&problem::told(failure)));
        }
        let code = match failure {
            Failure::Refused(problem) => return write(&mut io::stdout(), &format!("{:#}\n", problem.json)),
            // What it is about has been printed.
            Failure::TimeIsUp(_)
            | Failure::TurnedDown(_)
            | Failure::Failed(_)
            | Failure::Kept(_)
            | Failure::Left(_) => {
                return write(&mut io::stderr(), &clean(&problem::told(failure)));
            }
            Failure::Usage(_) => "usage",
            Failure::NotSignedIn(_) => "not-signed-in",
            Failure::Unreachable(_) => "unreachable",
            Failure::Here(_) => "internal",
        };
        let detail = problem::told(failure);
        write(&mut io::stdout(), &format!("{:#}\n", json!({ "code": code, "detail": detail.trim_end() })));
    }
}

/// Whoever has stopped reading (`| head`) has what they wanted.
fn write(to: &mut dyn Write, text: &str) {
    let _ = to.write_all(text.as_bytes()).and_then(|()| to.flush());
}

/// Nothing that is told by others moves the cursor, hides, or turns the direction of text.
fn clean(text: &str) -> String {
    let seen = |c: char| if rules::misleading(c.encode_utf8(&mut [0; 4])).is_some() { '\u{fffd}' } else { c };
    text.chars().map(seen).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_told_acts_on_the_terminal() {
        assert_eq!(clean("a\u{1b}[2Jb\u{202e}c\nd\té"), "a\u{fffd}[2Jb\u{fffd}c\nd\té");
    }
}

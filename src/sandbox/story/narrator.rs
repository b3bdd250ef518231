//! How the story looks.

use std::io::{self, Write};
use std::time::Instant;

const BOLD: &str = "\x1b[1m";
const DIM: &str = "\x1b[2m";
const GREEN: &str = "\x1b[32m";
const CYAN: &str = "\x1b[36m";
const PLAIN: &str = "\x1b[0m";
/// Back to the start of the line, and the line empty.
const REWIND: &str = "\r\x1b[2K";

/// Where continuation lines start: below the text of a step.
const INDENT: &str = "             ";

/// Writes the story to a terminal or a file.
pub(super) struct Narrator<'a> {
    out: &'a mut (dyn Write + Send),
    terminal: bool,
    began: Instant,
}

impl<'a> Narrator<'a> {
    pub(super) fn new(out: &'a mut (dyn Write + Send), terminal: bool) -> Self {
        Self { out, terminal, began: Instant::now() }
    }

    fn paint(&self, style: &str, text: &str) -> String {
        if self.terminal { format!("{style}{text}{PLAIN}") } else { text.to_owned() }
    }

    fn time(&self) -> String {
        self.paint(DIM, &format!("[{:5.2}s]", self.began.elapsed().as_secs_f64()))
    }

    /// A heading.
    pub(super) fn chapter(&mut self, title: &str) -> io::Result<()> {
        let title = self.paint(BOLD, title);
        writeln!(self.out, "\n{title}")
    }

    /// Shows what is being waited for, on a terminal, until the next line takes its place.
    pub(super) fn waiting(&mut self, what: &str) -> io::Result<()> {
        if !self.terminal {
            return Ok(());
        }
        let what = self.paint(DIM, what);
        write!(self.out, "{REWIND}{} … {what}", self.time())?;
        self.out.flush()
    }

    /// A step that was done, and what came of it.
    pub(super) fn step(&mut self, what: &str, outcome: &str) -> io::Result<()> {
        let rewind = if self.terminal { REWIND } else { "" };
        let (time, tick, outcome) = (self.time(), self.paint(GREEN, "✓"), self.paint(BOLD, outcome));
        writeln!(self.out, "{rewind}{time} {tick} {what} → {outcome}")
    }

    /// More about the step above.
    pub(super) fn detail(&mut self, label: &str, text: &str) -> io::Result<()> {
        let label = self.paint(CYAN, &format!("{label:<8}"));
        writeln!(self.out, "{INDENT}{label} {text}")
    }

    /// The last line, where there is no telling how it would have ended.
    pub(super) fn broken_off(&mut self) -> io::Result<()> {
        // In place of what is being waited for.
        let rewind = if self.terminal { REWIND } else { "" };
        writeln!(self.out, "{rewind}\nStopped in the middle of the story, and everything with it.")
    }

    /// The last line.
    pub(super) fn end(&mut self) -> io::Result<()> {
        let seconds = self.began.elapsed().as_secs_f64();
        let line = self.paint(GREEN, &format!("Every step did what it says. {seconds:.1} s."));
        writeln!(self.out, "\n{line}")
    }
}

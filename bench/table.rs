//! The table that a run prints.

use std::fmt;

/// One figure, what it was held against, and whether it is what it should be.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// What was measured.
    pub(crate) what: String,
    /// What came out.
    pub(crate) measured: String,
    /// What it was held against; empty where it stands for itself.
    pub(crate) reference: String,
    /// The one by the other.
    pub(crate) ratio: String,
    /// What it should be; empty where nothing is promised.
    pub(crate) budget: String,
    /// Whether it is.
    pub(crate) kept: bool,
}

/// All figures of a run, and what explains them.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Row>,
    notes: Vec<String>,
}

impl Table {
    /// Adds a figure that stands for itself.
    pub(crate) fn figure(&mut self, what: &str, measured: String, budget: &str, kept: bool) {
        let (reference, ratio) = (String::new(), String::new());
        self.add(Row { what: what.to_owned(), measured, reference, ratio, budget: budget.to_owned(), kept });
    }

    /// Adds a figure, and shows it to whoever watches.
    pub(crate) fn add(&mut self, row: Row) {
        let Row { what, measured, reference, ratio, .. } = &row;
        eprintln!("  {what}: {measured} {reference} {ratio} {}", row.verdict());
        self.rows.push(row);
    }

    /// Adds what explains the figure before it.
    pub(crate) fn note(&mut self, text: String) {
        eprintln!("    {text}");
        self.notes.push(format!("{}: {text}", self.rows.last().map_or("", |row| &row.what)));
    }
}

impl Row {
    fn verdict(&self) -> &'static str {
        match (self.budget.is_empty(), self.kept) {
            (true, _) => "",
            (false, true) => "ok",
            (false, false) => "MISSED",
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ["what", "measured", "reference", "ratio", "budget", ""].map(str::to_owned);
        let lines: Vec<[String; 6]> = [head]
            .into_iter()
            .chain(self.rows.iter().cloned().map(|row| {
                let verdict = row.verdict().to_owned();
                [row.what, row.measured, row.reference, row.ratio, row.budget, verdict]
            }))
            .collect();
        let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or_default();
        let widths: Vec<_> = (0..6).map(width).collect();
        for line in &lines {
            let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
            writeln!(f, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
        }
        for note in &self.notes {
            writeln!(f, "- {note}")?;
        }
        Ok(())
    }
}

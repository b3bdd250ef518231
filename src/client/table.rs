//! Columns that line up.

/// Lays out `rows` below `headings`, two spaces between columns.
pub(super) fn table<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> String {
    let headings = headings.map(str::to_owned);
    let all = || std::iter::once(&headings).chain(rows);
    let widths: Vec<usize> = (0..N).map(|column| all().map(|row| width(&row[column])).max().unwrap_or(0)).collect();
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(&widths).map(|(cell, most)| format!("{cell}{}", " ".repeat(most - width(cell))));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    all().map(line).collect()
}

/// Lays out names and what they stand for; what is empty is left out, and what has several lines stays in its column.
pub(super) fn pairs(pairs: &[(&str, String)]) -> String {
    let said = || pairs.iter().filter(|(_, text)| !text.is_empty());
    let most = said().map(|(name, _)| width(name)).max().unwrap_or(0);
    let below = format!("\n{}", " ".repeat(most + 2));
    said().map(|(name, text)| format!("{name:most$}  {}\n", text.trim_end().replace('\n', &below))).collect()
}

fn width(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let rows =
            [["é".to_owned(), "long".to_owned(), "x".to_owned()], ["abc".to_owned(), String::new(), String::new()]];
        assert_eq!(table(["A", "B", "C"], &rows), "A    B     C\né    long  x\nabc\n");
    }

    #[test]
    fn pairs_leave_out_what_is_not_there() {
        let shown = pairs(&[("id", "1".to_owned()), ("ticket", String::new()), ("policies", "a\nb".to_owned())]);
        assert_eq!(shown, "id        1\npolicies  a\n          b\n");
    }
}

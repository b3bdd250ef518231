//! Making several documents of one that would be too long.

use super::statement::{Document, Statement};
use super::{MAX_MANAGED, Policy};

/// As few documents as it takes when `items` are taken in order: `build` makes the statements about some of them, and is
/// told whether they are the first. One item alone may still be too long; that is told in the notes.
pub(super) fn packed<T>(
    name: &str,
    file: impl Fn(&str) -> String,
    items: &[T],
    build: impl Fn(&[T], bool) -> Vec<Statement>,
) -> Vec<Policy> {
    let mut documents: Vec<Vec<Statement>> = Vec::new();
    let mut start = 0;
    while start < items.len() {
        let is_first = documents.is_empty();
        let fits = |end: &usize| Document::new(build(&items[start..*end], is_first)).characters() <= MAX_MANAGED;
        let end = (start + 2..=items.len()).take_while(fits).last().unwrap_or(start + 1);
        documents.push(build(&items[start..end], is_first));
        start = end;
    }
    let alone = documents.len() == 1;
    let numbered = documents.into_iter().enumerate().map(|(index, statements)| {
        let name = if alone { name.to_owned() } else { format!("{name}-{}", index + 1) };
        let file = file(&name);
        Policy::new(name, file, statements)
    });
    numbered.collect()
}

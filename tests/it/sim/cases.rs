//! The list is complete: every case has a test of its own.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// How many cases the list has.
const CASES: usize = 110;

/// The tests that are about each case, by the number in their names.
fn tests() -> BTreeMap<usize, Vec<String>> {
    let mut found = BTreeMap::<usize, Vec<String>>::new();
    for file in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/sim")).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        // Split at the attribute, so that a function which nobody runs is no test.
        for after in text.split("\n#[tokio::test]\n").skip(1) {
            let Some(name) = after.strip_prefix("async fn case_") else { continue };
            let (number, what) = name.split_once('_').unwrap();
            let number = number.parse().unwrap_or_else(|_| panic!("case_{number} is no number"));
            found.entry(number).or_default().push(what.split('(').next().unwrap().to_owned());
        }
    }
    found
}

#[test]
fn every_case_has_a_test() {
    let found = tests();
    let missing: Vec<_> = (1..=CASES).filter(|number| !found.contains_key(number)).collect();
    assert!(missing.is_empty(), "no test for {missing:?}");
    let unknown: Vec<_> = found.keys().filter(|number| !(1..=CASES).contains(*number)).collect();
    assert!(unknown.is_empty(), "the list has no {unknown:?}");
    let together: Vec<_> =
        found.values().flatten().filter(|what| what.starts_with(|c: char| c.is_ascii_digit())).collect();
    assert!(together.is_empty(), "more than one case in one test: {together:?}");
}

//! The worked examples of policies: each comes with cases, all of them come out, and none of its policies is idle.

use std::fs;
use std::path::{Path, PathBuf};

use entryway::policy::{check, test_dir};
use uuid::Uuid;

fn examples() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/examples");
    let mut found: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    assert_eq!(found.len(), 3);
    found
}

/// The files of `example` that end in `kind`, by name.
fn files(example: &Path, kind: &str) -> Vec<(String, String)> {
    let all = fs::read_dir(example).unwrap().map(|entry| entry.unwrap().path());
    let read = |path: PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name, fs::read_to_string(path).unwrap())
    };
    all.map(read).filter(|(name, _)| name.ends_with(kind)).collect()
}

#[test]
fn every_example_is_sound_and_does_what_its_cases_say() {
    for example in examples() {
        let summary = check(&example).unwrap_or_else(|problems| panic!("{}: {problems}", example.display()));
        assert!(summary.warnings.is_empty(), "{summary}");
        let report = test_dir(&example);
        assert!(report.passed(), "{}:\n{report}", example.display());
        assert!(report.results.len() >= 10);
    }
}

/// What a case does not notice is not shown by it.
#[test]
fn no_example_does_without_any_of_its_policies() {
    for example in examples() {
        let folder = std::env::temp_dir().join(format!("entryway-example-{}", Uuid::new_v4()));
        fs::create_dir(&folder).unwrap();
        for (name, text) in files(&example, ".test.toml") {
            fs::write(folder.join(name), text).unwrap();
        }
        let [(name, text)] = &files(&example, ".cedar")[..] else { panic!("one file of policies") };
        let starts: Vec<_> = text.match_indices("@id(").map(|(at, _)| at).chain([text.len()]).collect();
        for span in starts.windows(2) {
            let (from, to) = (span[0], span[1]);
            let end = from + text[from..to].rfind(';').unwrap() + 1;
            fs::write(folder.join(name), format!("{}{}", &text[..from], &text[end..])).unwrap();
            let report = test_dir(&folder);
            assert!(report.problems.is_empty(), "{report}");
            let id = text[from..].lines().next().unwrap();
            assert!(!report.passed(), "{}: no case notices that {id} is gone", example.display());
        }
        fs::remove_dir_all(&folder).unwrap();
    }
}

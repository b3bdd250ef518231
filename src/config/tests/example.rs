//! The example beside the README says nothing that is not so.

use super::*;

const EXAMPLE: &str = include_str!("../../../entryway.example.toml");

/// The example with everything it shows put in force: `#key` lines are, `# prose` lines are not.
fn everything() -> String {
    let shown = |line: &'static str| match line.strip_prefix('#') {
        Some(shown) if shown.starts_with(|c: char| c == '[' || c.is_ascii_lowercase()) => shown,
        _ => line,
    };
    EXAMPLE.lines().map(shown).collect::<Vec<_>>().join("\n")
}

#[test]
fn is_accepted_as_it_is() {
    let config = load(EXAMPLE).expect("sound");
    assert_eq!((config.clusters.len(), config.auth.tokens.len()), (2, 1));
}

#[test]
fn shows_keys_that_exist() {
    load(&everything()).expect("sound");
}

#[test]
fn shows_the_defaults_as_they_are() {
    let home = Home::new();
    let shown = home.load(&everything(), &[], Origin::Production).expect("sound");
    let plain = home.load(LEAST, &[], Origin::Production).expect("the least");
    assert_eq!(shown.verify, plain.verify);
    assert_eq!(shown.worker, plain.worker);
    assert_eq!(shown.requests, plain.requests);
    assert_eq!(shown.policy, plain.policy);
    assert_eq!(shown.server.listen, plain.server.listen);
    assert_eq!(shown.server.shutdown_grace, plain.server.shutdown_grace);
    assert_eq!(shown.server.calls_per_minute, plain.server.calls_per_minute);
    assert_eq!(shown.server.failed_sign_ins_per_minute, plain.server.failed_sign_ins_per_minute);
    assert_eq!(shown.database.max_connections, plain.database.max_connections);
    assert_eq!(shown.database.migrate, plain.database.migrate);
    let dev = &shown.clusters[1];
    assert_eq!(shown.clusters[0].existing_entries, dev.existing_entries);
    assert_eq!(shown.clusters[0].drift, dev.drift);
}

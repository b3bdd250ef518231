//! The cases of the starter set, and what a case says that does not come out.

use super::*;
use crate::policy::testing::{STARTER, TempDir, set, starter, starter_and};

const CASES: &str = include_str!("../../../policies/starter.test.toml");

fn run(policies: &PolicySet, cases: &str) -> Vec<CaseResult> {
    run_file(policies, "x.test.toml", &CaseFile::parse("x.test.toml", cases).expect("a file of cases"))
}

/// The mismatches of one case about alice, bob (sre) and cluster prod.
fn mismatches(case: &str) -> Vec<String> {
    let people = "[people]\nalice = [\"engineering\"]\nbob = [\"sre\"]\n[clusters.prod]\nenvironment = \"prod\"\n";
    let request =
        r#"request = { clusterName = "prod", principalArn = "arn:aws:iam::111122223333:role/r", duration = "1h" }"#;
    let request = if case.contains("request =") { "" } else { request };
    let results = run(starter(), &format!("{people}[[case]]\nname = \"a case\"\n{request}\n{case}"));
    results.into_iter().flat_map(|result| result.mismatches).collect()
}

#[test]
fn the_starter_set_does_what_its_cases_say() {
    for result in run(starter(), CASES) {
        assert!(result.mismatches.is_empty(), "{}: {:?}", result.name, result.mismatches);
    }
}

/// A case that nothing would fail is no case: without any one of its policies, the starter set fails some.
#[test]
fn every_policy_of_the_starter_set_matters_to_a_case() {
    let parts: Vec<&str> =
        STARTER.split_inclusive("};\n").flat_map(|part| part.split_inclusive("resource);\n")).collect();
    let mut seen = 0;
    // What is only shown as an example is commented out.
    let is_policy = |part: &str| part.lines().any(|line| line.starts_with("@id("));
    for (index, part) in parts.iter().enumerate().filter(|(_, part)| is_policy(part)) {
        let without: String = parts.iter().enumerate().filter(|(at, _)| *at != index).map(|(_, part)| *part).collect();
        let without = set(&without);
        let removed = starter().len() - without.len();
        let failed = run(&without, CASES).iter().any(|result| !result.mismatches.is_empty());
        assert!(removed == 1 && failed, "nothing misses {part}");
        seen += removed;
    }
    assert_eq!(seen, starter().len());
}

#[test]
fn a_mismatch_shows_both_sides() {
    assert_eq!(
        mismatches(
            r#"as = "alice"
               reviews = ["bob"]
               expect = "waiting"
               missing = ["needs 2 approvals"]
               counts = []
               deciding = ["two-approvals"]"#
        ),
        [
            "expected waiting, came satisfied",
            r#"expected missing ["needs 2 approvals"], came []"#,
            r#"expected counts [], came ["bob"]"#,
            r#"expected deciding ["two-approvals"], came ["one-approval"]"#,
        ]
    );
    let denied = mismatches("as = \"alice\"\naction = \"revoke\"\nexpect = \"allowed\"");
    assert_eq!(denied, ["expected allowed, came refused (no policy permits alice to revoke this access)"]);
    let right = mismatches("as = \"alice\"\ndenied_by = [\"bob\"]\nexpect = \"denied\"");
    assert!(right.is_empty(), "{right:?}");
}

#[test]
fn a_case_about_nobody_is_mistaken() {
    let expect = |case: &str, mistake: &str| assert_eq!(mismatches(case), [mistake.to_owned()]);
    expect("as = \"alcie\"\nexpect = \"denied\"", "there is nobody called \"alcie\" in [people] or [services]");
    expect(
        "as = \"alice\"\nreviews = [\"bobby\"]\nexpect = \"waiting\"",
        "there is nobody called \"bobby\" in [people] or [services]",
    );
    expect("as = \"alice\"\naction = \"dance\"\nexpect = \"allowed\"", "there is no action \"dance\"");
    let elsewhere = r#"as = "alice"
        request = { clusterName = "test", principalArn = "arn:aws:iam::111122223333:role/r" }
        expect = "denied""#;
    expect(elsewhere, "there is no [clusters.test] in this file");
}

#[test]
fn a_policy_that_errs_fails_the_case_that_meets_it() {
    let broken = starter_and(
        r#"@id("broken") forbid (principal, action == Entryway::Action::"request", resource)
           when { 9223372036854775807 + (if resource.breakGlass then 1 else 1) > 0 };"#,
    );
    let results = run(&broken, CASES);
    let refused = results.iter().find(|result| result.name.contains("in no group")).expect("the first case");
    assert!(refused.mismatches.iter().any(|line| line.starts_with("could not be evaluated: ")), "{refused:?}");
}

#[test]
fn a_directory_passes_only_with_cases_that_come_out() {
    let dir = TempDir::new("cases");
    assert!(!test_dir(dir.path()).passed(), "no policies");
    dir.write("starter.cedar", STARTER);
    let report = test_dir(dir.path());
    assert!(!report.passed() && report.to_string().contains("there is no case in"), "{report}");
    dir.write("starter.test.toml", CASES);
    let report = test_dir(dir.path());
    assert!(report.passed(), "{report}");
    assert!(report.to_string().ends_with("cases, 33 as expected, 0 not"), "{report}");
    dir.write("other.test.toml", "[people]\nalice = 1\n");
    let report = test_dir(dir.path());
    assert!(!report.passed() && report.problems[0].to_string().starts_with("other.test.toml:2: "), "{report}");
}

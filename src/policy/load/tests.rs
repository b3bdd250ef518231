//! What is refused and how it is said, what belongs to a set, and when its digest changes.

use super::*;
use crate::policy::testing::{STARTER, TempDir};

fn sources(files: &[(&str, &str)]) -> Vec<(String, String)> {
    files.iter().map(|(file, text)| ((*file).to_owned(), (*text).to_owned())).collect()
}

fn problems(files: &[(&str, &str)]) -> Vec<String> {
    let problems = PolicySet::parse(&sources(files)).expect_err("a set with something wrong");
    problems.0.iter().map(ToString::to_string).collect()
}

#[test]
fn takes_the_starter_set_without_a_warning() {
    let set = PolicySet::parse(&sources(&[("starter.cedar", STARTER)])).expect("the starter set");
    assert_eq!((set.len(), set.files(), set.warnings()), (15, &["starter.cedar".to_owned()][..], &[][..]));
}

#[test]
fn says_everything_at_once_with_its_place_and_what_was_meant() {
    let a = r#"
@id("typo")
permit (principal, action == Entryway::Action::"activate", resource)
when { context.aprovals >= 1 };
permit (principal, action == Entryway::Action::"view", resource);
@id("typo")
permit (principal in Entryway::Grup::"sre", action == Entryway::Action::"aprove", resource);
@id("template")
permit (principal == ?principal, action, resource);
@id("unguarded")
forbid (principal, action == Entryway::Action::"request", resource)
when { resource.ticket == "" };"#;
    let b = "@id(\"x\")\npermit (principal, action, resource";
    let found = problems(&[("b.cedar", b), ("a.cedar", a)]);
    let expected = [
        "a.cedar:4: for policy `typo`, attribute `aprovals` in context for Entryway::Action::\"activate\" not found \
         (did you mean `approvals`?)",
        "a.cedar:5: this policy has no @id (put @id(\"…\") with a name of its own before it)",
        "a.cedar:6: the @id \"typo\" is taken by a policy in a.cedar (give each policy its own)",
        "a.cedar:7: for policy `a.cedar:6`, unrecognized action `Entryway::Action::\"aprove\"` (did you mean \
         `Entryway::Action::\"approve\"`?)",
        "a.cedar:7: for policy `a.cedar:6`, unrecognized entity type `Entryway::Grup` (did you mean \
         `Entryway::Group`?)",
        "a.cedar:8: this is a template (it has ?principal or ?resource), and nothing ever fills it in (write the \
         principal or resource out)",
        "a.cedar:12: for policy `unguarded`, unable to guarantee safety of access to optional attribute `ticket` \
         on entity type `Entryway::AccessRequest` (try testing for the attribute's presence with `e has ticket && \
         ..`)",
    ];
    assert_eq!(found[..expected.len()], expected);
    assert!(found[expected.len()].starts_with("b.cedar:2: unexpected end of input"), "{found:?}");
}

#[test]
fn ids_are_unique_across_files() {
    let one = r#"@id("one") permit (principal, action == Entryway::Action::"view", resource);"#;
    let found = problems(&[("a.cedar", one), ("b.cedar", one)]);
    assert_eq!(found, [r#"b.cedar:1: the @id "one" is taken by a policy in a.cedar (give each policy its own)"#]);
    let blank = r#"@id(" ") permit (principal, action == Entryway::Action::"view", resource);"#;
    assert_eq!(problems(&[("a.cedar", blank)]).len(), 1);
}

#[test]
fn nameless_policies_on_one_line_are_told_apart() {
    let nameless = "permit (principal, action, resource); ".repeat(3);
    assert_eq!(problems(&[("a.cedar", &nameless)]).len(), 3);
}

#[test]
fn nothing_is_a_problem() {
    assert!(problems(&[])[0].starts_with("there is no policy in any file"));
    assert!(problems(&[("a.cedar", "// only words")])[0].starts_with("there is no policy in any file"));
}

#[test]
fn warns_of_a_policy_that_can_never_apply() {
    let never = r#"@id("never") permit (principal, action == Entryway::Action::"audit",
        resource is Entryway::AccessRequest);"#;
    let set = PolicySet::parse(&sources(&[("a.cedar", never)])).expect("odd, but sound");
    assert!(!set.warnings().is_empty() && set.warnings().iter().all(|warning| warning.line == Some(1)));
}

#[test]
fn the_digest_tells_apart_what_is_not_the_same() {
    let policy = |id: &str| format!("@id(\"{id}\") permit (principal, action, resource);");
    let digest = |files: &[(&str, &str)]| PolicySet::parse(&sources(files)).expect("sound").digest().to_owned();
    let (a, b) = (policy("a"), policy("b"));
    let two = digest(&[("a.cedar", &a), ("b.cedar", &b)]);
    assert!(two.starts_with("sha256:") && two.len() == "sha256:".len() + 64, "{two}");
    assert_eq!(two, digest(&[("b.cedar", &b), ("a.cedar", &a)]), "whatever the order");
    assert_ne!(two, digest(&[("a.cedar", &b), ("b.cedar", &a)]), "names count");
    assert_ne!(two, digest(&[("a.cedar", &format!("{a}{b}"))]), "files count");
    assert_ne!(two, digest(&[("a.cedar", &a), ("b.cedar", &format!("{b} "))]), "every byte counts");
    let apart = digest(&[("a.cedar", &format!("//x\n{a}"))]);
    assert_ne!(apart, digest(&[("a.cedar//x", &format!("\n{a}"))]), "names end where they end");
}

#[test]
fn a_directory_is_its_cedar_files_and_nothing_else() {
    let dir = TempDir::new("load");
    let missing = PolicySet::load(&dir.path().join("none")).expect_err("no directory").to_string();
    assert!(missing.contains("cannot be read"), "{missing}");
    let empty = PolicySet::load(dir.path()).expect_err("an empty directory").to_string();
    assert!(empty.contains("has no *.cedar file"), "{empty}");

    dir.write("starter.cedar", STARTER);
    for file in ["starter.test.toml", "schema.cedarschema", ".starter.cedar", "starter.cedar.bak"] {
        dir.write(file, "not a policy");
    }
    let set = PolicySet::load(dir.path()).expect("the starter set");
    assert_eq!(set.files(), ["starter.cedar"]);
    assert_eq!(set.digest(), PolicySet::parse(&sources(&[("starter.cedar", STARTER)])).expect("sound").digest());

    dir.write("more.cedar", [0xff, 0xfe]);
    dir.write("other.cedar", "permit (principal, action, resource);");
    let found = PolicySet::load(dir.path()).expect_err("two bad files").0;
    let files: Vec<&str> = found.iter().map(|problem| problem.file.as_str()).collect();
    assert_eq!(files, ["more.cedar", "other.cedar"]);
}

#[cfg(unix)]
#[test]
fn links_are_followed_as_in_a_mounted_config_map() {
    let dir = TempDir::new("links");
    std::fs::create_dir(dir.path().join("..data")).expect("a directory");
    dir.write("..data/starter.cedar", STARTER);
    std::os::unix::fs::symlink("..data/starter.cedar", dir.path().join("starter.cedar")).expect("a link");
    assert_eq!(PolicySet::load(dir.path()).expect("the starter set").len(), 15);
}

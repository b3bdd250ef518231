//! What went wrong, in the words of people: what, where, and what to do next.

use std::fmt::Write as _;

use super::failure::{Failure, Problem};
use super::spoken::{remedy, spoken};
use crate::api::wire::FieldError;

/// What is said about `failure`, with a line end.
pub(super) fn told(failure: &Failure) -> String {
    match failure {
        Failure::Refused(problem) => refused(problem),
        Failure::Usage(text)
        | Failure::NotSignedIn(text)
        | Failure::Unreachable(text)
        | Failure::TimeIsUp(text)
        | Failure::TurnedDown(text)
        | Failure::Failed(text)
        | Failure::Kept(text)
        | Failure::Left(text)
        | Failure::Here(text) => format!("entryway: {text}\n"),
    }
}

fn refused(problem: &Problem) -> String {
    let view = &problem.view;
    let mut text = format!("entryway: {} ({})\n", spoken(&view.title), view.code);
    if view.errors.is_empty() {
        let _ = writeln!(text, "  {}", indented(&spoken(&view.detail)));
    }
    for error in view.errors.iter() {
        let _ = writeln!(text, "  {}: {} ({})", place(error), indented(&spoken(&error.detail)), error.code);
        // Of a whole answer the one remedy below is enough.
        if let Some(next) = remedy(&error.code).filter(|_| error.code != view.code) {
            let _ = writeln!(text, "    next: {next}");
        }
    }
    if let Some(next) = &problem.next {
        let _ = writeln!(text, "  next: {next}");
    } else if let Some(next) = remedy(&view.code).filter(|_| view.code != "validation-failed") {
        let _ = writeln!(text, "  next: {next}");
    }
    if view.status >= 500 {
        let _ = writeln!(text, "  call: {}", view.request_id);
    }
    text
}

fn indented(text: &str) -> String {
    text.replace('\n', "\n    ")
}

/// Where it is: the argument that says it, with the place in the body where one argument says several things.
fn place(error: &FieldError) -> String {
    let pointer = match (&error.pointer, &error.parameter) {
        (Some(pointer), _) => pointer.as_str(),
        (None, Some(parameter)) if parameter == "clusterName" => return "--cluster".to_owned(),
        (None, Some(parameter)) => return spoken(parameter).into_owned(),
        (None, None) => return "the request".to_owned(),
    };
    let mut steps = pointer.split('/').skip(1);
    let argument = match (steps.next().unwrap_or_default(), steps.nth(1)) {
        ("clusterName" | "clusterNames", _) => "--cluster",
        ("requester", _) => "--requester",
        ("principalArn", _) => "--principal",
        ("type", _) => "--type",
        ("username", _) => "--username",
        ("kubernetesGroups", _) => "--group",
        ("accessPolicies", Some("accessScope")) => "--namespace or --cluster-wide",
        ("accessPolicies", _) => "--policy",
        ("tags", _) => "--tag",
        ("reason", _) => "--reason",
        ("comment", _) => "--comment",
        ("ticket", _) => "--ticket",
        ("duration", _) => "--duration",
        ("startAt", _) => "--start",
        ("breakGlass", _) => "--break-glass",
        ("specDigest", _) => "--digest",
        ("", _) => return "the request".to_owned(),
        _ => return pointer.to_owned(),
    };
    if pointer.matches('/').count() > 1 { format!("{argument} ({pointer})") } else { argument.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_named_as_it_was_given() {
        for (pointer, expected) in [
            ("/clusterName", "--cluster"),
            ("/kubernetesGroups/0", "--group (/kubernetesGroups/0)"),
            ("/accessPolicies/1/policyArn", "--policy (/accessPolicies/1/policyArn)"),
            (
                "/accessPolicies/0/accessScope/type",
                "--namespace or --cluster-wide (/accessPolicies/0/accessScope/type)",
            ),
            ("/somethingNew", "/somethingNew"),
            ("", "the request"),
        ] {
            assert_eq!(place(&FieldError::at(pointer, "code", "detail")), expected);
        }
        for (parameter, expected) in
            [("clusterName", "--cluster"), ("Entryway-On-Behalf-Of", "--on-behalf-of"), ("If-Match", "If-Match")]
        {
            assert_eq!(place(&FieldError::of(parameter, "code", "detail")), expected);
        }
    }
}

//! Where access policies hold (`EKS API reference, AccessScope`).

use super::reading::{PolicyReading, Reading};
use super::text::quoted;
use super::{Context, Report};

/// EKS publishes no limit; this one is Entryway's.
pub(super) const MAX_NAMESPACES: usize = 100;

fn pointer(at: usize) -> String {
    format!("/accessPolicies/{at}/accessScope")
}

fn is(policy: &PolicyReading<'_>, kind: &str) -> bool {
    policy.asked.scope_type.as_deref() == Some(kind)
}

fn namespaces<'r>(policy: &'r PolicyReading<'_>) -> &'r [String] {
    policy.asked.namespaces.as_deref().unwrap_or_default()
}

/// A missing scope is not the whole cluster: nobody may get more than they wrote.
pub(super) fn has_a_type(reading: &Reading<'_>, _: &Context<'_>, out: &mut Report<'_>) {
    for (at, policy) in reading.policies.iter().enumerate() {
        match (policy.asked.scope_type.as_deref(), &policy.asked.namespaces) {
            (Some("cluster" | "namespace"), _) => {}
            (None, None) => {
                out.add(pointer(at), r#"say where: {"type": "cluster"}, or {"type": "namespace", "namespaces": ["…"]}"#)
            }
            (None, Some(_)) => out.add(
                format!("{}/type", pointer(at)),
                "the type is missing; it is \"namespace\" where namespaces are listed",
            ),
            (Some(other), _) => out.add(
                format!("{}/type", pointer(at)),
                format!("{} is neither \"cluster\" nor \"namespace\", in lower case", quoted(other)),
            ),
        }
    }
}

pub(super) fn of_namespaces_names_some(reading: &Reading<'_>, _: &Context<'_>, out: &mut Report<'_>) {
    for (at, policy) in reading.policies.iter().enumerate() {
        if is(policy, "namespace") && namespaces(policy).is_empty() {
            let detail = "list at least one namespace, or use type \"cluster\" for the whole cluster";
            out.add(format!("{}/namespaces", pointer(at)), detail);
        }
    }
}

pub(super) fn of_the_cluster_names_none(reading: &Reading<'_>, _: &Context<'_>, out: &mut Report<'_>) {
    for (at, policy) in reading.policies.iter().enumerate() {
        if is(policy, "cluster") && !namespaces(policy).is_empty() {
            let detail =
                "type \"cluster\" holds everywhere; use type \"namespace\" for these namespaces, or remove them";
            out.add(format!("{}/namespaces", pointer(at)), detail);
        }
    }
}

/// EKS takes any text and matches it against nothing; a name that no namespace can have is a slip of the pen.
pub(super) fn names_possible_namespaces(reading: &Reading<'_>, _: &Context<'_>, out: &mut Report<'_>) {
    for (at, policy) in reading.policies.iter().enumerate() {
        let namespaces = namespaces(policy);
        if namespaces.len() > MAX_NAMESPACES {
            let detail = format!(
                "{} namespaces are more than the {MAX_NAMESPACES} that Entryway takes; use patterns such as payments-*",
                namespaces.len()
            );
            out.add(format!("{}/namespaces", pointer(at)), detail);
        }
        for (place, namespace) in namespaces.iter().enumerate().filter(|(_, name)| !is_pattern(name)) {
            let detail = format!(
                "{} is no possible namespace: 1 to 63 lower-case letters, digits and inner hyphens, \
                 with * for any run of them",
                quoted(namespace)
            );
            out.add(format!("{}/namespaces/{place}", pointer(at)), detail);
        }
    }
}

/// A DNS-1123 label in which `*` may stand for any run of characters.
fn is_pattern(text: &str) -> bool {
    let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'*' || b == b'-';
    (1..=63).contains(&text.len()) && text.bytes().all(letter) && !text.starts_with('-') && !text.ends_with('-')
}

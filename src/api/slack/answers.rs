//! What Slack is answered, and what its people are told: always what to do next.

use std::collections::{BTreeMap, BTreeSet};

use axum::response::{IntoResponse, Response};
use serde_json::json;
use slack_morphism::blocks::SlackView;

use super::super::extract::json_response;
use crate::slack::{CLUSTER, COMMAND, SlackError, field_of, text};
use crate::workflow::WorkflowError;

/// Where nothing came of a call, and why is no matter of its author's.
pub(super) const SORRY: &str = "Entryway could not do that just now, and nothing was changed. Try again in a minute; if it goes on, tell its operators.";

/// The longest text of an error at a field.
const ERROR: usize = 500;

/// Says that a call was taken.
pub(super) fn taken() -> Response {
    ().into_response()
}

/// Tells whoever gave a command, at once.
pub(super) fn told(what: &str) -> Response {
    json_response(&json!({ "response_type": "ephemeral", "text": what }))
}

/// Shows another view in place of the one that was submitted.
pub(super) fn shown(view: &SlackView) -> Response {
    json_response(&json!({ "response_action": "update", "view": view }))
}

/// Says what is wrong, at the fields.
pub(super) fn wrong(fields: &BTreeMap<&'static str, String>) -> Response {
    json_response(&json!({ "response_action": "errors", "errors": fields }))
}

/// A refusal in words.
pub(super) fn in_words(error: &WorkflowError) -> String {
    match error {
        WorkflowError::Store(error) => {
            tracing::warn!(%error, "a call of Slack's could not be done");
            SORRY.to_owned()
        }
        WorkflowError::Invalid(violations) => {
            violations.iter().map(|violation| violation.detail.as_str()).collect::<Vec<_>>().join("; ")
        }
        WorkflowError::StaleView(_) => {
            "the message showed something else than what was asked; look at the request anew and decide on what it is now".to_owned()
        }
        other => format!("{other}."),
    }
}

/// What is wrong with what was submitted, by the field it stands in; what stands in none is said at `otherwise`.
pub(super) fn by_field(error: &WorkflowError, otherwise: &'static str) -> BTreeMap<&'static str, String> {
    let mut fields: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
    match error {
        WorkflowError::Invalid(violations) => {
            for violation in violations {
                let field = field_of(&violation.pointer).unwrap_or(otherwise);
                fields.entry(field).or_default().push(violation.detail.clone());
            }
        }
        WorkflowError::InvalidField { pointer, detail, .. } => {
            fields.entry(field_of(pointer).unwrap_or(otherwise)).or_default().push(detail.clone());
        }
        other => fields.entry(otherwise).or_default().push(in_words(other)),
    }
    let once = |mut said: Vec<String>| {
        // The same is wrong with each policy, where it stands in one field for all of them.
        let mut before = BTreeSet::new();
        said.retain(|one| before.insert(one.clone()));
        text(&said.join("; "), ERROR)
    };
    fields.into_iter().map(|(field, said)| (field, once(said))).collect()
}

/// What is wrong, in one text, where there are no fields to say it at.
pub(super) fn in_one(fields: &BTreeMap<&'static str, String>) -> String {
    let said =
        fields.iter().map(|(field, said)| if *field == CLUSTER { said.clone() } else { format!("{field}: {said}") });
    said.collect::<Vec<_>>().join("\n")
}

/// Why a view could not be shown.
pub(super) fn not_shown(error: &SlackError) -> String {
    tracing::warn!(%error, "a view could not be shown");
    match error {
        SlackError::Refused(code) if code == "expired_trigger_id" => {
            "That took too long for Slack. Do it again; it usually works at once.".to_owned()
        }
        _ => format!("Slack did not show the form. Do it again; if it goes on, tell Entryway's operators. ({COMMAND})"),
    }
}

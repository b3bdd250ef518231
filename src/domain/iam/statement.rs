//! IAM policy documents as IAM reads them, and their size as IAM counts it.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

/// Whether a statement gives or takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Effect {
    /// Gives, unless anything denies.
    Allow,
    /// Takes, whatever else allows.
    Deny,
}

/// Whom a trust policy trusts, by ARN.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Principal {
    /// The ARN.
    #[serde(rename = "AWS")]
    pub arn: String,
}

/// One value as IAM takes it: the value itself, or a list of several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Values(Vec<String>);

impl<S: Into<String>> FromIterator<S> for Values {
    fn from_iter<I: IntoIterator<Item = S>>(values: I) -> Self {
        Self(values.into_iter().map(Into::into).collect())
    }
}

impl Serialize for Values {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [one] => serializer.serialize_str(one),
            many => many.serialize(serializer),
        }
    }
}

/// One statement of a policy, in the order in which people read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Statement {
    /// Its name in the document: letters and digits.
    pub sid: String,
    /// What it does.
    pub effect: Effect,
    /// Whom it is about; only in trust policies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal: Option<Principal>,
    /// The calls.
    pub action: Values,
    /// On what; absent in trust policies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<Values>,
    /// Operator → key → values; all must hold, of the values of a key any.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub condition: BTreeMap<&'static str, BTreeMap<String, Values>>,
    /// What it is for, in a sentence for people; not part of the document.
    #[serde(skip)]
    pub why: &'static str,
}

impl Statement {
    fn new<const N: usize>(effect: Effect, sid: &str, why: &'static str, actions: [&'static str; N]) -> Self {
        let action = actions.into_iter().collect();
        Self { sid: sid.to_owned(), effect, principal: None, action, resource: None, condition: BTreeMap::new(), why }
    }

    pub(super) fn allow<const N: usize>(sid: &str, why: &'static str, actions: [&'static str; N]) -> Self {
        Self::new(Effect::Allow, sid, why, actions)
    }

    pub(super) fn deny<const N: usize>(sid: &str, why: &'static str, actions: [&'static str; N]) -> Self {
        Self::new(Effect::Deny, sid, why, actions)
    }

    pub(super) fn of(mut self, principal: impl Into<String>) -> Self {
        self.principal = Some(Principal { arn: principal.into() });
        self
    }

    pub(super) fn on<S: Into<String>>(mut self, resources: impl IntoIterator<Item = S>) -> Self {
        self.resource = Some(resources.into_iter().collect());
        self
    }

    pub(super) fn when<S: Into<String>>(
        mut self,
        operator: &'static str,
        key: impl Into<String>,
        values: impl IntoIterator<Item = S>,
    ) -> Self {
        self.condition.entry(operator).or_default().insert(key.into(), values.into_iter().collect());
        self
    }
}

/// A policy document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Document {
    version: &'static str,
    statement: Vec<Statement>,
}

impl Document {
    pub(super) fn new(statements: Vec<Statement>) -> Self {
        Self { version: "2012-10-17", statement: statements }
    }

    /// Its statements, in order.
    #[must_use]
    pub fn statements(&self) -> &[Statement] {
        &self.statement
    }

    /// Its size as IAM counts it: characters that are no white space.
    #[must_use]
    pub fn characters(&self) -> usize {
        self.json().chars().filter(|c| !c.is_whitespace()).count()
    }

    /// The document as JSON, for people and for IAM, without a line break at its end. IAM takes no character beyond
    /// U+00FF (`IAM user guide, name requirements`), so those are written as escapes.
    #[must_use]
    pub fn json(&self) -> String {
        let json = serde_json::to_string_pretty(self).expect("texts, lists and maps with text keys are JSON");
        let mut text = String::with_capacity(json.len());
        for c in json.chars() {
            if c > '\u{ff}' {
                text.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
            } else {
                text.push(c);
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_read_as_people_write_them() {
        let statement = Statement::allow("One", "", ["eks:DescribeCluster"]).on(["arn:a", "arn:b"]).when(
            "StringEquals",
            "eks:accessEntryType",
            ["STANDARD"],
        );
        let json = Document::new(vec![statement]).json();
        let compact: String = json.split_whitespace().collect();
        assert_eq!(
            compact,
            r#"{"Version":"2012-10-17","Statement":[{"Sid":"One","Effect":"Allow","Action":"eks:DescribeCluster","Resource":["arn:a","arn:b"],"Condition":{"StringEquals":{"eks:accessEntryType":"STANDARD"}}}]}"#
        );
    }

    #[test]
    fn characters_that_iam_does_not_take_are_escaped() {
        let document = Document::new(vec![Statement::allow("One", "", ["sts:AssumeRole"]).on(["büro 平台 𝔼"])]);
        let json = document.json();
        assert!(json.contains(r"büro \u5e73\u53f0 \ud835\udd3c") && json.chars().all(|c| c <= '\u{ff}'), "{json}");
        let read: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!(read["Statement"][0]["Resource"], "büro 平台 𝔼");
    }

    #[test]
    fn white_space_does_not_count() {
        let document = Document::new(vec![Statement::allow("One", "", ["sts:AssumeRole"]).on(["a b"])]);
        let compact: String = document.json().split_whitespace().collect();
        assert_eq!(document.characters(), compact.chars().count());
        assert!(document.json().len() > document.characters());
    }
}

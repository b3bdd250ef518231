//! Policy files on their way to a set: parsed, named and validated, with every problem at its place.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use cedar_policy::ffi::DetailedError;
use cedar_policy::{Policy, PolicyId, Schema, ValidationError, ValidationMode, Validator};

use super::evaluate::actions;
use super::problems::{Problem, line_of, nearest};

/// The fixed schema, the same file that `policies/` shows to whoever writes policies.
pub(super) static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
    let source = include_str!("../../policies/schema.cedarschema");
    Schema::from_cedarschema_str(source).expect("the schema is compiled in and parses in every test").0
});

/// What has been read so far. Policies whose `@id` is missing or taken go on under the name of their place, so
/// that the validator still gets to see them.
#[derive(Default)]
pub(super) struct Draft<'a> {
    pub(super) policies: Vec<Policy>,
    pub(super) problems: Vec<Problem>,
    /// File name and content, by policy id.
    places: BTreeMap<String, (&'a str, &'a str)>,
}

impl<'a> Draft<'a> {
    /// Takes in one file.
    pub(super) fn read(&mut self, file: &'a str, text: &'a str) {
        let set: cedar_policy::PolicySet = match text.parse() {
            Ok(set) => set,
            Err(errors) => {
                let errors: &cedar_policy::ParseErrors = &errors;
                self.problems
                    .extend(errors.iter().map(|error| Problem::of_cedar(file, text, &DetailedError::from(error))));
                return;
            }
        };
        let mut offset = 0;
        for found in in_order(&set) {
            let at = text[offset..].find(&found.source).map_or(offset, |distance| offset + distance);
            offset = at + found.source.len();
            self.take(file, text, line_of(text, at), found.policy);
        }
    }

    fn take(&mut self, file: &'a str, text: &'a str, line: usize, policy: Option<Policy>) {
        let mut refuse = |message: String, help: &str| {
            let help = Some(help.to_owned());
            self.problems.push(Problem { file: file.to_owned(), line: Some(line), message, help });
        };
        let Some(policy) = policy else {
            return refuse(
                "this is a template (it has ?principal or ?resource), and nothing ever fills it in".to_owned(),
                "write the principal or resource out",
            );
        };
        let mut place = format!("{file}:{line}");
        while self.places.contains_key(&place) {
            place.push('+');
        }
        let id = match policy.annotation("id").map(str::trim) {
            None | Some("") => {
                refuse("this policy has no @id".to_owned(), "put @id(\"…\") with a name of its own before it");
                place
            }
            Some(id) => match self.places.get(id) {
                Some((first, _)) => {
                    refuse(format!("the @id \"{id}\" is taken by a policy in {first}"), "give each policy its own");
                    place
                }
                None => id.to_owned(),
            },
        };
        self.policies.push(policy.new_id(PolicyId::new(&id)));
        self.places.insert(id, (file, text));
    }

    /// Adds what the validator finds to the problems; answers its warnings.
    pub(super) fn validate(&mut self) -> Vec<Problem> {
        let set = cedar_policy::PolicySet::from_policies(self.policies.iter().cloned())
            .expect("every policy was given an id of its own");
        let result = Validator::new(SCHEMA.clone()).validate(&set, ValidationMode::Strict);
        let problem = |id: &PolicyId, error: DetailedError| {
            let id: &str = id.as_ref();
            let (file, text) = self.places.get(id).copied().unwrap_or_default();
            Problem::of_cedar(file, text, &error)
        };
        let found = result.validation_errors().map(|error| {
            let mut detailed = DetailedError::from(error);
            if matches!(error, ValidationError::UnrecognizedActionId(_)) {
                suggest_action(&mut detailed);
            }
            problem(error.policy_id(), detailed)
        });
        let found: BTreeSet<Problem> = found.collect();
        let warnings: BTreeSet<Problem> =
            result.validation_warnings().map(|warning| problem(warning.policy_id(), warning.into())).collect();
        self.problems.extend(found);
        warnings.into_iter().collect()
    }
}

/// Puts the nearest action in place of Cedar's suggestion, which is a wrong one.
fn suggest_action(error: &mut DetailedError) {
    let meant = error.message.split('"').nth(1).and_then(|word| nearest(word, actions()));
    error.help = Some(match meant {
        Some(action) => format!("did you mean `Entryway::Action::\"{action}\"`?"),
        None => format!("the actions are {}", actions().collect::<Vec<_>>().join(", ")),
    });
}

struct Found {
    source: String,
    /// `None` for a template.
    policy: Option<Policy>,
}

/// The policies of one file in the order they are written: Cedar names them `policy0`, `policy1`, ….
fn in_order(set: &cedar_policy::PolicySet) -> Vec<Found> {
    let number = |id: &PolicyId| {
        let id: &str = id.as_ref();
        id.trim_start_matches("policy").parse::<usize>().unwrap_or(usize::MAX)
    };
    let policies = set.policies().map(|policy| {
        let source = policy.to_cedar().unwrap_or_default();
        (number(policy.id()), Found { source, policy: Some(policy.clone()) })
    });
    let templates =
        set.templates().map(|template| (number(template.id()), Found { source: template.to_cedar(), policy: None }));
    let by_number: BTreeMap<usize, Found> = policies.chain(templates).collect();
    by_number.into_values().collect()
}

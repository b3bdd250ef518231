//! Arguments that are one of some words of the domain: help and completions list them.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, PossibleValuesParser, StringValueParser, TypedValueParser};

use crate::domain::entry::EntryType;
use crate::domain::states::RequestState;

/// A state of a request.
pub(super) fn state() -> impl TypedValueParser<Value = RequestState> {
    PossibleValuesParser::new(RequestState::ALL.map(RequestState::as_str))
        .try_map(|name| RequestState::parse(&name).ok_or("there is no such state"))
}

/// A type of access entry. What is not listed is left to the service, which knows other spellings, and perhaps newer types.
#[derive(Debug, Clone)]
pub(super) struct EntryTypeName;

impl TypedValueParser for EntryTypeName {
    type Value = String;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<String, clap::Error> {
        StringValueParser::new().parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(EntryType::ALL.into_iter().map(|known| PossibleValue::new(known.as_str()))))
    }
}

//! Parameters after the `?`. Every one is taken by name; what is left over, repeated or unreadable is refused, all of
//! it at once.

use std::collections::BTreeMap;
use std::convert::Infallible;

use axum::extract::{FromRequestParts, Query};
use axum::http::Uri;
use axum::http::request::Parts;
use chrono::{DateTime, Utc};

use super::super::problem::{Code, FieldError, Problem};
use super::super::state::ApiState;

/// The parameters of a call. End with [`Parameters::end`].
#[derive(Debug, Default)]
pub(crate) struct Parameters {
    given: BTreeMap<String, Vec<String>>,
    errors: Vec<FieldError>,
}

impl Parameters {
    fn of(uri: &Uri) -> Self {
        let mut parameters = Self::default();
        let Ok(Query(pairs)) = Query::<Vec<(String, String)>>::try_from_uri(uri) else {
            parameters.wrong("?", "the query is not of the form name=value&name=value");
            return parameters;
        };
        for (name, value) in pairs {
            // Percent-encoded bytes that are no UTF-8 come as U+FFFD; Postgres has no NUL.
            if value.contains(|c: char| c.is_control() || c == char::REPLACEMENT_CHARACTER) {
                parameters.wrong(&name, "holds bytes that are no readable UTF-8");
            }
            parameters.given.entry(name).or_default().push(value);
        }
        parameters
    }

    /// Everything given but `except`, in an order that does not depend on how it was written.
    pub(crate) fn all_but(&self, except: &[&str]) -> Vec<(String, Vec<String>)> {
        let wanted = self.given.iter().filter(|(name, _)| !except.contains(&name.as_str()));
        wanted.map(|(name, values)| (name.clone(), values.clone())).collect()
    }

    /// Whether there is a parameter of this name, right or wrong.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.given.contains_key(name)
    }

    /// The parameter of this name, which may be given once.
    pub(crate) fn one<T>(&mut self, name: &str, read: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        let values = self.given.remove(name)?;
        let [value] = values.as_slice() else {
            self.wrong(name, "is given more than once");
            return None;
        };
        read(value).map_err(|why| self.wrong(name, why)).ok()
    }

    /// The parameters of this name, which may be repeated.
    pub(crate) fn many<T>(&mut self, name: &str, read: impl Fn(&str) -> Result<T, String>) -> Vec<T> {
        let values = self.given.remove(name).unwrap_or_default();
        values.iter().filter_map(|value| read(value).map_err(|why| self.wrong(name, why)).ok()).collect()
    }

    /// Notes that a parameter is wrong.
    pub(crate) fn wrong(&mut self, name: &str, why: impl Into<String>) {
        self.errors.push(FieldError::of(name, Code::BadParameter.entry().code, why));
    }

    /// Everything was taken that this call knows.
    ///
    /// # Errors
    /// Every parameter that is wrong or unknown.
    pub(crate) fn end(mut self) -> Result<(), Problem> {
        let unknown: Vec<_> = self.given.keys().cloned().collect();
        for name in unknown {
            self.wrong(&name, "this call has no such parameter");
        }
        if self.errors.is_empty() {
            return Ok(());
        }
        let told: Vec<_> = self
            .errors
            .iter()
            .map(|error| format!("{}: {}", error.parameter.as_deref().unwrap_or_default(), error.detail))
            .collect();
        Err(Problem::new(Code::BadParameter, told.join("; ")).listing(self.errors))
    }
}

impl FromRequestParts<ApiState> for Parameters {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &ApiState) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.uri))
    }
}

/// There are no parameters.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NoParameters;

impl FromRequestParts<ApiState> for NoParameters {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &ApiState) -> Result<Self, Problem> {
        Parameters::of(&parts.uri).end().map(|()| Self)
    }
}

/// Any text but none.
pub(crate) fn text(value: &str) -> Result<String, String> {
    if value.is_empty() { Err("is empty; leave it out instead".to_owned()) } else { Ok(value.to_owned()) }
}

/// `true` or `false`.
pub(crate) fn flag(value: &str) -> Result<bool, String> {
    value.parse().map_err(|_| "is neither true nor false".to_owned())
}

/// A time as RFC 3339 writes it.
pub(crate) fn time(value: &str) -> Result<DateTime<Utc>, String> {
    let wanted = "is no time; write it like 2026-01-31T12:00:00Z (a + is sent as %2B)";
    DateTime::parse_from_rfc3339(value).map(|time| time.to_utc()).map_err(|_| wanted.to_owned())
}

#[cfg(test)]
mod tests {
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    use proptest::prelude::*;

    use super::*;

    fn of(uri: &'static str) -> Parameters {
        Parameters::of(&Uri::from_static(uri))
    }

    fn wrong(parameters: Parameters) -> Vec<String> {
        let problem = parameters.end().expect_err("something is wrong");
        assert_eq!(problem.code(), "bad-parameter");
        problem.errors().iter().filter_map(|error| error.parameter.clone()).collect()
    }

    #[test]
    fn takes_what_it_knows() {
        let mut parameters = of("/x?state=active&flag=true&state=ended&at=2026-01-31T12:00:00%2B01:00&name=a%20b");
        assert_eq!(parameters.many("state", text), ["active", "ended"]);
        assert_eq!(parameters.one("flag", flag), Some(true));
        assert_eq!(parameters.one("at", time).map(|at| at.to_rfc3339()), Some("2026-01-31T11:00:00+00:00".to_owned()));
        assert_eq!(parameters.one("name", text).as_deref(), Some("a b"));
        assert_eq!(parameters.one("absent", text), None);
        assert!(parameters.end().is_ok());
    }

    #[test]
    fn refuses_everything_else_at_once() {
        let mut parameters = of("/x?flag=yes&flag2=true&flag2=true&Flag=true&nul=%00&latin=%ff");
        assert_eq!((parameters.one("flag", flag), parameters.one("flag2", flag)), (None, None));
        parameters.one("nul", text);
        parameters.one("latin", text);
        assert_eq!(wrong(parameters), ["nul", "latin", "flag", "flag2", "Flag"]);
    }

    #[test]
    fn the_order_of_writing_makes_no_difference_to_what_was_asked() {
        let one = of("/x?b=1&a=2&maxResults=5").all_but(&["maxResults"]);
        assert_eq!(one, of("/x?maxResults=9&a=2&b=1").all_but(&["maxResults"]));
        assert_ne!(one, of("/x?a=2&b=2").all_but(&["maxResults"]));
    }
    proptest! {
        #[test]
        fn whatever_is_said_is_heard(values in proptest::collection::vec("[^\\p{C}\u{fffd}]{1,12}", 1..5)) {
            let pairs = values.iter().map(|value| format!("name={}", utf8_percent_encode(value, NON_ALPHANUMERIC)));
            let uri: Uri = format!("/x?{}", pairs.collect::<Vec<_>>().join("&")).parse().expect("it is encoded");
            let mut parameters = Parameters::of(&uri);
            prop_assert_eq!(parameters.many("name", text), values);
            prop_assert!(parameters.end().is_ok());
        }

        #[test]
        fn no_query_makes_it_panic_and_nothing_is_overheard(query in prop_oneof!["[!-~]{0,40}", "([a-c]{0,2}[=&%+]{0,2}[0-9a-f]{0,3}){0,6}"]) {
            let Ok(uri) = format!("/x?{query}").parse::<Uri>() else { return Ok(()) };
            let mut parameters = Parameters::of(&uri);
            let heard = parameters.given.len();
            parameters.many("a", text);
            let known = usize::from(parameters.given.len() < heard);
            prop_assert!(heard == known || parameters.end().is_err(), "{query}");
        }

        #[test]
        fn a_time_is_read_as_it_was_written_and_nothing_else_is_one(
            millis in 0..4_102_444_800_000_i64, other in prop_oneof!["\\PC{0,30}", "[0-9TZ:+. -]{0,30}"],
        ) {
            let at = DateTime::from_timestamp_millis(millis).expect("within range");
            prop_assert_eq!(time(&at.to_rfc3339()), Ok(at));
            if let Ok(at) = time(&other) {
                prop_assert!(DateTime::parse_from_rfc3339(&at.to_rfc3339()).is_ok(), "{other}");
            }
            prop_assert!(flag(&other).is_err());
        }
    }
}

//! Which request a call is about, and at which version the caller saw it.

use axum::extract::{FromRequestParts, Path};
use axum::http::HeaderMap;
use axum::http::header::IF_MATCH;
use axum::http::request::Parts;
use uuid::Uuid;

use super::super::caller::Authenticated;
use super::super::problem::{Code, Problem};
use super::super::state::ApiState;
use super::query::NoParameters;
use crate::workflow::standing;

/// The id in the path. What is no UUID is no request's id.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PathId(pub(crate) Uuid);

impl FromRequestParts<ApiState> for PathId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        Authenticated::from_request_parts(parts, state).await?;
        let id = Path::<Uuid>::from_request_parts(parts, state).await;
        let missing = |_| Problem::new(Code::NotFound, "there is no such request, or it is not yours to see");
        id.map(|Path(id)| Self(id)).map_err(missing)
    }
}

/// The request that is to be changed. Such calls take no parameters.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target(pub(crate) standing::Target);

impl FromRequestParts<ApiState> for Target {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        let PathId(id) = PathId::from_request_parts(parts, state).await?;
        NoParameters::from_request_parts(parts, state).await?;
        Ok(Self(standing::Target { id, version: expected_version(&parts.headers)? }))
    }
}

/// No request ever has it, so it matches none.
const NO_VERSION: i64 = 0;

/// The version `If-Match` wants; `None` where any will do.
fn expected_version(headers: &HeaderMap) -> Result<Option<i64>, Problem> {
    let mut given = headers.get_all(IF_MATCH).iter();
    let Some(value) = given.next() else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    if given.next().is_none() {
        if text == "*" {
            return Ok(None);
        }
        let tag = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).filter(|tag| !tag.contains('"'));
        if let Some(tag) = tag {
            // A tag is compared letter by letter: +7 and 007 are other tags than 7.
            let version = tag.parse().ok().filter(|version: &i64| version.to_string() == tag);
            return Ok(Some(version.unwrap_or(NO_VERSION)));
        }
    }
    Err(Problem::parameter("If-Match", "send one strong ETag as it was answered, such as \"7\", or *"))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn version(values: &[&'static str]) -> Result<Option<i64>, &'static str> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(IF_MATCH, HeaderValue::from_static(value));
        }
        expected_version(&headers).map_err(|problem| problem.code())
    }

    #[test]
    fn reads_the_strong_tag_that_was_answered() {
        assert_eq!(version(&[]), Ok(None));
        assert_eq!(version(&["*"]), Ok(None));
        assert_eq!(version(&["\"7\""]), Ok(Some(7)));
        assert_eq!(version(&["\"somebody else's\""]), Ok(Some(0)), "a tag that no request has matches none");
    }

    #[test]
    fn guesses_at_nothing_else() {
        for bad in [&["7"][..], &["W/\"7\""], &["\"7\", \"8\""], &["\"7"], &[""], &["\"7\"", "\"7\""]] {
            assert_eq!(version(bad), Err("bad-parameter"), "{bad:?}");
        }
    }
    proptest! {
        #[test]
        fn only_the_very_tag_that_was_answered_is_a_version(
            value in prop_oneof!["[0-9\"W/*+ -]{0,12}", "\"[+-]?0{0,2}[0-9]{1,20}\"", "\\PC{0,20}"],
        ) {
            let Ok(header) = HeaderValue::from_str(&value) else { return Ok(()) };
            let headers = HeaderMap::from_iter([(IF_MATCH, header)]);
            if let Ok(Some(version)) = expected_version(&headers) && version != NO_VERSION {
                prop_assert_eq!(format!("\"{version}\""), value.trim());
            }
        }

        #[test]
        fn every_version_is_read_back(version in 1..i64::MAX) {
            let header = HeaderValue::from_str(&format!("\"{version}\"")).expect("a header");
            let headers = HeaderMap::from_iter([(IF_MATCH, header)]);
            prop_assert_eq!(expected_version(&headers).map_err(|problem| problem.code()), Ok(Some(version)));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let Ok(header) = HeaderValue::from_bytes(&bytes) else { return Ok(()) };
            let _ = expected_version(&HeaderMap::from_iter([(IF_MATCH, header)]));
        }
    }
}

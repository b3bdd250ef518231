//! The body of a call: how it is marked, how long it may be, what it says.

use axum::extract::rejection::BytesRejection;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use serde::de::DeserializeOwned;

use super::super::problem::{Code, Problem};
use super::strict;

/// The longest body, in bytes.
pub(crate) const LONGEST_BODY: usize = 64 * 1024;

/// What a call takes as its body.
pub(crate) trait TakenBody: DeserializeOwned {
    /// What an absent body stands for; `None` where there must be one.
    fn absent() -> Option<Self> {
        None
    }
}

/// Reads the body of a call.
pub(super) fn parse<T: TakenBody>(headers: &HeaderMap, bytes: &[u8]) -> Result<T, Problem> {
    if bytes.is_empty() {
        let detail = "this call takes a body; send it as `Content-Type: application/json`";
        return T::absent().ok_or_else(|| Problem::new(Code::MalformedJson, detail));
    }
    let marked = headers.get_all(CONTENT_TYPE).iter().count();
    if marked != 1 || !headers.get(CONTENT_TYPE).is_some_and(|value| value.to_str().is_ok_and(is_json)) {
        return Err(Problem::new(Code::UnsupportedMediaType, "send the body as `Content-Type: application/json`"));
    }
    if headers.get_all(CONTENT_ENCODING).iter().any(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(Problem::new(Code::UnsupportedMediaType, "send the body as it is, without Content-Encoding"));
    }
    strict::read(bytes)
}

/// Whether this is JSON in UTF-8, which is the only encoding JSON has (RFC 8259).
fn is_json(media_type: &str) -> bool {
    let mut parts = media_type.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    essence.eq_ignore_ascii_case(super::JSON)
        && parts.all(|parameter| {
            parameter.split_once('=').is_some_and(|(name, value)| {
                name.trim().eq_ignore_ascii_case("charset")
                    && value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
            })
        })
}

/// Why the body could not be taken off the wire.
pub(super) fn unreadable(rejection: BytesRejection) -> Problem {
    match rejection.into_response().status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::of_status(StatusCode::PAYLOAD_TOO_LARGE),
        _ => Problem::new(Code::MalformedJson, "the connection broke off in the middle of the body"),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Default, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Optional {}

    impl TakenBody for Optional {
        fn absent() -> Option<Self> {
            Some(Self {})
        }
    }

    #[derive(Debug, Deserialize)]
    struct Required {}

    impl TakenBody for Required {}

    fn code<T: TakenBody + std::fmt::Debug>(media_type: Option<&'static str>, body: &str) -> Option<&'static str> {
        let mut headers = HeaderMap::new();
        if let Some(media_type) = media_type {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        }
        parse::<T>(&headers, body.as_bytes()).err().map(|problem| problem.code())
    }

    #[test]
    fn takes_json_and_nothing_that_only_looks_like_it() {
        for good in ["application/json", "Application/JSON; charset=UTF-8", "application/json;charset=\"utf-8\""] {
            assert_eq!(code::<Required>(Some(good), "{}"), None, "{good}");
        }
        for bad in ["text/plain", "application/json; charset=latin1", "application/jsonp", "", "application/json; x"] {
            assert_eq!(code::<Required>(Some(bad), "{}"), Some("unsupported-media-type"), "{bad}");
        }
        assert_eq!(code::<Required>(None, "{}"), Some("unsupported-media-type"));
        let mut twice = HeaderMap::new();
        twice.append(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        twice.append(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        assert!(parse::<Required>(&twice, b"{}").is_err());
    }

    #[test]
    fn no_body_is_no_body_whatever_it_is_marked_as() {
        for media_type in [None, Some("application/json"), Some("application/x-www-form-urlencoded")] {
            assert_eq!(code::<Optional>(media_type, ""), None, "{media_type:?}");
            assert_eq!(code::<Required>(media_type, ""), Some("malformed-json"), "{media_type:?}");
        }
    }

    #[test]
    fn a_compressed_body_is_not_taken() {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        let problem = parse::<Required>(&headers, b"{}").expect_err("compressed");
        assert_eq!(problem.code(), "unsupported-media-type");
    }
}

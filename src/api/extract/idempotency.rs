//! `Idempotency-Key`: whose it is, for which route, and what call it was sent with.

use axum::http::{HeaderMap, HeaderName, Method, Uri};
use sha2::{Digest, Sha256};

use super::super::problem::{Code, Problem};
use crate::domain::identity::Caller;
use crate::workflow::Key;

/// The header.
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The key of this call, if it has one. `route` is the template of its path. Keys belong to whoever shows a token and, for a
/// service, to the person it speaks for: nobody meets another's answers.
pub(super) fn key(
    headers: &HeaderMap,
    caller: &Caller,
    method: &Method,
    route: &str,
    uri: &Uri,
    body: &[u8],
) -> Result<Option<Key>, Problem> {
    let mut given = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = given.next() else { return Ok(None) };
    let key = value.to_str().ok().and_then(bare).filter(|_| given.next().is_none());
    let key = key.ok_or_else(|| {
        let detail = "Idempotency-Key is 1 to 255 visible ASCII characters, quoted or not, sent once";
        Problem::new(Code::IdempotencyKeyInvalid, detail)
    })?;
    // Header values and configured names hold no line ends, so no two callers share a spelling.
    let owner = match &caller.submitted_by {
        Some(service) => format!("{service}\nfor {}", caller.user()),
        None => caller.user().to_owned(),
    };
    let fingerprint = fingerprint([method.as_str(), uri.path(), uri.query().unwrap_or_default()], body);
    Ok(Some(Key { caller: owner, route: format!("{method} {route}"), key, fingerprint }))
}

/// The key without the quotes that it has as a structured field (RFC 9651), so that both spellings are one key.
fn bare(text: &str) -> Option<String> {
    let visible = |text: &str| text.bytes().all(|b| b.is_ascii_graphic());
    let key = match text.strip_prefix('"') {
        None => text.to_owned(),
        Some(rest) => unescaped(rest.strip_suffix('"')?)?,
    };
    ((1..=255).contains(&key.len()) && visible(&key)).then_some(key)
}

/// The text between the quotes of a structured field, where a backslash stands before quotes and backslashes only.
fn unescaped(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => return None,
            '\\' => plain.push(letters.next().filter(|next| matches!(next, '"' | '\\'))?),
            other => plain.push(other),
        }
    }
    Some(plain)
}

/// SHA-256 over everything that makes the call what it is, each part preceded by its length.
fn fingerprint(parts: [&str; 3], body: &[u8]) -> Vec<u8> {
    let mut hasher = Sha256::new_with_prefix("entryway/call/v1\n");
    for part in parts.map(str::as_bytes).into_iter().chain([body]) {
        hasher.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize().to_vec()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;
    use crate::domain::identity::{Identity, Via};

    fn caller(user: &str, submitted_by: Option<&str>) -> Caller {
        let identity = Identity { user: user.to_owned(), groups: [].into(), service: false };
        Caller { identity, submitted_by: submitted_by.map(str::to_owned), via: Via::Api, source_ip: None }
    }

    fn of(value: &'static str, caller: &Caller, uri: &'static str, body: &[u8]) -> Result<Option<Key>, Problem> {
        let mut headers = HeaderMap::new();
        headers.insert(IDEMPOTENCY_KEY, HeaderValue::from_static(value));
        key(&headers, caller, &Method::POST, "/v1/requests", &Uri::from_static(uri), body)
    }

    fn sound(value: &'static str, caller: &Caller, uri: &'static str, body: &[u8]) -> Key {
        of(value, caller, uri, body).expect("sound").expect("there")
    }

    #[test]
    fn quoted_and_bare_are_one_key() {
        let alice = caller("alice", None);
        assert_eq!(sound("abc", &alice, "/v1/requests", b"").key, sound("\"abc\"", &alice, "/v1/requests", b"").key);
        assert_eq!(sound(r#""a\"b\\""#, &alice, "/v1/requests", b"").key, r#"a"b\"#);
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for bad in ["", "\"\"", "\"abc", "a b", "\"a\"b\"", r#""a\b""#, "\u{9}"] {
            let problem = of(bad, &caller("alice", None), "/v1/requests", b"").expect_err(bad);
            assert_eq!(problem.code(), "idempotency-key-invalid", "{bad:?}");
        }
        let mut headers = HeaderMap::new();
        headers.append(IDEMPOTENCY_KEY, HeaderValue::from_static("a"));
        headers.append(IDEMPOTENCY_KEY, HeaderValue::from_static("a"));
        let twice = key(&headers, &caller("alice", None), &Method::POST, "/r", &Uri::from_static("/r"), b"");
        assert!(twice.is_err(), "sent twice");
        let long = HeaderValue::from_str(&"k".repeat(256)).expect("a header");
        let headers = HeaderMap::from_iter([(IDEMPOTENCY_KEY, long)]);
        assert!(key(&headers, &caller("alice", None), &Method::POST, "/r", &Uri::from_static("/r"), b"").is_err());
    }

    #[test]
    fn keys_belong_to_the_caller_and_to_whom_it_speaks_for() {
        let owners: std::collections::BTreeSet<_> = [
            caller("alice", None),
            caller("alice", Some("portal")),
            caller("bob", Some("portal")),
            caller("portal", None),
        ]
        .iter()
        .map(|caller| sound("k", caller, "/v1/requests", b"").caller)
        .collect();
        assert_eq!(owners.len(), 4);
    }

    #[test]
    fn another_body_path_or_query_is_another_call() {
        let alice = caller("alice", None);
        let prints: std::collections::BTreeSet<_> =
            [("/v1/requests", "{}"), ("/v1/requests", "{} "), ("/v1/requests?dryRun=true", "{}"), ("/v1/x", "{}")]
                .map(|(uri, body)| sound("k", &alice, uri, body.as_bytes()).fingerprint)
                .into();
        assert_eq!(prints.len(), 4);
        assert_eq!(sound("k", &alice, "/a", b"b").fingerprint, sound("k", &alice, "/a", b"b").fingerprint);
    }
    /// As a structured field writes it.
    fn quoted(key: &str) -> String {
        format!("\"{}\"", key.replace('\\', "\\\\").replace('"', "\\\""))
    }

    proptest! {
        #[test]
        fn every_key_is_itself_in_both_spellings(key in "[!#-~][!-~]{0,254}") {
            prop_assert_eq!(bare(&key), Some(key.clone()));
            prop_assert_eq!(bare(&quoted(&key)), Some(key));
        }

        #[test]
        fn nothing_else_is_one(text in prop_oneof!["\\PC{0,40}", "[\"\\\\a ]{0,9}", "[a\"]{250,260}"]) {
            if let Some(key) = bare(&text) {
                prop_assert!((1..=255).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic()));
                prop_assert!(text == key || text == quoted(&key), "{text:?} was read as {key:?}");
            }
        }
    }
}

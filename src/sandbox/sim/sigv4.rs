//! Signatures, where they are checked (`AWS Signature Version 4`). No secret is kept anywhere: the simulator's
//! secrets follow from the key id, so a test can sign without being told one.

use axum::http::{HeaderMap, Method, Uri, header};
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};

use super::caller::Scope;
use super::refusal::{Refusal, Refused};
use super::route::pairs;

/// What canonical requests leave as it is: letters, digits and `-_.~`.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The secret access key that goes with an access key id in the simulated AWS.
#[must_use]
pub fn secret_of(access_key_id: &str) -> String {
    format!("sim-secret-of-{access_key_id}")
}

/// Checks the signature of a request.
///
/// # Errors
/// `MissingAuthenticationTokenException` without one, `InvalidSignatureException` for a wrong one.
pub(crate) fn verify(method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Refused<()> {
    let Some(authorization) = text(headers, header::AUTHORIZATION.as_str()) else {
        return Err(Refusal::new(403, "MissingAuthenticationTokenException", "Missing Authentication Token"));
    };
    let wrong = || {
        let message = "The request signature we calculated does not match the signature you provided. Check your AWS \
                       Secret Access Key and signing method.";
        Refusal::new(403, "InvalidSignatureException", message)
    };
    let scope = Scope::parse(authorization).ok_or_else(wrong)?;
    let part = |name: &str| authorization.split([',', ' ']).find_map(|part| part.trim().strip_prefix(name));
    let signed = part("SignedHeaders=").ok_or_else(wrong)?;
    let signature = part("Signature=").ok_or_else(wrong)?;
    let date = text(headers, "x-amz-date").ok_or_else(wrong)?;

    let request = canonical_request(method, uri, headers, signed, body);
    let Scope { date: day, region, service, .. } = scope;
    let to_sign = format!(
        "AWS4-HMAC-SHA256\n{date}\n{day}/{region}/{service}/aws4_request\n{}",
        hex(&Sha256::digest(request.as_bytes()))
    );
    let mut key = format!("AWS4{}", secret_of(scope.key_id)).into_bytes();
    for step in [day, region, service, "aws4_request"] {
        key = sign(&key, step);
    }
    if hex(&sign(&key, &to_sign)) == signature { Ok(()) } else { Err(wrong()) }
}

/// The form of a request that both sides sign. Paths are encoded a second time for every service but S3.
fn canonical_request(method: &Method, uri: &Uri, headers: &HeaderMap, signed: &str, body: &[u8]) -> String {
    let path: Vec<String> = uri.path().split('/').map(encode).collect();
    let mut query: Vec<String> = pairs(uri.query().unwrap_or_default())
        .iter()
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
        .collect();
    query.sort_unstable();
    let headers: String =
        signed.split(';').map(|name| format!("{name}:{}\n", text(headers, name).unwrap_or_default().trim())).collect();
    let payload = hex(&Sha256::digest(body));
    format!("{method}\n{}\n{}\n{headers}\n{signed}\n{payload}", path.join("/"), query.join("&"))
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

fn encode(plain: &str) -> String {
    utf8_percent_encode(plain, RESERVED).to_string()
}

fn sign(key: &[u8], message: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of every length");
    mac.update(message.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

//! Public keys, each with the one algorithm that it verifies.

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::Value;

/// The most keys of one provider.
const MOST: usize = 64;

/// The kinds of token that say who somebody is. Others are signed with the same keys, such as those that say that somebody has
/// signed out.
const KINDS: [&str; 4] = ["jwt", "at+jwt", "application/jwt", "application/at+jwt"];

/// A key.
#[derive(Clone)]
pub(super) struct Key {
    pub(super) id: Option<String>,
    pub(super) algorithm: Algorithm,
    key: DecodingKey,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key").field("id", &self.id).field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

/// The keys of a key set (RFC 7517) that verify signatures. What is not understood is left out, and spoils nothing.
pub(super) fn of_set(set: &Value) -> Vec<Key> {
    let all = set["keys"].as_array().map(Vec::as_slice).unwrap_or_default();
    all.iter().take(MOST).filter_map(|key| of_jwk(&serde_json::from_value(key.clone()).ok()?)).collect()
}

fn of_jwk(jwk: &Jwk) -> Option<Key> {
    let common = &jwk.common;
    let signs = common.public_key_use.as_ref().is_none_or(|what| *what == PublicKeyUse::Signature)
        && common.key_operations.as_ref().is_none_or(|all| all.contains(&KeyOperations::Verify));
    let algorithm = algorithm(jwk)?;
    let key = DecodingKey::from_jwk(jwk).ok()?;
    signs.then(|| Key { id: common.key_id.clone(), algorithm, key })
}

/// What the key is for. An RSA key that does not say is for the algorithm that every provider has (OpenID Connect Core,
/// 15.1). Symmetric keys are for nothing: a public one would let anybody sign.
fn algorithm(jwk: &Jwk) -> Option<Algorithm> {
    let said = common_algorithm(jwk.common.key_algorithm.as_ref())?;
    let fits =
        |all: &[Algorithm]| said.map_or_else(|| all.first().copied(), |said| all.contains(&said).then_some(said));
    match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => fits(&[
            Algorithm::RS256,
            Algorithm::RS384,
            Algorithm::RS512,
            Algorithm::PS256,
            Algorithm::PS384,
            Algorithm::PS512,
        ]),
        AlgorithmParameters::EllipticCurve(curve) => match curve.curve {
            EllipticCurve::P256 => fits(&[Algorithm::ES256]),
            EllipticCurve::P384 => fits(&[Algorithm::ES384]),
            _ => None,
        },
        AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => fits(&[Algorithm::EdDSA]),
        _ => None,
    }
}

/// `Some(None)` for a key that does not say; `None` for one that is for something else than signatures.
#[expect(
    clippy::option_option,
    reason = "the outer says whether the key is of use, the inner whether it says for what"
)]
fn common_algorithm(said: Option<&KeyAlgorithm>) -> Option<Option<Algorithm>> {
    let Some(said) = said else { return Some(None) };
    let algorithm = match said {
        KeyAlgorithm::RS256 => Algorithm::RS256,
        KeyAlgorithm::RS384 => Algorithm::RS384,
        KeyAlgorithm::RS512 => Algorithm::RS512,
        KeyAlgorithm::PS256 => Algorithm::PS256,
        KeyAlgorithm::PS384 => Algorithm::PS384,
        KeyAlgorithm::PS512 => Algorithm::PS512,
        KeyAlgorithm::ES256 => Algorithm::ES256,
        KeyAlgorithm::ES384 => Algorithm::ES384,
        KeyAlgorithm::EdDSA => Algorithm::EdDSA,
        _ => return None,
    };
    Some(Some(algorithm))
}

/// The key in a PEM document, for ES256.
pub(super) fn of_pem(id: &str, pem: &[u8]) -> Option<Key> {
    let key = DecodingKey::from_ec_pem(pem).ok()?;
    Some(Key { id: Some(id.to_owned()), algorithm: Algorithm::ES256, key })
}

impl Key {
    /// Whether `signature` (base64url without padding) is this key's under `message`.
    pub(super) fn signed(&self, message: &str, signature: &str) -> bool {
        jsonwebtoken::crypto::verify(signature, message.as_bytes(), &self.key, self.algorithm).unwrap_or(false)
    }
}

/// The id of the key that `token` says it is signed with, if it is a token that says who somebody is.
pub(super) fn key_id(token: &str) -> Option<Option<String>> {
    let header = decode_header(token).ok()?;
    let kind = header.typ.as_deref().unwrap_or("jwt").to_lowercase();
    // What is critical and not understood makes a token worthless (RFC 7515, 4.1.11).
    (KINDS.contains(&kind.as_str()) && header.crit.is_none()).then_some(header.kid)
}

/// Whether a key that `id` could mean is among `keys`.
pub(super) fn has(keys: &[Key], id: Option<&str>) -> bool {
    candidates(keys, id).next().is_some()
}

/// The claims of `token`, if one of `keys` that `id` could mean has signed it.
pub(super) fn claims(token: &str, id: Option<&str>, keys: &[Key]) -> Option<Value> {
    candidates(keys, id).find_map(|key| {
        let mut validation = Validation::new(key.algorithm);
        // What the claims must say is checked elsewhere, by the time that decides.
        validation.required_spec_claims.clear();
        (validation.validate_exp, validation.validate_nbf, validation.validate_aud) = (false, false, false);
        decode::<Value>(token, &key.key, &validation).ok().map(|decoded| decoded.claims)
    })
}

/// A token that names no key is taken where there is only one.
fn candidates<'k>(keys: &'k [Key], id: Option<&'k str>) -> impl Iterator<Item = &'k Key> {
    let only = keys.len() == 1;
    keys.iter().filter(move |key| match id {
        Some(id) => key.id.as_deref() == Some(id),
        None => only,
    })
}

//! The keys that checkpoints are signed with: Ed25519, as `openssl genpkey -algorithm ed25519` makes them.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

use super::checkpoint::{Seal, Statement};
use crate::domain::request::hex;

/// What comes before the 32 bytes of an Ed25519 public key in its SubjectPublicKeyInfo (RFC 8410).
const PUBLIC_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// Why a text is no key. Never repeats it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum KeyError {
    /// Not a private key.
    #[error("is no Ed25519 private key; make one with `openssl genpkey -algorithm ed25519`")]
    Private,
    /// Not a public key.
    #[error("is no Ed25519 public key; make it of the private one with `openssl pkey -pubout`")]
    Public,
}

/// A key to sign with.
pub struct SigningKey(Ed25519KeyPair);

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.public().id())
    }
}

impl SigningKey {
    /// Reads PKCS#8, in PEM or in base64 alone.
    ///
    /// # Errors
    /// [`KeyError::Private`].
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let der = der(text).ok_or(KeyError::Private)?;
        Ed25519KeyPair::from_pkcs8(&der).map(Self).map_err(|_| KeyError::Private)
    }

    /// The key that others verify with.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.public_key().as_ref().to_vec())
    }

    /// Signs `statement`.
    #[must_use]
    pub fn sign(&self, statement: &Statement) -> Seal {
        let signature = self.0.sign(statement.text().as_bytes()).as_ref().to_vec();
        Seal { key_id: self.public().id(), signature }
    }

    /// The key of RFC 8410's example, which everybody knows.
    #[cfg(test)]
    pub(super) fn for_tests() -> Self {
        Self::parse("MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC").expect("RFC 8410, 10.3")
    }
}

/// A key to verify with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey(Vec<u8>);

impl PublicKey {
    /// Reads SubjectPublicKeyInfo, in PEM or in base64 alone.
    ///
    /// # Errors
    /// [`KeyError::Public`].
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let der = der(text).ok_or(KeyError::Public)?;
        let key = der.strip_prefix(&PUBLIC_PREFIX).filter(|key| key.len() == 32);
        key.map(|key| Self(key.to_vec())).ok_or(KeyError::Public)
    }

    /// Its name in signatures: the first 16 hex digits of its SHA-256.
    #[must_use]
    pub fn id(&self) -> String {
        hex(&digest(&SHA256, &self.0).as_ref()[..8])
    }

    /// Whether it was this key that sealed `statement`.
    #[must_use]
    pub fn verifies(&self, statement: &Statement, seal: &Seal) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.0).verify(statement.text().as_bytes(), &seal.signature).is_ok()
    }
}

fn der(text: &str) -> Option<Vec<u8>> {
    let body: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
    STANDARD.decode(body.split_whitespace().collect::<String>()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The public half of [`SigningKey::for_tests`] (RFC 8410, 10.1).
    const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n\
                          -----END PUBLIC KEY-----\n";

    fn statement(number: i64) -> Statement {
        let digest = "sha256:00".to_owned();
        Statement { number, previous: None, after: 0, through: 3, events: 3, digest }
    }

    #[test]
    fn reads_what_openssl_writes_and_nothing_else() {
        let key = SigningKey::for_tests();
        assert_eq!(PublicKey::parse(PUBLIC), Ok(key.public()));
        assert_eq!(SigningKey::parse(PUBLIC).err(), Some(KeyError::Private));
        assert_eq!(PublicKey::parse("MC4CAQ"), Err(KeyError::Public));
        assert_eq!(format!("{key:?}"), format!("SigningKey({})", key.public().id()), "the secret never shows");
    }

    #[test]
    fn a_signature_is_good_for_its_statement_and_key_alone() {
        let key = SigningKey::for_tests();
        let seal = key.sign(&statement(1));
        assert!(key.public().verifies(&statement(1), &seal));
        assert!(!key.public().verifies(&statement(2), &seal));
        let other = PublicKey([7; 32].into());
        assert!(!other.verifies(&statement(1), &seal));
    }
}

//! What Postgres keeps of a password, so that it can tell who knows it without knowing it itself (RFC 5802 and 7677).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

/// Postgres' own 4,096 slow down whoever guesses at passwords that people think of. Nobody guesses 32 random letters and digits,
/// and every connection would pay for them: a sixth of what some tests computed.
pub(super) const ITERATIONS: u32 = 1;

/// The verifier of `password`, in the form that Postgres takes instead of a password.
pub(super) fn of(password: &str, salt: [u8; 16], iterations: u32) -> String {
    let salted = salted(password.as_bytes(), salt, iterations);
    let stored_key = Sha256::digest(mac(&salted, &[b"Client Key"]));
    let server_key = mac(&salted, &[b"Server Key"]);
    let [salt, stored_key, server_key] =
        [&salt[..], &stored_key[..], &server_key[..]].map(|bytes| STANDARD.encode(bytes));
    format!("SCRAM-SHA-256${iterations}:{salt}${stored_key}:{server_key}")
}

/// `Hi` of RFC 5802: as PBKDF2 with one block.
fn salted(password: &[u8], salt: [u8; 16], iterations: u32) -> [u8; 32] {
    let mut step = mac(password, &[&salt, &1_u32.to_be_bytes()]);
    let mut all = step;
    for _ in 1..iterations {
        step = mac(password, &[&step]);
        all.iter_mut().zip(step).for_each(|(all, step)| *all ^= step);
    }
    all
}

fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_that_of_the_example_in_rfc_7677() {
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").expect("base64").try_into().expect("16 bytes");
        let expected = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==\
                        $WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";
        assert_eq!(of("pencil", salt, 4096), expected);
    }
}

//! Signatures, where they are checked (`AWS Signature Version 4`). No secret is kept anywhere: the simulator's
//! secrets follow from the key id, so a test can sign without being told one.

/// The secret that goes with an access key id in the simulated AWS.
pub(crate) fn secret_of(key_id: &str) -> String {
    format!("sim-secret-of-{key_id}")
}

//! What tests and demos may turn (`PUT /_sim/config`).

use serde::{Deserialize, Serialize};

use super::lag::Lags;
use super::throttle::Throttle;

/// Which principals IAM knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Principals {
    /// Every role and user exists from its first mention on, unless declared missing.
    #[default]
    Any,
    /// Only those declared exist.
    Known,
}

/// One action that the callers of an account may not do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Denial {
    /// As IAM spells it, `*` allowed: `eks:CreateAccessEntry`, `eks:*`, `iam:PassRole`.
    pub action: String,
    /// Only for callers of this account; absent means all.
    #[serde(default)]
    pub account: Option<String>,
    /// Only on resources like this (`*` allowed); absent means all.
    #[serde(default)]
    pub resource: Option<String>,
}

/// Everything that can be set about how the simulator behaves. The default is a prompt, healthy AWS.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Knobs {
    /// Seed of everything random: lags, faults by chance, ids. Setting it starts the sequence anew.
    pub seed: u64,
    /// How far reads lag behind writes.
    pub lag: Lags,
    /// Calls per second and what happens above; absent means no limit.
    pub throttle: Option<Throttle>,
    /// Actions refused with 403.
    pub denied: Vec<Denial>,
    /// Which principals exist.
    pub principals: Principals,
    /// How long `UpdateClusterConfig` takes, in milliseconds.
    pub cluster_update_ms: u32,
    /// Entries a cluster takes (`EKS quota L-C56B9FC3`: 3,000).
    pub entry_quota: usize,
    /// Whether a repeated `clientRequestToken` is answered as a replay.
    pub client_tokens: bool,
    /// Whether signatures must be right; the secret of a static key `K` is then `sim-secret-of-K`.
    pub verify_signatures: bool,
}

impl Default for Knobs {
    fn default() -> Self {
        Self {
            seed: 0,
            lag: Lags::default(),
            throttle: None,
            denied: Vec::new(),
            principals: Principals::Any,
            cluster_update_ms: 0,
            entry_quota: 3_000,
            client_tokens: true,
            verify_signatures: false,
        }
    }
}

/// Whether `text` is like `pattern`, where `*` stands for any run of characters.
pub(crate) fn like(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|head| text.strip_prefix(head)) else { return false };
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_any_run() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("*", "eks:X", true),
            ("eks:*", "eks:CreateAccessEntry", true),
            ("eks:*Entry", "eks:CreateAccessEntry", true),
            ("eks:*Entry", "eks:ListAccessEntries", false),
            ("eks:Create", "eks:CreateAccessEntry", false),
            ("a*b*c", "axxbyyc", true),
            ("ab*ba", "aba", false),
            ("payments-*", "payments-api", true),
        ] {
            assert_eq!(like(pattern, text), expected, "{pattern} {text}");
        }
    }
}

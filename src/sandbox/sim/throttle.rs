//! The rate limit of an account in a region, as a token bucket.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::clock::Ms;
use super::knobs::like;
use super::refusal::Refusal;

/// How many EKS calls an account may make per second in one region.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Throttle {
    /// Tokens that come back per second.
    pub calls_per_second: f64,
    /// Tokens at most.
    pub burst: f64,
    /// Operations that count, `*` allowed.
    #[serde(default = "every_operation")]
    pub op: String,
    /// The error code: `TooManyRequestsException` (default) or `ThrottlingException`.
    #[serde(default = "too_many_requests")]
    pub code: String,
    /// Sent as `x-amz-retry-after`, in milliseconds.
    #[serde(default)]
    pub retry_after_ms: Option<u64>,
}

fn every_operation() -> String {
    "*".to_owned()
}

fn too_many_requests() -> String {
    "TooManyRequestsException".to_owned()
}

/// What is left in the bucket of each (account, region).
#[derive(Debug, Default)]
pub(crate) struct Buckets {
    left: BTreeMap<(String, String), (f64, Ms)>,
}

impl Buckets {
    /// Starts full again, as after a change of the limit.
    pub(crate) fn refill(&mut self) {
        self.left.clear();
    }

    /// Takes one token, or refuses the call.
    pub(crate) fn take(&mut self, limit: &Throttle, op: &str, place: (&str, &str), now: Ms) -> Result<(), Refusal> {
        if !like(&limit.op, op) {
            return Ok(());
        }
        let bucket = self.left.entry((place.0.to_owned(), place.1.to_owned())).or_insert((limit.burst, now));
        let passed = (now - bucket.1).max(0) as f64 / 1000.0;
        *bucket = (limit.burst.min(bucket.0 + passed * limit.calls_per_second), now);
        if bucket.0 >= 1.0 {
            bucket.0 -= 1.0;
            return Ok(());
        }
        let message = if limit.code == "ThrottlingException" { "Rate exceeded" } else { "Too Many Requests" };
        let mut refusal = Refusal::new(429, limit.code.clone(), message);
        refusal.retry_after_ms = limit.retry_after_ms;
        Err(refusal)
    }
}

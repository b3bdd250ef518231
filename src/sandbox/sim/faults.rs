//! Faults on demand: errors before or after the effect, cut connections, calls that hang.

use rand::Rng;
use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};

use super::knobs::like;

/// What happens to a call that a fault strikes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Action {
    /// Answers an error; with `applied` the call takes effect all the same, which the caller cannot know.
    Error {
        /// HTTP status.
        status: u16,
        /// Error code, such as `ServerException`.
        code: String,
        /// Error message.
        #[serde(default)]
        message: String,
        /// Whether the call takes effect first.
        #[serde(default)]
        applied: bool,
        /// Sent as `x-amz-retry-after`, in milliseconds.
        #[serde(default)]
        retry_after_ms: Option<u64>,
    },
    /// Cuts the connection (TCP reset) instead of answering.
    Reset {
        /// Whether the call takes effect first.
        #[serde(default)]
        applied: bool,
    },
    /// Holds the call up, until the fault is ended at the latest. The effect comes about even when the caller has gone away meanwhile.
    Hang {
        /// For how long, in milliseconds of real time.
        ms: u64,
        /// With `true` the effect comes first and the answer late; with `false` the effect comes late too.
        #[serde(default)]
        applied: bool,
    },
}

impl Action {
    /// Whether the call reaches the simulated EKS at all.
    pub(crate) const fn takes_effect(&self) -> bool {
        match self {
            Self::Error { applied, .. } | Self::Reset { applied } => *applied,
            Self::Hang { .. } => true,
        }
    }
}

/// Which calls a fault strikes, and how. Absent fields match everything; `*` stands for any run of characters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    /// Given by the simulator.
    #[serde(default)]
    pub id: u64,
    /// Operation, such as `CreateAccessEntry` or `*AccessEntry`.
    #[serde(default)]
    pub op: Option<String>,
    /// Account of the caller.
    #[serde(default)]
    pub account: Option<String>,
    /// Region of the call.
    #[serde(default)]
    pub region: Option<String>,
    /// Cluster in the path.
    #[serde(default)]
    pub cluster: Option<String>,
    /// Principal in the path or body.
    #[serde(default)]
    pub principal_arn: Option<String>,
    /// Policy in the path or body.
    #[serde(default)]
    pub policy_arn: Option<String>,
    /// Lets this many matching calls pass first.
    #[serde(default)]
    pub skip: u64,
    /// Strikes this many calls, then is spent; absent means for ever.
    #[serde(default)]
    pub times: Option<u64>,
    /// Chance of striking a matching call, 0 to 1.
    #[serde(default = "always")]
    pub probability: f64,
    /// What happens.
    pub action: Action,
    /// How often it has struck.
    #[serde(default)]
    pub struck: u64,
}

fn always() -> f64 {
    1.0
}

/// What a fault may look at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Aim<'a> {
    pub(crate) op: &'a str,
    pub(crate) account: &'a str,
    pub(crate) region: &'a str,
    pub(crate) cluster: Option<&'a str>,
    pub(crate) principal: Option<&'a str>,
    pub(crate) policy: Option<&'a str>,
}

impl Fault {
    fn matches(&self, aim: Aim<'_>) -> bool {
        let fits = |pattern: &Option<String>, text: Option<&str>| {
            pattern.as_deref().is_none_or(|pattern| text.is_some_and(|text| like(pattern, text)))
        };
        fits(&self.op, Some(aim.op))
            && fits(&self.account, Some(aim.account))
            && fits(&self.region, Some(aim.region))
            && fits(&self.cluster, aim.cluster)
            && fits(&self.principal_arn, aim.principal)
            && fits(&self.policy_arn, aim.policy)
    }
}

/// The faults in force, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    active: Vec<Fault>,
    given: u64,
}

impl Faults {
    /// Adds a fault and returns it with its id.
    pub(crate) fn add(&mut self, fault: Fault) -> &Fault {
        self.given += 1;
        let index = self.active.len();
        self.active.push(Fault { id: self.given, struck: 0, ..fault });
        &self.active[index]
    }

    /// Ends one fault; `false` when there is none of that id.
    pub(crate) fn remove(&mut self, id: u64) -> bool {
        let before = self.active.len();
        self.active.retain(|fault| fault.id != id);
        self.active.len() < before
    }

    /// Ends all faults.
    pub(crate) fn clear(&mut self) {
        self.active.clear();
    }

    /// Whether a fault is still in force or spent, but not ended.
    pub(crate) fn has(&self, id: u64) -> bool {
        self.active.iter().any(|fault| fault.id == id)
    }

    /// All faults, spent ones included.
    pub(crate) fn all(&self) -> &[Fault] {
        &self.active
    }

    /// The first fault that strikes this call, if any.
    pub(crate) fn strike(&mut self, aim: Aim<'_>, rng: &mut StdRng) -> Option<(u64, Action)> {
        for fault in &mut self.active {
            if !fault.matches(aim) || fault.times.is_some_and(|times| fault.struck >= times) {
                continue;
            }
            if fault.skip > 0 {
                fault.skip -= 1;
                continue;
            }
            if fault.probability >= 1.0 || rng.random::<f64>() < fault.probability {
                fault.struck += 1;
                return Some((fault.id, fault.action.clone()));
            }
        }
        None
    }
}

//! The transactions of the worker. Between them, and never inside one, it talks to EKS: begin → look → (guard → call
//! → wrote)* → seen, or trouble. Each holds the lease; whoever has lost it records nothing.

mod assess;
mod begin;
mod due;
mod errand;
mod events;
mod failed;
mod gone;
mod guard;
mod health;
mod layer;
mod listed;
mod noticed;
mod principal;
mod rights;
mod seen;
mod takeover;
mod trouble;
mod unconfigured;
mod untagged;
mod wrote;

pub use begin::{Run, begin};
pub use errand::Errand;
pub use failed::refuse;
pub use gone::{Absence, cluster_gone};
pub use guard::{Guarded, guard};
pub use health::{Sighting, claim_checks, record_health};
pub use layer::{rebase, remember};
pub use listed::{claim_listings, idle, proven, wake_all};
pub use noticed::noticed;
pub use principal::weigh;
pub use rights::{Probe, Rights, missing_rights, probe_due, record_rights};
pub use seen::{Seen, drifted, seen};
pub use trouble::{Failure, Finality, abandon, put_off, trouble};
pub use unconfigured::unconfigured;
pub use untagged::{tagged, untagged};
pub use wrote::{Done, wrote};

pub use crate::store::entries::{Due, Lease};

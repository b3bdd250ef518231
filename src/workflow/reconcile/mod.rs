//! The transactions of the worker. Between them, and never inside one, it talks to EKS: begin → look → (guard → call
//! → wrote)* → seen, or trouble. Each holds the lease; whoever has lost it records nothing.

mod assess;
mod begin;
mod due;
mod events;
mod failed;
mod guard;
mod health;
mod layer;
mod noticed;
mod principal;
mod seen;
mod trouble;
mod unconfigured;
mod wrote;

pub use begin::{Run, begin};
pub use failed::refuse;
pub use guard::{Guarded, guard};
pub use health::{claim_checks, record_health};
pub use layer::{rebase, remember};
pub use noticed::noticed;
pub use principal::weigh;
pub use seen::{Seen, drifted, seen};
pub use trouble::{Failure, Finality, abandon, put_off, trouble};
pub use unconfigured::unconfigured;
pub use wrote::{Done, wrote};

pub use crate::store::entries::{Due, Lease};

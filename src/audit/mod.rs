//! What makes the log of events evidence: checkpoints over it, the verifier, and the formats it leaves in. `docs/AUDIT.md`
//! describes the same for those who do without us.

mod checkpoint;
pub mod export;
mod key;
mod verify;

pub use checkpoint::{Seal, Statement, Tally};
pub use key::{KeyError, PublicKey, SigningKey};
pub use verify::{Break, Flaw, Link, Log, Read, Report, Trust, Untold, verify};

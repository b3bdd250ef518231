//! Use cases. One file is one use case, and one use case is one transaction: load, decide, store, commit. Whatever a
//! use case decides on, it reads in that transaction.

mod desk;
mod error;
mod intake;
mod once;
mod principals;
pub mod read;
pub mod reconcile;
pub mod relinquish;
pub mod repair;
pub mod retry;
pub mod review;
pub mod revoke;
pub mod standing;
pub mod submit;
pub mod sweep;
mod turned_away;
pub mod withdraw;

pub use desk::{Clusters, Desk, OnLostQuorum, Policies, Settings};
pub use error::WorkflowError;
pub use once::{Key, Once, Outcome, Rendered};
pub use principals::{LookingUp, Principals, Registry};

pub use crate::store::clusters::Health;
pub use crate::store::{Notice, StoreError};

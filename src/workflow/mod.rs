//! Use cases. One file is one use case, and one use case is one transaction: load, decide, store, commit. Whatever a
//! use case decides on, it reads in that transaction.

pub mod acknowledge;
mod allowance;
pub mod audit_log;
pub mod checkpoint;
mod desk;
mod error;
pub mod extend;
mod extensions;
pub mod incident;
mod intake;
pub mod inventory;
pub mod live;
mod lookout;
mod nodes;
mod once;
pub mod people;
mod preview;
mod principals;
pub mod read;
pub mod reconcile;
pub mod relinquish;
pub mod remind;
pub mod repair;
pub mod retry;
pub mod review;
mod reviewable;
pub mod revoke;
pub mod reweigh;
pub mod slack;
pub mod standing;
pub mod submit;
pub mod sweep;
mod turned_away;
pub mod webhooks;
pub mod withdraw;

pub use desk::{Catalogues, Clusters, Desk, OnLostQuorum, Policies, Settings};
pub use error::WorkflowError;
pub use lookout::{Blind, Inventory, Looking, Lookout};
pub use once::{Key, Once, Outcome, Rendered};
pub use principals::{LookingUp, Principals, Registry};

pub use crate::store::clusters::Health;
pub use crate::store::figures::{Connections, Figures};
pub use crate::store::{Notice, StoreError};

//! Who may ask for what, who may sign off, and how much sign-off is enough: Cedar policies, loaded as a whole or
//! not at all, asked for every decision.
//!
//! What no policy can change is written in code and looked at before any policy is: nobody reviews their own ask,
//! services never review, and a requester can always end what they asked for. Everything that grants fails closed
//! (`authorize.rs` says what that means for each action).

mod actions;
mod activate;
mod asked;
mod authorize;
mod cases;
mod check;
mod draft;
mod entities;
mod evaluate;
mod explain;
mod likeness;
mod load;
mod missing;
mod outlook;
mod problems;
#[cfg(test)]
mod properties;
mod quorum;
mod run;
mod scene;
#[cfg(test)]
mod testing;
mod world;

pub use actions::{Action, Builtin, Call, ServiceAction};
pub use authorize::Decision;
pub use check::{Summary, check};
pub use entities::Facts;
pub use explain::{ExplainError, explain, explain_in};
pub use load::PolicySet;
pub use outlook::Outlook;
pub use problems::{PolicyProblems, Problem};
pub use quorum::{Discounted, Quorum, Standing};
pub use run::{CaseResult, TestReport, test_dir};
pub use scene::Scene;
pub use world::World;

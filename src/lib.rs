//! Entryway: a self-service desk for access to Amazon EKS clusters.

pub mod api;
pub mod app;
pub mod clock;
pub mod config;
pub mod domain;
pub mod eks;
pub mod lifecycle;
pub mod policy;
#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod store;
pub mod telemetry;
pub mod worker;
pub mod workflow;

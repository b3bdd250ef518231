//! Everything that needs more than one part of Entryway: a real Postgres, the simulated EKS, the HTTP API.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod eks_adapter;
mod openapi;
mod postgres;
mod sim;

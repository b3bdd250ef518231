//! Everything that needs more than one part of Entryway: a real Postgres, the simulated EKS, the HTTP API.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]
#![expect(clippy::disallowed_methods, reason = "tests have no lifecycle whose tasks shutdown would wait for")]

mod adversity;
mod architecture;
mod audit;
mod backlog;
mod command_line;
mod crash;
mod database_tls;
mod deaths;
mod deploy;
mod desk;
mod docs;
mod drift;
mod eks_adapter;
mod extend;
mod faults;
mod gate;
mod harness;
mod http;
mod iam;
mod incident;
mod layers;
mod life;
mod logs;
mod lost_standing;
mod nodes;
mod openapi;
mod operators;
mod outbox;
mod overlap;
mod policies;
mod postgres;
mod principals;
mod recreated;
mod reminders;
mod restarts;
mod rights;
mod runbooks;
mod sandbox;
mod schema;
mod secrets;
mod sessions;
mod sim;
mod storms;
mod story;
#[cfg(feature = "otel")]
mod traces;
mod webhooks;
mod witness;

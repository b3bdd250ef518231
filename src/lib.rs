//! Entryway: a self-service desk for access to Amazon EKS clusters. People ask for an EKS access entry, the right people
//! sign off, and a worker applies the entry, proves that it has taken hold, keeps it so, and takes it back on time.
//!
//! The data's way, and where each step is:
//!
//! ```text
//! request in      validate         store            approve            apply             verify            end
//! api/requests →  domain/rules →   workflow/submit → workflow/review →  worker/reconcile → workflow/      → the same way:
//! api/extract     domain/arn       store/requests    policy/quorum      workflow/reconcile  reconcile/seen   what ends is
//! api/caller      domain/entry     store/events      store/reviews      eks/aws             domain/reconcile only desired
//!                                                                                                            no longer
//! ```
//!
//! Who may import whom (`tests/it/architecture.rs` keeps it):
//!
//! ```text
//! main → app → everything
//! api → workflow, policy, oidc, audit, slack, domain
//! worker → workflow, eks, notify, slack, domain, store's claims
//! client → the types of the API (api/wire), domain
//! workflow → store, policy, audit, domain, clock      store → domain, clock      notify → audit, domain
//! policy, eks, oidc, config, audit, slack, sandbox → domain      domain → nothing of ours
//! telemetry → domain      api, workflow, worker, eks → telemetry, to say what is traced
//! ```
//!
//! `docs/ARCHITECTURE.md` tells the rest.

pub mod api;
pub mod app;
pub mod audit;
pub mod client;
pub mod clock;
pub mod config;
pub mod domain;
pub mod eks;
pub mod lifecycle;
pub mod notify;
pub mod oidc;
pub mod policy;
#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod slack;
pub mod store;
pub mod telemetry;
pub mod worker;
pub mod workflow;

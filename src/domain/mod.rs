//! The pure heart of Entryway: what an access entry is, which asks are sound, what overlapping grants add up
//! to, and which steps lead from what EKS holds to what it should hold. No I/O, no async, no clock: every
//! function here is a function of its arguments, and every promise in the design is provable on this level.

pub mod address;
pub mod allowance;
pub mod arn;
pub mod ask;
pub mod awscli;
pub mod baseline;
pub mod catalogue;
pub mod cluster;
pub mod delivery;
pub mod duration;
pub mod entry;
pub mod event;
pub mod iam;
pub mod identity;
pub mod inventory;
pub mod kept;
pub mod likeness;
pub mod merge;
pub mod pace;
pub mod person;
pub mod plan;
pub mod principal;
pub mod reconcile;
pub mod record;
pub mod reminder;
pub mod request;
pub mod review;
pub mod rules;
pub mod sightings;
pub mod states;
pub mod token;
pub mod trace;
pub mod trouble;
pub mod unheard;

//! What makes one command enough: a private Postgres, a simulated EKS, demo people and the demo story.

pub mod config;
pub mod people;
pub mod postgres;
pub mod sim;
pub mod story;

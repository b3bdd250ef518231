//! The simulated EKS, STS and IAM against the conformance list, 110 cases: the number in a test's name is its case
//! (`cargo test --test it sim::` runs them all, `case_047` one of them). Mostly over plain HTTP, where paths and headers
//! can be looked at, and then through the real SDK client; knobs are turned through the control routes.
//! `tests/clients` does the same with AWS's own clients for Python and the command line.

mod accounts;
mod associations;
mod bed;
mod cases;
mod clusters;
mod consistency;
mod control;
mod create;
mod create_refused;
mod faults;
mod gate;
mod lists;
mod operations;
mod principals;
mod routing;
mod sdk;
mod tags;
mod throttling;
mod tokens;
mod update_delete;

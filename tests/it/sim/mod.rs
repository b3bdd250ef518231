//! The simulated EKS, STS and IAM against the conformance list: the numbers in the tests' names are its cases.
//! Mostly over plain HTTP, where paths and headers can be looked at, and then through the real SDK client.

mod accounts;
mod associations;
mod bed;
mod clusters;
mod consistency;
mod control;
mod create;
mod create_refused;
mod faults;
mod gate;
mod lists;
mod principals;
mod routing;
mod sdk;
mod tags;
mod throttling;
mod tokens;
mod update_delete;

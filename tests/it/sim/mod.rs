//! The simulated EKS, STS and IAM against the numbered cases of the conformance list.

mod bed;
mod core;

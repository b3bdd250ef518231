//! Overlapping grants, at random: whatever is submitted, signed off, started, extended, revoked or changed by hand, at every
//! quiet point the entry is the union of what is live, and nothing outlives its end. Once over the pure core, with a model of
//! EKS that lags and loses answers, and once for real.

mod model;
mod pure;
mod real;

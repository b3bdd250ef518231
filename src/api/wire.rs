//! What goes over the wire, for whoever is at its other end: the command line speaks these types and has none of its own.

pub(crate) use super::access_policies::AccessPolicyList;
pub(crate) use super::caller::ON_BEHALF_OF;
pub(crate) use super::me::Me;
#[cfg(test)]
pub(crate) use super::problem::all as codes;
pub(crate) use super::problem::{FieldError, ProblemView, remedy};
pub(crate) use super::requests::{
    DryRun, DryRunOneOrMany, Extension, FiledOneOrMany, NewAccessPolicy, NewAccessScope, NewRequest, NewReview, Reason,
    Verb,
};
pub(crate) use super::revocations::{NewRevocation, Revocation, RevocationItem};
pub(crate) use super::views::{AccessPolicyView, ClusterList, ClusterView, EventView, RequestView, Time};

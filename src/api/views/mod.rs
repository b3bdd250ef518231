//! What answers look like. Every field is always there; what is not known is null.

mod cluster;
mod event;
mod inventory;
mod parts;
mod request;
mod time;
mod words;

pub(crate) use cluster::{ClusterList, ClusterView};
pub(crate) use event::{EventList, EventView};
pub(crate) use inventory::{ExaminedView, HeldList};
pub(crate) use parts::{ApprovalView, EntryView, WarningView};
pub(crate) use request::{RequestList, RequestView};
pub(crate) use time::Time;
pub(crate) use words::{AccessPolicyKind, CatalogueSource, EventName, Permission, ReviewDecision, State};

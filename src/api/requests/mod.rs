//! Requests over HTTP: file, look, decide, end.

mod act;
mod ask;
mod extend;
mod get;
mod list;
mod preview;
pub(super) mod reply;
mod review;
mod submit;
mod timeline;
pub(super) mod words;

pub(crate) use act::{
    __path_relinquish, __path_retry, __path_revoke, __path_withdraw, Reason, relinquish, retry, revoke, withdraw,
};
pub(crate) use ask::{NewAccessPolicy, NewAccessScope, NewRequest};
pub(crate) use extend::{__path_extend, Extension, extend};
pub(crate) use get::{__path_get, get};
pub(crate) use list::{__path_list, list};
pub(super) use list::{PAGE, page_size};
pub(crate) use preview::{DryRun, DryRunOneOrMany};
pub(crate) use reply::FiledOneOrMany;
pub(crate) use review::{__path_review, NewReview, Verb, review};
pub(crate) use submit::{__path_submit, submit};
pub(crate) use timeline::{__path_timeline, timeline};

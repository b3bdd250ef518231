//! From HTTP to what handlers work with. Each refuses what it does not understand, with a problem that says where.

mod command;
mod idempotency;
mod json;
mod query;
mod strict;
mod target;

pub(crate) use command::Command;
pub(crate) use json::{LONGEST_BODY, TakenBody};
pub(crate) use query::{NoParameters, Parameters, flag, text, time};
pub(crate) use strict::object;
pub(crate) use target::{PathId, Target};

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use serde::Serialize;

/// The media type of everything that is a success.
pub(crate) const JSON: &str = "application/json";

/// A success with `body` as JSON.
pub(crate) fn json_response(body: &impl Serialize) -> Response {
    let body = serde_json::to_vec(body).expect("views are made of texts, numbers, lists and maps with text keys");
    let mut answer = Response::new(Body::from(body));
    answer.headers_mut().insert(CONTENT_TYPE, axum::http::HeaderValue::from_static(JSON));
    answer
}

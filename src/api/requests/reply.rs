//! How calls that change requests are answered, now and when they are repeated.

use std::borrow::Borrow;

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, ETAG, LOCATION};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::extract::JSON;
use super::super::problem::Problem;
use super::super::views::RequestView;
use crate::workflow::standing::Details;
use crate::workflow::{Outcome, Rendered};

/// Marks an answer that was given before.
const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Several requests filed at once, in the order of `clusterNames`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Filed {
    /// The requests.
    pub(crate) items: Vec<RequestView>,
}

/// One request or several, as it was asked for.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum FiledOneOrMany {
    /// For `clusterName`.
    One(Box<RequestView>),
    /// For `clusterNames`.
    Many(Filed),
}

/// The ETag of a request: its version, strong.
pub(super) fn etag(details: &Details) -> String {
    format!("\"{}\"", details.request.version)
}

/// A request that was filed.
pub(super) fn created(details: &[Details]) -> Rendered {
    let details = only(details);
    let location = format!("/v1/requests/{}", details.request.id);
    let headers = vec![(ETAG.to_string(), etag(details)), (LOCATION.to_string(), location)];
    rendered(StatusCode::CREATED, headers, &FiledOneOrMany::One(Box::new(details.into())))
}

/// Several requests that were filed.
pub(super) fn created_many(details: &[Details]) -> Rendered {
    let filed = Filed { items: details.iter().map(Into::into).collect() };
    rendered(StatusCode::CREATED, vec![], &FiledOneOrMany::Many(filed))
}

/// A request that was reviewed.
pub(super) fn reviewed(details: &[Details]) -> Rendered {
    one(StatusCode::CREATED, details)
}

/// A request that was changed.
pub(super) fn changed(details: &[Details]) -> Rendered {
    one(StatusCode::OK, details)
}

fn one(status: StatusCode, details: &[Details]) -> Rendered {
    let details = only(details);
    rendered(status, vec![(ETAG.to_string(), etag(details))], &RequestView::from(details))
}

fn only(details: &[Details]) -> &Details {
    details.first().expect("what is done to one request comes to one request")
}

pub(crate) fn rendered(status: StatusCode, headers: Vec<(String, String)>, body: &impl Serialize) -> Rendered {
    let body = serde_json::to_vec(body).expect("views are made of texts, numbers, lists and maps with text keys");
    Rendered { status: i16::try_from(status.as_u16()).expect("three digits"), headers, body }
}

/// Answers with what `outcome` came to, rendered by `render` where it was done now.
pub(crate) fn answer<T: ?Sized, D: Borrow<T>>(
    outcome: Outcome<D>,
    render: fn(&T) -> Rendered,
) -> Result<Response, Problem> {
    match outcome {
        Outcome::Fresh(done) => on_the_wire(render(done.borrow())),
        Outcome::Replayed(first) => {
            let mut answer = on_the_wire(first)?;
            answer.headers_mut().insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
            Ok(answer)
        }
    }
}

fn on_the_wire(rendered: Rendered) -> Result<Response, Problem> {
    let mut answer = Response::new(Body::from(rendered.body));
    let status = u16::try_from(rendered.status).ok().and_then(|status| StatusCode::from_u16(status).ok());
    *answer.status_mut() = status.ok_or_else(|| Problem::internal("a stored answer has no HTTP status"))?;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
    for (name, value) in rendered.headers {
        let name = HeaderName::try_from(name).map_err(Problem::internal)?;
        answer.headers_mut().insert(name, HeaderValue::try_from(value).map_err(Problem::internal)?);
    }
    Ok(answer)
}

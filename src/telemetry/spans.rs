//! The spans that traces are made of, and all that is said in them. They are spans of their own beside those of the log, so that
//! what a trace says is written down in one place, and is there however little is logged. What nobody may read in a trace
//! (tokens, bodies, queries, whose principal it is) is never given to anything here. Names are of routes and operations
//! only.

use tracing::field::Empty;
use tracing::{Span, info_span};
use uuid::Uuid;

use super::traces;
use crate::domain::trace::TraceParent;

pub use super::traces::carried;

/// What tells these spans from all others: they are for traces, and never for the log.
pub(super) const TARGET: &str = "entryway_trace";

/// A call that comes in; `id` is that of the call, which the log has too. It goes on with the trace of whoever calls, where they
/// name one.
pub fn call(method: &str, route: Option<&str>, id: &str, caller: impl FnOnce() -> Option<TraceParent>) -> Span {
    // Anybody may invent a method.
    let (method, word) = if method == "other" { ("_OTHER", "HTTP") } else { (method, method) };
    let span = info_span!(
        target: TARGET,
        "call",
        otel.name = route.map_or_else(|| word.to_owned(), |route| format!("{word} {route}")),
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = method,
        http.route = route,
        http.response.status_code = Empty,
        request_id = id,
    );
    if !span.is_disabled()
        && let Some(caller) = caller()
    {
        traces::adopt(&span, caller);
    }
    span
}

/// What a [`call`] was answered.
pub fn answered(span: &Span, status: u16) {
    span.record("http.response.status_code", i64::from(status));
    if status >= 500 {
        span.record("otel.status_code", "ERROR");
    }
}

/// The call that is being answered files these requests.
pub fn files(requests: &[Uuid]) {
    traces::note("entryway.filed.request.ids", || spaced(requests));
}

/// The call that is being answered does something about `request`, which was filed in another trace perhaps.
pub fn acts_on(request: Uuid, filed_in: Option<TraceParent>) {
    traces::note("entryway.request.id", || request.to_string());
    if let Some(filed_in) = filed_in {
        traces::link_here(filed_in);
    }
}

/// One round of work on an entry of `cluster`, for `request`, which was filed at `parent`; it serves all of `grants`, of
/// which the others were filed at `beside`.
pub fn work(
    cluster: &str,
    request: Option<Uuid>,
    grants: &[Uuid],
    parent: Option<TraceParent>,
    beside: &[TraceParent],
) -> Span {
    let span = info_span!(
        target: TARGET,
        "work",
        otel.name = "reconcile entry",
        entryway.cluster = cluster,
        entryway.request.id = request.map(|request| request.to_string()),
        entryway.grant.ids = spaced(grants),
    );
    if !span.is_disabled() {
        if let Some(parent) = parent {
            traces::adopt(&span, parent);
        }
        for other in beside {
            traces::link(&span, *other);
        }
    }
    span
}

/// A look at the whole of `cluster` that nobody waits for, such as `check cluster`: a trace of its own, with all of its calls.
pub fn look(what: &'static str, cluster: &str) -> Span {
    info_span!(target: TARGET, parent: None, "look", otel.name = what, entryway.cluster = cluster)
}

/// A call to AWS, part of whatever is being done.
pub fn aws_call(service: &str, operation: &str) -> Span {
    info_span!(
        target: TARGET,
        "aws",
        otel.name = format!("{service}.{operation}"),
        otel.kind = "client",
        otel.status_code = Empty,
        rpc.system = "aws-api",
        rpc.service = service,
        rpc.method = operation,
        aws.request_id = Empty,
        "error.type" = Empty,
    )
}

/// What came of an [`aws_call`]: the id under which AWS knows it, and the code of its refusal or what kind of failure it was.
pub fn aws_answered(span: &Span, aws_request_id: Option<&str>, failure: Option<&str>) {
    span.record("aws.request_id", aws_request_id);
    if let Some(failure) = failure {
        span.record("error.type", failure);
        span.record("otel.status_code", "ERROR");
    }
}

/// Where in a trace we are, if in any.
#[must_use]
pub fn here() -> Option<TraceParent> {
    traces::here()
}

/// The trace that `span` is part of, as the log writes it.
#[must_use]
pub fn trace_id(span: &Span) -> Option<String> {
    traces::trace_id(span)
}

fn spaced(ids: &[Uuid]) -> String {
    ids.iter().map(Uuid::to_string).collect::<Vec<_>>().join(" ")
}

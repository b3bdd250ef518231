//! Traces by way of OpenTelemetry: the only place, with what is below it, that knows its crates.

mod export;
mod queue;

use opentelemetry::context::FutureExt;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState, TracerProvider};
use opentelemetry::{Context, KeyValue};
use tracing::Span;
use tracing::level_filters::LevelFilter;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::{Layered, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry};

use super::settings::Settings;
use super::spans::TARGET;
use super::{Logs, TelemetryError};
use crate::domain::trace::TraceParent;

use export::Sending;

/// Spans on their way to the collector, if there is one.
#[derive(Debug)]
pub struct Traces(Option<Sending>);

impl Traces {
    /// Sends what has not been sent yet. Blocks, never for long: a collector that is away does not hold up the end.
    pub fn finish(self) {
        if let Some(sending) = self.0 {
            sending.finish();
        }
    }
}

/// Starts logging by `logs`, and traces beside it where they are wanted; where they are not, nothing is there that would cost
/// anything.
pub(super) fn install(logs: Layered<Logs, Registry>, wanted: Option<&Settings>) -> Result<Traces, TelemetryError> {
    let twice = |error: tracing_subscriber::util::TryInitError| TelemetryError::Twice(error.to_string());
    let Some(settings) = wanted else {
        logs.try_init().map_err(twice)?;
        return Ok(Traces(None));
    };
    let sending = export::start(settings)?;
    // Our own spans, and nothing of what libraries say or what is logged.
    let ours = filter_fn(|metadata| metadata.is_span() && metadata.target() == TARGET);
    let layer = tracing_opentelemetry::layer()
        .with_tracer(sending.provider.tracer("entryway"))
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_level(false)
        .with_tracked_inactivity(false)
        .with_filter(ours.with_max_level_hint(LevelFilter::INFO));
    logs.with(layer).try_init().map_err(twice)?;
    Ok(Traces(Some(sending)))
}

/// The same in OpenTelemetry's words. It is of another process, or of long ago.
fn remote(parent: TraceParent) -> SpanContext {
    let flags = if parent.sampled { TraceFlags::SAMPLED } else { TraceFlags::default() };
    let (trace, span) = (TraceId::from(parent.trace_id), SpanId::from(parent.span_id));
    SpanContext::new(trace, span, flags, true, TraceState::default())
}

/// Makes `span`, which has not begun, part of the trace of `parent`.
pub(super) fn adopt(span: &Span, parent: TraceParent) {
    // Only for spans that nobody records, or that have begun: no span of ours is either here.
    let _adopted = span.set_parent(Context::new().with_remote_span_context(remote(parent)));
}

/// Says that `span` has to do with `other`.
pub(super) fn link(span: &Span, other: TraceParent) {
    span.add_link(remote(other));
}

/// Says that what we are in has to do with `other`, unless it is of the same trace.
pub(super) fn link_here(other: TraceParent) {
    Context::map_current(|here| {
        let other = remote(other);
        if here.has_active_span() && here.span().span_context().trace_id() != other.trace_id() {
            here.span().add_link(other, vec![]);
        }
    });
}

/// Puts an attribute on the span that we are in.
pub(super) fn note(key: &'static str, value: impl FnOnce() -> String) {
    Context::map_current(|here| {
        if here.span().is_recording() {
            here.span().set_attribute(KeyValue::new(key, value()));
        }
    });
}

pub(super) fn here() -> Option<TraceParent> {
    Context::map_current(|here| parent_of(here.span().span_context()))
}

pub(super) fn trace_id(span: &Span) -> Option<String> {
    if span.is_disabled() {
        return None;
    }
    parent_of(span.context().span().span_context()).map(|parent| format!("{:032x}", parent.trace_id))
}

fn parent_of(context: &SpanContext) -> Option<TraceParent> {
    context.is_valid().then(|| TraceParent {
        trace_id: u128::from_be_bytes(context.trace_id().to_bytes()),
        span_id: u64::from_be_bytes(context.span_id().to_bytes()),
        sampled: context.is_sampled(),
    })
}

/// `work` as part of the trace that we are in, for a task of its own.
pub fn carried<F: Future>(work: F) -> impl Future<Output = F::Output> {
    work.with_current_context()
}

//! No traces: what [`super::spans`] asks for where they are not built in.

use tracing::Span;
use tracing_subscriber::Registry;
use tracing_subscriber::layer::Layered;
use tracing_subscriber::util::SubscriberInitExt;

use super::settings::Settings;
use super::{Logs, TelemetryError};
use crate::domain::trace::TraceParent;

/// Nothing that would have to be ended.
#[derive(Debug)]
pub struct Traces;

impl Traces {
    /// There is nothing to send.
    pub fn finish(self) {}
}

pub(super) fn install(logs: Layered<Logs, Registry>, wanted: Option<&Settings>) -> Result<Traces, TelemetryError> {
    logs.try_init().map_err(|error| TelemetryError::Twice(error.to_string()))?;
    if wanted.is_some() {
        tracing::warn!(
            "OTEL_EXPORTER_OTLP_ENDPOINT asks for traces, and this build has none; build it with --features otel"
        );
    }
    Ok(Traces)
}

pub(super) fn adopt(_: &Span, _: TraceParent) {}

pub(super) fn link(_: &Span, _: TraceParent) {}

pub(super) fn link_here(_: TraceParent) {}

pub(super) fn note(_: &'static str, _: impl FnOnce() -> String) {}

pub(super) fn here() -> Option<TraceParent> {
    None
}

pub(super) fn trace_id(_: &Span) -> Option<String> {
    None
}

/// `work`, as it is.
pub fn carried<F: Future>(work: F) -> F {
    work
}

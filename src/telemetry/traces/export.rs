//! From here to the collector: in batches, by a thread of its own, out of a queue that has an end. What finds no room in it is
//! dropped, and so is what the collector does not take: nothing ever waits for a trace.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use opentelemetry::KeyValue;
use opentelemetry_otlp::{SpanExporter as OtlpExporter, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use reqwest::blocking::Client;
use reqwest::redirect::Policy;

use crate::telemetry::TelemetryError;
use crate::telemetry::settings::Settings;

/// How long the end of the process waits for the last spans to be sent.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// How often it is said, at most, that the collector takes nothing.
const SELDOM: Duration = Duration::from_secs(60);

/// Where spans go. What is not in `settings`, OpenTelemetry reads from the environment itself, after it was found sound.
pub(super) fn provider(settings: &Settings) -> Result<SdkTracerProvider, TelemetryError> {
    let failed = |error: &dyn std::error::Error| TelemetryError::Traces(error.to_string());
    let client = Client::builder().timeout(settings.timeout).redirect(Policy::none());
    let client = client.build().map_err(|error| failed(&error))?;
    let exporter =
        OtlpExporter::builder().with_http().with_http_client(client).build().map_err(|error| failed(&error))?;
    let own = [("service.name", "entryway"), ("service.version", env!("CARGO_PKG_VERSION"))];
    let own = own.into_iter().filter(|(key, _)| !settings.described.contains(*key));
    let resource = Resource::builder().with_attributes(own.map(|(key, value)| KeyValue::new(key, value))).build();
    Ok(SdkTracerProvider::builder().with_batch_exporter(Telling::by(exporter)).with_resource(resource).build())
}

/// Sends what is left.
pub(super) fn finish(provider: &SdkTracerProvider) {
    if provider.shutdown_with_timeout(LAST_WORDS).is_err() {
        tracing::warn!("the last spans were not delivered in time");
    }
}

/// Sends spans by another, and says so where that does not work.
#[derive(Debug)]
struct Telling<E> {
    exporter: E,
    lost: Mutex<Lost>,
}

#[derive(Debug, Default)]
struct Lost {
    spans: usize,
    told: Option<Instant>,
}

impl<E> Telling<E> {
    fn by(exporter: E) -> Self {
        Self { exporter, lost: Mutex::default() }
    }

    /// How many spans to tell of now; `None` while it was told not long ago.
    fn lose(&self, spans: usize, now: Instant) -> Option<usize> {
        let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        lost.spans += spans;
        if lost.told.is_some_and(|told| now.duration_since(told) < SELDOM) {
            return None;
        }
        lost.told = Some(now);
        Some(std::mem::take(&mut lost.spans))
    }
}

impl<E: SpanExporter> SpanExporter for Telling<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let sent = self.exporter.export(batch).await;
        if let Err(error) = &sent
            && let Some(count) = self.lose(spans, Instant::now())
        {
            tracing::warn!(count, %error, "spans could not be delivered and are lost; everything else goes on");
        }
        sent
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn shutdown(&self) -> OTelSdkResult {
        self.exporter.shutdown()
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_told_once_a_minute_and_all_of_them() {
        let telling = Telling::by(());
        let begun = Instant::now();
        let told: Vec<_> =
            (0..=125_u64).filter_map(|second| telling.lose(2, begun + Duration::from_secs(second))).collect();
        assert_eq!(told, [2, 120, 120]);
    }
}

//! From here to the collector: in batches, by a thread of its own, out of a queue that has an end. What finds no room in it is
//! dropped, and so is what the collector does not take: nothing ever waits for a trace.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use opentelemetry::KeyValue;
use opentelemetry_otlp::{SpanExporter as OtlpExporter, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider, SpanData, SpanExporter};
use reqwest::blocking::Client;
use reqwest::redirect::Policy;

use super::queue::{Queue, Room};
use crate::telemetry::TelemetryError;
use crate::telemetry::settings::Settings;

/// How long the end of the process waits for the last spans to be sent.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// How often it is said, at most, that the collector takes nothing.
const SELDOM: Duration = Duration::from_secs(60);

/// Spans on their way.
#[derive(Debug)]
pub(super) struct Sending {
    pub(super) provider: SdkTracerProvider,
    room: Arc<Room>,
}

/// Where spans go. What is not in `settings`, OpenTelemetry reads from the environment itself, after it was found sound.
pub(super) fn start(settings: &Settings) -> Result<Sending, TelemetryError> {
    let failed = |error: &dyn std::error::Error| TelemetryError::Traces(error.to_string());
    let client = Client::builder().timeout(settings.timeout).redirect(Policy::none());
    let client = client.build().map_err(|error| failed(&error))?;
    let exporter =
        OtlpExporter::builder().with_http().with_http_client(client).build().map_err(|error| failed(&error))?;
    let own = [("service.name", "entryway"), ("service.version", env!("CARGO_PKG_VERSION"))];
    let own = own.into_iter().filter(|(key, _)| !settings.described.contains(*key));
    let resource = Resource::builder().with_attributes(own.map(|(key, value)| KeyValue::new(key, value))).build();
    let room = Room::new(settings.queue);
    let batches = BatchConfigBuilder::default().with_max_queue_size(settings.queue).build();
    let next = BatchSpanProcessor::builder(Telling::by(exporter, room.clone())).with_batch_config(batches).build();
    let queue = Queue { next, room: room.clone() };
    let provider = SdkTracerProvider::builder().with_span_processor(queue).with_resource(resource).build();
    Ok(Sending { provider, room })
}

impl Sending {
    /// Sends what is left.
    pub(super) fn finish(self) {
        if self.provider.shutdown_with_timeout(LAST_WORDS).is_err() {
            tracing::warn!("the last spans were not delivered in time");
        }
        let spans = self.room.turned_away();
        if spans > 0 {
            no_room(spans);
        }
    }
}

fn no_room(count: usize) {
    tracing::warn!(
        count,
        "spans found no room in the queue and are lost; the collector is too slow, or OTEL_BSP_MAX_QUEUE_SIZE too small"
    );
}

/// Sends spans by another, and says so where that does not work.
#[derive(Debug)]
struct Telling<E> {
    exporter: E,
    room: Arc<Room>,
    undelivered: Mutex<Lost>,
    without_room: Mutex<Lost>,
}

/// Spans that nobody was told of yet.
#[derive(Debug, Default)]
struct Lost {
    spans: usize,
    told: Option<Instant>,
}

impl Lost {
    /// How many spans to tell of now, with these; `None` while it was told not long ago, or there are none.
    fn lose(&mut self, spans: usize, now: Instant) -> Option<usize> {
        self.spans += spans;
        if self.spans == 0 || self.told.is_some_and(|told| now.duration_since(told) < SELDOM) {
            return None;
        }
        self.told = Some(now);
        Some(std::mem::take(&mut self.spans))
    }
}

impl<E> Telling<E> {
    fn by(exporter: E, room: Arc<Room>) -> Self {
        Self { exporter, room, undelivered: Mutex::default(), without_room: Mutex::default() }
    }
}

/// `spans` more are lost; answers how many to tell of now.
fn lose(lost: &Mutex<Lost>, spans: usize) -> Option<usize> {
    lost.lock().unwrap_or_else(PoisonError::into_inner).lose(spans, Instant::now())
}

impl<E: SpanExporter> SpanExporter for Telling<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        self.room.leave(spans);
        if let Some(spans) = lose(&self.without_room, self.room.turned_away()) {
            no_room(spans);
        }
        let sent = self.exporter.export(batch).await;
        if let Err(error) = &sent {
            metrics::counter!("entryway_spans_lost_total", "why" => "not_taken").increment(spans as u64);
            if let Some(count) = lose(&self.undelivered, spans) {
                tracing::warn!(count, %error, "spans could not be delivered and are lost; everything else goes on");
            }
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
        let (mut lost, begun) = (Lost::default(), Instant::now());
        let told: Vec<_> =
            (0..=125_u64).filter_map(|second| lost.lose(2, begun + Duration::from_secs(second))).collect();
        assert_eq!(told, [2, 120, 120]);
        assert_eq!(Lost::default().lose(0, begun), None);
    }
}

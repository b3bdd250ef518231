//! What takes spans over OTLP/HTTP, as every collector does, and keeps them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span as Wire;
use prost::Message;
use tokio::net::TcpListener;
use tokio::sync::Notify;

use super::program::PATIENCE;

/// A span, with its ids as hex.
#[derive(Debug, Clone)]
pub(super) struct Span {
    pub(super) name: String,
    pub(super) trace_id: String,
    pub(super) id: String,
    pub(super) parent: String,
    pub(super) kind: i32,
    /// The code of its status: 2 is an error.
    pub(super) status: i32,
    pub(super) attributes: BTreeMap<String, String>,
    /// Trace and span of each link.
    pub(super) links: Vec<(String, String)>,
    /// All that it says, as it came.
    pub(super) text: String,
}

impl Span {
    pub(super) fn says(&self, key: &str) -> &str {
        self.attributes.get(key).unwrap_or_else(|| panic!("{key} is not said: {self:?}"))
    }
}

#[derive(Debug, Default)]
struct Taken {
    spans: Vec<Span>,
    resource: BTreeMap<String, String>,
    headers: HeaderMap,
}

/// A collector on a socket.
pub(super) struct Collector {
    pub(super) url: String,
    taken: Arc<Mutex<Taken>>,
    /// Told of each batch.
    came: Arc<Notify>,
}

impl Collector {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let taken = Arc::<Mutex<Taken>>::default();
        let came = Arc::<Notify>::default();
        let router = Router::new().route("/v1/traces", post(take)).with_state((taken.clone(), came.clone()));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, taken, came }
    }

    pub(super) fn spans(&self) -> Vec<Span> {
        self.taken.lock().unwrap().spans.clone()
    }

    /// Waits until the spans are such.
    pub(super) async fn until(&self, such: impl Fn(&[Span]) -> bool) {
        let all = async {
            while !such(&self.spans()) {
                self.came.notified().await;
            }
        };
        tokio::time::timeout(PATIENCE, all).await.unwrap_or_else(|_| panic!("they never are: {:#?}", self.spans()));
    }

    pub(super) fn resource(&self) -> BTreeMap<String, String> {
        self.taken.lock().unwrap().resource.clone()
    }

    /// A header of what was sent last.
    pub(super) fn header(&self, name: &str) -> String {
        self.taken.lock().unwrap().headers[name].to_str().unwrap().to_owned()
    }
}

async fn take(
    State((taken, came)): State<(Arc<Mutex<Taken>>, Arc<Notify>)>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let batch = ExportTraceServiceRequest::decode(body).unwrap();
    let mut taken = taken.lock().unwrap();
    taken.headers = headers;
    for of_resource in batch.resource_spans {
        taken.resource = texts(&of_resource.resource.unwrap().attributes);
        taken.spans.extend(of_resource.scope_spans.iter().flat_map(|scope| &scope.spans).map(read));
    }
    came.notify_one();
    StatusCode::OK
}

fn read(span: &Wire) -> Span {
    Span {
        name: span.name.clone(),
        trace_id: hex(&span.trace_id),
        id: hex(&span.span_id),
        parent: hex(&span.parent_span_id),
        kind: span.kind,
        status: span.status.as_ref().map_or(0, |status| status.code),
        attributes: texts(&span.attributes),
        links: span.links.iter().map(|link| (hex(&link.trace_id), hex(&link.span_id))).collect(),
        text: format!("{span:?}"),
    }
}

fn texts(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |value: &Option<AnyValue>| match value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    };
    let all: BTreeMap<_, _> = attributes.iter().map(|one| (one.key.clone(), text(&one.value))).collect();
    assert_eq!(all.len(), attributes.len(), "nothing is said twice: {attributes:?}");
    all
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

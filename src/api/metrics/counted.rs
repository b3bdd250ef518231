//! What this process has counted since it started, wherever in it that was. Counting is told by name to the `metrics` crate,
//! so that whoever counts knows nothing of who reads; every name is in the tables below.

use std::sync::LazyLock;
use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio_util::sync::CancellationToken;

/// What only grows. The labels are a route's template, a method, a class of status; an operation, a class and a code of AWS's
/// that are listed: nothing that a caller could make up.
const COUNTERS: [(&str, &str); 8] = [
    ("entryway_http_requests_total", "Calls that were answered, by route, method and class of status."),
    ("entryway_eks_calls_total", "Calls to AWS, by operation, what kind of answer it was, and AWS's code."),
    ("entryway_leases_lost_total", "Work whose lease another process had taken over; nothing of it was recorded."),
    ("entryway_slack_signature_failures_total", "Calls in Slack's name that were not Slack's."),
    ("entryway_slack_replays_total", "Calls of Slack's that came more than once."),
    ("entryway_idempotency_replays_total", "Calls that were answered with the first answer to their Idempotency-Key."),
    ("entryway_spans_lost_total", "Spans of traces that no collector gets, by why."),
    (
        "entryway_self_approval_denied_total",
        "Reviews that were turned down because the request was the reviewer's own.",
    ),
];

/// How long things take, with the upper ends of the buckets in seconds.
const HISTOGRAMS: [(&str, &str, &[f64]); 4] = [
    (
        "entryway_http_request_seconds",
        "How long calls took that did not ask to wait.",
        &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0],
    ),
    ("entryway_eks_call_seconds", "How long calls to AWS took.", &[0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0]),
    // Whoever waits gives up after 3 s.
    (
        "entryway_pool_acquire_seconds",
        "How long statements and transactions waited for a connection to Postgres.",
        &[0.001, 0.005, 0.025, 0.1, 0.5, 1.0, 2.5],
    ),
    // Slack gives up after 3 s.
    ("entryway_slack_ack_seconds", "How long Slack waited for an answer.", &[0.05, 0.1, 0.25, 0.5, 1.0, 3.0]),
];

/// How often what was timed is put into its buckets while nobody reads; until then each time takes up room.
const PUT_AWAY: Duration = Duration::from_secs(5);

/// There is one for the whole process.
static COUNTED: LazyLock<PrometheusHandle> = LazyLock::new(|| {
    let buckets = HISTOGRAMS.into_iter().fold(PrometheusBuilder::new(), |builder, (name, _, ends)| {
        builder.set_buckets_for_metric(Matcher::Full(name.to_owned()), ends).expect("there are some")
    });
    let recorder = buckets.build_recorder();
    let counted = recorder.handle();
    metrics::set_global_recorder(recorder).expect("nothing else in this program sets one");
    for (name, help) in COUNTERS {
        metrics::describe_counter!(name, help);
    }
    for (name, help, _) in HISTOGRAMS {
        metrics::describe_histogram!(name, help);
    }
    // An alert on growth sees the first of them only if there was a 0 before.
    for work in ["entry", "delivery"] {
        metrics::counter!("entryway_leases_lost_total", "work" => work).increment(0);
    }
    for why in ["no_room", "not_taken"] {
        metrics::counter!("entryway_spans_lost_total", "why" => why).increment(0);
    }
    for name in [
        "entryway_slack_signature_failures_total",
        "entryway_slack_replays_total",
        "entryway_idempotency_replays_total",
        "entryway_self_approval_denied_total",
    ] {
        metrics::counter!(name).increment(0);
    }
    let _ = metrics::histogram!("entryway_slack_ack_seconds");
    counted
});

/// From now on it is counted.
pub(in crate::api) fn begin() {
    LazyLock::force(&COUNTED);
}

/// Counts until `stop`. Until this is called, or an API is made, nothing is.
pub fn keep_counting(stop: CancellationToken) -> impl Future<Output = ()> + Send {
    begin();
    async move {
        while !stop.is_cancelled() {
            COUNTED.run_upkeep();
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(PUT_AWAY) => {}
            }
        }
    }
}

/// All of it, as Prometheus reads it.
pub(super) fn text() -> String {
    COUNTED.render()
}

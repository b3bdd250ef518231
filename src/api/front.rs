//! What every call passes on its way in and out: it gets an id, is logged once, and leaves as a problem if it came to
//! one, whoever found out.

use std::any::Any;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tracing::{Instrument, Span, field};
use uuid::Uuid;

use super::lanes;
use super::problem::Problem;
use crate::domain::trace::TraceParent;
use crate::telemetry::spans;

/// The header with the id of a call.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The header with the caller's place in a trace (W3C Trace Context).
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Gives the call its id, runs it, turns what failed into a problem, and logs how it went.
pub(super) async fn receive(request: Request, next: Next) -> Response {
    let id = request_id(request.headers());
    let route = request.extensions().get::<MatchedPath>().map_or("(none)", MatchedPath::as_str).to_owned();
    // As urgent as anything that is said within, so that also the quietest log tells which call an error belongs to.
    let span = tracing::error_span!("call", request_id = id, method = %request.method(), route, user = field::Empty, trace_id = field::Empty);
    let (method, waits) = (method_of(request.method()), lanes::waits(&request));
    let traced = traced(method, &route, &id, request.headers());
    if let Some(trace_id) = spans::trace_id(&traced) {
        span.record("trace_id", trace_id);
    }
    let answer = async {
        let begun = Instant::now();
        let answer = next.run(request).await;
        let answer = finished(answer, &id);
        // How long somebody chose to wait says nothing about us.
        count(method, &route, answer.status(), Some(begun.elapsed()).filter(|_| !waits));
        let (status, millis) = (answer.status().as_u16(), begun.elapsed().as_millis());
        match route.as_str() {
            "/livez" | "/readyz" => tracing::debug!(status, millis, "answered"),
            _ => tracing::info!(status, millis, "answered"),
        }
        answer
    };
    // The span of the log within, so that it is the one that handlers find.
    let answer = answer.instrument(span).instrument(traced.clone()).await;
    spans::answered(&traced, answer.status().as_u16());
    answer
}

/// The span of a call in a trace; none for those that only ask how things are, every few seconds.
fn traced(method: &str, route: &str, id: &str, headers: &HeaderMap) -> Span {
    match route {
        "/livez" | "/readyz" | "/metrics" => Span::none(),
        "(none)" => spans::call(method, None, id, || caller_in_trace(headers)),
        route => spans::call(method, Some(route), id, || caller_in_trace(headers)),
    }
}

/// Where in a trace the caller is, if they say so once and in the way that the standard has it. Their `tracestate` and `baggage`
/// mean nothing here.
fn caller_in_trace(headers: &HeaderMap) -> Option<TraceParent> {
    let mut given = headers.get_all(TRACEPARENT).iter();
    let (one, none) = (given.next()?, given.next());
    one.to_str().ok().filter(|_| none.is_none())?.parse().ok()
}

/// The method as figures name it: anybody may invent one, and each would be a series of its own.
fn method_of(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("other")
}

/// Counts a call that was answered, by its route's template and never by its path.
fn count(method: &'static str, route: &str, status: StatusCode, took: Option<Duration>) {
    let class = match status.as_u16() {
        ..200 => "1xx",
        200..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        500.. => "5xx",
    };
    let route = route.to_owned();
    if let Some(took) = took {
        metrics::histogram!("entryway_http_request_seconds", "method" => method, "route" => route.clone()).record(took);
    }
    metrics::counter!("entryway_http_requests_total", "method" => method, "route" => route, "status" => class)
        .increment(1);
}

fn finished(answer: Response, id: &str) -> Response {
    let problem = match answer.extensions().get::<Problem>() {
        Some(problem) => Some(problem.clone()),
        None if is_foreign(&answer) => Some(Problem::of_status(answer.status())),
        None => None,
    };
    let mut answer = match problem {
        Some(problem) => problem.write(answer, id),
        None => answer,
    };
    let id = HeaderValue::from_str(id).expect("letters, digits, dots, dashes and underscores");
    answer.headers_mut().insert(X_REQUEST_ID, id);
    answer
}

/// Whether some library failed in its own words instead of a problem's.
fn is_foreign(answer: &Response) -> bool {
    let failed = answer.status().is_client_error() || answer.status().is_server_error();
    failed && answer.headers().get(CONTENT_TYPE).is_none_or(|kind| !kind.as_bytes().starts_with(b"application/json"))
}

/// The caller's id for the call where it has a sane one, so that their log and ours meet; a new one otherwise.
fn request_id(headers: &HeaderMap) -> String {
    let sane = |id: &&str| {
        (1..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
    };
    let given = headers.get(X_REQUEST_ID).and_then(|value| value.to_str().ok()).filter(sane);
    given.map_or_else(|| Uuid::now_v7().to_string(), str::to_owned)
}

/// A handler panicked. The panic hook has logged it.
pub(super) fn panicked(_: Box<dyn Any + Send + 'static>) -> Response<Body> {
    Problem::internal("a handler panicked").into_response()
}

/// Headers that keep browsers from doing anything with an answer but show it. A route that needs more says so itself.
pub(super) async fn harden<B>(mut answer: Response<B>) -> Response<B> {
    const HEADERS: [(HeaderName, &str); 5] = [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (CACHE_CONTROL, "no-store"),
    ];
    for (name, value) in HEADERS {
        answer.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    answer
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use axum::Router;
    use axum::middleware;
    use axum::routing::get;
    use metrics_exporter_prometheus::PrometheusBuilder;
    use tower::ServiceExt;

    use super::*;

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("nobody panics here").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn an_error_in_the_quietest_log_tells_which_call_it_belongs_to() {
        let log = Log::default();
        let writer = log.clone();
        let quiet = tracing_subscriber::fmt().with_max_level(tracing::Level::ERROR).with_ansi(false);
        let quiet = tracing::subscriber::set_default(quiet.with_writer(move || writer.clone()).finish());
        let broken = async || Problem::internal("the cause");
        let router = Router::new().route("/", get(broken)).layer(middleware::from_fn(receive));
        let request =
            Request::builder().uri("/").header(X_REQUEST_ID, "mine-7").body(Body::empty()).expect("a request");
        let answer = router.oneshot(request).await.unwrap_or_else(|never| match never {});
        drop(quiet);
        assert_eq!(answer.headers()[X_REQUEST_ID], "mine-7");
        let log = String::from_utf8(log.0.lock().expect("nobody panics here").clone()).expect("text");
        assert!(log.contains("the cause") && log.contains("mine-7"), "{log}");
    }

    #[tokio::test]
    async fn calls_are_counted_by_template_and_nothing_that_callers_invent_is_a_series() {
        let recorder = PrometheusBuilder::new().set_buckets(&[60.0]).expect("buckets").build_recorder();
        let counting = metrics::set_default_local_recorder(&recorder);
        let broken = async || Problem::internal("the cause");
        let router =
            Router::new().route("/things/{id}", get(async || "here").post(broken)).layer(middleware::from_fn(receive));
        let calls =
            ["GET /things/1", "GET /things/2?wait=5s", "POST /things/3", "BREW /things/4", "GET /elsewhere", "FIND /5"];
        for (method, path) in calls.map(|call| call.split_once(' ').expect("two words")) {
            let request = Request::builder().method(method).uri(path).body(Body::empty()).expect("a request");
            router.clone().oneshot(request).await.unwrap_or_else(|never| match never {});
        }
        drop(counting);
        let text = recorder.handle().render();
        let mut counted: Vec<_> =
            text.lines().filter_map(|line| line.strip_prefix("entryway_http_requests_total")).collect();
        counted.sort_unstable();
        let expected = [
            r#"{method="GET",route="(none)",status="4xx"} 1"#,
            r#"{method="GET",route="/things/{id}",status="2xx"} 2"#,
            r#"{method="POST",route="/things/{id}",status="5xx"} 1"#,
            r#"{method="other",route="(none)",status="4xx"} 1"#,
            r#"{method="other",route="/things/{id}",status="4xx"} 1"#,
        ];
        assert_eq!(counted, expected);
        let timed = r#"entryway_http_request_seconds_count{method="GET",route="/things/{id}"} 1"#;
        assert!(text.lines().any(|line| line == timed), "who waits is not timed: {text}");
    }

    fn id(given: Option<&str>) -> String {
        let mut headers = HeaderMap::new();
        if let Some(given) = given {
            headers.insert(X_REQUEST_ID, HeaderValue::from_str(given).expect("a header"));
        }
        request_id(&headers)
    }

    #[test]
    fn a_sane_id_is_kept_and_any_other_replaced() {
        assert_eq!(id(Some("trace-7.of_mine")), "trace-7.of_mine");
        for insane in [None, Some(""), Some("a b"), Some("a\"b"), Some("a;b"), Some(&"x".repeat(129)[..])] {
            assert!(id(insane).parse::<Uuid>().is_ok(), "{insane:?}");
        }
    }

    #[test]
    fn a_caller_is_in_a_trace_if_they_say_so_once_and_soundly() {
        let sound = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let place = |given: &[&str]| {
            let mut headers = HeaderMap::new();
            for one in given {
                headers.append(TRACEPARENT, HeaderValue::from_bytes(one.as_bytes()).expect("a header"));
            }
            caller_in_trace(&headers).map(|place| place.to_string())
        };
        assert_eq!(place(&[sound]).as_deref(), Some(sound));
        for none in [&[][..], &[sound, sound], &["00-1-1-01"], &[""], &["\u{e9}"]] {
            assert_eq!(place(none), None, "{none:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_id_is_sent_the_one_that_is_used_can_be_logged(given in "\\PC{0,140}") {
            let Ok(value) = HeaderValue::from_str(&given) else { return Ok(()) };
            let id = request_id(&HeaderMap::from_iter([(X_REQUEST_ID, value)]));
            proptest::prop_assert!((1..=128).contains(&id.len()));
            proptest::prop_assert!(id.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)), "{}", id);
        }
    }
}

//! What the log tells about work that did not go well.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::harness::{Bed, ROLE, view};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn what_the_worker_logs_says_which_entry_and_which_requests_it_is_about() {
    let bed = Bed::new().await;
    let refused = json!({ "op": "CreateAccessEntry", "times": 1, "action": {
        "kind": "error", "status": 500, "code": "ServerException", "message": "Internal error", "applied": false } });
    bed.sim.inject(serde_json::from_value(refused).unwrap());
    let id = bed.granted(view("payments")).await.id.to_string();
    let log = Log::default();
    let writer = log.clone();
    let logging = tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).json().flatten_event(true);
    let logging = logging.with_span_list(false).with_writer(move || writer.clone()).finish();
    // The worker runs on this thread.
    let logging = tracing::subscriber::set_default(logging);
    bed.work().await;
    drop(logging);
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let said = lines.iter().find(|line| line["message"] == "a call to EKS did not go through");
    let span = &said.unwrap_or_else(|| panic!("{log}"))["span"];
    assert_eq!((&span["cluster"], &span["principal"]), (&json!("dev"), &json!(ROLE)), "{span}");
    assert_eq!(span["request_ids"], id, "{span}");
}

#[tokio::test]
async fn clocks_that_are_apart_are_worth_a_warning() {
    let bed = Bed::new().await;
    let said = async || {
        let log = Log::default();
        let writer = log.clone();
        let logging = tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).json().flatten_event(true);
        let logging = tracing::subscriber::set_default(logging.with_writer(move || writer.clone()).finish());
        bed.desk.check_clock().await.unwrap();
        drop(logging);
        String::from_utf8(log.0.lock().unwrap().clone()).unwrap()
    };
    // The clock of the database is the test's.
    for (ahead, apart) in [(0, false), (60, true), (-60, true)] {
        bed.hands.set(chrono::Utc::now() + TimeDelta::seconds(ahead));
        let said = said().await;
        assert_eq!(said.contains("clock"), apart, "{ahead}: {said}");
    }
}

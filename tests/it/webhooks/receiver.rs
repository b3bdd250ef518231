//! A receiver on a socket that does as it is told.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::response::Response;
use reqwest::header::HeaderMap;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

/// A message as it came in.
#[derive(Debug, Clone)]
pub(super) struct Heard {
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Heard {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// What to do with a message.
#[derive(Debug, Clone, Copy)]
pub(super) enum Answer {
    Status(u16),
    /// This status, and `Retry-After`.
    After(u16, &'static str),
    /// 307 to there.
    To(&'static str),
    /// Never answers.
    Hang,
    /// Breaks the connection off.
    CutOff,
    /// 200, with a body that never ends.
    Endless,
}

impl Answer {
    pub(super) fn status(code: u16) -> Self {
        Self::Status(code)
    }
}

pub(super) struct Receiver {
    pub(super) addr: SocketAddr,
    heard: Arc<Mutex<Vec<Heard>>>,
    task: AbortHandle,
}

impl Receiver {
    /// Answers the message number `nth` (from 0) as `rule` says.
    pub(super) async fn start(rule: impl Fn(usize) -> Answer + Clone + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let heard: Arc<Mutex<Vec<Heard>>> = Arc::default();
        let remembered = heard.clone();
        let router = Router::new().fallback(move |request: Request| {
            let (rule, heard) = (rule.clone(), remembered.clone());
            async move { answer(request, rule, heard).await }
        });
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() }).abort_handle();
        Self { addr, heard, task }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/hook?key=hook-secret", self.addr)
    }

    pub(super) fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(request: Request, rule: impl Fn(usize) -> Answer, heard: Arc<Mutex<Vec<Heard>>>) -> Response {
    let headers = request.headers().clone();
    let body = axum::body::to_bytes(request.into_body(), usize::MAX).await.unwrap().to_vec();
    let nth = {
        let mut heard = heard.lock().unwrap();
        heard.push(Heard { headers, body });
        heard.len() - 1
    };
    let response = |status: u16| Response::builder().status(status);
    match rule(nth) {
        Answer::To(location) => response(307).header("location", location).body(Body::empty()),
        Answer::Status(status) => response(status).body(Body::empty()),
        Answer::After(status, wait) => response(status).header("retry-after", wait).body(Body::empty()),
        Answer::Hang => std::future::pending().await,
        Answer::CutOff => panic!("the connection is broken off"),
        Answer::Endless => {
            let chunk = || Ok::<_, std::io::Error>(Bytes::from_static(&[b'x'; 8192]));
            response(200).body(Body::from_stream(futures_util::stream::repeat_with(chunk)))
        }
    }
    .unwrap()
}

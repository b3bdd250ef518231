//! One connection to the API, with as little between the figure and the wire as can be.

use std::net::SocketAddr;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::Result;

/// One call, and what it must be answered with.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) path: String,
    /// Bearer token.
    pub(crate) token: String,
    pub(crate) body: String,
    pub(crate) idempotency_key: Option<String>,
    /// What Slack signs a call with: when, and the signature. Its body is a form, and there is no token.
    pub(crate) signature: Option<(i64, String)>,
    pub(crate) expected: StatusCode,
}

/// A connection that is kept open.
#[derive(Debug)]
pub(crate) struct Client {
    host: String,
    sender: SendRequest<Full<Bytes>>,
    /// Carries the bytes for as long as this lives.
    _carrier: JoinSet<()>,
}

impl Client {
    pub(crate) async fn connect(addr: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(addr).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        let mut carrier = JoinSet::new();
        carrier.spawn(async move {
            // What went wrong with the connection, the call under way is told.
            let _ = connection.await;
        });
        Ok(Self { host: addr.to_string(), sender, _carrier: carrier })
    }

    /// The body of the answer; any other status than the expected one is a failure.
    pub(crate) async fn call(&mut self, call: Call) -> Result<Bytes> {
        let Call { method, path, token, body, idempotency_key, signature, expected } = call;
        let mut request = Request::builder().method(&method).uri(&path).header(HOST, &self.host);
        if let Some((when, signature)) = signature {
            request = request
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .header("x-slack-request-timestamp", when)
                .header("x-slack-signature", signature);
        } else {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
            if !body.is_empty() {
                request = request.header(CONTENT_TYPE, "application/json");
            }
        }
        if let Some(key) = idempotency_key {
            request = request.header(HeaderName::from_static("idempotency-key"), key);
        }
        self.sender.ready().await?;
        let answer = self.sender.send_request(request.body(Full::from(body))?).await?;
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        if status != expected {
            return Err(format!("{method} {path}: {status} {}", String::from_utf8_lossy(&body)).into());
        }
        Ok(body)
    }

    /// The answer as JSON.
    pub(crate) async fn json(&mut self, call: Call) -> Result<serde_json::Value> {
        Ok(serde_json::from_slice(&self.call(call).await?)?)
    }
}

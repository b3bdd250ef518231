//! A server of prepared answers, one connection each: for what no EKS, simulated or real, would say.

use std::future::Future;
use std::time::Duration;

use entryway::eks::aws::AwsEks;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::adapter;

const OPERATION_TIMEOUT: Duration = Duration::from_secs(1);

/// Less than what the SDK gives a slow answer of its own accord.
const TOO_LONG: Duration = Duration::from_secs(3);

/// What becomes of one request.
pub(super) enum Answer {
    /// Status, further headers, body.
    Http(u16, &'static [(&'static str, &'static str)], String),
    /// Read, and the connection closed without a word.
    Close,
    /// Read, and nothing, ever.
    Hang,
    /// A body that breaks off half-way.
    Half(String),
    /// The same, but the connection stays.
    HalfThenHang(String),
}

/// An error the way EKS words them.
pub(super) fn refusal(status: u16, code: &'static str, message: &str) -> Answer {
    let headers: &'static [(&str, &str)] =
        Box::leak(Box::new([("x-amzn-ErrorType", code), ("x-amzn-RequestId", "req-7")]));
    Answer::Http(status, headers, serde_json::json!({ "message": message }).to_string())
}

/// A 200 with `body`.
pub(super) fn ok(body: serde_json::Value) -> Answer {
    Answer::Http(200, &[("x-amzn-RequestId", "req-1")], body.to_string())
}

/// Makes `call` with an adapter whose calls get `answers` in turn. Gives back the requests it made and what it
/// made of the answers. Fails when it asks for more answers than there are, or for fewer.
pub(super) async fn answered<T, F: Future<Output = T>>(
    answers: Vec<Answer>,
    call: impl FnOnce(AwsEks) -> F,
) -> (Vec<String>, T) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serve = async {
        let mut requests = Vec::new();
        let mut hanging = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            requests.push(request(&mut stream).await);
            match answer {
                Answer::Http(status, headers, body) => {
                    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
                    let length = body.len();
                    let head = format!(
                        "HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n"
                    );
                    stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
                }
                Answer::Half(body) => half(&mut stream, &body).await,
                Answer::HalfThenHang(body) => {
                    half(&mut stream, &body).await;
                    hanging.push(stream);
                }
                Answer::Close => {}
                Answer::Hang => hanging.push(stream),
            }
        }
        (requests, hanging, listener)
    };
    let call = timeout(TOO_LONG, call(adapter(&url, OPERATION_TIMEOUT)));
    let ((requests, _hanging, listener), outcome) = tokio::join!(serve, call);
    let outcome = outcome.expect("the call takes no longer than its timeout");
    let more = std::future::poll_fn(|cx| std::task::Poll::Ready(listener.poll_accept(cx).is_ready())).await;
    assert!(!more, "the adapter made a call more than it was to");
    (requests, outcome)
}

async fn half(stream: &mut TcpStream, body: &str) {
    let head = format!("HTTP/1.1 200 X\r\ncontent-length: {}\r\n\r\n", body.len() * 2);
    stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
}

/// Reads one request: its head and as much body as that says.
async fn request(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let count = stream.read(&mut chunk).await.unwrap();
        assert_ne!(count, 0, "the request broke off");
        read.extend_from_slice(&chunk[..count]);
        let text = String::from_utf8_lossy(&read).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head
            .lines()
            .find_map(|line| {
                line.to_ascii_lowercase().strip_prefix("content-length:").map(|n| n.trim().parse().unwrap())
            })
            .unwrap_or(0);
        if body.len() >= length {
            return text;
        }
    }
}

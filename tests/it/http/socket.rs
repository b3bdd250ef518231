//! Callers that do not speak as a library does: slow ones, rude ones, and those who wait for a word before they go on.

use std::time::Duration;

use entryway::api;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::bed::{Api, ask, state};

/// Far less than any limit of the server's for a call, and far more than an answer takes.
const SOON: Duration = Duration::from_secs(10);

/// Sends `text`; answers everything that comes back until the server ends the connection.
async fn said(connection: &mut TcpStream, text: &str) -> String {
    connection.write_all(text.as_bytes()).await.unwrap();
    rest(connection).await
}

async fn rest(connection: &mut TcpStream) -> String {
    let mut answer = vec![];
    let read = connection.read_to_end(&mut answer);
    tokio::time::timeout(SOON, read).await.expect("the server answers and ends the connection").unwrap();
    String::from_utf8(answer).unwrap()
}

async fn connect(api: &Api) -> TcpStream {
    TcpStream::connect(api.base.strip_prefix("http://").unwrap()).await.unwrap()
}

fn post(headers: &str) -> String {
    format!(
        "POST /v1/requests HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer alice-token\r\nContent-Type: application/json\r\n\
         {headers}\r\n\r\n"
    )
}

#[tokio::test]
async fn a_body_that_says_it_is_too_long_is_not_waited_for() {
    let api = Api::new().await;
    let mut connection = connect(&api).await;
    let answer = said(&mut connection, &post("Content-Length: 65537")).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    let mut connection = connect(&api).await;
    let answer = said(&mut connection, &post("Content-Length: 65537\r\nExpect: 100-continue")).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "and nobody is asked to send it: {answer}");
    // Without a length it is counted as it comes.
    let mut connection = connect(&api).await;
    let chunk = format!("10001\r\n{}\r\n", "x".repeat(0x10001));
    let answer = said(&mut connection, &(post("Transfer-Encoding: chunked") + &chunk)).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test]
async fn who_says_everything_before_listening_hears_the_answer_too() {
    let api = Api::new().await;
    let mut connection = connect(&api).await;
    // More than fits into the buffers of both ends.
    let length = 16 * 1024 * 1024;
    let answer = said(&mut connection, &(post(&format!("Content-Length: {length}")) + &"x".repeat(length))).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test]
async fn who_is_not_known_is_not_asked_for_a_body() {
    let api = Api::new().await;
    let mut connection = connect(&api).await;
    let stranger = "POST /v1/requests HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n\r\n";
    let answer = said(&mut connection, stranger).await;
    assert!(answer.starts_with("HTTP/1.1 401 ") && answer.contains("www-authenticate: Bearer"), "{answer}");
}

#[tokio::test]
async fn who_asks_whether_to_go_on_is_told_to() {
    let api = Api::new().await;
    let mut connection = connect(&api).await;
    let body = ask(json!({})).to_string();
    let head = post(&format!("Content-Length: {}\r\nConnection: close\r\nExpect: 100-continue", body.len()));
    connection.write_all(head.as_bytes()).await.unwrap();
    let mut word = [0; 25];
    tokio::time::timeout(SOON, connection.read_exact(&mut word)).await.expect("a word").unwrap();
    assert_eq!(&word, b"HTTP/1.1 100 Continue\r\n\r\n");
    let answer = said(&mut connection, &body).await;
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
}

#[tokio::test]
async fn calls_one_after_the_other_on_one_connection_are_answered_in_order() {
    let api = Api::new().await;
    let mut connection = connect(&api).await;
    let call = |path: &str, more: &str| format!("GET {path} HTTP/1.1\r\nHost: x\r\n{more}\r\n");
    let three = call("/livez", "") + &call("/v1/me", "") + &call("/nothing", "Connection: close\r\n");
    let answer = said(&mut connection, &three).await;
    let statuses: Vec<_> = answer.match_indices("HTTP/1.1 ").map(|(at, _)| &answer[at + 9..at + 12]).collect();
    assert_eq!(statuses, ["200", "401", "404"], "{answer}");
}

#[tokio::test]
async fn a_head_that_is_endless_is_refused() {
    let api = Api::new().await;
    let mut connection = connect(&api).await;
    let endless = format!("GET /livez HTTP/1.1\r\nHost: x\r\nx-long: {}", "x".repeat(100_000));
    let answer = said(&mut connection, &endless).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

/// More of them than there are places, by somebody who may do next to nothing: it is the call that is waited for, and no place
/// is held for it meanwhile.
#[tokio::test]
async fn bodies_that_trickle_in_keep_nobody_from_listing_filing_or_ending_access() {
    const GO_ON: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
    let api = Api::new().await;
    let granted = api.granted().await;
    let own = api.filed("dan").await;
    let mut slow = vec![];
    for (path, count) in [("/v1/requests".to_owned(), 300), (format!("{own}/withdraw"), 150)] {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer dan-token\r\nContent-Type: application/json\r\n\
             Content-Length: 1000\r\nExpect: 100-continue\r\n\r\n"
        );
        for _ in 0..count {
            let mut connection = connect(&api).await;
            connection.write_all(head.as_bytes()).await.unwrap();
            let mut told = vec![0; GO_ON.len()];
            tokio::time::timeout(SOON, connection.read_exact(&mut told)).await.expect("a word").unwrap();
            assert_eq!(told, GO_ON, "its body is waited for: {}", String::from_utf8_lossy(&told));
            slow.push(connection);
        }
    }
    api.get("bob", "/v1/requests").await.is(200);
    api.filed("alice").await;
    api.post("bob", &format!("{granted}/revoke")).json(&json!({"reason": "now"})).await.is(200);
    let mut cut = vec![];
    let end = tokio::time::timeout(SOON * 3, slow[0].read_to_end(&mut cut));
    end.await.expect("an end to waiting").unwrap();
    assert!(cut.starts_with(b"HTTP/1.1 408 "), "{}", String::from_utf8_lossy(&cut));
}

/// A server of its own, to be stopped.
async fn stoppable(api: &Api) -> (TcpStream, CancellationToken, JoinHandle<()>) {
    let stop = CancellationToken::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let served = tokio::spawn(api::serve(listener, api::router(state(&api.bed.desk, &stop)), stop.clone()));
    (TcpStream::connect(address).await.unwrap(), stop, served)
}

#[tokio::test]
async fn nobody_who_is_slow_holds_up_a_stop() {
    let api = Api::new().await;
    let slow = [String::new(), "GET /livez HT".to_owned(), post("Content-Length: 100") + "{\"clus"];
    for sent in slow {
        let (mut connection, stop, served) = stoppable(&api).await;
        connection.write_all(sent.as_bytes()).await.unwrap();
        // The server has seen what there is to see.
        api.get("alice", "/v1/me").await.is(200);
        stop.cancel();
        tokio::time::timeout(SOON, served).await.unwrap_or_else(|_| panic!("{sent:?} holds it up")).unwrap();
        let answer = rest(&mut connection).await;
        let expected = if sent.contains("POST") { "HTTP/1.1 503 " } else { "" };
        assert!(answer.starts_with(expected) && (expected.is_empty() == answer.is_empty()), "{sent:?}: {answer}");
    }
}

#[tokio::test]
async fn after_a_stop_nobody_gets_in() {
    let api = Api::new().await;
    let (mut connection, stop, served) = stoppable(&api).await;
    let address = connection.peer_addr().unwrap();
    let answered = said(&mut connection, "GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(answered.starts_with("HTTP/1.1 200 "), "{answered}");
    stop.cancel();
    tokio::time::timeout(SOON, served).await.expect("it stops").unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}

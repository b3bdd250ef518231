//! Slack is answered at once, whatever EKS, the database or Slack itself does.

use std::time::Duration;

use chrono::Utc;
use entryway::sandbox::sim::Fault;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::super::bed::{ask, path};
use super::bed::{SECRET, Slacked, button, signed, until, user};
use super::fake::Mood;
use crate::harness::ROLE;
use crate::harness::database::number;

/// What the budget says, p99.
const BUDGET: Duration = Duration::from_millis(500);
const CLICKS: usize = 40;

fn hang(op: &str) -> Fault {
    serde_json::from_value(json!({"op": op, "action": {"kind": "hang", "ms": 60_000}})).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_click_is_answered_at_once_while_eks_hangs() {
    let slacked = Slacked::new().await;
    slacked.tie(&["alice", "bob"]).await;
    let mut requests = vec![];
    for _ in 0..CLICKS {
        requests.push(slacked.api.file("alice", &ask(json!({}))).await);
    }
    slacked.api.bed.sim.inject(hang("*"));
    // A worker that takes up what is signed off, and hangs on it.
    let worker = slacked.api.bed.another_worker();
    let hanging = tokio::spawn(async move {
        loop {
            let _ = worker.turn().await;
            tokio::task::yield_now().await;
        }
    });
    let mut waits = vec![];
    for request in requests {
        let to = slacked.slack.answers();
        let body = slacked.pressed(&user("bob"), "approve", &button(&request), &to);
        let got = slacked.send("interactions", &body).await;
        assert_eq!((got.status, got.text.as_str()), (200, ""), "{got:?}");
        waits.push(got.after);
        until("the click is answered", || slacked.slack.told(&to).first().cloned()).await;
        let counted = format!("SELECT count(*) FROM review WHERE request_id = '{}'", request["id"].as_str().unwrap());
        assert_eq!(number(&slacked.api.bed.url, &counted).await, 1, "and counts");
    }
    hanging.abort();
    waits.sort();
    let (p50, longest) = (waits[CLICKS / 2], waits[CLICKS - 1]);
    println!("{CLICKS} clicks while EKS hangs: p50 {p50:?}, longest {longest:?}");
    assert!(p50 < BUDGET, "half of them took longer than {BUDGET:?}: {p50:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_whose_outcome_takes_long_is_answered_at_once_and_told_later() {
    let slacked = Slacked::new().await;
    slacked.tie(&["alice"]).await;
    slacked.command_as(&user("alice"), "dev").await;
    let view = slacked.slack.opened().pop().unwrap();
    let typed = |id: &str, value: &str| json!({id: {"type": "plain_text_input", "value": value}});
    let picked = |id: &str, value: &str| {
        let option = json!({"text": {"type": "plain_text", "text": value}, "value": value});
        json!({id: {"type": "static_select", "selected_option": option}})
    };
    let policy = json!({"text": {"type": "plain_text", "text": "AmazonEKSViewPolicy"}, "value": "AmazonEKSViewPolicy"});
    let mut values = json!({
        "cluster": picked("cluster", "dev"), "principal": typed("principal", ROLE), "scope": picked("scope", "namespace"),
        "policies": {"policies": {"type": "multi_static_select", "selected_options": [policy]}},
        "namespaces": typed("namespaces", "payments"), "duration": picked("duration", "7d"), "reason": typed("reason", "a test"),
    });
    // IAM is asked about the principal, and hangs.
    slacked.api.bed.sim.inject(hang("GetRole"));
    let got = slacked.send("interactions", &slacked.filled(&user("alice"), "V1", &view, &values)).await;
    println!("a form while IAM hangs: answered after {:?}", got.after);
    assert!(got.text.contains("Entryway is at it"), "{got:?}");
    let (id, shown) = until("the view says what came of it", || slacked.slack.replaced().pop()).await;
    assert!(id == "V1" && shown.to_string().contains("Filed as alice"), "{shown}");
    assert_eq!(number(&slacked.api.bed.url, "SELECT count(*) FROM request").await, 1);

    // And what is wrong with it, with everything that was typed.
    slacked.slack.once("users.info", Mood::Hangs);
    values["reason"] = typed("reason", " . ");
    let got = slacked.send("interactions", &slacked.filled(&user("alice"), "V2", &view, &values)).await;
    assert!(got.text.contains("Entryway is at it"), "{got:?}");
    let (_, shown) =
        until("the second view is changed", || slacked.slack.replaced().into_iter().find(|(id, _)| id == "V2")).await;
    assert!(shown.to_string().contains("who you are just now"), "{shown}");
    slacked.slack.is_content();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_click_is_answered_at_once_while_the_database_is_held_up_and_counts_when_it_is_not() {
    use sqlx::{Connection as _, PgConnection};

    let slacked = Slacked::new().await;
    slacked.tie(&["bob"]).await;
    let request = slacked.api.file("alice", &ask(json!({}))).await;
    let mut held = PgConnection::connect(&slacked.api.bed.url).await.unwrap();
    sqlx::raw_sql("BEGIN; LOCK TABLE slack_call").execute(&mut held).await.unwrap();
    let to = slacked.slack.answers();
    let body = slacked.pressed(&user("bob"), "approve", &button(&request), &to);
    let got = slacked.send("interactions", &body).await;
    println!("a click while the database is held up: answered after {:?}", got.after);
    assert_eq!(got.status, 200);
    assert_eq!(number(&slacked.api.bed.url, "SELECT count(*) FROM review").await, 0, "it is not done yet");
    sqlx::raw_sql("ROLLBACK").execute(&mut held).await.unwrap();
    let told = until("the click is answered", || slacked.slack.told(&to).first().cloned()).await;
    assert!(told.contains("as bob"), "{told}");
}

#[tokio::test]
async fn a_stop_waits_for_calls_that_were_taken() {
    let slacked = Slacked::new().await;
    slacked.tie(&["bob"]).await;
    let request = slacked.api.file("alice", &ask(json!({}))).await;
    let body = slacked.pressed(&user("bob"), "approve", &button(&request), &slacked.slack.answers());
    let headers = signed(SECRET, Utc::now().timestamp(), &body);
    assert_eq!(slacked.send_to(&slacked.api.base, "interactions", &body, headers).await.status, 200);
    slacked.mine.drain().await;
    assert_eq!(number(&slacked.api.bed.url, "SELECT count(*) FROM review").await, 1);
    assert_eq!(number(&slacked.api.bed.url, "SELECT count(*) FROM slack_call WHERE done_at IS NULL").await, 0);
}

#[tokio::test]
async fn whoever_says_to_be_slack_and_no_more_keeps_nobody_from_deciding_and_is_not_waited_for() {
    const GO_ON: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
    let slacked = Slacked::new().await;
    let request = slacked.api.file("alice", &ask(json!({}))).await;
    let address = slacked.api.base.strip_prefix("http://").unwrap();
    let head = "POST /slack/commands HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n";
    let mut slow = vec![];
    // More than there is room for decisions, and each is being waited for.
    for _ in 0..150 {
        let mut connection = TcpStream::connect(address).await.unwrap();
        connection.write_all(head.as_bytes()).await.unwrap();
        let mut told = vec![0; GO_ON.len()];
        connection.read_exact(&mut told).await.unwrap();
        assert_eq!(told, GO_ON);
        slow.push(connection);
    }
    slacked.api.post("alice", &format!("{}/withdraw", path(&request))).await.is(200);
    let mut answer = vec![];
    let told = tokio::time::timeout(Duration::from_secs(20), slow[0].read_to_end(&mut answer));
    told.await.expect("an end to waiting").unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 408 "), "{}", String::from_utf8_lossy(&answer));
}

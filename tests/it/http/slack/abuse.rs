//! What is not Slack's, or not the person's.

use chrono::Utc;
use serde_json::{Value, json};

use super::super::bed::ask;
use super::bed::{SECRET, Slacked, button, form, headers, signature, signed, until, user};
use super::fake::TEAM;
use crate::harness::database::number;

async fn approvals(slacked: &Slacked) -> i64 {
    number(&slacked.api.bed.url, "SELECT count(*) FROM review").await
}

/// A pending request of alice's and bob, who may sign it off in Slack.
async fn scene() -> (Slacked, Value) {
    let slacked = Slacked::new().await;
    slacked.tie(&["bob"]).await;
    let request = slacked.api.file("alice", &ask(json!({}))).await;
    (slacked, request)
}

#[tokio::test]
async fn a_01_what_slack_has_not_signed_is_nobodys() {
    let (slacked, request) = scene().await;
    let now = Utc::now().timestamp();
    let body = slacked.pressed(&user("bob"), "approve", &button(&request), &slacked.slack.answers());
    let good = signature(SECRET, now, &body);
    let mut wrong: Vec<_> = (3..good.len())
        .step_by(7)
        .map(|at| {
            let other = if good.as_bytes()[at] == b'0' { "1" } else { "0" };
            headers(&format!("{}{other}{}", &good[..at], &good[at + 1..]), &now.to_string())
        })
        .collect();
    wrong.push(signed("somebody else's secret", now, &body));
    wrong.push(headers("", &now.to_string()));
    wrong.push(headers("v0=", &now.to_string()));
    let mut bare = signed(SECRET, now, &body);
    bare.remove("x-slack-signature");
    wrong.push(bare);
    let mut timeless = signed(SECRET, now, &body);
    timeless.remove("x-slack-request-timestamp");
    wrong.push(timeless);
    for headers in wrong {
        let got = slacked.send_to(&slacked.api.base, "interactions", &body, headers.clone()).await;
        assert_eq!((got.status, got.body["code"].as_str()), (401, Some("unauthenticated")), "{headers:?}");
        assert!(!got.text.contains("signature is") && !got.text.contains("expired"), "{}", got.text);
    }
    for at in (0..body.len()).step_by(body.len() / 20) {
        let mut bytes = body.clone().into_bytes();
        bytes[at] ^= 1;
        let Ok(other) = String::from_utf8(bytes) else { continue };
        let got = slacked.send_to(&slacked.api.base, "interactions", &other, signed(SECRET, now, &body)).await;
        assert_eq!(got.status, 401, "byte {at}");
    }
    assert_eq!(approvals(&slacked).await, 0);
    let metrics = slacked.api.get("bob", "/metrics").await.is(200).text;
    let failed = metrics.lines().find(|line| line.starts_with("entryway_slack_signature_failures_total")).unwrap();
    assert!(!failed.ends_with(" 0"), "{failed}");
    let told = number(&slacked.api.bed.url, "SELECT count(*) FROM event WHERE type = 'auth.failed'").await;
    assert!(told > 0, "and on record");
    // Either secret is good while one takes over from the other.
    for secret in [SECRET, "another-while-rotating"] {
        let body = slacked.pressed(&user("bob"), "nothing", "", &slacked.slack.answers());
        assert_eq!(
            slacked.send_to(&slacked.api.base, "interactions", &body, signed(secret, now, &body)).await.status,
            200
        );
    }
}

#[tokio::test]
async fn a_02_a_signature_is_good_for_five_minutes() {
    let (slacked, request) = scene().await;
    let body = slacked.pressed(&user("bob"), "approve", &button(&request), &slacked.slack.answers());
    for off in [-310, 310, -86_400, 86_400] {
        let at = Utc::now().timestamp() + off;
        let got = slacked.send_to(&slacked.api.base, "interactions", &body, signed(SECRET, at, &body)).await;
        assert_eq!(got.status, 401, "{off} seconds");
    }
    for odd in ["", "+1", " 1", "1e9", "-1", "99999999999999999999"] {
        let mut headers = headers("v0=00", "0");
        headers.insert("x-slack-request-timestamp", odd.parse().unwrap());
        assert_eq!(slacked.send_to(&slacked.api.base, "interactions", &body, headers).await.status, 401, "{odd:?}");
    }
    assert_eq!(approvals(&slacked).await, 0);
    let at = Utc::now().timestamp() - 290;
    assert_eq!(slacked.send_to(&slacked.api.base, "interactions", &body, signed(SECRET, at, &body)).await.status, 200);
}

#[tokio::test]
async fn a_03_the_signature_is_over_the_very_bytes() {
    let (slacked, _) = scene().await;
    let now = Utc::now().timestamp();
    let body = slacked.command(&user("bob"), "help me", &slacked.slack.answers());
    let mut fields: Vec<_> = body.split('&').collect();
    fields.reverse();
    let spelt = [fields.join("&"), body.replace('+', "%20"), body.replace("%3A", "%3a"), format!("{body}&")];
    for other in spelt {
        assert_ne!(other, body);
        let got = slacked.send_to(&slacked.api.base, "commands", &other, signed(SECRET, now, &body)).await;
        assert_eq!(got.status, 401, "{other}");
    }
}

#[tokio::test]
async fn a_04_one_signature_in_one_spelling() {
    let (slacked, _) = scene().await;
    let now = Utc::now().timestamp();
    let body = slacked.command(&user("bob"), "help", &slacked.slack.answers());
    let good = signature(SECRET, now, &body);
    let mut twice = signed(SECRET, now, &body);
    twice.append("x-slack-signature", good.parse().unwrap());
    let mut times = signed(SECRET, now, &body);
    times.append("x-slack-request-timestamp", now.to_string().parse().unwrap());
    let spelt = [good.replace("v0=", "v1="), good.to_uppercase(), good.replace("v0=", ""), format!("{good}00")];
    let all = spelt.iter().map(|other| headers(other, &now.to_string())).chain([twice, times]);
    for headers in all {
        assert_eq!(
            slacked.send_to(&slacked.api.base, "commands", &body, headers.clone()).await.status,
            401,
            "{headers:?}"
        );
    }
    let got = slacked.send_to(&slacked.api.base, "commands", &body, signed(SECRET, now, &body)).await;
    assert!(got.body["text"].as_str().unwrap().contains("unlink"), "the good one is");
    let twice = format!("{body}&user_id=UCAROL");
    let got = slacked.send_to(&slacked.api.base, "commands", &twice, signed(SECRET, now, &twice)).await;
    assert_eq!((got.status, got.body["code"].as_str()), (400, Some("bad-parameter")), "a field twice");
}

#[tokio::test]
async fn a_05_a_replayed_approval_counts_once_and_is_on_record() {
    let (slacked, request) = scene().await;
    let to = slacked.slack.answers();
    let body = slacked.pressed(&user("bob"), "approve", &button(&request), &to);
    let headers = signed(SECRET, Utc::now().timestamp(), &body);
    let replica = slacked.api.replica_answering(super::bed::mine(&slacked.slack)).await;
    for base in [&slacked.api.base, &replica, &slacked.api.base] {
        let got = slacked.send_to(base, "interactions", &body, headers.clone()).await;
        assert_eq!((got.status, got.text.as_str()), (200, ""), "the same answer");
    }
    until("the click is answered", || slacked.slack.told(&to).first().cloned()).await;
    slacked.mine.drain().await;
    assert_eq!(approvals(&slacked).await, 1);
    assert_eq!(slacked.slack.told(&to).len(), 1, "it is done once");
    let replays = "SELECT count(*) FROM event WHERE type = 'auth.failed' AND data ->> 'code' = 'slack-replayed'";
    for _ in 0..500 {
        if number(&slacked.api.bed.url, replays).await == 2 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the replays are not on record");
}

#[tokio::test]
async fn a_06_a_button_is_bound_to_what_was_seen() {
    let (slacked, request) = scene().await;
    let seen = format!("{} sha256:{}", request["id"].as_str().unwrap(), "0".repeat(64));
    let told = slacked.click(&user("bob"), "approve", &seen).await;
    assert!(told.contains("does not count") && told.contains("something else"), "{told}");
    for odd in ["", "x", "00000000-0000-0000-0000-000000000000", "not-a-uuid sha256:00"] {
        let told = slacked.click(&user("bob"), "approve", odd).await;
        assert!(told.contains("Nothing was done"), "{odd}: {told}");
    }
    assert_eq!(approvals(&slacked).await, 0);
}

#[tokio::test]
async fn a_07_strangers_guests_and_bots_are_refused() {
    let (slacked, request) = scene().await;
    for change in [
        json!({"is_restricted": true}),
        json!({"is_ultra_restricted": true}),
        json!({"is_bot": true}),
        json!({"deleted": true}),
        json!({"is_stranger": true, "team_id": "T0999"}),
        json!({"team_id": "T0999"}),
    ] {
        // Bob's own tie does not help once he is no member any more.
        slacked.slack.user("UBOB", "bob", change.clone());
        let told = slacked.click(&user("bob"), "approve", &button(&request)).await;
        assert!(told.contains("Nothing was done"), "{change}: {told}");
        slacked.slack.user("UNEW", "new", change.clone());
        let told = slacked.command_as("UNEW", "").await;
        assert!(told.contains("Nothing was done") && !told.contains("/slack/link/"), "{change}: {told}");
    }
    slacked.slack.user("UBOB", "bob", json!({}));
    for (team, home) in [("T0999", "T0999"), ("T0999", TEAM), (TEAM, "T0999")] {
        let to = slacked.slack.answers();
        let body = slacked.pressed_in(team, home, "UBOB", "approve", &button(&request), &to);
        assert_eq!(slacked.send("interactions", &body).await.status, 200);
        let told = until("it is answered", || slacked.slack.told(&to).first().cloned()).await;
        assert!(told.contains("another workspace"), "{told}");
    }
    let other = form(&[
        ("team_id", "T0999"),
        ("channel_id", "C1"),
        ("user_id", "UBOB"),
        ("command", "/eks-access"),
        ("text", ""),
        ("response_url", &slacked.slack.answers()),
        ("trigger_id", "1.2"),
    ]);
    let got = slacked.send("commands", &other).await;
    assert!(got.body["text"].as_str().unwrap().contains("another Slack workspace"), "{got:?}");
    assert_eq!(approvals(&slacked).await, 0);
}

#[tokio::test]
async fn a_08_names_and_addresses_mean_nothing() {
    let (slacked, request) = scene().await;
    let bob =
        json!({"name": "bob", "real_name": "bob", "profile": {"display_name": "bob", "email": "bob@example.com"}});
    slacked.slack.user("UMALLORY", "mallory", bob);
    let told = slacked.click("UMALLORY", "approve", &button(&request)).await;
    assert!(told.contains("does not know yet who you are"), "{told}");
    assert_eq!(approvals(&slacked).await, 0);
}

//! Messages: where a request appears, what is said first, and that every message follows it to its end.

use std::sync::Arc;

use chrono::TimeDelta;
use entryway::domain::event::EventType;
use entryway::domain::states::RequestState;
use entryway::worker::slack::SlackRoute;
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::bed::{ask, path};
use super::bed::{Slacked, button, ops, user};
use super::fake::Mood;
use crate::harness::ROLE;
use crate::harness::database::number;

fn id(request: &Value) -> Uuid {
    request["id"].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_message_follows_its_request_through_all_its_states_from_any_replica() {
    let slacked = Slacked::new().await;
    slacked.tie(&["bob", "dan"]).await;
    let (one, _) = slacked.teller(ops());
    let (two, _) = slacked.teller(ops());
    one.open().await.unwrap();
    let request = slacked
        .api
        .file("alice", &ask(json!({"reason": "look <!channel> & see", "ticket": "OPS-7", "tags": {"team": "x"}})))
        .await;
    one.turn().await.unwrap();
    let message = slacked.slack.messages().into_iter().find(|((at, _), _)| at == "C0OPS").unwrap().1.pop().unwrap();
    let first = &message["blocks"][0]["fields"];
    let said: Vec<_> = first.as_array().unwrap().iter().map(|field| field["text"].as_str().unwrap()).collect();
    assert!(said[0].contains(ROLE) && said[1].contains("dev") && said[2].contains("AmazonEKSViewPolicy in payments"));
    assert!(said[3].contains("8h1m"), "{said:?}");
    let shown = slacked.slack.shown("C0OPS");
    assert!(
        shown.contains("approvals so far: 0; still wanted: needs 1 approval")
            && shown.contains("&lt;!channel&gt; &amp; see")
    );
    assert!(shown.contains("Ticket: OPS-7\\nTags: team=x"), "{shown}");
    assert!(shown.contains("\"approve\"") && shown.contains(&button(&request)));
    assert!(slacked.slack.shown("DBOB").contains("\"approve\""), "bob could sign it off");
    let channels: Vec<_> = slacked.slack.messages().into_keys().map(|(channel, _)| channel).collect();
    assert_eq!(channels, ["C0OPS", "DBOB"], "and dan could not");

    slacked.click(&user("bob"), "approve", &button(&request)).await;
    two.turn().await.unwrap();
    for at in ["C0OPS", "DBOB"] {
        let shown = slacked.slack.shown(at);
        assert!(shown.contains("approved by bob") && !shown.contains("\"approve\""), "{shown}");
    }
    for state in [RequestState::Verifying, RequestState::Active] {
        slacked.api.bed.until(id(&request), state).await;
        one.turn().await.unwrap();
        let shown = slacked.slack.shown("C0OPS");
        assert!(shown.contains(&format!("*{}", state.as_str())), "{shown}");
    }
    // Another process, after a restart.
    let (three, _) = slacked.teller(ops());
    slacked.api.bed.revoke("bob", id(&request)).await.unwrap();
    slacked.api.bed.until(id(&request), RequestState::Ended).await;
    three.turn().await.unwrap();
    for at in ["C0OPS", "DBOB"] {
        assert!(slacked.slack.shown(at).contains("ended: revoked"), "{}", slacked.slack.shown(at));
    }
    assert_eq!(slacked.slack.calls("chat.postMessage"), 2, "one message each, ever");
    slacked.slack.is_content();
}

#[tokio::test]
async fn routes_say_which_channel_hears_of_what() {
    let slacked = Slacked::new().await;
    let route = |channel: &str, environments: &[&str], clusters: &[&str], events: &[&str]| {
        let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        SlackRoute {
            channel: channel.to_owned(),
            environments: own(environments),
            clusters: own(clusters),
            events: own(events),
        }
    };
    let routes = vec![
        route("C0PROD", &["prod"], &[], &[]),
        route("C0DEV", &[], &["dev"], &[]),
        route("C0ENDS", &[], &[], &["request.denied", "request.ended"]),
    ];
    let (teller, _) = slacked.teller(routes);
    teller.open().await.unwrap();
    let request = slacked.api.file("alice", &ask(json!({}))).await;
    teller.turn().await.unwrap();
    let heard = || slacked.slack.messages().into_keys().map(|(channel, _)| channel).collect::<Vec<_>>();
    assert_eq!(heard(), ["C0DEV"]);
    let deny = json!({"decision": "deny", "comment": "no"});
    slacked.api.post("bob", &format!("{}/reviews", path(&request))).json(&deny).await.is(201);
    teller.turn().await.unwrap();
    assert_eq!(heard(), ["C0DEV", "C0ENDS"]);
    assert!(slacked.slack.shown("C0ENDS").contains("denied by bob: no"));
    slacked.slack.is_content();
}

/// A message that is changed rings no bell: whoever asked is written to once it is decided, and may read there how it ends.
#[tokio::test]
async fn whoever_asked_is_told_once_it_is_decided_and_reads_who_took_it_back_and_why() {
    let slacked = Slacked::new().await;
    slacked.tie(&["alice"]).await;
    let (teller, _) = slacked.teller(ops());
    teller.open().await.unwrap();
    let request = slacked.api.file("alice", &ask(json!({}))).await;
    teller.turn().await.unwrap();
    let heard = || slacked.slack.messages().into_keys().map(|(channel, _)| channel).collect::<Vec<_>>();
    assert_eq!(heard(), ["C0OPS"], "alice knows what she has asked for");
    slacked.api.bed.approve("bob", id(&request)).await;
    teller.turn().await.unwrap();
    assert_eq!(heard(), ["C0OPS", "DALICE"]);
    assert!(slacked.slack.shown("DALICE").contains("approved by bob"), "{}", slacked.slack.shown("DALICE"));
    slacked.api.bed.until(id(&request), RequestState::Active).await;
    let reason = json!({"reason": "INC-7 <!here>"});
    slacked.api.post("bob", &format!("{}/revoke", path(&request))).json(&reason).await.is(200);
    teller.turn().await.unwrap();
    for at in ["C0OPS", "DALICE"] {
        let shown = slacked.slack.shown(at);
        assert!(shown.contains("revoked by bob: INC-7 &lt;!here&gt;"), "{shown}");
    }
    assert_eq!(slacked.slack.calls("chat.postMessage"), 2, "one message each, ever");
    slacked.slack.is_content();
}

/// Whoever signs an extension off does not give eight hours: access is there, and lasts that much longer.
#[tokio::test]
async fn an_extension_says_that_it_is_one_and_how_far_access_reaches_with_it() {
    let slacked = Slacked::new().await;
    let first = slacked.api.granted().await;
    let extended = first.rsplit('/').next().unwrap();
    slacked.api.bed.until(extended.parse().unwrap(), RequestState::Active).await;
    let (teller, _) = slacked.teller(ops());
    teller.open().await.unwrap();
    let more = json!({"duration": "2h", "reason": "a bit longer"});
    slacked.api.post("alice", &format!("{first}/extend")).json(&more).await.is(201);
    teller.turn().await.unwrap();
    let shown = slacked.slack.shown("C0OPS");
    let before = slacked.api.get("alice", &first).await.is(200).body["grant"]["expiresAt"].clone();
    let until: chrono::DateTime<chrono::Utc> = before.as_str().unwrap().parse().unwrap();
    let until = format!("`2h` more, until <!date^{}^", (until + TimeDelta::hours(2)).timestamp());
    assert!(shown.contains(&until) && shown.contains(&format!("extends `{extended}`")), "{shown}");
    slacked.slack.is_content();
}

#[tokio::test]
async fn what_is_said_for_it_is_shown_whole_or_not_decided_there() {
    let slacked = Slacked::new().await;
    let (teller, _) = slacked.teller(ops());
    teller.open().await.unwrap();
    slacked.api.file("alice", &ask(json!({"reason": format!("a{}", "&".repeat(999))}))).await;
    teller.turn().await.unwrap();
    assert!(!slacked.slack.shown("C0OPS").contains("\"approve\""), "the reason is cut");
    slacked.slack.is_content();
}

#[tokio::test]
async fn slack_may_ask_to_be_left_alone_and_misses_nothing_for_it() {
    let slacked = Slacked::new().await;
    let (teller, _) = slacked.teller(ops());
    teller.open().await.unwrap();
    slacked.slack.once("chat.postMessage", Mood::TooMany(30));
    let request = slacked.api.file("alice", &ask(json!({}))).await;
    teller.turn().await.unwrap();
    assert_eq!(slacked.slack.calls("chat.postMessage"), 1);
    slacked.api.bed.pass(TimeDelta::seconds(29));
    teller.turn().await.unwrap();
    assert_eq!(slacked.slack.calls("chat.postMessage"), 1, "not before it said");
    slacked.api.bed.approve("bob", id(&request)).await;
    slacked.api.bed.pass(TimeDelta::seconds(2));
    teller.turn().await.unwrap();
    assert!(slacked.slack.shown("C0OPS").contains("*applying"), "and then what is so now");
}

#[tokio::test]
async fn what_was_too_much_for_a_channel_is_tried_again_whatever_slack_calls_it() {
    let slacked = Slacked::new().await;
    let (teller, _) = slacked.teller(ops());
    teller.open().await.unwrap();
    slacked.slack.once("chat.postMessage", Mood::Refuses("rate_limited"));
    slacked.api.file("alice", &ask(json!({}))).await;
    teller.turn().await.unwrap();
    assert_eq!(slacked.slack.messages().len(), 0);
    slacked.api.bed.pass(TimeDelta::seconds(2));
    teller.turn().await.unwrap();
    assert!(slacked.slack.shown("C0OPS").contains("*pending"));
}

#[tokio::test]
async fn what_was_too_much_for_one_channel_is_not_said_twice_in_another() {
    let slacked = Slacked::new().await;
    let routes = ["C0ONE", "C0TWO"].map(|channel| SlackRoute { channel: channel.to_owned(), ..ops().remove(0) });
    let (teller, _) = slacked.teller(routes.into());
    teller.open().await.unwrap();
    slacked.slack.once("chat.postMessage", Mood::TooMany(1));
    slacked.api.bed.desk.record_own(EventType::ClusterUnhealthy, json!({"problems": []})).await.unwrap();
    teller.turn().await.unwrap();
    assert!(slacked.slack.messages().len() <= 1, "that it was too much may be known before the other's turn");
    slacked.api.bed.pass(TimeDelta::seconds(2));
    teller.turn().await.unwrap();
    let heard: Vec<_> = slacked.slack.messages().into_keys().map(|(channel, _)| channel).collect();
    assert_eq!(heard, ["C0ONE", "C0TWO"], "each once");
}

#[tokio::test]
async fn what_one_channel_refuses_holds_up_no_other() {
    let slacked = Slacked::new().await;
    let mut routes = ops();
    routes.push(SlackRoute { channel: "XGONE".to_owned(), ..ops().remove(0) });
    let (teller, _) = slacked.teller(routes);
    teller.open().await.unwrap();
    let request = slacked.api.file("alice", &ask(json!({}))).await;
    teller.turn().await.unwrap();
    assert!(slacked.slack.shown("C0OPS").contains("*pending"));
    slacked.api.bed.approve("bob", id(&request)).await;
    teller.turn().await.unwrap();
    assert!(slacked.slack.shown("C0OPS").contains("*applying"), "at once, whatever the other waits for");
    let url = &slacked.api.bed.url;
    let failing = "SELECT count(*) FROM delivery_lane WHERE destination = 'slack' AND last_error LIKE '%XGONE%'";
    assert_eq!(number(url, failing).await, 1, "somebody may mend it");

    // For three days; then it is given up, and what happened since holds up nothing for another three each.
    slacked.api.bed.pass(TimeDelta::days(3));
    teller.turn().await.unwrap();
    assert_eq!(number(url, "SELECT count(*) FROM delivery_given_up WHERE destination = 'slack'").await, 1);
    slacked.api.bed.pass(TimeDelta::hours(2));
    teller.turn().await.unwrap();
    assert_eq!(number(url, "SELECT count(*) FROM delivery_lane WHERE destination = 'slack'").await, 0);
}

#[tokio::test]
async fn whoever_lets_the_bot_in_later_finds_the_message_there() {
    let slacked = Slacked::new().await;
    let (teller, _) = slacked.teller(ops());
    teller.open().await.unwrap();
    slacked.slack.once("chat.postMessage", Mood::Refuses("not_in_channel"));
    slacked.api.file("alice", &ask(json!({}))).await;
    teller.turn().await.unwrap();
    assert!(slacked.slack.messages().is_empty());
    slacked.api.bed.pass(TimeDelta::seconds(2));
    teller.turn().await.unwrap();
    assert!(slacked.slack.shown("C0OPS").contains("*pending"));
}

#[tokio::test]
async fn what_cannot_be_changed_any_more_is_said_anew_and_nobody_is_written_to_for_it() {
    let slacked = Slacked::new().await;
    slacked.tie(&["bob"]).await;
    // From then on its message follows the request, whatever the route says of later events.
    let mut routes = ops();
    routes[0].events = vec!["request.submitted".to_owned()];
    let (teller, _) = slacked.teller(routes);
    teller.open().await.unwrap();
    let request = slacked.api.file("alice", &ask(json!({}))).await;
    teller.turn().await.unwrap();
    assert_eq!(slacked.slack.calls("chat.postMessage"), 2, "the channel and bob");
    slacked.slack.once("chat.update", Mood::Refuses("message_not_found"));
    slacked.slack.once("chat.update", Mood::Refuses("edit_window_closed"));
    slacked.api.bed.approve("bob", id(&request)).await;
    teller.turn().await.unwrap();
    assert_eq!(slacked.slack.calls("chat.postMessage"), 3);
    let here = slacked.slack.newest("C0OPS").unwrap();
    let shown = slacked.slack.messages()[&here].last().unwrap().to_string();
    assert!(shown.contains("*applying"), "{shown}");
    slacked.api.bed.until(id(&request), RequestState::Active).await;
    teller.turn().await.unwrap();
    let shown = slacked.slack.messages()[&here].last().unwrap().to_string();
    assert!(shown.contains("*active"), "and it is the new one that follows: {shown}");
}

#[tokio::test]
async fn a_23_what_people_write_acts_on_nothing_in_slack() {
    let slacked = Slacked::with(|desk| {
        let mut settings = (*desk.settings).clone();
        settings.max_pending_per_requester = 1000;
        desk.settings = Arc::new(settings);
    })
    .await;
    let (teller, _) = slacked.teller(ops());
    teller.open().await.unwrap();
    let reasons = [
        format!("a{}", "&".repeat(999)),
        "<!channel> <@UBOB> <https://evil.example|Approve>".to_owned(),
        "*Cluster*\n`dev`\n> quoted ```code``` :tada:".to_owned(),
        format!("a{}", "<".repeat(999)),
    ];
    for reason in &reasons {
        let names: Vec<_> = (0..100).map(|n| format!("{}{n:03}", "n".repeat(50))).collect();
        let policies =
            json!([{"policyArn": "AmazonEKSEditPolicy", "accessScope": {"type": "namespace", "namespaces": names}}]);
        slacked.api.file("alice", &ask(json!({"reason": reason, "accessPolicies": policies}))).await;
    }
    teller.turn().await.unwrap();
    let messages = slacked.slack.messages();
    assert_eq!(messages.len(), reasons.len(), "each was sent");
    for shown in messages.values().map(|shown| shown.last().unwrap().to_string()) {
        assert!(!shown.contains("\"approve\""), "what is not shown whole is not decided there: {shown}");
        assert!(!shown.contains("<!channel>") && !shown.contains("<@UBOB>"));
    }
    slacked.slack.is_content();
}

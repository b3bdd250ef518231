//! `/eks-access`: the form, what is wrong with it at its fields, and the request that comes of it.

use serde_json::{Value, json};

use super::bed::{Slacked, user};
use super::fake::Mood;
use crate::harness::ROLE;
use crate::harness::database::number;

fn block<'v>(view: &'v Value, id: &str) -> &'v Value {
    let blocks = view["blocks"].as_array().unwrap();
    blocks.iter().find(|block| block["block_id"] == id).unwrap_or_else(|| panic!("no {id}: {view}"))
}

fn offered(view: &Value, id: &str) -> Vec<String> {
    let options = block(view, id)["element"]["options"].as_array().unwrap();
    options.iter().map(|option| option["value"].as_str().unwrap().to_owned()).collect()
}

fn option(value: &str) -> Value {
    json!({"text": {"type": "plain_text", "text": value, "emoji": false}, "value": value})
}

/// What somebody filled in: on `cluster`, for `principal`, in `namespaces`, for `duration`.
fn filled(cluster: &str, principal: &str, namespaces: Option<&str>, duration: &str, reason: Option<&str>) -> Value {
    let typed =
        |id: &str, value: Option<&str>| (id.to_owned(), json!({id: {"type": "plain_text_input", "value": value}}));
    let picked = |id: &str, value: &str| {
        (id.to_owned(), json!({id: {"type": "static_select", "selected_option": option(value)}}))
    };
    let policies =
        json!({"policies": {"type": "multi_static_select", "selected_options": [option("AmazonEKSViewPolicy")]}});
    let fields = [
        picked("cluster", cluster),
        typed("principal", Some(principal)),
        ("policies".to_owned(), policies),
        picked("scope", "namespace"),
        typed("namespaces", namespaces),
        picked("duration", duration),
        typed("reason", reason),
    ];
    Value::Object(fields.into_iter().collect())
}

#[tokio::test]
async fn the_form_offers_what_policy_allows_and_files_what_rest_files() {
    let slacked = Slacked::new().await;
    slacked.tie(&["alice"]).await;
    assert_eq!(slacked.command_as(&user("alice"), "").await, "opened");
    let view = slacked.slack.opened().pop().unwrap();
    assert_eq!(offered(&view, "cluster"), ["dev", "legacy", "prod"]);
    assert!(offered(&view, "policies").contains(&"AmazonEKSViewPolicy".to_owned()));
    assert!(offered(&view, "duration").contains(&"7d".to_owned()));
    assert_eq!(block(&view, "duration")["element"]["initial_option"]["value"], "8h");
    slacked.command_as(&user("alice"), "prod").await;
    let prod = slacked.slack.opened().pop().unwrap();
    assert_eq!(block(&prod, "cluster")["element"]["initial_option"]["value"], "prod");
    let durations = offered(&prod, "duration");
    assert_eq!(durations.last().map(String::as_str), Some("8h"), "production is never longer: {durations:?}");

    let values = filled("prod", ROLE, Some("payments, payments-*"), "8h", Some("Look into the run"));
    let got = slacked.send("interactions", &slacked.filled(&user("alice"), "V7", &prod, &values)).await;
    assert_eq!(got.body["response_action"], "update", "{got:?}");
    assert!(got.text.contains("Filed as alice") && got.text.contains("needs 1 approval"), "{got:?}");
    let listed = slacked.api.get("alice", "/v1/requests").await.is(200).body["items"][0].clone();
    assert_eq!(listed["accessPolicies"][0]["accessScope"]["namespaces"], json!(["payments", "payments-*"]));
    assert_eq!((listed["duration"].as_str(), listed["requester"].as_str()), (Some("PT8H"), Some("alice")));
    let via = "SELECT count(*) FROM event WHERE type = 'request.submitted' AND via = 'slack' AND actor = 'alice'";
    assert_eq!(number(&slacked.api.bed.url, via).await, 1);

    // The same view once more, as by a second press that Slack let through: one request.
    let again = slacked.send("interactions", &slacked.filled(&user("alice"), "V7", &prod, &values)).await;
    assert!(again.text.contains("Filed as alice"), "{again:?}");
    // And with something else in it.
    let other = filled("prod", ROLE, Some("checkout"), "8h", Some("Look into the run"));
    let again = slacked.send("interactions", &slacked.filled(&user("alice"), "V7", &prod, &other)).await;
    assert!(again.text.contains("has been filed already") && again.text.contains(listed["id"].as_str().unwrap()));
    assert_eq!(number(&slacked.api.bed.url, "SELECT count(*) FROM request").await, 1);
    slacked.command_as(&user("alice"), "").await;
    let next = slacked.slack.opened().pop().unwrap();
    assert_eq!(block(&next, "principal")["element"]["initial_value"], ROLE, "what they asked for last");
    slacked.slack.is_content();
}

#[tokio::test]
async fn what_is_wrong_is_said_at_its_fields_and_nothing_is_filed() {
    let slacked = Slacked::new().await;
    slacked.tie(&["alice"]).await;
    slacked.command_as(&user("alice"), "dev").await;
    let view = slacked.slack.opened().pop().unwrap();
    let values = filled("dev", "arn:aws:sts::111122223333:assumed-role/x/y", Some("kube_system!"), "8h", Some(" . "));
    let got = slacked.send("interactions", &slacked.filled(&user("alice"), "V1", &view, &values)).await;
    assert_eq!(got.body["response_action"], "errors", "{got:?}");
    let fields: Vec<_> = got.body["errors"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(fields, ["namespaces", "principal", "reason"], "{got:?}");
    let none = filled("dev", ROLE, None, "8h", Some("a test"));
    let got = slacked.send("interactions", &slacked.filled(&user("alice"), "V1", &view, &none)).await;
    assert!(got.body["errors"]["namespaces"].is_string(), "{got:?}");
    // What is wrong with each of two policies stands in one field, once.
    let mut twice = filled("dev", ROLE, Some("payments, checkout"), "8h", Some("a test"));
    twice["scope"]["scope"]["selected_option"] = option("cluster");
    twice["policies"]["policies"]["selected_options"] =
        json!([option("AmazonEKSViewPolicy"), option("AmazonEKSEditPolicy")]);
    let got = slacked.send("interactions", &slacked.filled(&user("alice"), "V1", &view, &twice)).await;
    let said = got.body["errors"]["namespaces"].as_str().unwrap_or_else(|| panic!("{got:?}"));
    let sentences: Vec<_> = said.split("; ").collect();
    assert_eq!(sentences.iter().collect::<std::collections::BTreeSet<_>>().len(), sentences.len(), "{said}");
    // What policy refuses is said too.
    let long = filled("prod", ROLE, Some("payments"), "7d", Some("a test"));
    let got = slacked.send("interactions", &slacked.filled(&user("alice"), "V1", &view, &long)).await;
    assert!(got.body["errors"]["cluster"].as_str().unwrap().contains("at most 8 hours"), "{got:?}");
    assert_eq!(number(&slacked.api.bed.url, "SELECT count(*) FROM request").await, 0);
}

#[tokio::test]
async fn another_cluster_brings_what_may_be_asked_for_there() {
    let slacked = Slacked::new().await;
    slacked.tie(&["alice"]).await;
    slacked.command_as(&user("alice"), "dev").await;
    let view = slacked.slack.opened().pop().unwrap();
    let values = filled("prod", ROLE, Some("payments"), "1h", Some("typed before"));
    let mut shown = view.clone();
    shown["state"] = json!({"values": values});
    let payload = json!({
        "type": "block_actions", "team": {"id": "T0123", "domain": "x"},
        "user": {"id": "UALICE", "username": "alice", "name": "alice", "team_id": "T0123"},
        "api_app_id": "A1", "token": "x", "trigger_id": slacked.slack.trigger(),
        "container": {"type": "view", "view_id": "V9"}, "view": shown, "state": {"values": values},
        "actions": [{"type": "static_select", "action_id": "cluster", "block_id": "cluster", "action_ts": "1.2",
                     "selected_option": option("prod")}],
    });
    let got = slacked.send("interactions", &super::bed::form(&[("payload", &payload.to_string())])).await;
    assert_eq!((got.status, got.text.as_str()), (200, ""), "{got:?}");
    let (id, view) = super::bed::until("the form changes", || slacked.slack.replaced().pop()).await;
    assert_eq!(id, "V9");
    assert_eq!(offered(&view, "duration").last().map(String::as_str), Some("8h"));
    assert_eq!(block(&view, "reason")["element"]["initial_value"], "typed before", "nothing typed is lost");
    slacked.slack.is_content();
}

#[tokio::test]
async fn whoever_may_ask_for_nothing_and_whoever_was_too_slow_is_told() {
    let slacked = Slacked::new().await;
    slacked.slack.user("UOLGA", "olga", json!({}));
    slacked.tie(&["olga", "alice"]).await;
    let told = slacked.command_as("UOLGA", "").await;
    assert!(told.contains("no cluster"), "{told}");
    slacked.slack.once("views.open", Mood::Refuses("expired_trigger_id"));
    let told = slacked.command_as(&user("alice"), "").await;
    assert!(told.contains("too long for Slack"), "{told}");
    slacked.slack.once("users.info", Mood::Refuses("internal_error"));
    let told = slacked.command_as(&user("alice"), "").await;
    assert!(told.contains("who you are just now"), "{told}");
}

#[tokio::test]
async fn a_command_by_another_name_is_ours_and_a_cluster_by_a_wrong_one_is_none() {
    let slacked = Slacked::new().await;
    slacked.tie(&["alice"]).await;
    let to = slacked.slack.answers();
    let renamed = slacked.command(&user("alice"), "help", &to).replace("%2Feks-access", "%2Fk8s-access");
    let got = slacked.send("commands", &renamed).await;
    assert!(got.body["text"].as_str().unwrap().contains("opens the form"), "{got:?}");
    let told = slacked.command_as(&user("alice"), "nonsense").await;
    assert!(told.contains("no cluster named nonsense") && told.contains("dev, legacy, prod"), "{told}");
    assert!(told.contains("unlink"), "{told}");
    assert!(slacked.slack.opened().is_empty());
}

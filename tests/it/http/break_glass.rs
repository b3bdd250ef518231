//! Breaking the glass: applied at once, loud, short, and open until somebody has looked at it.

use entryway::domain::states::RequestState;
use entryway::policy::PolicySet;
use serde_json::{Value, json};
use uuid::Uuid;

use super::bed::{Api, ask, path};

/// The starter set, with the example at its end in force.
pub(super) fn with_break_glass() -> PolicySet {
    let starter = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/policies/starter.cedar")).unwrap();
    let (_, example) = starter.split_once("// ---- breaking the glass").unwrap();
    let example: Vec<_> = example.lines().skip(1).filter_map(|line| line.strip_prefix("//! ")).collect();
    assert!(!example.is_empty(), "the example is marked with //!");
    PolicySet::parse(&[("starter.cedar".into(), starter.clone()), ("glass.cedar".into(), example.join("\n"))]).unwrap()
}

fn id(at: &str) -> Uuid {
    at.rsplit('/').next().unwrap().parse().unwrap()
}

fn emergency(changes: Value) -> Value {
    let mut body = ask(json!({"clusterName": "prod", "breakGlass": true, "duration": "1h",
        "reason": "payments are down, and nobody of the on-call answers"}));
    body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    body
}

async fn open_glass() -> Api {
    let api = Api::new().await;
    api.bed.desk.policies.replace(with_break_glass());
    api
}

#[tokio::test]
async fn it_is_applied_at_once_named_to_every_reviewer_and_open_until_one_has_looked() {
    let api = open_glass().await;
    let filed = api.file("bob", &emergency(json!({}))).await;
    let at = path(&filed);
    assert_eq!((&filed["state"], &filed["approval"]["status"]), (&json!("applying"), &json!("notNeeded")));
    assert!(filed["warnings"].to_string().contains("break-glass-unreviewed"), "{filed}");
    api.bed.until(id(&at), RequestState::Active).await;

    let events = api.get("bob", &format!("{at}/events")).await.is(200).body;
    let loud = events["items"].as_array().unwrap().iter().find(|e| e["type"] == "request.break_glass").unwrap().clone();
    assert_eq!((&loud["actor"], &loud["data"]["reviewers"]), (&json!("bob"), &json!(["carol"])), "{loud}");
    assert!(loud["data"]["reason"].as_str().unwrap().contains("nobody"));

    let to_review = async |who: &str, more: &str| {
        api.get(who, &format!("/v1/requests?reviewable=true{more}")).await.is(200).each("id")
    };
    let mine = filed["id"].as_str().unwrap();
    for more in ["", "&state=active&clusterName=prod"] {
        assert_eq!(to_review("carol", more).await, [mine], "{more}");
    }
    for (who, more) in [("bob", ""), ("olga", ""), ("carol", "&state=pending"), ("carol", "&clusterName=dev")] {
        assert_eq!(to_review(who, more).await, Vec::<String>::new(), "{who} {more}");
    }
    assert_eq!(api.get("carol", &at).await.body["allowedActions"], json!(["revoke", "acknowledge"]));

    let review = |who: &str, body: Value| api.post(who, &format!("{at}/reviews")).json(&body);
    let seen = || json!({"decision": "acknowledge", "comment": "it was right to do so"});
    review("bob", seen()).await.fails(403, "self-approval");
    review("olga", seen()).await.fails(403, "forbidden");
    review("alice", seen()).await.fails(404, "not-found");
    review("carol", json!({"decision": "acknowledge", "specDigest": "sha256:00"})).await.fails(412, "stale");
    let late = review("carol", json!({"decision": "approve"})).await.fails(409, "not-pending");
    assert!(late.detail().contains("acknowledge"), "{}", late.detail());

    // Its end closes nothing.
    api.post("bob", &format!("{at}/relinquish")).await.is(200);
    api.bed.until(id(&at), RequestState::Ended).await;
    assert_eq!(to_review("carol", "").await, [mine]);
    let closed = review("carol", seen()).key("k").await.is(201);
    let told = ["reviewer", "decision", "comment", "counts"].map(|field| closed.body["reviews"][0][field].clone());
    assert_eq!(told.to_vec(), vec![json!("carol"), json!("acknowledge"), json!("it was right to do so"), json!(true)]);
    assert_eq!((&closed.body["allowedActions"], &closed.body["approval"]["approvals"]), (&json!([]), &json!(0)));
    assert!(!closed.body["warnings"].to_string().contains("break-glass"));
    assert!(review("carol", seen()).key("k").await.is(201).replayed());
    assert_eq!(to_review("carol", "").await, Vec::<String>::new());
    review("carol", seen()).await.fails(409, "already-reviewed");
    let twice = review("erin", seen()).await.fails(409, "illegal-state");
    assert!(twice.detail().contains("carol"), "{}", twice.detail());
}

#[tokio::test]
async fn it_needs_a_reason_a_short_time_and_a_policy_that_lets_it() {
    let api = open_glass().await;
    let wrong = async |changes: Value| {
        let answer = api.post("bob", "/v1/requests").json(&emergency(changes)).await.fails(422, "validation-failed");
        answer.errors().into_iter().map(|(code, _)| code).collect::<Vec<_>>()
    };
    assert_eq!(wrong(json!({"reason": "payments are down"})).await, ["reason-required"]);
    assert_eq!(wrong(json!({"duration": "61m"})).await, ["duration-too-long"]);
    assert_eq!(wrong(json!({"duration": null})).await, ["duration-required"]);

    // Alice is no SRE: her emergency waits like any other ask, and owes no review afterwards.
    let waiting = api.file("alice", &emergency(json!({}))).await;
    assert_eq!(waiting["state"], "pending");
    assert!(waiting["warnings"].to_string().contains("break-glass-waits"), "{waiting}");
    let at = path(&waiting);
    let early = api.post("bob", &format!("{at}/reviews")).json(&json!({"decision": "acknowledge"}));
    early.await.fails(409, "illegal-state");
    let approved = api.post("bob", &format!("{at}/reviews")).json(&json!({"decision": "approve"})).await.is(201).body;
    assert_eq!(approved["state"], "applying");
    assert!(!approved["warnings"].to_string().contains("unreviewed"));
    assert_eq!(api.get("carol", "/v1/requests?reviewable=true").await.each("id"), Vec::<String>::new());
}

#[tokio::test]
async fn the_list_of_what_waits_for_review_pages_through_both_kinds() {
    let api = open_glass().await;
    let mut filed = vec![];
    for n in 0..7 {
        let principal = json!({"principalArn": format!("arn:aws:iam::111122223333:role/r{n}")});
        let glass = n % 3 == 1;
        let body = if glass { emergency(principal) } else { ask(principal) };
        let who = if glass { "bob" } else { "alice" };
        filed.push(api.file(who, &body).await["id"].as_str().unwrap().to_owned());
    }
    filed.reverse();
    for size in [1, 2, 3, 100] {
        let (mut seen, mut token) = (vec![], String::new());
        for _ in 0..30 {
            let page =
                api.get("carol", &format!("/v1/requests?reviewable=true&maxResults={size}{token}")).await.is(200);
            seen.extend(page.each("id"));
            match page.body["nextToken"].as_str() {
                Some(next) => token = format!("&nextToken={next}"),
                None => break,
            }
        }
        assert_eq!(seen, filed, "{size} a page");
    }
}

#[tokio::test]
async fn more_time_than_that_is_asked_for_like_anything_else() {
    let api = open_glass().await;
    let at = path(&api.file("bob", &emergency(json!({}))).await);
    api.bed.until(id(&at), RequestState::Active).await;
    let more = json!({"duration": "2h", "reason": "still down"});
    let extension = api.post("bob", &format!("{at}/extend")).json(&more).await.is(201).body;
    assert_eq!((&extension["breakGlass"], &extension["state"]), (&json!(false), &json!("pending")));
}

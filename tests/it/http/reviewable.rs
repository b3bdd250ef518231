//! What one could review now: exactly that, whatever policy decides by, and however much there is for others.

use std::collections::BTreeSet;

use chrono::Utc;
use entryway::policy::PolicySet;
use serde_json::{Value, json};

use super::bed::{Api, ask};
use crate::harness::database::by_hand;

const OTHER: &str = "arn:aws:iam::111122223333:role/other";

/// SREs, and everybody else: those whom the starter policies let file, see or none of it.
const SRES: [&str; 3] = ["bob", "carol", "erin"];
const OTHERS: [&str; 4] = ["alice", "dan", "olga", "portal"];

/// Beside the starter set without its reviewers: who approves (bob and carol are SREs), and by what.
const REVIEWERS: [&str; 9] = [
    "",
    r#"when { resource.cluster in Entryway::Environment::"prod" }"#,
    "when { resource has ticket }",
    r#"when { resource has ticket && resource.ticket == "T-1" }"#,
    r#"when { ["payments", "payments-*"].containsAll(resource.namespaces) && !resource.clusterWide }"#,
    r#"when { resource.accessPolicies.contains("AmazonEKSAdminPolicy") || resource.kubernetesGroups.contains("ops") }"#,
    r#"when { resource.requester == Entryway::User::"dan" } unless { resource.principalArn like "*other" }"#,
    r#"when { resource has duration && resource.duration < duration("8h2m") && resource.submittedBy == resource.requester }"#,
    r#"unless { resource.permanent || resource.customUsername || resource.type != "STANDARD" }"#,
];

fn reviewed_by(condition: &str) -> PolicySet {
    let starter = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/policies/starter.cedar")).unwrap();
    let parts = starter
        .split("@id(")
        .filter(|part| !part.starts_with("\"sre-review") && !part.starts_with("\"security-review"));
    let rest = parts.collect::<Vec<_>>().join("@id(");
    let review = format!(
        "\n@id(\"review\") permit (principal in Entryway::Group::\"sre\", \
         action in [Entryway::Action::\"approve\", Entryway::Action::\"deny\"], resource) {condition};"
    );
    PolicySet::parse(&[("x.cedar".to_owned(), rest + &review)]).unwrap_or_else(|problems| panic!("{problems}"))
}

/// All that is listed, page by page.
async fn listed(api: &Api, who: &str, query: &str) -> Vec<String> {
    let (mut all, mut token) = (vec![], String::new());
    loop {
        let page = api.get(who, &format!("/v1/requests?reviewable=true&{query}{token}")).await.is(200);
        all.extend(page.each("id"));
        match page.body["nextToken"].as_str() {
            Some(next) => token = format!("&nextToken={next}"),
            None => return all,
        }
    }
}

/// Asks of every sort, some of them reviewed, withdrawn or let through.
async fn fill(api: &Api) -> Vec<String> {
    let scope = |policy: &str, names: &[&str]| match names {
        [] => json!([{"policyArn": policy, "accessScope": {"type": "cluster"}}]),
        names => json!([{"policyArn": policy, "accessScope": {"type": "namespace", "namespaces": names}}]),
    };
    let asks = [
        json!({}),
        json!({"clusterName": "prod", "duration": "7h"}),
        json!({"ticket": "T-1"}),
        json!({"ticket": "T-2", "principalArn": OTHER}),
        json!({"accessPolicies": scope("AmazonEKSEditPolicy", &["payments-*"])}),
        json!({"accessPolicies": scope("AmazonEKSEditPolicy", &["search"])}),
        json!({"accessPolicies": scope("AmazonEKSAdminPolicy", &[]), "clusterName": "prod", "duration": "8h"}),
        json!({"kubernetesGroups": ["ops"], "accessPolicies": []}),
        json!({"duration": "3d"}),
        json!({"principalArn": OTHER, "duration": null}),
    ];
    let mut filed = vec![];
    for (place, changes) in asks.iter().enumerate() {
        for who in ["alice", "dan", "bob"] {
            let id = |request: &Value| request["id"].as_str().unwrap().to_owned();
            filed.push(id(&api.file(who, &ask(changes.clone())).await));
            if place % 3 == 0 {
                let call = api.post("portal", "/v1/requests").header("entryway-on-behalf-of", who);
                filed.push(id(&call.json(&ask(changes.clone())).await.is(201).body));
            }
        }
    }
    let act = async |who: &str, id: &str, action: &str, body: Value| {
        api.post(who, &format!("/v1/requests/{id}/{action}")).json(&body).await
    };
    // One approval does not do for an admin on production, so it stays open for others.
    act("bob", &filed[24], "reviews", json!({"decision": "approve"})).await;
    act("carol", &filed[0], "reviews", json!({"decision": "approve"})).await.is(201);
    act("carol", &filed[3], "reviews", json!({"decision": "deny", "comment": "no"})).await.is(201);
    act("alice", &filed[5], "withdraw", json!({})).await;
    filed
}

#[tokio::test]
async fn it_is_exactly_what_the_requests_themselves_say() {
    let api = Api::new().await;
    api.bed.hands.set(Utc::now());
    let filed = fill(&api).await;
    let mut sizes = BTreeSet::new();
    for condition in REVIEWERS {
        api.bed.desk.policies.replace(reviewed_by(condition));
        let others = if condition.is_empty() { &OTHERS[..] } else { &[] };
        for who in SRES.iter().chain(others) {
            let mut expected = vec![];
            for id in filed.iter().rev() {
                let answer = api.get(who, &format!("/v1/requests/{id}")).await;
                let allowed = answer.body["allowedActions"].as_array().cloned().unwrap_or_default();
                if allowed.iter().any(|action| action == "approve" || action == "acknowledge") {
                    expected.push(id.clone());
                }
            }
            for query in ["maxResults=100", "maxResults=7"] {
                assert_eq!(listed(&api, who, query).await, expected, "{who} {query} {condition}");
            }
            sizes.insert(expected.len());
            let of_dan = listed(&api, who, "requester=dan&state=pending").await;
            assert!(of_dan.iter().all(|id| expected.contains(id)), "{who} {condition}");
        }
    }
    assert!(sizes.len() > 5, "the conditions tell requests apart: {sizes:?}");
}

/// Ten thousand for others to look at, and eleven for oneself.
#[tokio::test]
async fn ten_thousand_for_others_hide_none_of_ones_own() {
    let api = Api::new().await;
    api.bed.hands.set(Utc::now());
    for (who, cluster, duration, copies) in [("alice", "dev", "481m", 10_000), ("dan", "prod", "8h", 10)] {
        let id = api.file(who, &ask(json!({"clusterName": cluster, "duration": duration}))).await["id"].clone();
        // With ids that are spread among each other.
        let copy = format!(
            "INSERT INTO request SELECT (jsonb_populate_record(r, jsonb_build_object('id', gen_random_uuid()))).*
               FROM request r, generate_series(1, {copies}) WHERE r.id = '{}'",
            id.as_str().unwrap()
        );
        assert_eq!(by_hand(&api.bed.url, &copy).await, copies);
    }
    api.bed.desk.policies.replace(reviewed_by(REVIEWERS[1]));
    let page = api.get("bob", "/v1/requests?reviewable=true&maxResults=6").await.is(200);
    assert_eq!(page.each("clusterName"), ["prod"; 6], "a page is full as long as there is enough");
    assert!(page.body["nextToken"].is_string());
    let all = listed(&api, "bob", "maxResults=6").await;
    assert_eq!(all.len(), 11);
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 11);
    let whole = api.get("bob", "/v1/requests?reviewable=true").await.is(200);
    assert_eq!((whole.each("id"), &whole.body["nextToken"]), (all, &Value::Null), "and the list says where it ends");
    // Who reviews nothing has nothing looked through; nor has who sees nothing but their own.
    let own = api.get("dan", "/v1/requests?maxResults=100").await.is(200);
    assert_eq!((own.each("id").len(), &own.body["nextToken"]), (11, &Value::Null));
    for (who, query) in [("alice", "reviewable=true"), ("olga", "reviewable=true"), ("portal", "reviewable=true")] {
        let none = api.get(who, &format!("/v1/requests?{query}")).await.is(200);
        assert_eq!((none.each("id").len(), &none.body["nextToken"]), (0, &Value::Null), "{who}");
    }
    if std::env::var_os("SHOW_TIMES").is_some() {
        for (who, query) in
            [("bob", "reviewable=true"), ("bob", "state=pending"), ("bob", "reviewable=true&clusterName=dev")]
        {
            for _ in 0..3 {
                let at = std::time::Instant::now();
                api.get(who, &format!("/v1/requests?{query}")).await.is(200);
                eprintln!("{who} {query}: {:?}", at.elapsed());
            }
        }
    }
}

//! Abuse by the numbers of docs/SECURITY.md, as far as no other test is about it already. Whatever is refused here, EKS hears
//! nothing of it.

use std::sync::Arc;

use reqwest::Method;
use serde_json::{Value, json};

use super::bed::{Answer, Api, ask, path};
use crate::harness::ROLE;

const FOR: &str = "entryway-on-behalf-of";

/// Lets the worker do whatever there is to do, and sees that it is nothing.
async fn eks_is_untouched(api: &Api) {
    api.bed.work().await;
    assert_eq!(api.bed.writes(), Vec::<String>::new(), "EKS untouched");
}

async fn approves(api: &Api, who: &str, at: &str) -> Answer {
    api.post(who, &format!("{at}/reviews")).json(&json!({"decision": "approve"})).await
}

#[tokio::test]
async fn a_12_headers_make_nobody_somebody_else() {
    let api = Api::new().await;
    let at = api.filed("alice").await;
    let headers = [
        ("x-forwarded-user", "bob"),
        ("x-remote-user", "bob"),
        ("x-remote-groups", "sre"),
        ("x-forwarded-groups", "sre,security"),
        ("x-original-url", "/metrics"),
        ("x-rewrite-url", "/metrics"),
        ("x-http-method-override", "DELETE"),
        ("x-amzn-oidc-identity", "bob"),
        ("x-forwarded-for", "10.0.0.1"),
        ("host", "localhost:9090"),
    ];
    for (name, value) in headers {
        api.call(Method::GET, "/v1/me").header(name, value).await.fails(401, "unauthenticated");
        let me = api.get("alice", "/v1/me").header(name, value).await.is(200).body;
        assert_eq!((&me["user"], &me["groups"]), (&json!("alice"), &json!(["engineering"])), "{name}");
        let review = api.post("alice", &format!("{at}/reviews")).json(&json!({"decision": "approve"}));
        review.header(name, value).await.fails(403, "self-approval");
    }
    eks_is_untouched(&api).await;
}

#[tokio::test]
async fn a_14_nobody_sets_what_is_not_theirs_to_set() {
    let api = Api::new().await;
    let at = api.filed("alice").await;
    let fields = [
        ("state", json!("active")),
        ("approvals", json!(2)),
        ("approvedBy", json!("bob")),
        ("approval", json!({"status": "satisfied"})),
        ("reviews", json!([])),
        ("version", json!(1)),
        ("grant", json!({"expiresAt": null})),
        ("expiresAt", json!("2999-01-01T00:00:00Z")),
        ("requester", json!("bob")),
        ("submittedBy", json!("portal")),
        ("id", json!("01980a1b-7c3d-7e4f-8a5b-6c7d8e9fa0b1")),
        ("specDigest", json!("sha256:00")),
        ("extends", json!("01980a1b-7c3d-7e4f-8a5b-6c7d8e9fa0b1")),
        ("policyDigest", json!("sha256:00")),
        ("warnings", json!([])),
        ("owesReview", json!(false)),
        ("__proto__", json!({})),
    ];
    for (field, value) in fields {
        let body = ask(json!({ field: value }));
        api.post("alice", "/v1/requests").json(&body).await.fails(400, "malformed-json");
        let mut review = json!({"decision": "approve"});
        if field != "specDigest" {
            review[field] = value;
            api.post("bob", &format!("{at}/reviews")).json(&review).await.fails(400, "malformed-json");
        }
    }
    let twice = r#"{"decision": "deny", "comment": "no", "decision": "approve"}"#;
    let call = api.call(Method::POST, &format!("{at}/reviews")).by("bob").header("content-type", "application/json");
    call.body(twice).await.fails(400, "malformed-json");
    let now = api.get("alice", &at).await.is(200).body;
    assert_eq!((&now["state"], &now["reviews"]), (&json!("pending"), &json!([])));
    assert_eq!(api.get("alice", "/v1/requests").await.each("id").len(), 1);
    eks_is_untouched(&api).await;
}

#[tokio::test]
async fn a_15_there_is_no_way_to_change_a_request() {
    let api = Api::new().await;
    let key = |body: &Value| api.post("alice", "/v1/requests").key("k-1").json(body);
    let filed = key(&ask(json!({}))).await.is(201).body;
    let at = path(&filed);
    approves(&api, "bob", &at).await.is(201);
    for method in [Method::PUT, Method::PATCH, Method::DELETE] {
        let call = api.call(method, &at).by("alice").json(&ask(json!({"kubernetesGroups": ["ops"]})));
        call.await.fails(405, "method-not-allowed");
    }
    key(&ask(json!({"kubernetesGroups": ["ops"]}))).await.fails(422, "idempotency-key-reused");
    let now = api.get("alice", &at).await.is(200).body;
    assert_eq!((&now["specDigest"], &now["kubernetesGroups"]), (&filed["specDigest"], &json!([])));
}

#[tokio::test]
async fn a_31_what_is_huge_is_refused() {
    let api = Api::new().await;
    let groups = |count: usize| (0..count).map(|n| format!("g{n}")).collect::<Vec<_>>();
    let long = format!("arn:aws:iam::{}:role/x", "1".repeat(60_000));
    let cases = [
        (json!({"kubernetesGroups": groups(100_000)}), 413),
        (json!({"reason": "x".repeat(1 << 20)}), 413),
        (json!({"reason": "x".repeat(60_000)}), 422),
        (json!({"principalArn": long}), 422),
        (json!({"kubernetesGroups": vec![" "; 10_000]}), 422),
        (
            json!({"tags": (0..4_000).map(|n| (format!("k{n}"), "v".to_owned())).collect::<std::collections::BTreeMap<_, _>>()}),
            422,
        ),
        (json!({"clusterName": null, "clusterNames": vec!["dev"; 10_000]}), 422),
    ];
    for (changes, status) in cases {
        let name = changes.to_string().chars().take(40).collect::<String>();
        let answer = api.post("alice", "/v1/requests").json(&ask(changes)).await;
        assert_eq!(answer.status, status, "{name}: {:.300}", answer.text);
        assert!(answer.text.len() < 64 << 10, "{name} is answered with {} bytes", answer.text.len());
    }
    assert_eq!(api.get("alice", "/v1/requests").await.each("id").len(), 0);
    eks_is_untouched(&api).await;
}

#[tokio::test]
async fn a_36_nobody_approves_what_they_asked_for_by_any_road() {
    let api = Api::new().await;
    let own = path(&api.file("bob", &ask(json!({}))).await);
    let filed = api.post("portal", "/v1/requests").header(FOR, "bob").json(&ask(json!({}))).await.is(201).body;
    for at in [own, path(&filed)] {
        for decision in ["approve", "deny"] {
            let review = || {
                let review = json!({"decision": decision, "comment": "looks fine"});
                api.post("bob", &format!("{at}/reviews")).json(&review)
            };
            review().await.fails(403, "self-approval");
            let carried = api.post("portal", &format!("{at}/reviews"));
            let carried = carried.json(&json!({"decision": decision, "comment": "x"})).header(FOR, "bob");
            carried.await.fails(403, "self-approval");
        }
        let now = api.get("bob", &at).await.is(200).body;
        assert!(
            !now["allowedActions"].as_array().unwrap().iter().any(|action| action == "approve" || action == "deny")
        );
        assert_eq!((&now["state"], &now["reviews"]), (&json!("pending"), &json!([])));
    }
    assert_eq!(api.get("bob", "/v1/requests?reviewable=true").await.each("id").len(), 0);
    eks_is_untouched(&api).await;
}

#[tokio::test]
async fn a_37_one_person_counts_once_by_whatever_road() {
    let api = Api::new().await;
    let admin = json!({"clusterName": "prod", "duration": "8h", "accessPolicies": [
        {"policyArn": "AmazonEKSAdminPolicy", "accessScope": {"type": "cluster"}}]});
    let at = path(&api.file("alice", &ask(admin)).await);
    let mut clicks = tokio::task::JoinSet::new();
    for place in 0..64 {
        let call = api.call(Method::POST, &format!("{at}/reviews")).json(&json!({"decision": "approve"}));
        // Carol is in both groups, and still one person.
        let call = if place % 2 == 0 { call.by("carol") } else { call.by("portal").header(FOR, "carol") };
        clicks.spawn(async move { call.await });
    }
    let mut counted = 0;
    while let Some(answer) = clicks.join_next().await {
        let answer = answer.unwrap();
        match answer.status {
            201 => counted += 1,
            503 => {}
            _ => _ = answer.fails(409, "already-reviewed"),
        }
    }
    let now = api.get("bob", &at).await.is(200).body;
    assert_eq!((counted, now["reviews"].as_array().unwrap().len()), (1, 1));
    assert_eq!((&now["state"], &now["approval"]["approvals"]), (&json!("pending"), &json!(1)));
    eks_is_untouched(&api).await;
}

#[tokio::test]
async fn a_39_no_principal_but_a_role_or_user_of_an_allowed_account() {
    let api = Api::new().await;
    let arns = [
        "arn:aws:iam::999988887777:role/x",
        "arn:aws:iam::111122223333:root",
        "arn:aws:iam::111122223333:role/aws-service-role/eks.amazonaws.com/AWSServiceRoleForAmazonEKS",
        "arn:aws:sts::111122223333:assumed-role/x/session",
        "arn:aws-cn:iam::111122223333:role/x",
        "arn:aws:iam::111122223333:group/admins",
        "arn:aws:iam::111122223333:role/*",
        "arn:aws:iam::111122223333:role/x\n",
        " arn:aws:iam::111122223333:role/x",
        "arn:aws:iam::111122223333:role/",
        "arn:aws:iam::111122223333:role//x",
        "ARN:AWS:IAM::111122223333:ROLE/X",
        "arn:aws:iam:eu-central-1:111122223333:role/x",
        "arn:aws:iam::1111 2222 3333:role/x",
        "arn:aws:eks:eu-central-1:111122223333:cluster/dev",
        "*",
        "",
    ];
    for arn in arns {
        let answer = api.post("bob", "/v1/requests").json(&ask(json!({"principalArn": arn}))).await;
        let answer = answer.fails(422, "validation-failed");
        assert!(answer.errors().iter().all(|(_, place)| place == "/principalArn"), "{arn}: {answer:?}");
    }
    eks_is_untouched(&api).await;
}

#[tokio::test]
async fn a_40_no_time_is_too_odd_to_be_refused() {
    let api = Api::new().await;
    let durations = [
        "0",
        "0s",
        "-1h",
        "1e308h",
        "NaN",
        "inf",
        "9223372036854775807s",
        "18446744073709551616ms",
        "10y",
        "P1Y",
        "P10M",
        "PT",
        "P-1D",
        "8 h",
        "8h ",
        "8H",
        "1.5h",
        "3650d",
        "8d",
        "",
    ];
    for duration in durations {
        let answer = api.post("alice", "/v1/requests").json(&ask(json!({"duration": duration}))).await;
        let answer = answer.fails(422, "validation-failed");
        assert!(answer.errors().iter().all(|(_, place)| place == "/duration"), "{duration}: {answer:?}");
    }
    for start in ["2026-05-01T00:00:00Z", "2027-06-01T00:00:00Z", "9999-12-31T23:59:59Z", "0000-01-01T00:00:00Z"] {
        let answer = api.post("alice", "/v1/requests").json(&ask(json!({"startAt": start}))).await;
        let answer = answer.fails(422, "validation-failed");
        assert_eq!(answer.errors()[0].1, "/startAt", "{start}");
    }
    for no_number in ["1e400", "NaN", "-0", "99999999999999999999"] {
        let body = ask(json!({})).to_string().replace("\"481m\"", no_number);
        let call = api.call(Method::POST, "/v1/requests").by("alice").header("content-type", "application/json");
        call.body(body).await.fails(400, "malformed-json");
    }
    eks_is_untouched(&api).await;
}

#[tokio::test]
async fn a_46_a_parameter_twice_or_misspelt_is_refused() {
    let api = Api::new().await;
    for query in [
        "requester=me&requester=bob",
        "reviewable=true&reviewable=false",
        "maxResults=1&maxResults=2",
        "Requester=bob",
        "STATE=active",
        "state=Active",
        "clusterName=dev&clusterName=prod",
        "requester%00=bob",
        "maxResults=1e1",
        "maxResults=-1",
        "reviewable=TRUE",
    ] {
        api.get("bob", &format!("/v1/requests?{query}")).await.fails(400, "bad-parameter");
    }
    for query in ["dryRun=true&dryRun=false", "dryRun=1", "dryrun=true", "dryRun=true&DryRun=false"] {
        let call = api.post("alice", &format!("/v1/requests?{query}")).json(&ask(json!({})));
        call.await.fails(400, "bad-parameter");
    }
    for twice in [("authorization", "Bearer bob-token"), ("idempotency-key", "a"), ("if-match", "\"1\"")] {
        let at = api.filed("alice").await;
        let call =
            api.post("alice", &format!("{at}/withdraw")).header("idempotency-key", "b").header("if-match", "\"2\"");
        let answer = call.header(twice.0, twice.1).await;
        assert!((400..=412).contains(&answer.status), "{twice:?}: {answer:?}");
        assert_eq!(api.get("alice", &at).await.body["state"], "pending");
    }
    eks_is_untouched(&api).await;
}

#[tokio::test]
async fn a_48_that_nobody_could_sign_it_off_is_said_before_it_is_filed() {
    let api = Api::with(|desk| {
        let mut directory = entryway::domain::identity::Directory::default();
        // Whoever asks is in the group that signs off, and nobody else is.
        directory.add_member("alice", "engineering");
        directory.add_member("alice", "sre");
        directory.add_member("robot", "sre");
        directory.add_user("robot", true);
        desk.directory = Arc::new(directory);
    })
    .await;
    let told = api.post("alice", "/v1/requests?dryRun=true").json(&ask(json!({}))).await.is(200).body;
    assert_eq!((&told["couldSignOff"], &told["approval"]["status"]), (&json!([]), &json!("waiting")));
    // Who can may come back tomorrow: until then it waits, and lapses.
    let at = path(&api.file("alice", &ask(json!({}))).await);
    for who in ["alice", "robot"] {
        let review = api.post(who, &format!("{at}/reviews")).json(&json!({"decision": "approve"})).await;
        assert_eq!(review.status, 403, "{who}: {review:?}");
    }
    assert_eq!(api.get("alice", &at).await.body["state"], "pending");
    eks_is_untouched(&api).await;
}

#[tokio::test]
async fn a_50_what_is_open_to_all_names_nobody() {
    let api = Api::with(|desk| {
        Arc::make_mut(&mut desk.directory).add_member("zenobia-planted", "engineering");
    })
    .await;
    let planted = json!({"reason": "reason-planted", "ticket": "TICKET-planted", "tags": {"team": "tag-planted"}});
    let filed =
        api.post("portal", "/v1/requests").header(FOR, "zenobia-planted").json(&ask(planted)).await.is(201).body;
    for open in ["/", "/livez", "/readyz", "/openapi.json", "/problems", "/problems/stale"] {
        let text = api.call(Method::GET, open).await.is(200).text;
        for word in ["planted", filed["id"].as_str().unwrap()] {
            assert!(!text.contains(word), "{open} tells {word}");
        }
    }
    // Figures are for auditors, and count without naming.
    let figures = api.get("olga", "/metrics").await.is(200).text;
    assert!(!figures.contains("planted") && !figures.contains(ROLE) && !figures.contains("arn:"), "{figures}");
}

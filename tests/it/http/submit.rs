//! Filing requests: what comes back, many at once, and what would come of one.

use serde_json::{Value, json};

use super::bed::{Api, ask, path};
use crate::harness::ROLE;
use crate::harness::database::number;

#[tokio::test]
async fn a_request_comes_back_whole_in_its_canonical_form() {
    let api = Api::new().await;
    let body = ask(json!({
        "type": "standard", "kubernetesGroups": ["viewers", "auditors"], "tags": {"team": "payments"}, "ticket": " PAY-1 ",
        "reason": "  why\r\nnot ", "startAt": "2026-06-02T12:00:00+02:00",
    }));
    let answer = api.post("alice", "/v1/requests").json(&body).await.is(201);
    let request = &answer.body;
    assert_eq!(answer.header("location"), Some(path(request)));
    assert_eq!(answer.etag(), "\"1\"");
    let expected = json!({
        "state": "pending", "endReason": null, "version": 1, "clusterName": "dev", "principalArn": ROLE, "type": "STANDARD",
        "username": null, "kubernetesGroups": ["auditors", "viewers"],
        "accessPolicies": [{"policyArn": "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy",
                            "accessScope": {"type": "namespace", "namespaces": ["payments"]}}],
        "tags": {"team": "payments"}, "reason": "why\nnot", "ticket": "PAY-1", "duration": "PT8H1M",
        "startAt": "2026-06-02T10:00:00.000000Z", "breakGlass": false, "extends": null, "requester": "alice",
        "submittedBy": null, "reviews": [], "lastError": null, "allowedActions": ["withdraw"],
        "grant": {"startsAt": null, "appliedAt": null, "verifiedAt": null, "expiresAt": null, "endedAt": null},
        "verification": {"level": "none", "agreeingReads": 0, "requiredReads": 3, "lagMs": null},
        "createdAt": "2026-06-01T12:00:00.000000Z", "updatedAt": "2026-06-01T12:00:00.000000Z",
    });
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&request[field], value, "{field}");
    }
    assert!(request["specDigest"].as_str().unwrap().starts_with("sha256:"));
    assert_eq!(request["approval"]["status"], "waiting");
    assert_eq!(request["approval"]["missing"], json!(["needs 1 approval"]));
    assert_eq!(request["warnings"][0]["code"], "group-binding-not-checked");
    assert_eq!(&api.get("alice", &path(request)).await.is(200).body, request, "reading it shows the same");
}

#[tokio::test]
async fn what_nobody_need_sign_off_is_on_its_way_at_once() {
    let api = Api::new().await;
    let request = api.file("alice", &ask(json!({"duration": "8h"}))).await;
    assert_eq!((&request["state"], &request["approval"]["status"]), (&json!("applying"), &json!("notNeeded")));
    let later = api.file("alice", &ask(json!({"duration": "8h", "startAt": "2026-06-02T00:00:00Z"}))).await;
    assert_eq!(later["state"], "scheduled");
}

#[tokio::test]
async fn policy_says_why_it_does_not_permit_an_ask() {
    let api = Api::new().await;
    let refused = api.post("alice", "/v1/requests").json(&ask(json!({"clusterName": "prod", "duration": "9h"}))).await;
    let refused = refused.fails(403, "request-not-permitted");
    assert!(refused.detail().contains("access to production lasts at most 8 hours"), "{}", refused.detail());
    api.post("olga", "/v1/requests").json(&ask(json!({}))).await.fails(403, "request-not-permitted");
    assert_eq!(number(&api.bed.url, "SELECT count(*) FROM request").await, 0);
}

#[tokio::test]
async fn many_clusters_are_filed_for_at_once_all_or_none() {
    let api = Api::new().await;
    let on = |names: Value, more: Value| {
        let mut body = ask(more);
        body.as_object_mut().unwrap().remove("clusterName");
        body["clusterNames"] = names;
        api.post("alice", "/v1/requests").json(&body)
    };
    let filed = on(json!(["prod", "dev"]), json!({"duration": "8h"})).await.is(201);
    assert_eq!(filed.each("clusterName"), ["prod", "dev"], "in the order of the names");
    assert_eq!(filed.each("state"), ["pending", "applying"]);
    assert_eq!((filed.header("location"), filed.header("etag")), (None, None));
    assert_eq!(on(json!(["dev"]), json!({})).await.is(201).each("clusterName"), ["dev"], "one name is a list too");
    let stored = "SELECT count(*) FROM request";
    assert_eq!(number(&api.bed.url, stored).await, 3);

    let unknown = on(json!(["dev", "nowhere", "prod"]), json!({"duration": "x"})).await.fails(422, "validation-failed");
    let wrong = [
        ("cluster-unknown".to_owned(), "/clusterNames/1".to_owned()),
        ("duration-invalid".to_owned(), "/duration".to_owned()),
    ];
    let errors = unknown.errors();
    assert!(wrong.iter().all(|error| errors.contains(error)) && errors.len() == 2, "{errors:?}");
    on(json!(["dev", "prod"]), json!({"duration": "9h"})).await.fails(403, "request-not-permitted");
    for (names, place) in [
        (json!([]), "/clusterNames"),
        (json!((0..51).map(|n| n.to_string()).collect::<Vec<_>>()), "/clusterNames"),
        (json!(["dev", "prod", "dev"]), "/clusterNames/2"),
    ] {
        let answer = on(names, json!({})).await.fails(422, "validation-failed");
        assert_eq!(answer.errors(), [("cluster-names-invalid".to_owned(), place.to_owned())]);
    }
    let both = on(json!(["dev"]), json!({})).json(&ask(json!({"clusterNames": ["dev"]})));
    assert_eq!(both.await.fails(422, "validation-failed").errors()[0].0, "cluster-names-invalid");
    assert_eq!(number(&api.bed.url, stored).await, 3, "none of them was stored");
}

#[tokio::test]
async fn a_dry_run_says_what_would_come_of_it_and_stores_nothing() {
    let api = Api::new().await;
    let dry = |changes: Value| api.post("alice", "/v1/requests?dryRun=true").json(&ask(changes));
    let first = dry(json!({"kubernetesGroups": ["viewers"], "tags": {"team": "a b"}})).await.is(200).body;
    assert_eq!((&first["request"]["state"], &first["request"]["id"]), (&json!("pending"), &json!(uuid::Uuid::nil())));
    assert_eq!(first["warnings"], first["request"]["warnings"]);
    assert_eq!(first["approval"]["missing"], json!(["needs 1 approval"]));
    assert_eq!(first["couldSignOff"], json!(["bob", "carol"]));
    assert_eq!(
        (&first["entry"]["before"], &first["entry"]["after"]["kubernetesGroups"]),
        (&Value::Null, &json!(["viewers"]))
    );
    let derived = "arn:aws:sts::111122223333:assumed-role/my-role/{{SessionName}}";
    assert_eq!(
        (&first["request"]["username"], &first["entry"]["after"]["username"]),
        (&Value::Null, &json!(derived)),
        "what EKS makes of none"
    );
    for (kind, derived) in [
        ("EC2_LINUX", "system:node:{{EC2PrivateDNSName}}"),
        ("EC2_WINDOWS", "system:node:{{EC2PrivateDNSName}}"),
        ("EC2", "system:node:{{EC2PrivateDNSName}}"),
        ("FARGATE_LINUX", "system:node:{{SessionName}}"),
        ("HYBRID_LINUX", "system:node:{{SessionName}}"),
        ("HYPERPOD_LINUX", "system:node:{{SessionName}}"),
    ] {
        let node = ask(json!({"type": kind, "accessPolicies": []}));
        let node = api.post("bob", "/v1/requests?dryRun=true").json(&node).await.is(200);
        assert_eq!(node.body["entry"]["after"]["username"], derived, "{kind}");
        let warned = node.body["warnings"].to_string();
        assert!(warned.contains("node-entry-removal-is-disruptive") && warned.contains("administer"), "{warned}");
        let create = node.body["awsCli"][0].as_str().unwrap();
        assert!(!create.contains("--username") && !create.contains("--kubernetes-groups"), "EKS takes none: {create}");
    }
    let commands: Vec<_> = first["awsCli"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
    assert_eq!(commands.len(), 2, "{commands:?}");
    let create =
        format!("aws eks create-access-entry --region eu-central-1 --cluster-name dev --principal-arn {ROLE} ");
    assert!(commands[0].starts_with(&create) && commands[0].ends_with(r#"--tags '{"team":"a b"}'"#), "{commands:?}");
    assert!(
        commands[1].starts_with("aws eks associate-access-policy ") && commands[1].contains("type=namespace"),
        "{commands:?}"
    );

    let free = dry(json!({"duration": "1h"})).await.is(200).body;
    assert_eq!((&free["request"]["state"], &free["approval"]["status"]), (&json!("applying"), &json!("notNeeded")));
    let many = dry(json!({"clusterName": null, "clusterNames": ["dev", "prod"], "duration": "1h"})).await.is(200);
    assert_eq!(many.body["items"].as_array().map(Vec::len), Some(2));
    for table in ["request", "event", "entry", "idempotent_answer"] {
        assert_eq!(number(&api.bed.url, &format!("SELECT count(*) FROM {table}")).await, 0, "{table}");
    }

    let live = api.file("alice", &ask(json!({"duration": "8h"}))).await;
    assert_eq!(live["state"], "applying");
    let beside =
        dry(json!({"accessPolicies": [{"policyArn": "AmazonEKSViewPolicy", "accessScope": {"type": "cluster"}}]}));
    let beside = beside.await.is(200).body;
    assert_eq!(beside["entry"]["before"]["accessPolicies"][0]["accessScope"]["type"], "namespace");
    assert_eq!(beside["entry"]["after"]["accessPolicies"][0]["accessScope"]["type"], "cluster");
    for wrong in ["yes", "", "TRUE", "1"] {
        let answer = api.post("alice", &format!("/v1/requests?dryRun={wrong}")).json(&ask(json!({}))).await;
        assert_eq!(answer.fails(400, "bad-parameter").errors()[0].1, "dryRun");
    }
    let real = api.post("alice", "/v1/requests?dryRun=false").json(&ask(json!({}))).await.is(201);
    assert_ne!(real.body["id"], json!(uuid::Uuid::nil()));
}

//! Every code that an ask and the configuration decide, with an ask that gets it and the nearest one that is sound, through
//! the whole API.

use std::collections::BTreeSet;
use std::sync::Arc;

use entryway::domain::rules::Code;
use entryway::workflow::{Clusters, Desk};
use serde_json::{Value, json};

use super::bed::{Api, ask};
use crate::harness::database::number;
use crate::harness::{ACCOUNT, cluster};

/// A code, its place, the fields that make the usual ask get it, and those of the nearest ask that is sound.
type Case = (&'static str, &'static str, Value, Value);

fn principal(arn: &str) -> Value {
    json!({ "principalArn": arn })
}

fn role(name: &str) -> Value {
    principal(&format!("arn:aws:iam::{ACCOUNT}:role/{name}"))
}

/// An ask for a node's entry.
fn node(entry_type: &str, more: Value) -> Value {
    let mut fields = json!({"type": entry_type, "accessPolicies": []});
    fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    fields
}

fn username(name: &str) -> Value {
    json!({ "username": name })
}

fn groups(names: &[&str]) -> Value {
    json!({ "kubernetesGroups": names })
}

fn policy(arn: &str) -> Value {
    json!({"accessPolicies": [{"policyArn": arn, "accessScope": {"type": "cluster"}}]})
}

fn scope(scope: Value) -> Value {
    json!({"accessPolicies": [{"policyArn": "AmazonEKSViewPolicy", "accessScope": scope}]})
}

fn namespaces(names: &[&str]) -> Value {
    scope(json!({"type": "namespace", "namespaces": names}))
}

fn tag(key: &str, value: &str) -> Value {
    json!({ "tags": { key: value } })
}

fn tags(count: usize) -> Value {
    json!({ "tags": (0..count).map(|n| (n.to_string(), json!(""))).collect::<serde_json::Map<_, _>>() })
}

const ARN: &str = "/accessPolicies/0/policyArn";
const SCOPE: &str = "/accessPolicies/0/accessScope";
const NAMESPACES: &str = "/accessPolicies/0/accessScope/namespaces";

fn who() -> Vec<Case> {
    let other = "arn:aws:iam::444455556666:role/nodes";
    let user = format!("arn:aws:iam::{ACCOUNT}:user/x");
    let slr = "role/aws-service-role/eks.amazonaws.com/AWSServiceRoleForAmazonEKS";
    vec![
        ("cluster-unknown", "/clusterName", json!({"clusterName": "devv"}), json!({})),
        ("cluster-unknown", "/clusterName", json!({"clusterName": null}), json!({})),
        (
            "cluster-auth-mode",
            "/clusterName",
            json!({"clusterName": "legacy"}),
            json!({"clusterName": "prod", "duration": "8h"}),
        ),
        ("principal-arn-invalid", "/principalArn", principal("my-role"), role("dev/apps/my-role")),
        ("principal-arn-invalid", "/principalArn", principal(""), role("x")),
        ("principal-arn-invalid", "/principalArn", principal("arn:aws:iam::111122223333:root"), role("root")),
        (
            "principal-sts-session",
            "/principalArn",
            principal("arn:aws:sts::111122223333:assumed-role/my-role/alice"),
            role("assumed-role/my-other-role"),
        ),
        (
            "principal-service-linked-role",
            "/principalArn",
            principal(&format!("arn:aws:iam::{ACCOUNT}:{slr}")),
            role("slr"),
        ),
        (
            "principal-partition-mismatch",
            "/principalArn",
            principal("arn:aws-cn:iam::111122223333:role/x"),
            json!({"clusterName": "china", "principalArn": "arn:aws-cn:iam::111122223333:role/x"}),
        ),
        ("principal-account-mismatch", "/principalArn", node("EC2_LINUX", principal(other)), principal(other)),
        (
            "principal-account-not-allowed",
            "/principalArn",
            principal("arn:aws:iam::444455556667:role/x"),
            principal(other),
        ),
        ("principal-must-be-role", "/principalArn", node("EC2_LINUX", principal(&user)), principal(&user)),
        ("principal-protected", "/principalArn", role("break-glass"), role("break-glasses")),
        ("principal-protected", "/principalArn", role("some/path/Break-Glass"), role("some/path/x")),
        ("type-unknown", "/type", json!({"type": "EC3"}), node("EC2_Linux", json!({}))),
        ("type-unknown", "/type", json!({"type": ""}), node("EC2 Linux", json!({}))),
        (
            "username-not-allowed-for-type",
            "/username",
            node("FARGATE_LINUX", username("x")),
            node("FARGATE_LINUX", json!({"username": null})),
        ),
        ("username-reserved-prefix", "/username", username("system:x"), username("sys:x")),
        ("username-reserved-prefix", "/username", username("iam:x"), username("iamx")),
        (
            "username-session-name-needs-colon",
            "/username",
            username("john{{SessionName}}"),
            username("jo:hn{{SessionName}}"),
        ),
        ("username-too-long", "/username", username(&"x".repeat(257)), username(&"x".repeat(256))),
        ("username-invalid", "/username", username("а"), username("a")),
        (
            "groups-not-allowed-for-type",
            "/kubernetesGroups",
            node("HYBRID_LINUX", groups(&["a"])),
            node("HYBRID_LINUX", json!({})),
        ),
        ("group-reserved-prefix", "/kubernetesGroups/1", groups(&["a", "system:masters"]), groups(&["a", "masters"])),
        ("group-reserved-prefix", "/kubernetesGroups/0", groups(&["EKS:x"]), groups(&["EKS"])),
        ("group-invalid", "/kubernetesGroups/0", groups(&["a b"]), groups(&["a-b"])),
        ("group-invalid", "/kubernetesGroups/0", groups(&[""]), groups(&[])),
        ("group-duplicate", "/kubernetesGroups/2", groups(&["a", "b", "a"]), groups(&["a", "b", "A"])),
    ]
}

fn what() -> Vec<Case> {
    let view = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy";
    let twice = json!({"accessPolicies": [
        {"policyArn": "AmazonEKSViewPolicy", "accessScope": {"type": "namespace", "namespaces": ["a"]}},
        {"policyArn": view, "accessScope": {"type": "namespace", "namespaces": ["b"]}}]});
    vec![
        ("policies-not-allowed-for-type", "/accessPolicies", json!({"type": "EC2_LINUX"}), json!({"type": "STANDARD"})),
        ("policies-not-allowed-for-type", ARN, policy("AmazonEKSAutoNodePolicy"), {
            let mut auto = policy("AmazonEKSAutoNodePolicy");
            auto["type"] = json!("EC2");
            auto
        }),
        ("policy-arn-invalid", ARN, policy("arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"), policy(view)),
        ("policy-arn-invalid", ARN, policy(""), json!({"accessPolicies": []})),
        ("policy-unknown", ARN, policy("AmazonEKSVeiwPolicy"), policy("AmazonEKSViewPolicy")),
        ("policy-unknown", ARN, policy("arn:aws-cn:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"), policy(view)),
        (
            "policy-service-linked-only",
            ARN,
            policy("AmazonEKSBlockStorageClusterPolicy"),
            policy("AmazonEKSAdminPolicy"),
        ),
        ("policy-duplicate", "/accessPolicies/1/policyArn", twice, namespaces(&["a", "b"])),
        (
            "scope-type-invalid",
            SCOPE,
            json!({"accessPolicies": [{"policyArn": "AmazonEKSViewPolicy"}]}),
            scope(json!({"type": "cluster"})),
        ),
        (
            "scope-type-invalid",
            "/accessPolicies/0/accessScope/type",
            scope(json!({"type": "Cluster"})),
            scope(json!({"type": "cluster"})),
        ),
        ("scope-namespaces-required", NAMESPACES, scope(json!({"type": "namespace"})), namespaces(&["*"])),
        ("scope-namespaces-required", NAMESPACES, namespaces(&[]), namespaces(&["a"])),
        (
            "scope-namespaces-not-allowed",
            NAMESPACES,
            scope(json!({"type": "cluster", "namespaces": ["a"]})),
            scope(json!({"type": "cluster", "namespaces": []})),
        ),
        (
            "namespace-invalid",
            "/accessPolicies/0/accessScope/namespaces/1",
            namespaces(&["a", "B"]),
            namespaces(&["a", "b-*"]),
        ),
        ("tags-too-many", "/tags", tags(49), tags(48)),
        ("tag-key-invalid", "/tags/a~0b", tag("a~b", "x"), tag("a.b", "x")),
        ("tag-key-invalid", "/tags/", tag("", "x"), tag("x", "")),
        ("tag-value-invalid", "/tags/x", tag("x", &"y".repeat(257)), tag("x", &"y".repeat(256))),
        ("tag-reserved", "/tags/aws:x", tag("aws:x", "y"), tag("aws-x", "y")),
        ("tag-reserved", "/tags/entryway~1installation", tag("entryway/installation", "y"), tag("installation", "y")),
        ("reason-required", "/reason", json!({"reason": null}), json!({"reason": "x"})),
        ("reason-required", "/reason", json!({"reason": " . "}), json!({"reason": " 1 "})),
        ("reason-too-long", "/reason", json!({"reason": "x".repeat(1001)}), json!({"reason": "x".repeat(1000)})),
        ("reason-invalid", "/reason", json!({"reason": "x\u{1b}[2J"}), json!({"reason": "x\n[2J"})),
        ("ticket-invalid", "/ticket", json!({"ticket": "x".repeat(257)}), json!({"ticket": "x".repeat(256)})),
        ("duration-invalid", "/duration", json!({"duration": "8"}), json!({"duration": "8h"})),
        ("duration-invalid", "/duration", json!({"duration": "0s"}), json!({"duration": "1s"})),
        ("duration-invalid", "/duration", json!({"duration": "P1M"}), json!({"duration": "PT1M"})),
        ("duration-too-long", "/duration", json!({"duration": "7d1s"}), json!({"duration": "P7D"})),
        (
            "start-in-past",
            "/startAt",
            json!({"startAt": "2026-06-01T11:58:59Z"}),
            json!({"startAt": "2026-06-01T13:59:00+02:00"}),
        ),
        (
            "start-too-far",
            "/startAt",
            json!({"startAt": "2026-07-01T12:00:01Z"}),
            json!({"startAt": "2026-07-01T12:00:00Z"}),
        ),
    ]
}

/// Clusters with everything that a rule may look at.
fn clusters(desk: &mut Desk) {
    let mut dev = cluster("dev");
    dev.protected_principals = [format!("arn:aws:iam::{ACCOUNT}:role/break-glass")].into();
    dev.allowed_principal_accounts.insert("444455556666".to_owned());
    let mut china = cluster("china");
    china.region = "cn-north-1".to_owned();
    desk.clusters = Arc::new([dev, china, cluster("prod"), cluster("legacy")].into_iter().collect::<Clusters>());
}

/// Codes that what is live beside an ask decides, or what EKS says; tested with the requests they are about.
const ELSEWHERE: [&str; 4] = ["type-conflict", "username-conflict", "cluster-not-active", "duration-required"];

#[tokio::test]
async fn every_bad_ask_is_refused_with_its_code_and_the_nearest_good_one_is_not() {
    let api = Api::with(clusters).await;
    api.bed.worker.check_clusters().await.unwrap();
    let cases: Vec<_> = who().into_iter().chain(what()).collect();
    for (code, place, bad, good) in &cases {
        let answer = api.post("bob", "/v1/requests").json(&ask(bad.clone())).await.fails(422, "validation-failed");
        assert_eq!(answer.errors(), [((*code).to_owned(), (*place).to_owned())], "{bad}: {answer:?}");
        let dry =
            api.post("bob", "/v1/requests?dryRun=true").json(&ask(bad.clone())).await.fails(422, "validation-failed");
        assert_eq!(dry.body["errors"], answer.body["errors"], "a dry run says the same");
        api.post("bob", "/v1/requests?dryRun=true").json(&ask(good.clone())).await.is(200);
    }
    assert_eq!(number(&api.bed.url, "SELECT count(*) FROM request").await, 0, "nothing was stored");
    let tested: BTreeSet<_> = cases.iter().map(|case| case.0).chain(ELSEWHERE).collect();
    for code in Code::ALL.iter().map(|code| code.as_str()) {
        // Whether a principal exists, IAM decides.
        assert!(tested.contains(code) || code == "principal-not-found", "{code} has no case");
    }
}

//! Those who ask, and pipelines that wait.

use serde_json::{Value, json};

use super::{Office, ask};
use crate::harness::{ROLE, http};

#[tokio::test]
async fn a_pipeline_that_waits_ends_well_when_access_is_proven_and_not_before() {
    let office = Office::new().await;
    let said = office.types("alice", &ask("dev", &["--wait", "--timeout", "60s"])).await.ends(0);
    let said = said.shows(&["active: Proven", "AmazonEKSViewPolicy in payments", "not needed", "you may"]);
    let said = said.tells(&["active"]);
    assert!(!said.out.contains('{') && !said.err.contains('{'), "no JSON for people: {said:?}");
    let as_json = office.types("alice", &ask("dev", &["--wait", "--json"])).await.ends(0).json();
    assert_eq!((&as_json["state"], &as_json["verification"]["level"]), (&json!("active"), &json!("settled")));
}

#[tokio::test]
async fn several_clusters_are_waited_for_together_and_answered_as_a_list() {
    let office = Office::new().await;
    let said = office.begins("alice", &ask("dev", &["--cluster", "prod", "--wait", "--json"]));
    office.only_request().await;
    let listed = office.types("bob", &["list", "--cluster", "prod", "--to-review", "--quiet"]).await.ends(0).out;
    office.types("bob", &["approve", listed.trim(), "--yes"]).await.ends(0);
    let answered = said.await.unwrap().ends(0).json();
    let states: Vec<_> = answered["items"].as_array().unwrap().iter().map(|item| item["state"].clone()).collect();
    assert_eq!(states, ["active", "active"]);
}

#[tokio::test]
async fn everything_that_is_wrong_is_said_at_once_and_where() {
    let office = Office::new().await;
    let wrong = ask("dev", &["--group", "system:masters", "--tag", "aws:team=x"]);
    let said = office.types("alice", &wrong).await.ends(3);
    let said =
        said.tells(&["validation-failed", "group-reserved-prefix", "--group", "tag-reserved", "--tag", "next: "]);
    assert!(said.out.is_empty() && !said.err.contains("{\""), "{said:?}");
    let problem = office.types("alice", &[wrong.as_slice(), &["--json"]].concat()).await.ends(3).json();
    let codes: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|error| error["code"].clone()).collect();
    assert_eq!(
        (problem["status"].clone(), codes),
        (json!(422), vec![json!("group-reserved-prefix"), json!("tag-reserved")])
    );
    office.types("bob", &["list"]).await.ends(0).shows(&["no requests yet"]);
}

#[tokio::test]
async fn a_policy_without_a_scope_is_not_guessed_to_hold_everywhere() {
    let office = Office::new().await;
    let asked = [
        "request",
        "--cluster",
        "dev",
        "--principal",
        ROLE,
        "--policy",
        "AmazonEKSViewPolicy",
        "--reason",
        "x",
        "--duration",
        "1h",
    ];
    office.types("alice", &asked).await.ends(3).tells(&["scope-type-invalid", "--cluster-wide"]);
    let wide = [&asked[..], &["--cluster-wide", "--dry-run"]].concat();
    office.types("alice", &wide).await.ends(0).shows(&[
        "in the whole cluster",
        "aws eks create-access-entry",
        "nothing is stored",
    ]);
    let own = [&asked[..5], &["--policy", "AmazonEKSEditPolicy@a,b-*"], &asked[7..], &["--json"]].concat();
    let both = [&own[..], &["--cluster-wide"]].concat();
    office.types("alice", &both).await.ends(2).shows(&["hold for none"]);
    let filed = office.types("alice", &own).await.ends(0).json();
    assert_eq!(filed["accessPolicies"][0]["accessScope"], json!({"type": "namespace", "namespaces": ["a", "b-*"]}));
}

#[tokio::test]
async fn what_policy_forbids_is_refused_with_its_reasons() {
    let office = Office::new().await;
    let mut asked = ask("prod", &[]);
    asked[10] = "9h";
    office.types("alice", &asked).await.ends(3).tells(&["request-not-permitted", "at most 8 hours"]);
}

#[tokio::test]
async fn a_deny_ends_the_wait_with_an_exit_code_of_its_own_and_the_words_of_the_reviewer() {
    let office = Office::new().await;
    let waiting = office.begins("alice", &ask("prod", &["--wait"]));
    let id = office.only_request().await;
    office.types("bob", &["deny", &id, "--comment", "ask for dev first"]).await.ends(0).shows(&["denied"]);
    waiting.await.unwrap().ends(7).tells(&["denied by bob: ask for dev first"]);
    office.types("alice", &["wait", &id]).await.ends(7);
}

#[tokio::test]
async fn what_fails_ends_the_wait_with_what_eks_said() {
    let office = Office::new().await;
    let foreign = json!({"cluster": "dev", "principalArn": ROLE, "kubernetesGroups": ["theirs"]});
    let url = format!("{}/_sim/entries", office.sim.endpoint_url());
    assert!(http().put(url).json(&foreign).send().await.unwrap().status().is_success());
    let said = office.types("alice", &ask("dev", &["--wait"])).await.ends(1);
    said.tells(&["failed", "entry-not-owned", "entryway retry"]).shows(&["trouble"]);
}

#[tokio::test]
async fn a_wait_that_is_too_long_says_what_is_still_missing() {
    let office = Office::new().await;
    let id = office.filed().await;
    office
        .types("alice", &["wait", &id, "--timeout", "200ms"])
        .await
        .ends(6)
        .tells(&["still pending: needs 1 approval", &format!("to go on waiting: entryway wait {id}\n")]);
    let shown = office.types("alice", &["wait", &id, "--timeout", "200ms", "--json"]).await.ends(6).json();
    assert_eq!(shown["state"], "pending", "scripts see where it stands");
}

#[tokio::test]
async fn filing_again_with_the_same_key_files_nothing() {
    let office = Office::new().await;
    let keyed = ask("prod", &["--quiet", "--idempotency-key", "build-17"]);
    let first = office.types("alice", &keyed).await.ends(0).out;
    assert_eq!(office.types("alice", &keyed).await.ends(0).out, first);
    let other = ask("dev", &["--quiet", "--idempotency-key", "build-17"]);
    office.types("alice", &other).await.ends(3).tells(&["idempotency-key-reused"]);
}

#[tokio::test]
async fn a_body_can_come_from_a_file_and_a_portal_can_ask_for_somebody() {
    let office = Office::new().await;
    let body = json!({"clusterName": "prod", "principalArn": ROLE, "kubernetesGroups": ["viewers"], "duration": "1h",
                      "reason": "a test needs it"});
    let file = office.home.0.join("request.json");
    std::fs::write(&file, body.to_string()).unwrap();
    let asked = ["request", "--file", file.to_str().unwrap(), "--on-behalf-of", "alice", "--json"];
    let filed = office.types("portal", &asked).await.ends(0).json();
    assert_eq!((&filed["requester"], &filed["submittedBy"]), (&json!("alice"), &json!("portal")));
    std::fs::write(&file, "{\"clusterNam\": 1}").unwrap();
    office.types("alice", &asked[..3]).await.ends(3).tells(&["malformed-json", "clusterNam"]);
    std::fs::write(&file, "{\"clusterName\": \"prod\"}").unwrap();
    office.types("alice", &asked[..3]).await.ends(3).tells(&["--principal: say whose access it is", "--reason"]);
    let stranger = ask("prod", &["--on-behalf-of", "zed"]);
    let said = office.types("portal", &stranger).await.ends(3);
    said.tells(&["request-not-permitted", "entryway whoami --on-behalf-of zed"]);
    let whoami = ["whoami", "--on-behalf-of", "zed"];
    office.types("portal", &whoami).await.ends(0).shows(&["none; the service may not know this name"]);
    std::fs::write(&file, "clusterName: dev").unwrap();
    office.types("alice", &asked[..3]).await.ends(2).tells(&["this is no JSON"]);
}

#[tokio::test]
async fn lists_line_up_and_go_over_pages() {
    let office = Office::new().await;
    for _ in 0..3 {
        office.filed().await;
    }
    office.types("alice", &["list", "--to-review"]).await.ends(0).shows(&["nothing waits for your review\n"]);
    let said = office.types("bob", &["list", "--limit", "2", "--mine"]).await.ends(0);
    said.shows(&["no requests of that kind"]);
    let said =
        office.types("bob", &["list", "--limit", "2", "--state", "pending"]).await.ends(0).tells(&["there is more"]);
    let lines: Vec<_> = said.out.lines().collect();
    assert_eq!(lines.len(), 3, "{said:?}");
    let column = lines[0].find("CLUSTER").unwrap();
    assert!(lines[1..].iter().all(|line| line[column..].starts_with("prod  ")), "{said:?}");
    let all = office.types("bob", &["list", "--to-review", "--json"]).await.ends(0).json();
    assert_eq!((all["items"].as_array().map(Vec::len), &all["nextToken"]), (Some(3), &Value::Null));
}

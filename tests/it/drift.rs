//! What somebody changes behind Entryway's back: found by listing where a list will do, by looking where it will not, told
//! with before and after, and put right or left alone as configured.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::TimeDelta;
use entryway::domain::ask::Ask;
use entryway::domain::cluster::{Cluster, DriftMode};
use entryway::domain::states::RequestState;
use entryway::sandbox::sim::{Denial, Knobs, Lag, Lags, World};
use entryway::workflow::repair::{Repair, repair};
use entryway::workflow::{Clusters, Desk};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{Bed, ROLE, cluster, database, http, policy, view};

const ADMIN: &str = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy";

/// Creates or edits an entry as somebody else would.
async fn edit(bed: &Bed, principal: &str, mut edit: Value) {
    edit["cluster"] = json!("dev");
    edit["principalArn"] = json!(principal);
    let answer = http().put(format!("{}/_sim/entries", bed.sim.endpoint_url())).json(&edit).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
}

async fn delete(bed: &Bed, principal: &str) {
    let url = format!("{}/_sim/entries?cluster=dev&principalArn={principal}", bed.sim.endpoint_url());
    assert!(http().delete(url).send().await.unwrap().status().is_success());
}

fn reports_only(desk: &mut Desk) {
    let dev = Cluster { drift: DriftMode::Report, ..cluster("dev") };
    desk.clusters = Arc::new([dev].into_iter().collect::<Clusters>());
}

fn role(number: usize) -> String {
    format!("arn:aws:iam::111122223333:role/u-{number:04}")
}

/// `count` entries that are proven, and old enough to show in every list.
async fn proven(bed: &Bed, count: usize) -> Vec<Uuid> {
    let mut ids = vec![];
    for number in 0..count {
        let ask = Ask { principal_arn: role(number), duration: Some("8h".to_owned()), ..view("payments") };
        ids.push(bed.file("alice", ask).await.id);
    }
    for id in &ids {
        bed.until(*id, RequestState::Active).await;
    }
    bed.pass(TimeDelta::seconds(61));
    ids
}

async fn active(bed: &Bed) -> Uuid {
    let id = bed.granted(view("payments")).await.id;
    bed.until(id, RequestState::Active).await;
    bed.pass(TimeDelta::seconds(61));
    id
}

async fn settle(bed: &Bed) {
    for _ in 0..12 {
        bed.work().await;
        bed.pass(TimeDelta::seconds(3));
    }
}

/// Lets the entry's own look come round.
async fn look_again(bed: &Bed) {
    bed.pass(TimeDelta::minutes(10));
    settle(bed).await;
}

/// How many events of `kind` there are for which `what`.
async fn events(bed: &Bed, kind: &str, what: &str) -> i64 {
    database::number(&bed.url, &format!("SELECT count(*) FROM event WHERE type = '{kind}' AND ({what})")).await
}

/// Calls since the last `count` of them, by operation.
fn calls_since(bed: &Bed, count: usize) -> BTreeMap<String, usize> {
    let mut by_op = BTreeMap::new();
    for call in bed.sim.calls().into_iter().skip(count) {
        *by_op.entry(call.op).or_default() += 1;
    }
    by_op
}

#[tokio::test]
async fn what_vanished_or_gained_power_is_found_by_lists_and_only_that_is_looked_at() {
    let bed = Bed::new().await;
    let ids = proven(&bed, 40).await;
    delete(&bed, &role(3)).await;
    let namespace = json!({ "type": "namespace", "namespaces": ["payments"] });
    let view = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy";
    let more = json!([{ "policyArn": view, "accessScope": namespace },
                      { "policyArn": ADMIN, "accessScope": { "type": "cluster" } }]);
    edit(&bed, &role(7), json!({ "accessPolicies": more })).await;

    let before = bed.sim.calls().len();
    bed.worker.list_clusters().await.unwrap();
    let listed = calls_since(&bed, before);
    assert_eq!(listed, [("ListAccessEntries".to_owned(), 4)].into(), "all entries, and who has three policies");
    bed.worker.list_clusters().await.unwrap();
    assert_eq!(calls_since(&bed, before), listed, "it is not time yet");

    bed.work().await;
    let looks: Vec<_> =
        bed.sim.calls().into_iter().skip(before).filter(|call| call.op == "DescribeAccessEntry").collect();
    let mut looked_at: Vec<_> = looks.into_iter().filter_map(|call| call.principal_arn).collect();
    looked_at.sort();
    assert_eq!(looked_at, [role(3), role(7)], "everybody else is left in peace");
    settle(&bed).await;
    assert!(bed.truth("dev", &role(3)).await.is_some());
    assert!(!bed.truth("dev", &role(7)).await.unwrap().to_string().contains(ADMIN));
    for id in ids {
        assert_eq!(bed.state(id).await, RequestState::Active);
    }
    let about = |number| format!("principal_arn = '{}'", role(number));
    let vanished = format!("{} AND data->'after' = 'null' AND data->'before'->>'type' = 'STANDARD'", about(3));
    assert_eq!(events(&bed, "entry.drifted", &vanished).await, 1);
    let gained = format!("{} AND data->'after'->'accessPolicies' ? '{ADMIN}'", about(7));
    assert_eq!(events(&bed, "entry.drifted", &gained).await, 1);
    assert_eq!((events(&bed, "entry.drifted", "true").await, events(&bed, "entry.repaired", "true").await), (2, 2));
}

#[tokio::test]
async fn a_list_that_lags_is_a_reason_to_look_and_no_more() {
    let lags = Lags { list: Lag::Fixed(3_600_000), ..Lags::default() };
    let bed = Bed::with(World::default().knobs(Knobs { lag: lags, ..Knobs::default() }), |_| {}).await;
    let id = active(&bed).await;
    let (writes, before) = (bed.writes(), bed.sim.calls().len());
    bed.worker.list_clusters().await.unwrap();
    settle(&bed).await;
    assert_eq!(calls_since(&bed, before).get("DescribeAccessEntry"), Some(&1));
    assert_eq!((bed.writes(), bed.state(id).await), (writes, RequestState::Active));
    assert_eq!(events(&bed, "entry.drifted", "true").await, 0);
}

#[tokio::test]
async fn a_list_that_is_not_to_be_had_harms_nothing() {
    let bed = Bed::new().await;
    active(&bed).await;
    bed.sim.configure(|knobs| {
        knobs.denied = vec![Denial { action: "eks:ListAccessEntries".to_owned(), account: None, resource: None }];
    });
    bed.worker.list_clusters().await.unwrap();
    edit(&bed, ROLE, json!({ "kubernetesGroups": ["sneaked-in"] })).await;
    look_again(&bed).await;
    assert_eq!(bed.truth("dev", ROLE).await.unwrap()["kubernetesGroups"], json!([]), "its own look finds it");
}

#[tokio::test]
async fn clusters_that_nothing_of_ours_is_on_are_not_listed() {
    let bed = Bed::new().await;
    let before = bed.sim.calls().len();
    bed.worker.list_clusters().await.unwrap();
    assert_eq!(calls_since(&bed, before), BTreeMap::new());
}

#[tokio::test]
async fn a_tag_that_was_taken_off_is_told_and_put_back_and_nobodys_access_is_in_question() {
    let bed = Bed::new().await;
    let id = active(&bed).await;
    let version = bed.get(id).await.request.version;
    let before = bed.sim.calls().len();
    edit(&bed, ROLE, json!({ "tags": { "team": "x" } })).await;
    look_again(&bed).await;
    look_again(&bed).await;
    let tags = bed.truth("dev", ROLE).await.unwrap()["tags"].clone();
    assert_eq!(tags, json!({ "team": "x", "entryway/installation": "tests" }));
    assert_eq!(calls_since(&bed, before).get("TagResource"), Some(&1));
    let told = "data->'before'->'tags' ? 'entryway/installation' AND data->'after'->'tags' = '{\"team\": \"x\"}'";
    assert_eq!(events(&bed, "entry.drifted", told).await, 1);
    assert_eq!(events(&bed, "entry.repaired", "true").await, 1);
    let written = "data->'tags' ? 'entryway/installation' AND data->>'awsRequestId' <> ''";
    assert_eq!(events(&bed, "entry.updated", written).await, 1);
    assert_eq!(bed.get(id).await.request.version, version, "the request knows nothing of it");
    bed.revoke("bob", id).await.unwrap();
    bed.until(id, RequestState::Ended).await;
}

#[tokio::test]
async fn a_tag_that_cannot_be_put_back_is_told_once_and_keeps_no_access_from_ending() {
    let bed = Bed::new().await;
    let id = active(&bed).await;
    bed.sim.configure(|knobs| {
        knobs.denied = vec![Denial { action: "eks:TagResource".to_owned(), account: None, resource: None }];
    });
    edit(&bed, ROLE, json!({ "tags": {} })).await;
    let before = bed.sim.calls().len();
    for _ in 0..6 {
        look_again(&bed).await;
    }
    assert!(calls_since(&bed, before)["TagResource"] <= 6, "{:?}", calls_since(&bed, before));
    assert_eq!((events(&bed, "entry.drifted", "true").await, events(&bed, "entry.repaired", "true").await), (1, 0));
    // A second grant beside it is given and taken as ever.
    let second = bed.granted(view("orders")).await.id;
    bed.until(second, RequestState::Active).await;
    bed.revoke("bob", second).await.unwrap();
    bed.until(second, RequestState::Ended).await;
    bed.revoke("bob", id).await.unwrap();
    bed.until(id, RequestState::Ended).await;
    assert!(bed.truth("dev", ROLE).await.is_none());
}

#[tokio::test]
async fn where_drift_is_only_reported_each_change_is_reported_once_and_nothing_is_written() {
    let bed = Bed::with(World::default(), reports_only).await;
    let id = active(&bed).await;
    let writes = bed.writes();
    edit(&bed, ROLE, json!({ "tags": {} })).await;
    look_again(&bed).await;
    look_again(&bed).await;
    assert_eq!(events(&bed, "entry.drifted", "data->'after'->'tags' = '{}' AND data->'repair' = 'false'").await, 1);
    for (group, told) in [("first", 2), ("second", 3)] {
        edit(&bed, ROLE, json!({ "kubernetesGroups": [group] })).await;
        look_again(&bed).await;
        look_again(&bed).await;
        assert_eq!(events(&bed, "entry.drifted", "true").await, told, "{group}: not passed over, nor told twice");
    }
    assert_eq!((bed.writes(), bed.state(id).await), (writes, RequestState::Active));
    edit(&bed, ROLE, json!({ "kubernetesGroups": [], "tags": { "entryway/installation": "tests" } })).await;
    look_again(&bed).await;
    assert_eq!(events(&bed, "entry.repaired", "true").await, 1, "somebody put it right by hand");
}

/// `first` is held, `second` was given beside it and taken back, and the answer to its `AssociateAccessPolicy` was lost: it had
/// no effect, as far as anybody could see.
async fn one_held_and_one_over(bed: &Bed) -> Uuid {
    let first = active(bed).await;
    let lost = json!({ "op": "AssociateAccessPolicy", "times": 1, "action": {
        "kind": "error", "status": 500, "code": "ServerException", "message": "Internal error", "applied": false } });
    bed.sim.inject(serde_json::from_value(lost).unwrap());
    let second = bed.granted(policy("AmazonEKSEditPolicy", &["payments"])).await.id;
    bed.work().await;
    bed.revoke("bob", second).await.unwrap();
    bed.until(second, RequestState::Ended).await;
    bed.pass(TimeDelta::seconds(61));
    first
}

fn held(policies: &[(&str, &str)]) -> Value {
    let policies = policies.iter().map(|(name, namespace)| {
        let scope = json!({ "type": "namespace", "namespaces": [namespace] });
        json!({ "policyArn": format!("arn:aws:eks::aws:cluster-access-policy/{name}"), "accessScope": scope })
    });
    policies.collect()
}

const VIEW_AND_EDIT: [(&str, &str); 2] = [("AmazonEKSViewPolicy", "payments"), ("AmazonEKSEditPolicy", "payments")];

#[tokio::test]
async fn what_a_call_of_ours_does_after_the_end_is_taken_away_also_where_drift_is_only_reported() {
    let bed = Bed::with(World::default(), reports_only).await;
    let first = one_held_and_one_over(&bed).await;
    // The call comes through after all, long after anybody waited for it.
    edit(&bed, ROLE, json!({ "accessPolicies": held(&VIEW_AND_EDIT) })).await;
    look_again(&bed).await;
    let left = bed.truth("dev", ROLE).await.unwrap();
    assert!(!left.to_string().contains("AmazonEKSEditPolicy"), "{left}");
    assert_eq!((events(&bed, "entry.drifted", "true").await, bed.state(first).await), (0, RequestState::Active));
    let told = format!("data->'requestIds' = '[\"{first}\"]' AND data->>'awsRequestId' <> ''");
    assert_eq!(events(&bed, "entry.policy_disassociated", &told).await, 1, "whoever holds the entry reads of it");

    // The same policy in another namespace was never ours.
    let elsewhere = [("AmazonEKSViewPolicy", "payments"), ("AmazonEKSEditPolicy", "orders")];
    edit(&bed, ROLE, json!({ "accessPolicies": held(&elsewhere) })).await;
    let writes = bed.writes();
    look_again(&bed).await;
    assert_eq!((bed.writes(), events(&bed, "entry.drifted", "data->'repair' = 'false'").await), (writes, 1));

    // Both at once: ours must go, and the entry is put right as with any write, which is told.
    edit(&bed, ROLE, json!({ "accessPolicies": held(&VIEW_AND_EDIT), "kubernetesGroups": ["sneaked-in"] })).await;
    look_again(&bed).await;
    let left = bed.truth("dev", ROLE).await.unwrap();
    assert!(!left.to_string().contains("AmazonEKSEditPolicy"), "{left}");
    assert_eq!(events(&bed, "entry.drifted", "data->'repair' = 'true'").await, 1);
    bed.until(first, RequestState::Active).await;
}

#[tokio::test]
async fn a_repair_that_finds_nothing_wrong_says_so() {
    let bed = Bed::new().await;
    active(&bed).await;
    let caller = bed.caller("bob");
    let (cluster_name, principal_arn) = ("dev", ROLE);
    repair(&bed.desk, Repair { caller: &caller, cluster_name, principal_arn, reason: None, once: None }).await.unwrap();
    settle(&bed).await;
    settle(&bed).await;
    let told = "data->>'why' = 'nothing was wrong with it' AND data->'asked' = 'true' AND data->'requestIds' <> '[]'";
    assert_eq!(events(&bed, "entry.repaired", told).await, 1);
}

#[tokio::test]
async fn a_repair_puts_the_tag_back_also_where_drift_is_only_reported_and_is_done_with_then() {
    let bed = Bed::with(World::default(), reports_only).await;
    active(&bed).await;
    edit(&bed, ROLE, json!({ "tags": {} })).await;
    look_again(&bed).await;
    look_again(&bed).await;
    let caller = bed.caller("bob");
    let (cluster_name, principal_arn, reason) = ("dev", ROLE, Some("put the tag back".to_owned()));
    repair(&bed.desk, Repair { caller: &caller, cluster_name, principal_arn, reason, once: None }).await.unwrap();
    settle(&bed).await;
    settle(&bed).await;
    assert_eq!(bed.truth("dev", ROLE).await.unwrap()["tags"]["entryway/installation"], "tests");
    let asked = database::number(&bed.url, "SELECT count(*) FROM entry WHERE repair_asked_at IS NOT NULL").await;
    assert_eq!(asked, 0, "what is drift from now on is only reported again");
}

#[tokio::test]
async fn what_is_left_behind_or_made_in_our_name_after_the_end_is_found_and_taken_away() {
    let bed = Bed::new().await;
    let id = active(&bed).await;
    bed.revoke("bob", id).await.unwrap();
    bed.until(id, RequestState::Ended).await;
    // As a write of ours would that EKS held up for longer than anybody waits.
    edit(&bed, ROLE, json!({ "kubernetesGroups": ["admins"], "tags": { "entryway/installation": "tests" } })).await;
    look_again(&bed).await;
    bed.worker.list_clusters().await.unwrap();
    settle(&bed).await;
    assert_eq!(bed.truth("dev", ROLE).await, None);
    assert_eq!(events(&bed, "entry.deleted", &format!("principal_arn = '{ROLE}'")).await, 2);

    edit(&bed, ROLE, json!({ "kubernetesGroups": ["theirs"] })).await;
    bed.pass(TimeDelta::minutes(11));
    let before = bed.sim.calls().len();
    for _ in 0..3 {
        bed.pass(TimeDelta::minutes(3));
        bed.worker.list_clusters().await.unwrap();
        settle(&bed).await;
    }
    assert_eq!(calls_since(&bed, before).get("DescribeAccessEntry"), Some(&1), "looked at once in an interval");
    assert_eq!(bed.truth("dev", ROLE).await.unwrap()["kubernetesGroups"], json!(["theirs"]), "and not touched");
}

#[tokio::test]
async fn a_tag_of_another_installation_is_left_to_whoever_put_it_there() {
    let bed = Bed::new().await;
    let id = active(&bed).await;
    edit(&bed, ROLE, json!({ "tags": { "entryway/installation": "another" } })).await;
    look_again(&bed).await;
    look_again(&bed).await;
    assert_eq!(bed.truth("dev", ROLE).await.unwrap()["tags"]["entryway/installation"], "another");
    assert_eq!(bed.state(id).await, RequestState::Active);
}

#[tokio::test]
async fn an_entry_made_anew_by_somebody_else_under_our_feet_is_theirs_and_not_fought_over() {
    let bed = Bed::new().await;
    let id = active(&bed).await;
    delete(&bed, ROLE).await;
    edit(&bed, ROLE, json!({ "kubernetesGroups": ["theirs"] })).await;
    let (theirs, writes) = (bed.truth("dev", ROLE).await, bed.writes());
    bed.pass(TimeDelta::minutes(10));
    let failed = bed.until(id, RequestState::Failed).await.request;
    assert_eq!(failed.last_error.unwrap().code, "entry-not-owned");
    assert_eq!(events(&bed, "entry.conflict", "true").await, 1);
    look_again(&bed).await;
    assert_eq!((bed.truth("dev", ROLE).await, bed.writes()), (theirs, writes));
}

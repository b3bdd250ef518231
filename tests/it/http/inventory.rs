//! Who holds what on a cluster: live, page by page, and never at the cost of what the worker has to do.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use entryway::domain::cluster::{Cluster, ExistingEntries};
use entryway::domain::states::RequestState;
use entryway::sandbox::sim::{Denial, Fault};
use entryway::worker::{Turn, Turns, Urgency};
use entryway::workflow::{Clusters, Desk};
use reqwest::Client;
use serde_json::{Value, json};

use super::bed::{Answer, Api, ask};
use crate::harness::{ROLE, cluster, http};

const CREATOR: &str = "arn:aws:iam::111122223333:role/cluster-creator";
const SERVICE_LINKED: &str =
    "arn:aws:iam::111122223333:role/aws-service-role/eks.amazonaws.com/AWSServiceRoleForAmazonEKS";
const DEV: &str = "/v1/clusters/dev/entries";

fn layers(desk: &mut Desk) {
    let dev = Cluster { existing_entries: ExistingEntries::Layer, ..cluster("dev") };
    desk.clusters = Arc::new([dev, cluster("prod"), cluster("legacy")].into_iter().collect::<Clusters>());
}

fn role(name: &str) -> String {
    format!("arn:aws:iam::111122223333:role/{name}")
}

fn one(principal: &str) -> String {
    format!("{DEV}/{}", principal.replace(':', "%3A").replace('/', "%2F"))
}

/// Creates or edits an entry as somebody else would.
async fn edit(api: &Api, principal: &str, change: Value) {
    edit_with(&http(), api, principal, change).await;
}

async fn edit_with(client: &Client, api: &Api, principal: &str, mut edit: Value) {
    edit["cluster"] = json!("dev");
    edit["principalArn"] = json!(principal);
    let answer = client.put(format!("{}/_sim/entries", api.bed.sim.endpoint_url())).json(&edit).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
}

fn fault(value: Value) -> Fault {
    serde_json::from_value(value).unwrap()
}

/// `AmazonEKSViewPolicy` for the usual role, proven.
async fn active(api: &Api) -> Value {
    let request = api.file("alice", &ask(json!({"duration": "8h"}))).await;
    api.bed.until(request["id"].as_str().unwrap().parse().unwrap(), RequestState::Active).await;
    request
}

/// Every page of `size`, from the first to the last.
async fn pages(api: &Api, size: usize) -> Vec<Answer> {
    let mut pages = vec![];
    let mut token = String::new();
    loop {
        let page = api.get("olga", &format!("{DEV}?maxResults={size}{token}")).await.is(200);
        let next = page.body["nextToken"].as_str().map(|next| format!("&nextToken={next}"));
        pages.push(page);
        match next {
            Some(next) => token = next,
            None => return pages,
        }
    }
}

fn find<'a>(page: &'a Answer, principal: &str) -> &'a Value {
    let found = page.body["items"].as_array().unwrap().iter().find(|item| item["principalArn"] == principal);
    found.unwrap_or_else(|| panic!("{principal} is not in {page:?}"))
}

#[tokio::test]
async fn three_thousand_entries_are_listed_in_pages_with_one_call_for_each_that_is_shown() {
    let api = Api::new().await;
    let request = active(&api).await;
    let client = http();
    // The creator's, that of EKS's own role and ours are there already.
    for number in 0..2_997 {
        let kind = if number % 100 == 0 { "EC2_LINUX" } else { "STANDARD" };
        edit_with(&client, &api, &role(&format!("u-{number:04}")), json!({ "type": kind })).await;
    }
    let before = api.bed.sim.calls().len();
    let pages = pages(&api, 100).await;
    let seen: Vec<String> = pages.iter().flat_map(|page| page.each("principalArn")).collect();
    assert_eq!((pages.len(), seen.len(), seen.is_sorted()), (30, 3_000, true));
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 3_000, "each once");
    let mut calls = BTreeMap::<String, usize>::new();
    for call in api.bed.sim.calls().into_iter().skip(before) {
        *calls.entry(call.op).or_default() += 1;
    }
    let expected = [("ListAccessEntries", 30), ("DescribeAccessEntry", 3_000), ("ListAssociatedAccessPolicies", 1)];
    assert_eq!(calls, expected.map(|(op, count)| (op.to_owned(), count)).into(), "policies are read of ours alone");

    let items: Vec<&Value> = pages.iter().flat_map(|page| page.body["items"].as_array().unwrap()).collect();
    let ours: Vec<_> = items.iter().filter(|item| item["managed"] == "ours").collect();
    assert_eq!((ours.len(), &ours[0]["principalArn"], &ours[0]["drift"]), (1, &json!(ROLE), &Value::Null));
    assert_eq!(
        (&ours[0]["requests"][0]["id"], &ours[0]["requests"][0]["requester"]),
        (&request["id"], &json!("alice"))
    );
    assert_eq!(ours[0]["requests"][0]["entry"]["accessPolicies"], request["accessPolicies"]);
    let nodes = items.iter().filter(|item| item["type"] == "EC2_LINUX" && item["protected"] == "node").count();
    assert_eq!((nodes, items.iter().filter(|item| item["managed"] == "foreign").count()), (30, 2_999));
}

#[tokio::test]
async fn pages_of_any_size_hold_everything_once() {
    let api = Api::new().await;
    for number in 0..9 {
        edit(&api, &role(&format!("u-{number}")), json!({})).await;
    }
    for size in [1, 3, 5, 10, 50] {
        let seen: Vec<_> = pages(&api, size).await.iter().flat_map(|page| page.each("principalArn")).collect();
        assert_eq!((seen.len(), seen.is_sorted()), (11, true), "by {size}");
    }
}

#[tokio::test]
async fn an_entry_is_shown_with_what_it_should_hold_and_what_it_holds() {
    let api = Api::with(layers).await;
    active(&api).await;
    let other = role("ci");
    let theirs = json!({ "kubernetesGroups": ["deployers"], "username": "ci:{{SessionName}}" });
    edit(&api, &other, theirs).await;
    let clean = api.get("bob", &one(ROLE)).await.is(200).body;
    assert_eq!(
        (&clean["managed"], &clean["drift"], &clean["type"]),
        (&json!("ours"), &Value::Null, &json!("STANDARD"))
    );
    assert_eq!(clean["desired"]["accessPolicies"], clean["observed"]["accessPolicies"]);
    assert_eq!(clean["observed"]["tags"]["entryway/installation"], "tests");
    assert_eq!((&clean["principal"]["status"], &clean["baseline"]), (&json!("ok"), &Value::Null));
    assert!(clean["principal"]["uniqueId"].as_str().unwrap().starts_with("AROA"));

    edit(&api, ROLE, json!({ "kubernetesGroups": ["sneaked-in"] })).await;
    let said = json!(["the group sneaked-in is there and should not be"]);
    assert_eq!(api.get("bob", &one(ROLE)).await.is(200).body["drift"]["differences"], said);
    let listed = api.get("bob", DEV).await.is(200);
    assert_eq!(find(&listed, ROLE)["drift"]["differences"], said, "live, before the worker has looked");
    assert_eq!(find(&listed, CREATOR)["managed"], "foreign");
    let linked = find(&listed, SERVICE_LINKED);
    assert_eq!((&linked["managed"], &linked["protected"]), (&json!("foreign"), &json!("serviceLinkedRole")));
    assert_eq!(find(&listed, &other)["managed"], "foreign");

    // Somebody else's, with a grant on top.
    let on_top = api.file("alice", &ask(json!({"duration": "8h", "principalArn": other}))).await;
    api.bed.until(on_top["id"].as_str().unwrap().parse().unwrap(), RequestState::Active).await;
    let layered = api.get("bob", &one(&other)).await.is(200).body;
    assert_eq!((&layered["managed"], &layered["drift"]), (&json!("layered"), &Value::Null));
    assert_eq!(layered["baseline"]["kubernetesGroups"], json!(["deployers"]));
    assert_eq!((&layered["baseline"]["accessPolicies"], &layered["requests"][0]["id"]), (&json!([]), &on_top["id"]));
    assert_eq!(layered["observed"]["accessPolicies"], on_top["accessPolicies"]);
}

#[tokio::test]
async fn an_entry_that_vanished_is_shown_as_missing_and_one_that_never_was_is_not_found() {
    let api = Api::new().await;
    active(&api).await;
    let url = format!("{}/_sim/entries?cluster=dev&principalArn={ROLE}", api.bed.sim.endpoint_url());
    assert!(http().delete(url).send().await.unwrap().status().is_success());
    let gone = api.get("bob", &one(ROLE)).await.is(200).body;
    assert_eq!((&gone["observed"], &gone["drift"]["differences"]), (&Value::Null, &json!(["the entry is missing"])));
    assert_eq!(gone["desired"]["type"], "STANDARD");
    for nobody in [role("nobody"), "not-an-arn".to_owned(), "arn:aws:iam::111122223333:root".to_owned()] {
        api.get("bob", &one(&nobody)).await.fails(404, "not-found");
    }
}

#[tokio::test]
async fn only_who_may_audit_or_administer_sees_who_holds_what() {
    let api = Api::new().await;
    let before = api.bed.sim.calls().len();
    for who in ["alice", "dan", "portal", "robot"] {
        for path in [DEV, "/v1/clusters/nowhere/entries", &one(ROLE)] {
            api.get(who, path).await.fails(403, "forbidden");
        }
    }
    assert_eq!(api.bed.sim.calls().len(), before, "EKS is not asked for them");
    for who in ["olga", "bob"] {
        api.get(who, DEV).await.is(200);
    }
    for path in ["/v1/clusters/nowhere/entries", "/v1/clusters/nowhere/entries/x", "/v1/clusters/%ff/entries"] {
        api.get("bob", path).await.fails(404, "not-found");
    }
    for size in ["0", "101", "x"] {
        api.get("bob", &format!("{DEV}?maxResults={size}")).await.fails(400, "bad-parameter");
    }
}

#[tokio::test]
async fn a_page_token_is_good_for_its_own_cluster_and_caller_only() {
    let api = Api::new().await;
    edit(&api, &role("u"), json!({})).await;
    let token =
        api.get("bob", &format!("{DEV}?maxResults=1")).await.is(200).body["nextToken"].as_str().unwrap().to_owned();
    api.get("bob", &format!("{DEV}?nextToken={token}")).await.is(200);
    for (who, path) in [("olga", DEV), ("bob", "/v1/clusters/prod/entries"), ("bob", "/v1/requests")] {
        api.get(who, &format!("{path}?nextToken={token}")).await.fails(400, "next-token-invalid");
    }
    let tampered = format!("{}x{}", &token[..3], &token[4..]);
    api.get("bob", &format!("{DEV}?nextToken={tampered}")).await.fails(400, "next-token-invalid");
    // EKS forgets its own tokens.
    api.bed.sim.inject(fault(json!({"op": "ListAccessEntries", "action": {"kind": "error", "status": 400,
        "code": "InvalidParameterException", "message": "The nextToken is not valid"}})));
    api.get("bob", &format!("{DEV}?nextToken={token}")).await.fails(400, "next-token-invalid");
}

#[tokio::test]
async fn where_eks_hangs_the_answer_is_a_clear_no_and_the_worker_works_on() {
    let api = Api::new().await;
    api.bed.sim.inject(fault(json!({"op": "ListAccessEntries", "action": {"kind": "hang", "ms": 60_000}})));
    let asked = Instant::now();
    let (answer, _) = tokio::join!(api.get("bob", DEV).into_future(), active(&api));
    assert!(asked.elapsed() < Duration::from_secs(20), "{:?}", asked.elapsed());
    let answer = answer.fails(503, "unavailable");
    assert!(answer.detail().contains("EKS") && answer.detail().contains("dev"), "{answer:?}");
    api.bed.sim.heal();
    api.bed.sim.inject(fault(json!({"op": "DescribeAccessEntry", "action": {"kind": "hang", "ms": 60_000}})));
    api.get("bob", &one(ROLE)).await.fails(503, "unavailable");
}

#[tokio::test]
async fn what_eks_does_not_allow_is_said_with_what_mends_it_or_where_that_is_found() {
    let api = Api::new().await;
    let legacy = api.get("bob", "/v1/clusters/legacy/entries").await.fails(409, "illegal-state");
    assert!(legacy.detail().contains("aws eks update-cluster-config"), "{legacy:?}");
    let one = format!("/v1/clusters/legacy/entries/{}", ROLE.replace(':', "%3A").replace('/', "%2F"));
    api.get("bob", &one).await.fails(409, "illegal-state");
    api.bed.sim.configure(|knobs| {
        knobs.denied = vec![Denial { action: "eks:ListAccessEntries".to_owned(), account: None, resource: None }];
    });
    let denied = api.get("bob", DEV).await.fails(503, "unavailable");
    assert!(denied.detail().contains("health.problems") && !denied.detail().contains("arn:"), "{denied:?}");
}

#[tokio::test]
async fn where_eks_shows_only_some_the_page_ends_early_and_the_next_goes_on_there() {
    let api = Api::new().await;
    for number in 0..6 {
        edit(&api, &role(&format!("u-{number}")), json!({})).await;
    }
    let broken = json!({"op": "DescribeAccessEntry", "principalArn": role("u-3"), "action": {"kind": "error",
        "status": 500, "code": "ServerException", "message": "no"}});
    api.bed.sim.inject(fault(broken));
    let first = api.get("bob", DEV).await.is(200);
    let shown = [SERVICE_LINKED.to_owned(), CREATOR.to_owned(), role("u-0"), role("u-1"), role("u-2")];
    assert_eq!(first.each("principalArn"), shown);
    let next = format!("{DEV}?nextToken={}", first.body["nextToken"].as_str().unwrap());
    api.get("bob", &next).await.fails(503, "unavailable");
    api.bed.sim.heal();
    let second = api.get("bob", &next).await.is(200);
    assert_eq!(second.each("principalArn"), [role("u-3"), role("u-4"), role("u-5")]);
    assert_eq!(second.body["nextToken"], Value::Null);
}

#[tokio::test]
async fn the_catalogue_is_eks_own_and_kept_for_a_while_and_what_is_built_in_where_eks_does_not_answer() {
    let api = Api::new().await;
    let listed = api.get("alice", "/v1/access-policies?clusterName=dev").await.is(200);
    assert_eq!(listed.body["source"], "eks");
    assert!(listed.each("name").contains(&"AmazonEKSViewPolicy".to_owned()));
    api.get("alice", "/v1/access-policies").await.is(200);
    let asked = |api: &Api| api.bed.sim.calls().iter().filter(|call| call.op == "ListAccessPolicies").count();
    assert_eq!(asked(&api), 1, "the clusters share a region");

    let api = Api::new().await;
    api.bed.sim.inject(fault(json!({"op": "ListAccessPolicies", "action": {"kind": "hang", "ms": 60_000}})));
    for _ in 0..2 {
        let listed = api.get("alice", "/v1/access-policies").await.is(200);
        assert_eq!(listed.body["source"], "builtIn");
        assert!(listed.each("name").contains(&"AmazonEKSViewPolicy".to_owned()));
    }
    assert_eq!(asked(&api), 1, "and EKS is left alone for a while");
}

#[tokio::test]
async fn a_dry_run_shows_what_is_there_already_and_says_when_it_could_not_look() {
    let foreign = json!({ "kubernetesGroups": ["deployers"] });
    let dry = async |api: &Api| api.post("alice", "/v1/requests?dryRun=true").json(&ask(json!({}))).await.is(200).body;
    let codes = |dry: &Value| dry["warnings"].as_array().unwrap().iter().map(|w| w["code"].clone()).collect::<Vec<_>>();
    let api = Api::new().await;
    edit(&api, ROLE, foreign.clone()).await;
    let refused = dry(&api).await;
    assert_eq!(refused["entry"]["before"]["kubernetesGroups"], json!(["deployers"]));
    assert_eq!((&refused["entry"]["after"], &refused["awsCli"]), (&refused["entry"]["before"], &json!([])));
    assert_eq!(codes(&refused), ["entry-not-owned"]);

    let api = Api::with(layers).await;
    edit(&api, ROLE, foreign).await;
    let layered = dry(&api).await;
    assert_eq!(layered["entry"]["before"]["kubernetesGroups"], json!(["deployers"]));
    assert_eq!(layered["entry"]["after"]["kubernetesGroups"], json!(["deployers"]));
    assert_eq!(layered["entry"]["after"]["accessPolicies"].as_array().map(Vec::len), Some(1));
    assert_eq!((layered["awsCli"].as_array().map(Vec::len), codes(&layered).len()), (Some(1), 0));

    api.bed.sim.inject(fault(json!({"op": "DescribeAccessEntry", "action": {"kind": "hang", "ms": 60_000}})));
    let asked = Instant::now();
    let blind = dry(&api).await;
    assert!(asked.elapsed() < Duration::from_secs(4), "{:?}", asked.elapsed());
    assert_eq!((codes(&blind), &blind["entry"]["before"]), (vec![json!("eks-unavailable")], &Value::Null));
}

#[tokio::test]
async fn whoever_only_looks_joins_no_queue_that_somebody_with_work_would_wait_in() {
    let api = Api::new().await;
    let (dev, store) = (cluster("dev"), api.bed.desk.store.clone());
    // The clock stands still, so that no turns come back.
    let turns = Turns::new(store, 10, Duration::from_secs(15));
    let mut came = 0;
    while turns.wait(&dev, Urgency::Idle).await.unwrap() == Turn::Come {
        came += 1;
    }
    assert!((10..=14).contains(&came), "a second of calls, and a third of one on credit: {came}");
    for urgency in [Urgency::CanWait, Urgency::Ending, Urgency::Begun] {
        assert_eq!(turns.wait(&dev, urgency).await.unwrap(), Turn::Come);
    }
    assert!(matches!(turns.wait(&dev, Urgency::Idle).await.unwrap(), Turn::Queue(_)));
}

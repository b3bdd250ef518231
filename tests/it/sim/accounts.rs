//! Case 109: accounts and regions are apart, and credentials choose between them.

use entryway::sandbox::sim::{AuthenticationMode, ClusterSpec, World};
use reqwest::Method;
use serde_json::{Value, json};

use super::bed::{Bed, KEY, ROLE, entries_of};

const OTHER: &str = "444455556666";

fn world() -> World {
    let api = |name: &str| ClusterSpec::new(name, AuthenticationMode::Api);
    World::default()
        .cluster(api("theirs").account(OTHER))
        .cluster(api("dev").account(OTHER))
        .cluster(api("far").region("us-east-1"))
        .key("AKIDOTHER", OTHER)
}

async fn clusters(bed: &Bed, key: &str, region: &str) -> Value {
    bed.call_as(key, region, Method::GET, "/clusters", Value::Null).await.good()["clusters"].clone()
}

fn element<'x>(xml: &'x str, name: &str) -> &'x str {
    let rest = xml.split_once(&format!("<{name}>")).unwrap().1;
    rest.split_once(&format!("</{name}>")).unwrap().0
}

#[tokio::test]
async fn case_109_accounts_and_regions_see_their_own_clusters() {
    let bed = Bed::of(world()).await;
    assert_eq!(clusters(&bed, KEY, "eu-central-1").await, json!(["dev", "legacy", "prod"]));
    assert_eq!(clusters(&bed, KEY, "us-east-1").await, json!(["far"]));
    assert_eq!(clusters(&bed, "AKIDOTHER", "eu-central-1").await, json!(["dev", "theirs"]));
    assert_eq!(clusters(&bed, "AKIDOTHER", "us-east-1").await, json!([]));
    bed.create_plain("dev", ROLE).await;
    let there = bed.call_as("AKIDOTHER", "eu-central-1", Method::GET, &entries_of("dev"), Value::Null).await.good();
    assert!(!there["accessEntries"].as_array().unwrap().contains(&json!(ROLE)));
    bed.post("/_sim/keys", json!({"accessKeyId": "AKIDLATE", "account": OTHER})).await.good();
    assert_eq!(clusters(&bed, "AKIDLATE", "eu-central-1").await, json!(["dev", "theirs"]));
}

#[tokio::test]
async fn case_109_assumed_credentials_choose_the_account() {
    let bed = Bed::of(world()).await;
    let role = format!("arn:aws:iam::{OTHER}:role/entryway-target");
    let answer = bed.form(&format!("Action=AssumeRole&Version=2011-06-15&RoleArn={role}&RoleSessionName=req-1")).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let key = element(&answer.text, "AccessKeyId");
    assert_eq!(element(&answer.text, "Arn"), format!("arn:aws:sts::{OTHER}:assumed-role/entryway-target/req-1"));
    assert!(element(&answer.text, "AssumedRoleId").starts_with("AROA"));
    assert_eq!(clusters(&bed, key, "eu-central-1").await, json!(["dev", "theirs"]));
    let call = bed.sim.calls().pop().unwrap();
    assert_eq!((call.account.as_str(), call.op.as_str()), (OTHER, "ListClusters"));
    assert_eq!(call.caller_arn, format!("arn:aws:sts::{OTHER}:assumed-role/entryway-target/req-1"));

    bed.advance(3_600_000).await;
    let expired = bed.call_as(key, "eu-central-1", Method::GET, "/clusters", Value::Null).await;
    expired.refused(403, "ExpiredTokenException");
    bed.knobs(json!({"denied": [{"action": "sts:AssumeRole", "resource": "*:role/x"}]})).await;
    let denied = bed.form("Action=AssumeRole&RoleArn=arn:aws:iam::111122223333:role/x&RoleSessionName=req-1").await;
    assert_eq!((denied.status, element(&denied.text, "Code")), (403, "AccessDenied"));
    let unknown = bed.call_as("ASIAUNKNOWN", "eu-central-1", Method::GET, "/clusters", Value::Null).await;
    unknown.refused(403, "UnrecognizedClientException");
}

#[tokio::test]
async fn a_role_may_demand_an_external_id() {
    let bed = Bed::new().await;
    let role = "arn:aws:iam::111122223333:role/target";
    bed.put("/_sim/principals", json!({"arn": role, "exists": true, "externalId": "s3-cret"})).await.good();
    let ask = format!("Action=AssumeRole&Version=2011-06-15&RoleArn={role}&RoleSessionName=req-1");
    for wrong in ["", "&ExternalId=guess"] {
        let refused = bed.form(&format!("{ask}{wrong}")).await;
        assert_eq!((refused.status, element(&refused.text, "Code")), (403, "AccessDenied"), "{}", refused.text);
        let message = format!("is not authorized to perform: sts:AssumeRole on resource: {role}");
        assert!(element(&refused.text, "Message").ends_with(&message));
    }
    assert_eq!(bed.form(&format!("{ask}&ExternalId=s3-cret")).await.status, 200);
    let log = bed.get("/_sim/calls").await.text;
    assert!(!log.contains("s3-cret") && !log.contains("guess"), "{log}");
    assert!(!bed.get("/_sim/principals").await.text.contains("s3-cret"));
}

#[tokio::test]
async fn assume_role_checks_what_it_is_given() {
    let bed = Bed::new().await;
    let ask = |role: &str, name: &str, more: &str| {
        format!("Action=AssumeRole&Version=2011-06-15&RoleArn={role}&RoleSessionName={name}{more}")
    };
    let missing = "arn:aws:iam::111122223333:role/missing";
    bed.put("/_sim/principals", json!({"arn": missing, "exists": false})).await.good();
    for (form, status, code) in [
        (ask("nonsense", "req", ""), 400, "ValidationError"),
        (ask("arn:aws:iam::111122223333:user/u", "req", ""), 400, "ValidationError"),
        (ask(ROLE, "r", ""), 400, "ValidationError"),
        (ask(ROLE, "with%20space", ""), 400, "ValidationError"),
        (ask(ROLE, "req", "&DurationSeconds=60"), 400, "ValidationError"),
        (ask(missing, "req", ""), 403, "AccessDenied"),
        ("Action=Nope&Version=2011-06-15".to_owned(), 400, "InvalidAction"),
    ] {
        let answer = bed.form(&form).await;
        assert_eq!((answer.status, element(&answer.text, "Code")), (status, code), "{form}");
        assert_eq!(element(&answer.text, "RequestId").len(), 36);
    }
}

#[tokio::test]
async fn unsigned_calls_act_for_the_default_account() {
    let bed = Bed::of(world()).await;
    let identity = bed.form("Action=GetCallerIdentity&Version=2011-06-15").await;
    assert_eq!(element(&identity.text, "Account"), "111122223333");
    assert_eq!(clusters(&bed, "", "").await, json!(["dev", "legacy", "prod"]));
    let scheme = bed.call_as("no/such/scope", "eu-central-1", Method::GET, "/clusters", Value::Null).await;
    scheme.refused(400, "IncompleteSignatureException");
}

//! In whose name the worker calls: where a role is assumed, CloudTrail shows the request that a call was made for.

use std::sync::Arc;

use chrono::TimeDelta;
use entryway::domain::cluster::Cluster;
use entryway::domain::states::RequestState;
use entryway::sandbox::sim::{AuthenticationMode, ClusterSpec, World};
use entryway::workflow::Clusters;
use serde_json::json;
use uuid::Uuid;

use crate::harness::{ACCOUNT, Bed, cluster, policy, view};

const OTHER: &str = "444455556666";
const TARGET: &str = "arn:aws:iam::444455556666:role/entryway-target";

/// `dev` in another account, reached through a role there.
async fn bed() -> Bed {
    let world = World::default().cluster(ClusterSpec::new("dev", AuthenticationMode::Api).account(OTHER));
    Bed::with(world, |desk| {
        let dev = Cluster {
            account_id: OTHER.to_owned(),
            role_arn: Some(TARGET.to_owned()),
            allowed_principal_accounts: [ACCOUNT.to_owned()].into(),
            ..cluster("dev")
        };
        desk.clusters = Arc::new([dev].into_iter().collect::<Clusters>());
    })
    .await
}

/// The name of the session that each call to EKS was made under, by operation.
fn callers(bed: &Bed, op: &str) -> Vec<String> {
    let calls = bed.sim.calls().into_iter().filter(|call| call.service == "eks" && call.op == op);
    calls.map(|call| call.caller_arn.rsplit('/').next().unwrap().to_owned()).collect()
}

fn session(request: Uuid) -> String {
    format!("entryway-tests-{request}")
}

#[tokio::test]
async fn every_call_for_a_request_names_it_and_credentials_are_kept() {
    let bed = bed().await;
    let first = bed.granted(view("payments")).await.id;
    bed.until(first, RequestState::Active).await;
    for op in ["CreateAccessEntry", "AssociateAccessPolicy", "DescribeAccessEntry"] {
        let names = callers(&bed, op);
        assert!(!names.is_empty() && names.iter().all(|name| *name == session(first)), "{op}: {names:?}");
    }

    let second = bed.granted(policy("AmazonEKSEditPolicy", &["orders"])).await.id;
    bed.until(second, RequestState::Active).await;
    assert_eq!(callers(&bed, "AssociateAccessPolicy"), [session(first), session(second)]);
    bed.revoke("bob", first).await.unwrap();
    bed.until(first, RequestState::Ended).await;
    assert_eq!(callers(&bed, "DisassociateAccessPolicy"), [session(first)]);
    bed.relinquish("alice", second).await.unwrap();
    bed.until(second, RequestState::Ended).await;
    assert_eq!(callers(&bed, "DeleteAccessEntry"), [session(second)]);

    let assumed: Vec<_> = bed.sim.calls().into_iter().filter(|call| call.op == "AssumeRole").collect();
    assert_eq!(assumed.len(), 2, "one session for each request, however many calls: {assumed:?}");
    assert!(bed.sim.calls().len() > 12);
}

#[tokio::test]
async fn a_look_for_drift_is_nobodys_and_costs_no_session_of_its_own() {
    let bed = bed().await;
    let first = bed.granted(view("payments")).await.id;
    let second = bed.granted(policy("AmazonEKSEditPolicy", &["orders"])).await.id;
    for id in [first, second] {
        bed.until(id, RequestState::Active).await;
    }
    let before = callers(&bed, "DescribeAccessEntry").len();
    for _ in 0..3 {
        bed.pass(TimeDelta::minutes(10));
        bed.work().await;
    }
    let looks = callers(&bed, "DescribeAccessEntry").split_off(before);
    assert!(looks.len() >= 3 && looks.iter().all(|name| name == "entryway-tests"), "{looks:?}");
}

#[tokio::test]
async fn access_ends_in_nobodys_name_where_no_session_is_to_be_had() {
    let bed = bed().await;
    let (first, second) = (bed.granted(view("payments")).await.id, bed.granted(view("orders")).await.id);
    for id in [first, second] {
        bed.until(id, RequestState::Active).await;
    }
    // A process that has credentials for looking, and none in the name of any request.
    let other = bed.another_worker();
    bed.pass(TimeDelta::minutes(10));
    bed.work_with(&other).await;
    let fault = json!({ "op": "AssumeRole", "action": {
        "kind": "error", "status": 503, "code": "ServiceUnavailable", "message": "STS is away" } });
    bed.sim.inject(serde_json::from_value(fault).unwrap());

    let late = bed.granted(view("stock")).await.id;
    bed.work_with(&other).await;
    assert_eq!(
        bed.state(late).await,
        RequestState::Applying,
        "what gives access bears the name of its request, or waits"
    );
    for id in [first, second, late] {
        bed.revoke("bob", id).await.unwrap();
    }
    for _ in 0..40 {
        bed.work_with(&other).await;
        bed.pass(TimeDelta::seconds(2));
    }
    for id in [first, second, late] {
        assert_eq!(bed.state(id).await, RequestState::Ended);
    }
    assert_eq!(callers(&bed, "DeleteAccessEntry"), ["entryway-tests"]);
}

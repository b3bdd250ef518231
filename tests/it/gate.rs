//! Clusters that come up, change, go away and come back, and those that were never there.

use std::sync::Arc;

use chrono::TimeDelta;
use entryway::domain::ask::Ask;
use entryway::domain::cluster::Cluster;
use entryway::domain::rules::Code;
use entryway::domain::states::{EndReason, RequestState};
use entryway::worker::Worker;
use entryway::workflow::{Clusters, Desk, Health, WorkflowError};
use serde_json::{Value, json};

use crate::harness::{Bed, ROLE, cluster, eks, http, pace, start, view};

const NO_CLUSTER: &str = "No cluster found for name: dev.";

async fn control(bed: &Bed, path: &str, body: Value) {
    let url = format!("{}/_sim/{path}", bed.sim.endpoint_url());
    http().post(url).json(&body).send().await.unwrap().error_for_status().unwrap();
}

async fn delete_cluster(bed: &Bed) {
    let url = format!("{}/_sim/clusters/dev", bed.sim.endpoint_url());
    http().delete(url).send().await.unwrap().error_for_status().unwrap();
}

async fn health(bed: &Bed) -> Health {
    bed.desk.health().await.unwrap().into_iter().find(|known| known.cluster_name == "dev").unwrap()
}

/// Checks the clusters and lets the worker work, as often as it takes until nothing can be odd any more.
async fn look_closely(bed: &Bed, worker: &Worker<entryway::eks::aws::AwsEks>) {
    for _ in 0..20 {
        worker.check_clusters().await.unwrap();
        bed.work_with(worker).await;
        bed.pass(TimeDelta::seconds(10));
    }
}

/// A process with the same database whose configuration has `dev` as `change` makes it.
fn reconfigured(bed: &Bed, change: impl FnOnce(&mut Cluster)) -> Worker<entryway::eks::aws::AwsEks> {
    let mut dev = cluster("dev");
    change(&mut dev);
    let clusters = Arc::new([dev].into_iter().collect::<Clusters>());
    Worker::new(Desk { clusters, ..bed.desk.clone() }, Arc::new(eks(&bed.sim)), pace())
}

#[tokio::test]
async fn a_cluster_that_is_gone_ends_its_grants_and_says_so() {
    let bed = Bed::new().await;
    bed.worker.check_clusters().await.unwrap();
    let active = bed.granted(view("payments")).await;
    bed.until(active.id, RequestState::Active).await;
    let scheduled = bed.granted(Ask { start_at: Some(start() + TimeDelta::days(2)), ..view("orders") }).await;
    let other = Ask { principal_arn: "arn:aws:iam::111122223333:role/other".to_owned(), ..view("payments") };
    let revoked = bed.granted(other).await;
    bed.until(revoked.id, RequestState::Active).await;
    let elsewhere =
        bed.file("bob", Ask { cluster_name: "prod".to_owned(), duration: Some("1h".to_owned()), ..view("x") }).await;
    bed.approve("carol", elsewhere.id).await;
    bed.until(elsewhere.id, RequestState::Active).await;
    let writes = bed.writes();

    delete_cluster(&bed).await;
    bed.revoke("bob", revoked.id).await.unwrap();
    let applying = bed.granted(view("third")).await;
    bed.pass(TimeDelta::seconds(31));
    bed.worker.check_clusters().await.unwrap();
    bed.work().await;
    for (id, state) in [
        (active.id, RequestState::Active),
        (scheduled.id, RequestState::Scheduled),
        (revoked.id, RequestState::Revoking),
        (applying.id, RequestState::Applying),
    ] {
        assert_eq!(bed.state(id).await, state, "one answer is nothing to go by");
    }
    look_closely(&bed, &bed.worker).await;
    for (id, reason) in [
        (active.id, EndReason::ClusterGone),
        (scheduled.id, EndReason::ClusterGone),
        (applying.id, EndReason::ClusterGone),
        (revoked.id, EndReason::Revoked),
    ] {
        let request = bed.get(id).await.request;
        assert_eq!((request.state, request.end_reason), (RequestState::Ended, Some(reason)));
        let timeline = bed.timeline("bob", id).await;
        let last = &timeline.last().unwrap().body;
        assert_eq!(last.event_type.as_str(), "request.ended");
        assert!(last.data["why"].as_str().unwrap().contains("no longer has the cluster"), "{last:?}");
    }
    assert_eq!(bed.state(elsewhere.id).await, RequestState::Active);
    assert_eq!(bed.writes(), writes, "there was nothing to write to");

    let known = health(&bed).await;
    assert_eq!(known.status.as_deref(), Some("NOT_FOUND"));
    assert!(known.problems.len() == 1 && known.problems[0].contains("the grants on it have ended"), "{known:?}");
    let told = "SELECT count(*) FROM event WHERE type = 'cluster.unhealthy' AND cluster_name = 'dev'";
    assert_eq!(
        crate::harness::database::number(&bed.url, told).await,
        2,
        "at the first answer, and once it is certain"
    );
    let refused = bed.try_file("alice", view("payments")).await;
    let Err(WorkflowError::Invalid(violations)) = refused else { panic!("{refused:?}") };
    assert_eq!((violations.len(), violations[0].code), (1, Code::ClusterNotActive));
    let calls = || bed.sim.calls().into_iter().filter(|call| call.cluster.as_deref() == Some("dev")).count();
    let before = calls();
    bed.pass(TimeDelta::hours(1));
    bed.work().await;
    assert_eq!(calls(), before, "nobody looks for its entries any more");
}

#[tokio::test]
async fn an_odd_answer_ends_nothing() {
    let bed = Bed::new().await;
    bed.worker.check_clusters().await.unwrap();
    let request = bed.granted(view("payments")).await;
    bed.until(request.id, RequestState::Active).await;
    for times in [1, 2] {
        let fault = json!({ "cluster": "dev", "times": times, "op": "DescribeCluster", "action": {
            "kind": "error", "status": 404, "code": "ResourceNotFoundException", "message": NO_CLUSTER } });
        bed.sim.inject(serde_json::from_value(fault).unwrap());
        let entry = json!({ "cluster": "dev", "times": 5, "op": "DescribeAccessEntry", "action": {
            "kind": "error", "status": 404, "code": "ResourceNotFoundException", "message": NO_CLUSTER } });
        bed.sim.inject(serde_json::from_value(entry).unwrap());
        let waiting = bed.granted(view("orders")).await;
        bed.pass(TimeDelta::minutes(10));
        bed.work().await;
        let told = bed.get(waiting.id).await.request;
        let error = told.last_error.unwrap();
        assert!(
            told.state == RequestState::Applying && error.retrying && error.detail.contains("looks again"),
            "{error:?}"
        );
        look_closely(&bed, &bed.worker).await;
        bed.until(waiting.id, RequestState::Active).await;
        assert_eq!(bed.state(request.id).await, RequestState::Active);
    }
    assert_eq!(health(&bed).await.problems, Vec::<String>::new());
}

#[tokio::test]
async fn a_cluster_that_eks_never_showed_under_this_configuration_ends_nothing() {
    let bed = Bed::new().await;
    bed.worker.check_clusters().await.unwrap();
    let request = bed.granted(view("payments")).await;
    bed.until(request.id, RequestState::Active).await;
    let mistakes: [fn(&mut Cluster); 2] =
        [|dev| dev.eks_name = "dve".to_owned(), |dev| dev.region = "eu-west-1".to_owned()];
    for mistake in mistakes {
        let worker = reconfigured(&bed, mistake);
        let new = bed.granted(view("orders")).await;
        look_closely(&bed, &worker).await;
        assert_eq!(bed.state(request.id).await, RequestState::Active);
        let failed = bed.get(new.id).await.request;
        let error = failed.last_error.unwrap();
        assert_eq!((failed.state, error.code.as_str()), (RequestState::Failed, "cluster-not-found"));
        assert!(error.detail.contains("Check eks_name"), "{error:?}");
        assert!(health(&bed).await.problems[0].contains("Check eks_name"));
    }
    look_closely(&bed, &bed.worker).await;
    assert_eq!((bed.state(request.id).await, health(&bed).await.problems), (RequestState::Active, vec![]));
    assert!(bed.truth("dev", ROLE).await.is_some());
}

#[tokio::test]
async fn a_cluster_that_is_looked_for_in_another_account_ends_nothing() {
    let bed = Bed::new().await;
    bed.worker.check_clusters().await.unwrap();
    let request = bed.granted(view("payments")).await;
    bed.until(request.id, RequestState::Active).await;
    control(&bed, "keys", json!({ "accessKeyId": "AKIATESTTESTTESTTEST", "account": "444455556666" })).await;
    look_closely(&bed, &bed.another_worker()).await;
    assert_eq!(bed.state(request.id).await, RequestState::Active);
    let known = health(&bed).await;
    assert!(known.problems[0].contains("credentials") && known.sightings.gone_since.is_none(), "{known:?}");
}

#[tokio::test]
async fn what_is_left_on_a_cluster_that_comes_back_is_taken_away() {
    let bed = Bed::new().await;
    bed.worker.check_clusters().await.unwrap();
    let request = bed.granted(view("payments")).await;
    bed.until(request.id, RequestState::Active).await;
    delete_cluster(&bed).await;
    look_closely(&bed, &bed.worker).await;
    assert_eq!(bed.get(request.id).await.request.end_reason, Some(EndReason::ClusterGone));

    control(&bed, "clusters", json!({ "name": "dev" })).await;
    let entry = json!({ "cluster": "dev", "principalArn": ROLE, "kubernetesGroups": ["left"],
                        "tags": { "entryway/installation": "tests" } });
    let url = format!("{}/_sim/entries", bed.sim.endpoint_url());
    http().put(url).json(&entry).send().await.unwrap().error_for_status().unwrap();
    look_closely(&bed, &bed.worker).await;
    assert!(bed.truth("dev", ROLE).await.is_none());
    assert_eq!((health(&bed).await.status.as_deref(), health(&bed).await.problems), (Some("ACTIVE"), vec![]));
    let again = bed.granted(view("payments")).await;
    bed.until(again.id, RequestState::Active).await;
}

#[tokio::test]
async fn a_cluster_that_is_coming_up_or_changing_puts_grants_off() {
    for (status, mode) in [("CREATING", "API"), ("UPDATING", "CONFIG_MAP")] {
        let bed = Bed::new().await;
        let request = bed.granted(view("payments")).await;
        control(&bed, "clusters/dev", json!({ "status": status, "authenticationMode": mode })).await;
        for _ in 0..20 {
            bed.work().await;
            let waiting = bed.get(request.id).await.request;
            let error = waiting.last_error.unwrap();
            assert_eq!(
                (waiting.state, error.code.as_str()),
                (RequestState::Applying, "cluster-not-active"),
                "{status}"
            );
            assert!(error.retrying);
            bed.pass(TimeDelta::seconds(30));
        }
        control(&bed, "clusters/dev", json!({ "status": "ACTIVE", "authenticationMode": "API_AND_CONFIG_MAP" })).await;
        bed.until(request.id, RequestState::Active).await;
    }
}

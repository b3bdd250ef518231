//! What operators and passers-by do to a running installation: rows edited by hand, rights and clusters taken away,
//! entries changed behind Entryway's back, EKS that takes few calls.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use entryway::domain::ask::Ask;
use entryway::domain::cluster::DriftMode;
use entryway::domain::review::Decision;
use entryway::domain::states::{EndReason, RequestState};
use entryway::sandbox::sim::World;
use entryway::worker::{Pace, Worker};
use entryway::workflow::read::Filter;
use entryway::workflow::{Clusters, Desk, WorkflowError, submit};
use serde_json::json;

use crate::harness::database::{by_hand, number};
use crate::harness::{Bed, ROLE, cluster, eks, http, pace, policy, view};

async fn edit_entry(bed: &Bed, mut edit: serde_json::Value) {
    edit["cluster"] = json!("dev");
    edit["principalArn"] = json!(ROLE);
    let url = format!("{}/_sim/entries", bed.sim.endpoint_url());
    assert!(http().put(url).json(&edit).send().await.unwrap().status().is_success());
}

fn refuse(bed: &Bed, op: &str, times: u32) {
    bed.sim.inject(
        serde_json::from_value(json!({ "op": op, "times": times, "action": {
            "kind": "error", "status": 403, "code": "AccessDeniedException",
            "message": format!("User: x is not authorized to perform: eks:{op} on resource: arn:y"),
        } }))
        .unwrap(),
    );
}

#[tokio::test]
async fn a_garbled_memory_of_an_entry_is_forgotten_and_keeps_nothing_from_ending() {
    let bed = Bed::new().await;
    let request = bed.granted(view("payments")).await;
    bed.until(request.id, RequestState::Active).await;
    by_hand(&bed.url, r#"UPDATE entry SET written = '{"content": 7}', last_error = '"?"'"#).await;
    bed.revoke("bob", request.id).await.unwrap();
    bed.until(request.id, RequestState::Ended).await;
    assert!(bed.truth("dev", ROLE).await.is_none());
}

#[tokio::test]
async fn a_garbled_request_keeps_nobody_else_from_listing_and_filing() {
    let bed = Bed::new().await;
    let broken = bed.granted(view("payments")).await;
    let sound = bed.granted(view("orders")).await;
    let changed = by_hand(&bed.url, &format!("UPDATE request SET tags = '[7]' WHERE id = '{}'", broken.id)).await;
    assert_eq!(changed, 1);
    for limit in [1, 50] {
        let page = bed.desk.list(&bed.caller("bob"), Filter::default(), false, None, limit).await.unwrap();
        assert_eq!(page.items.iter().map(|details| details.request.id).collect::<Vec<_>>(), [sound.id]);
    }
    bed.file("alice", view("third")).await;
    bed.until(sound.id, RequestState::Active).await;
    assert!(!bed.truth("dev", ROLE).await.unwrap().to_string().contains("payments"), "it grants nothing");
}

#[tokio::test]
async fn on_a_cluster_taken_out_of_the_configuration_time_goes_on_and_everybody_is_told() {
    let bed = Bed::new().await;
    let held = bed.granted(view("payments")).await;
    let expires = bed.until(held.id, RequestState::Active).await.request.grant.expires_at.unwrap();
    let waiting = bed.granted(policy("AmazonEKSEditPolicy", &["orders"])).await;
    let clusters = Arc::new([cluster("prod")].into_iter().collect::<Clusters>());
    let without = Desk { clusters, ..bed.desk.clone() };
    let worker = Worker::new(without, Arc::new(eks(&bed.sim)), pace());
    let calls = bed.sim.calls().len();

    bed.work_with(&worker).await;
    let waits = bed.get(waiting.id).await.request;
    let code = waits.last_error.unwrap().code;
    assert_eq!((waits.state, code.as_str()), (RequestState::Applying, "cluster-not-configured"));
    bed.hands.set(expires);
    bed.work_with(&worker).await;
    let stuck = bed.get(held.id).await.request;
    assert_eq!((stuck.state, stuck.end_reason), (RequestState::Revoking, Some(EndReason::Expired)));
    let error = stuck.last_error.unwrap();
    assert!(error.retrying && error.detail.contains("access that was given there stays"), "{error:?}");
    assert_eq!(bed.sim.calls().len(), calls, "nothing is asked of a cluster that nobody configured");

    bed.pass(TimeDelta::minutes(5));
    bed.until(held.id, RequestState::Ended).await;
    bed.until(waiting.id, RequestState::Active).await;
    let left = bed.truth("dev", ROLE).await.unwrap().to_string();
    assert!(left.contains("orders") && !left.contains("payments"), "once it is configured again, everything goes on");
}

#[tokio::test]
async fn a_right_that_is_missing_for_a_moment_does_not_cost_anybody_the_access_they_have() {
    let bed = Bed::new().await;
    let request = bed.granted(view("payments")).await;
    bed.until(request.id, RequestState::Active).await;
    edit_entry(&bed, json!({ "accessPolicies": [] })).await;
    refuse(&bed, "AssociateAccessPolicy", 3);
    bed.pass(TimeDelta::minutes(10));
    let mut told = false;
    for _ in 0..20 {
        bed.work().await;
        let now = bed.get(request.id).await.request;
        assert_ne!(now.state, RequestState::Failed);
        told |=
            now.last_error.is_some_and(|error| error.retrying && error.detail.contains("eks:AssociateAccessPolicy"));
        bed.pass(TimeDelta::seconds(3));
    }
    assert!(told, "meanwhile it says what is missing");
    bed.until(request.id, RequestState::Active).await;
}

#[tokio::test]
async fn drift_that_is_only_reported_does_not_keep_a_new_grant_from_being_applied() {
    let bed = Bed::with(World::default(), |desk| {
        let report = entryway::domain::cluster::Cluster { drift: DriftMode::Report, ..cluster("dev") };
        desk.clusters = Arc::new([report].into_iter().collect::<Clusters>());
    })
    .await;
    let first = bed.granted(view("payments")).await;
    bed.until(first.id, RequestState::Active).await;
    edit_entry(&bed, json!({ "kubernetesGroups": ["sneaked-in"] })).await;
    bed.pass(TimeDelta::minutes(10));
    bed.work().await;
    bed.pass(TimeDelta::seconds(3));
    bed.work().await;
    let groups = bed.truth("dev", ROLE).await.unwrap()["kubernetesGroups"].clone();
    assert_eq!(groups, json!(["sneaked-in"]), "only reported");

    let again = bed.granted(view("payments")).await;
    bed.until(again.id, RequestState::Active).await;
    assert_eq!(bed.state(first.id).await, RequestState::Active);
}

#[tokio::test]
async fn what_nobody_decided_in_time_is_not_approved_before_the_sweep_comes_round() {
    let bed = Bed::new().await;
    let request = bed.file("alice", view("payments")).await;
    bed.pass(TimeDelta::hours(72));
    let late = bed.review("bob", request.id, Decision::Approve).await;
    assert!(matches!(late, Err(WorkflowError::NotPending { state: RequestState::Lapsed, .. })), "{late:?}");
    assert!(!bed.get(request.id).await.allowed.contains(&"approve"));
}

#[tokio::test]
async fn access_ends_where_the_cluster_itself_may_no_longer_be_described() {
    let bed = Bed::new().await;
    let request = bed.granted(view("payments")).await;
    bed.until(request.id, RequestState::Active).await;
    refuse(&bed, "DescribeCluster", 1000);
    bed.revoke("bob", request.id).await.unwrap();
    // A process that has just started: it has not seen the cluster yet.
    bed.work_with(&bed.another_worker()).await;
    assert!(bed.truth("dev", ROLE).await.is_none());
}

#[tokio::test]
async fn submits_over_the_same_clusters_in_opposite_orders_do_not_wait_for_each_other() {
    let bed = Bed::new().await;
    let ask = |name: &str| Ask { cluster_name: name.to_owned(), duration: Some("1h".to_owned()), ..view("payments") };
    let (forth, back) = (vec![ask("dev"), ask("prod")], vec![ask("prod"), ask("dev")]);
    let (alice, dan) = (bed.caller("alice"), bed.caller("dan"));
    for _ in 0..15 {
        let (one, two) = tokio::join!(
            submit::submit(&bed.desk, &alice, forth.clone(), None),
            submit::submit(&bed.desk, &dan, back.clone(), None),
        );
        one.unwrap();
        two.unwrap();
    }
}

/// A worker to which EKS's calls are rationed, and which soon comes back rather than wait for its turn.
fn frugal(bed: &Bed, calls_per_second: u32) -> Worker<entryway::eks::aws::AwsEks> {
    let desk = bed.desk.clone();
    let pace = Pace { calls_per_second, patience: Duration::from_millis(600), ..pace() };
    Worker::new(desk, Arc::new(eks(&bed.sim)), pace)
}

#[tokio::test]
async fn all_replicas_together_call_eks_no_more_often_than_configured() {
    let bed = Bed::new().await;
    for name in ["a", "b", "c", "d", "e", "f"] {
        let mut ask = view("payments");
        ask.principal_arn = format!("arn:aws:iam::111122223333:role/{name}");
        bed.granted(ask).await;
    }
    let workers = [frugal(&bed, 10), frugal(&bed, 10), frugal(&bed, 10)];
    for second in 1..=6 {
        for worker in &workers {
            worker.turn().await.unwrap();
        }
        // A second's worth is saved up at the start, and so much is taken on credit as one is ready to wait for.
        let calls = bed.sim.calls().iter().filter(|call| call.op != "DescribeCluster").count();
        assert!(calls <= 10 * (second + 1) + 8, "{calls} calls within {second} s");
        bed.pass(TimeDelta::seconds(1));
    }
    assert!(bed.writes().len() >= 6, "and the work goes on: {:?}", bed.writes());
}

#[tokio::test]
async fn when_aws_says_too_many_every_replica_slows_down() {
    let bed = Bed::new().await;
    bed.sim.inject(
        serde_json::from_value(json!({ "op": "DescribeAccessEntry", "times": 1, "action": {
            "kind": "error", "status": 429, "code": "TooManyRequestsException", "message": "Too Many Requests",
        } }))
        .unwrap(),
    );
    let request = bed.granted(view("payments")).await;
    frugal(&bed, 100).turn().await.unwrap();
    assert_eq!(number(&bed.url, "SELECT rate::bigint FROM eks_pace").await, 50);
    bed.until(request.id, RequestState::Active).await;
}

#[tokio::test]
async fn what_is_to_end_comes_back_soon_however_often_aws_says_too_many() {
    let bed = Bed::new().await;
    let request = bed.granted(view("payments")).await;
    bed.until(request.id, RequestState::Active).await;
    bed.sim.inject(
        serde_json::from_value(json!({ "op": "*", "times": 12, "action": {
            "kind": "error", "status": 429, "code": "TooManyRequestsException", "message": "Too Many Requests",
        } }))
        .unwrap(),
    );
    bed.revoke("bob", request.id).await.unwrap();
    let mut looks = 0;
    while bed.truth("dev", ROLE).await.is_some() && looks < 20 {
        bed.work().await;
        looks += 1;
        bed.pass(TimeDelta::seconds(2));
    }
    assert!((12..20).contains(&looks), "{looks} looks, two seconds apart");
    bed.until(request.id, RequestState::Ended).await;
}

#[tokio::test]
async fn an_expiry_that_comes_while_a_look_is_put_off_is_claimed_as_an_ending() {
    let bed = Bed::new().await;
    let request = bed.granted(view("payments")).await;
    let expires = bed.until(request.id, RequestState::Active).await.request.grant.expires_at.unwrap();
    bed.hands.set(expires - TimeDelta::seconds(1));
    // Others have taken every turn for a minute to come.
    let taken = "INSERT INTO eks_pace (account_id, region, rate, turns, filled_at)
                 SELECT '111122223333', 'eu-central-1', 1, -60, '2026-06-01T12:00:00Z'::timestamptz + interval '1 day'
                 ON CONFLICT (account_id, region) DO UPDATE SET rate = 1, turns = -60, filled_at = excluded.filled_at";
    by_hand(&bed.url, taken).await;
    frugal(&bed, 1).turn().await.unwrap();
    let due = format!("SELECT count(*) FROM entry WHERE ends_at = '{expires}' AND next_run_at <= '{expires}'");
    assert_eq!(number(&bed.url, &due).await, 1, "it is still known when access ends");
}

#[tokio::test]
async fn a_username_that_spells_out_what_eks_derives_anyway_is_proven_like_any_other() {
    let bed = Bed::new().await;
    let mut ask = view("payments");
    ask.username = Some("arn:aws:sts::111122223333:assumed-role/my-role/{{SessionName}}".to_owned());
    let request = bed.file("bob", ask).await;
    bed.approve("carol", request.id).await;
    bed.until(request.id, RequestState::Active).await;
    assert_eq!(bed.writes(), ["CreateAccessEntry", "AssociateAccessPolicy"]);
}

#[tokio::test]
async fn our_entry_ends_also_when_somebody_took_the_tag_off() {
    let bed = Bed::new().await;
    let request = bed.granted(view("payments")).await;
    bed.until(request.id, RequestState::Active).await;
    edit_entry(&bed, json!({ "tags": {} })).await;
    bed.pass(TimeDelta::minutes(20));
    bed.work().await;
    assert_eq!(bed.state(request.id).await, RequestState::Active);
    bed.revoke("bob", request.id).await.unwrap();
    bed.until(request.id, RequestState::Ended).await;
    assert!(bed.truth("dev", ROLE).await.is_none());
}

#[tokio::test]
async fn a_retry_is_written_only_while_its_quorum_stands() {
    let bed = Bed::new().await;
    let request = bed.granted(view("payments")).await;
    bed.until(request.id, RequestState::Active).await;
    // Somebody puts an entry of their own in place of ours, and removes it again.
    let url = format!("{}/_sim/entries?cluster=dev&principalArn={ROLE}", bed.sim.endpoint_url());
    http().delete(&url).send().await.unwrap();
    edit_entry(&bed, json!({ "kubernetesGroups": ["theirs"] })).await;
    bed.pass(TimeDelta::minutes(10));
    bed.until(request.id, RequestState::Failed).await;
    http().delete(&url).send().await.unwrap();
    let writes = bed.writes().len();
    bed.retry("alice", request.id).await.unwrap();
    bed.desk.policies.replace(crate::desk::stricter());
    let ended = bed.until(request.id, RequestState::Ended).await.request;
    assert_eq!((ended.end_reason, bed.writes().len()), (Some(EndReason::Policy), writes));
}

#[tokio::test]
async fn an_entry_row_that_somebody_deleted_keeps_nothing_from_ending() {
    let bed = Bed::new().await;
    let request = bed.granted(view("payments")).await;
    bed.until(request.id, RequestState::Active).await;
    by_hand(&bed.url, "DELETE FROM entry").await;
    entryway::workflow::sweep::rescue(&bed.desk).await.unwrap();
    bed.until(request.id, RequestState::Active).await;
    by_hand(&bed.url, "DELETE FROM entry").await;
    bed.revoke("bob", request.id).await.unwrap();
    bed.until(request.id, RequestState::Ended).await;
    assert!(bed.truth("dev", ROLE).await.is_none());
}

#[tokio::test]
async fn many_asks_at_once_do_not_get_round_the_limit() {
    let bed = Bed::with(World::default(), |desk| {
        let mut settings = crate::harness::settings();
        settings.max_pending_per_requester = 3;
        desk.settings = Arc::new(settings);
    })
    .await;
    let alice = bed.caller("alice");
    let mut filing = tokio::task::JoinSet::new();
    for _ in 0..12 {
        let (desk, alice) = (bed.desk.clone(), alice.clone());
        filing.spawn(async move { submit::submit(&desk, &alice, vec![view("payments")], None).await.is_ok() });
    }
    let filed = filing.join_all().await.into_iter().filter(|filed| *filed).count();
    assert_eq!(filed, 3);
}

#[tokio::test]
async fn a_cluster_that_does_not_answer_leaves_the_others_of_its_region_alone() {
    let bed = Bed::new().await;
    bed.sim.inject(
        serde_json::from_value(json!({ "cluster": "prod", "action": { "kind": "hang", "ms": 3_000 } })).unwrap(),
    );
    for number in 0..10 {
        let mut ask = view("payments");
        ask.cluster_name = "prod".to_owned();
        ask.duration = Some("1h".to_owned());
        ask.principal_arn = format!("arn:aws:iam::111122223333:role/r{number}");
        let request = bed.file("alice", ask).await;
        bed.approve("bob", request.id).await;
    }
    let stop = tokio_util::sync::CancellationToken::new();
    let working = tokio::spawn(bed.another_worker().run(stop.clone()));
    let hanging = || bed.sim.calls().iter().filter(|call| call.finished_at.is_none()).count();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while hanging() < 8 {
        assert!(tokio::time::Instant::now() < deadline, "all hands are at work on the cluster that hangs");
        tokio::task::yield_now().await;
    }
    let request = bed.granted(view("payments")).await;
    while bed.truth("dev", ROLE).await.is_none() {
        assert!(tokio::time::Instant::now() < deadline, "the other cluster waits for it");
    }
    assert!(hanging() > 0, "while the first one still hangs");
    stop.cancel();
    working.await.unwrap();
    assert_eq!(bed.get(request.id).await.request.requester, "alice");
}

#[tokio::test]
async fn a_create_that_takes_effect_after_the_proof_of_its_end_is_found_and_taken_away() {
    let bed = Bed::new().await;
    bed.sim.inject(
        serde_json::from_value(json!({ "op": "CreateAccessEntry", "times": 1, "action": { "kind": "reset" } }))
            .unwrap(),
    );
    let request = bed.granted(view("payments")).await;
    bed.work().await;
    bed.revoke("bob", request.id).await.unwrap();
    bed.until(request.id, RequestState::Ended).await;
    // Only now EKS does what it was told.
    edit_entry(&bed, json!({ "kubernetesGroups": ["g"], "tags": { "entryway/installation": "tests" } })).await;
    for _ in 0..4 {
        bed.pass(bed.desk.settings.tempo.drift_interval);
        bed.work().await;
    }
    assert!(bed.truth("dev", ROLE).await.is_none());
}

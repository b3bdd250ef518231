//! Cases 103, 104 and 107: errors whose outcome the caller cannot know.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::bed::{Bed, KEY, ROLE, entries_of, policy};
use super::operations;

async fn inject(bed: &Bed, fault: Value) -> u64 {
    bed.post("/_sim/faults", fault).await.good()["id"].as_u64().unwrap()
}

fn error(status: u16, code: &str, applied: bool) -> Value {
    json!({"kind": "error", "status": status, "code": code, "message": "went wrong", "applied": applied})
}

async fn create_may_break(bed: &Bed) -> reqwest::Result<super::bed::Answer> {
    let body = json!({ "principalArn": ROLE });
    bed.try_call(KEY, "eu-central-1", Method::POST, &entries_of("dev"), body).await
}

#[tokio::test]
async fn case_103_an_error_before_the_effect_and_one_after_it() {
    let bed = Bed::new().await;
    inject(
        &bed,
        json!({"op": "CreateAccessEntry", "times": 1, "action": error(503, "ServiceUnavailableException", false)}),
    )
    .await;
    let answer = bed.create("dev", json!({"principalArn": ROLE})).await;
    answer.refused_with(503, "ServiceUnavailableException", "went wrong");
    bed.describe("dev", ROLE).await.refused(404, "ResourceNotFoundException");

    let id = inject(&bed, json!({"op": "Create*", "times": 1, "action": error(500, "ServerException", true)})).await;
    bed.create("dev", json!({"principalArn": ROLE})).await.refused(500, "ServerException");
    bed.describe("dev", ROLE).await.good();
    let calls = bed.sim.calls();
    let told: Vec<_> = calls.iter().map(|call| (call.applied, call.status, call.applied_seq)).collect();
    assert_eq!(
        told,
        [(false, Some(503), None), (false, Some(404), None), (true, Some(500), Some(1)), (false, Some(200), None)]
    );
    assert_eq!(calls[2].fault, Some(id));
}

#[tokio::test]
async fn case_103_any_write_may_have_happened_or_not() {
    let outcomes = [(500, "ServerException"), (503, "ServiceUnavailableException")];
    for op in [
        "CreateAccessEntry",
        "UpdateAccessEntry",
        "AssociateAccessPolicy",
        "DisassociateAccessPolicy",
        "DeleteAccessEntry",
    ] {
        for ((status, code), applied) in outcomes.into_iter().flat_map(|told| [(told, false), (told, true)]) {
            let bed = Bed::new().await;
            inject(&bed, json!({"op": op, "action": error(status, code, applied)})).await;
            let answers = operations::on_entries(&bed, "dev").await;
            let (_, answer) = answers.into_iter().find(|(name, _)| *name == op).unwrap();
            answer.refused_with(status, code, "went wrong");
            let calls = bed.get(&format!("/_sim/calls?op={op}")).await.good();
            assert_eq!(calls["calls"][0]["applied"], applied, "{op} {status}");
            let truth = bed.get("/_sim/entries?cluster=dev").await.good();
            let left = truth["entries"].as_array().unwrap().iter().any(|entry| entry["principalArn"] == ROLE);
            let expected = op == "DeleteAccessEntry" && !applied;
            assert_eq!(left, expected, "{op} {status}");
        }
    }
}

#[tokio::test]
async fn case_104_a_connection_cut_after_the_effect() {
    let bed = Bed::new().await;
    for applied in [false, true] {
        let fault = json!({"op": "CreateAccessEntry", "times": 1, "action": {"kind": "reset", "applied": applied}});
        inject(&bed, fault).await;
        let broken = create_may_break(&bed).await.unwrap_err();
        assert!(broken.is_request() && !broken.is_timeout(), "{broken:?}");
        assert_eq!(bed.describe("dev", ROLE).await.status, if applied { 200 } else { 404 });
    }
    let cut: Vec<_> = bed.sim.calls().into_iter().filter(|call| call.op == "CreateAccessEntry").collect();
    assert!(cut.iter().all(|call| call.status.is_none() && call.error_code.as_deref() == Some("ConnectionReset")));
    assert_eq!(cut.iter().map(|call| call.applied).collect::<Vec<_>>(), [false, true]);
}

#[tokio::test]
async fn case_107_created_but_never_associated() {
    let bed = Bed::new().await;
    inject(&bed, json!({"op": "AssociateAccessPolicy", "cluster": "dev", "action": error(400, "InvalidParameterException", false)})).await;
    bed.create_plain("dev", ROLE).await;
    bed.create_plain("prod", ROLE).await;
    let (view, scope) = (policy("AmazonEKSViewPolicy"), json!({"type": "cluster"}));
    for _ in 0..3 {
        bed.associate("dev", ROLE, &view, scope.clone()).await.refused(400, "InvalidParameterException");
    }
    bed.associate("prod", ROLE, &view, scope.clone()).await.good();
    bed.delete("/_sim/faults").await.good();
    bed.associate("dev", ROLE, &view, scope).await.good();
}

#[tokio::test]
async fn faults_strike_sts_in_its_own_protocol() {
    let bed = Bed::new().await;
    inject(&bed, json!({"op": "AssumeRole", "action": error(503, "ServiceUnavailable", false)})).await;
    let ask = format!("Action=AssumeRole&Version=2011-06-15&RoleArn={ROLE}&RoleSessionName=req-1");
    let answer = bed.form(&ask).await;
    assert_eq!(answer.status, 503);
    assert!(answer.text.contains("<Type>Receiver</Type><Code>ServiceUnavailable</Code>"), "{}", answer.text);
    bed.sim.heal();
    assert_eq!(bed.form(&ask).await.status, 200);
}

/// Waits until the simulator has seen a call in the state that `ready` looks for.
async fn until(bed: &Bed, ready: impl Fn(&entryway::sandbox::sim::CallRecord) -> bool) {
    let seen = async {
        while !bed.sim.calls().iter().any(&ready) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), seen).await.unwrap();
}

#[tokio::test]
async fn a_call_that_hangs_takes_effect_late_even_when_nobody_waits() {
    let bed = Bed::new().await;
    inject(&bed, json!({"op": "CreateAccessEntry", "action": {"kind": "hang", "ms": 600_000}})).await;
    tokio::select! {
        answer = create_may_break(&bed) => panic!("answered at once: {answer:?}"),
        () = until(&bed, |call| call.op == "CreateAccessEntry") => {}
    }
    let held = bed.sim.calls()[0].clone();
    assert_eq!((held.at, held.applied, held.status), (None, false, None));
    bed.describe("dev", ROLE).await.refused(404, "ResourceNotFoundException");
    bed.delete("/_sim/faults").await.good();
    until(&bed, |call| call.applied).await;
    bed.describe("dev", ROLE).await.good();
}

#[tokio::test]
async fn a_call_may_take_effect_at_once_and_answer_late() {
    let bed = Bed::new().await;
    inject(&bed, json!({"op": "CreateAccessEntry", "action": {"kind": "hang", "ms": 60_000, "applied": true}})).await;
    tokio::select! {
        answer = create_may_break(&bed) => panic!("answered at once: {answer:?}"),
        () = until(&bed, |call| call.applied) => {}
    }
    bed.describe("dev", ROLE).await.good();
    assert_eq!(bed.sim.calls()[0].finished_at, None);
    // Shutting down lets go of what still hangs.
    tokio::time::timeout(Duration::from_secs(10), bed.sim.shutdown()).await.unwrap().unwrap();
}

#[tokio::test]
async fn faults_aim_skip_expire_and_follow_the_seed() {
    let bed = Bed::new().await;
    let other = "arn:aws:iam::111122223333:role/other";
    let fault = json!({"op": "DescribeAccessEntry", "principalArn": "*:role/my-*", "skip": 1, "times": 2,
        "action": error(500, "ServerException", false)});
    let id = inject(&bed, fault).await;
    let mut statuses = Vec::new();
    for principal in [ROLE, other, ROLE, ROLE, ROLE] {
        statuses.push(bed.describe("dev", principal).await.status);
    }
    assert_eq!(statuses, [404, 404, 500, 500, 404]);
    assert_eq!(bed.get("/_sim/faults").await.good()["faults"][0]["struck"], 2);
    bed.delete(&format!("/_sim/faults/{id}")).await.good();
    assert_eq!(bed.delete(&format!("/_sim/faults/{id}")).await.status, 404);

    inject(&bed, json!({"op": "ListClusters", "probability": 0.5, "action": error(500, "ServerException", false)}))
        .await;
    let mut stories = Vec::new();
    for _ in 0..2 {
        bed.knobs(json!({"seed": 9})).await;
        let mut story = Vec::new();
        for _ in 0..30 {
            story.push(bed.get("/clusters").await.status);
        }
        assert!(story.contains(&200) && story.contains(&500), "{story:?}");
        stories.push(story);
    }
    assert_eq!(stories[0], stories[1]);
}

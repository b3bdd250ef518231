//! The control routes: what they answer to mistakes, and the call log as a witness.

use entryway::sandbox::sim::Knobs;
use serde_json::{Value, json};

use super::bed::{Bed, ROLE, entry_of};

#[tokio::test]
async fn knobs_change_one_by_one_and_go_back() {
    let bed = Bed::new().await;
    assert_eq!(bed.get("/_sim/config").await.good(), json!(Knobs::default()));
    bed.knobs(json!({"lag": {"describe": {"minMs": 1, "maxMs": 9}}, "clusterUpdateMs": 5})).await;
    bed.knobs(json!({"lag": {"list": 7}})).await;
    let set = bed.get("/_sim/config").await.good();
    assert_eq!(set["lag"]["describe"], json!({"minMs": 1, "maxMs": 9}));
    assert_eq!((&set["lag"]["list"], &set["clusterUpdateMs"]), (&json!(7), &json!(5)));
    bed.knobs(json!({"lag": null, "clusterUpdateMs": null})).await;
    assert_eq!(bed.get("/_sim/config").await.good(), json!(Knobs::default()));
}

#[tokio::test]
async fn mistakes_are_named_and_change_nothing() {
    let bed = Bed::new().await;
    for (path, body) in [
        ("/_sim/config", json!({"lagg": {}})),
        ("/_sim/config", json!({"lag": {"describe": "soon"}})),
        ("/_sim/config", json!([])),
        ("/_sim/entries", json!({"cluster": "dev", "principalArn": "nonsense"})),
        ("/_sim/entries", json!({"cluster": "dev", "principalArn": ROLE, "type": "EC2_Linux"})),
        ("/_sim/principals", json!({"arn": "nonsense"})),
    ] {
        let answer = bed.put(path, body).await;
        assert_eq!(answer.status, 400, "{path}: {}", answer.text);
        assert!(answer.body["error"].is_string());
    }
    for (path, body) in [
        ("/_sim/faults", json!({"action": {"kind": "explode"}})),
        ("/_sim/clusters", json!({"name": "a b"})),
        ("/_sim/clusters", json!({"name": "c", "account": "12"})),
        ("/_sim/clock", json!({"forwardMs": 1})),
    ] {
        assert_eq!(bed.post(path, body).await.status, 400, "{path}");
    }
    let nowhere = bed.put("/_sim/entries", json!({"cluster": "nope", "principalArn": ROLE})).await;
    assert_eq!(nowhere.status, 404);
    assert_eq!(bed.get("/_sim/config").await.good(), json!(Knobs::default()));
}

#[tokio::test]
async fn the_log_tells_who_did_what_in_which_order() {
    let bed = Bed::new().await;
    let body = json!({"principalArn": ROLE, "clientRequestToken": "t", "tags": {"k": "v"}});
    bed.create("dev", body.clone()).await.good();
    bed.create("absent", json!({"principalArn": ROLE})).await.refused(404, "ResourceNotFoundException");
    bed.get("/access-policies?maxResults=5").await.good();
    bed.delete(&entry_of("dev", ROLE)).await.good();

    let log = bed.get("/_sim/calls").await.good()["calls"].clone();
    let first = &log[0];
    for (field, expected) in [
        ("seq", json!(1)),
        ("appliedSeq", json!(1)),
        ("service", json!("eks")),
        ("account", json!("111122223333")),
        ("region", json!("eu-central-1")),
        ("op", json!("CreateAccessEntry")),
        ("cluster", json!("dev")),
        ("principalArn", json!(ROLE)),
        ("policyArn", Value::Null),
        ("request", body),
        ("status", json!(200)),
        ("errorCode", Value::Null),
        ("applied", json!(true)),
        ("clientRequestToken", json!("t")),
    ] {
        assert_eq!(first[field], expected, "{field}");
    }
    let times: Vec<_> = ["startedAt", "at", "finishedAt"].iter().map(|name| first[*name].as_i64().unwrap()).collect();
    assert!(times.is_sorted() && times[0] > 1_700_000_000_000);
    let order: Vec<_> = log.as_array().unwrap().iter().map(|call| (&call["seq"], &call["appliedSeq"])).collect();
    let expected = [(json!(1), json!(1)), (json!(2), Value::Null), (json!(3), Value::Null), (json!(4), json!(2))];
    assert_eq!(order, expected.each_ref().map(|(seq, applied)| (seq, applied)));
    assert_eq!(log[2]["request"], json!({"maxResults": "5"}));

    let narrowed = bed.get("/_sim/calls?op=*AccessEntry&cluster=dev&after=1").await.good();
    assert_eq!(narrowed["calls"].as_array().unwrap().len(), 1);
    bed.delete("/_sim/calls").await.good();
    assert_eq!(bed.get("/_sim/calls").await.good(), json!({"calls": []}));
    bed.get("/clusters").await.good();
    assert_eq!(bed.sim.calls()[0].seq, 5, "numbers go on");
}

#[tokio::test]
async fn a_stopped_clock_runs_on_from_where_it_stood() {
    let bed = Bed::new().await;
    let at = |answer: Value| answer["nowMs"].as_i64().unwrap();
    let stopped = at(bed.post("/_sim/clock", json!({"frozen": true})).await.good());
    let moved = at(bed.post("/_sim/clock", json!({"advanceMs": 86_400_000})).await.good());
    assert_eq!(moved - stopped, 86_400_000);
    assert_eq!(at(bed.get("/_sim/clock").await.good()), moved);
    let running = bed.post("/_sim/clock", json!({"frozen": false})).await.good();
    assert!(at(running.clone()) >= moved && running["frozen"] == false);
}

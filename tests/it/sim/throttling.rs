//! Case 102: too many calls.

use reqwest::Method;
use serde_json::{Value, json};

use super::bed::{Bed, KEY};

async fn limited(throttle: Value) -> Bed {
    let bed = Bed::new().await;
    bed.freeze().await;
    bed.knobs(json!({ "throttle": throttle })).await;
    bed
}

#[tokio::test]
async fn case_102_a_bucket_empties_and_fills_again() {
    let bed = limited(json!({"callsPerSecond": 2, "burst": 3, "retryAfterMs": 250})).await;
    for _ in 0..3 {
        bed.get("/clusters").await.good();
    }
    let answer = bed.get("/clusters").await;
    answer.refused_with(429, "TooManyRequestsException", "Too Many Requests");
    assert_eq!(answer.headers["x-amz-retry-after"], "250");
    bed.advance(500).await;
    bed.get("/clusters").await.good();
    bed.get("/clusters").await.refused(429, "TooManyRequestsException");

    // Each account and region has a bucket of its own, and STS is not concerned.
    bed.call_as(KEY, "us-east-1", Method::GET, "/clusters", Value::Null).await.good();
    assert_eq!(bed.form("Action=GetCallerIdentity&Version=2011-06-15").await.status, 200);
    let throttled: Vec<_> = bed.sim.calls().into_iter().filter(|call| call.status == Some(429)).collect();
    assert_eq!(throttled.len(), 2, "the log has the refused calls as well");
    bed.knobs(json!({"throttle": null})).await;
    bed.get("/clusters").await.good();
}

#[tokio::test]
async fn case_102_with_the_other_code_and_only_for_some_operations() {
    let limit = json!({"callsPerSecond": 1, "burst": 1, "op": "Describe*", "code": "ThrottlingException"});
    let bed = limited(limit).await;
    bed.get("/clusters/dev").await.good();
    let answer = bed.get("/clusters/dev").await;
    answer.refused_with(429, "ThrottlingException", "Rate exceeded");
    assert!(answer.headers.get("x-amz-retry-after").is_none());
    bed.get("/clusters").await.good();
}

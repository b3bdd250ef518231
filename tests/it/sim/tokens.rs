//! Cases 48 to 50: `clientRequestToken`.

use serde_json::json;

use super::bed::{Bed, ROLE, entry_of};

#[tokio::test]
async fn case_048_the_same_ask_under_the_same_token_is_done_once() {
    let bed = Bed::new().await;
    let ask = json!({"principalArn": ROLE, "clientRequestToken": "t-1"});
    let first = bed.create("dev", ask.clone()).await.good();
    assert_eq!(bed.create("dev", ask).await.good(), first);
    let applied: Vec<_> = bed.sim.calls().iter().map(|call| call.applied).collect();
    assert_eq!(applied, [true, false]);
    assert_eq!(bed.sim.calls()[1].client_request_token.as_deref(), Some("t-1"));
}

#[tokio::test]
async fn case_049_another_ask_under_the_same_token_is_an_error() {
    let bed = Bed::new().await;
    bed.create("dev", json!({"principalArn": ROLE, "clientRequestToken": "t-1"})).await.good();
    let other = json!({"principalArn": ROLE, "clientRequestToken": "t-1", "username": "x"});
    bed.create("dev", other).await.refused(400, "InvalidParameterException");
    let elsewhere = json!({"principalArn": ROLE, "clientRequestToken": "t-1"});
    bed.create("prod", elsewhere).await.good();
}

#[tokio::test]
async fn case_050_a_token_does_not_outlive_the_entry_or_the_day() {
    let bed = Bed::new().await;
    let ask = json!({"principalArn": ROLE, "clientRequestToken": "t-1"});
    let first = bed.create("dev", ask.clone()).await.good();
    bed.delete(&entry_of("dev", ROLE)).await.good();
    let second = bed.create("dev", ask.clone()).await.good();
    assert_ne!(first["accessEntry"]["accessEntryArn"], second["accessEntry"]["accessEntryArn"]);
    bed.advance(24 * 60 * 60 * 1_000).await;
    bed.create("dev", ask).await.refused(409, "ResourceInUseException");
}

#[tokio::test]
async fn a_repeated_update_is_not_done_again() {
    let bed = Bed::new().await;
    bed.create_plain("dev", ROLE).await;
    let (path, ask) = (entry_of("dev", ROLE), json!({"kubernetesGroups": ["a"], "clientRequestToken": "u-1"}));
    bed.post(&path, ask.clone()).await.good();
    bed.post(&path, json!({"kubernetesGroups": ["b"]})).await.good();
    let replayed = bed.post(&path, ask.clone()).await.good();
    assert_eq!(replayed["accessEntry"]["kubernetesGroups"], json!(["b"]));
    bed.knobs(json!({"clientTokens": false})).await;
    let done = bed.post(&path, ask).await.good();
    assert_eq!(done["accessEntry"]["kubernetesGroups"], json!(["a"]));
}

//! Streams that were opened with a provider's token end with it.

use chrono::TimeDelta;
use entryway::domain::token::LEEWAY;

use super::super::streams::reader::Reader;
use super::provider::{Provider, Signer};
use super::{WithToken, claims, me, taking};

#[tokio::test]
async fn a_stream_ends_when_its_token_does() {
    let signer = Signer::ec("e");
    let provider = Provider::start(std::slice::from_ref(&signer)).await;
    let api = taking(&provider).await;
    let token = signer.sign(&claims(&provider.issuer, "erin", &["engineering"], 0));
    let url = format!("{}/v1/events/stream", api.base);
    let shown = [("authorization", format!("Bearer {token}"))];
    let mut reader = Reader::with(&url, &shown).await;
    api.bed.hands.advance(TimeDelta::minutes(59));
    for _ in 0..3 {
        reader.frame().await.expect("it is good for an hour");
    }
    api.bed.hands.advance(TimeDelta::minutes(1) + LEEWAY);
    assert!(reader.farewell().await.comment.is_some_and(|why| why.contains("token")));
    api.call(reqwest::Method::GET, "/v1/events/stream").token(&token).await.fails(401, "unauthenticated");
}

#[tokio::test]
async fn a_stream_ends_when_a_newer_token_tells_of_other_groups() {
    let signer = Signer::ec("e");
    let provider = Provider::start(std::slice::from_ref(&signer)).await;
    let api = taking(&provider).await;
    let token = signer.sign(&claims(&provider.issuer, "erin", &["sre"], 0));
    let url = format!("{}/v1/events/stream", api.base);
    let mut reader = Reader::with(&url, &[("authorization", format!("Bearer {token}"))]).await;
    api.bed.hands.advance(TimeDelta::minutes(5));
    let newer = signer.sign(&claims(&provider.issuer, "erin", &["dancers"], 5));
    me(&api, &newer).await.is(200);
    assert!(reader.farewell().await.comment.is_some_and(|why| why.contains("changed")));
}

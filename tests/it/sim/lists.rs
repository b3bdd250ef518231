//! Cases 53 to 61: describing and listing.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::bed::{Bed, ROLE, entries_of, policies_of, policy, segment};

pub(crate) const NO_ENTRY: &str = "The specified principalArn could not be found. You can view your available access entries with 'list-access-entries'.";

fn names(answer: &Value) -> Vec<String> {
    answer["accessEntries"].as_array().unwrap().iter().map(|arn| arn.as_str().unwrap().to_owned()).collect()
}

fn role(name: &str) -> String {
    format!("arn:aws:iam::111122223333:role/{name}")
}

#[tokio::test]
async fn case_053_054_describe_tells_unknown_from_malformed() {
    let bed = Bed::new().await;
    bed.describe("dev", ROLE).await.refused_with(404, "ResourceNotFoundException", NO_ENTRY);
    for malformed in ["nonsense", "arn:aws:sts::111122223333:assumed-role/my-role/me"] {
        bed.describe("dev", malformed).await.bad_parameter("The principalArn parameter format is not valid");
    }
}

#[tokio::test]
async fn case_055_lists_ascend() {
    let bed = Bed::new().await;
    for name in ["b", "z", "a"] {
        bed.create_plain("dev", &role(name)).await;
    }
    let listed = names(&bed.get(&entries_of("dev")).await.good());
    assert!(listed.is_sorted() && listed.len() == 5, "{listed:?}");
    let clusters = bed.get("/clusters").await.good();
    assert_eq!(clusters, json!({"clusters": ["dev", "legacy", "prod"], "nextToken": null}));
}

#[tokio::test]
async fn case_056_061_pages_meet_end_to_end_whatever_comes_in_between() {
    let bed = Bed::new().await;
    for name in ["d", "f", "h"] {
        bed.create_plain("dev", &role(name)).await;
    }
    let mut seen = Vec::new();
    let mut token: Option<String> = None;
    for turn in 0.. {
        let next = token.map(|token| format!("&nextToken={}", segment(&token))).unwrap_or_default();
        let page = bed.get(&format!("{}?maxResults=1{next}", entries_of("dev"))).await.good();
        assert_eq!(names(&page).len(), 1);
        seen.extend(names(&page));
        // One before the page and one after it: only the latter may show.
        bed.create_plain("dev", &role(&format!("a{turn}"))).await;
        if turn == 0 {
            bed.create_plain("dev", &role("g")).await;
        }
        let Some(text) = page["nextToken"].as_str() else { break };
        token = Some(text.to_owned());
    }
    let distinct: BTreeSet<_> = seen.iter().collect();
    assert_eq!(distinct.len(), seen.len(), "{seen:?}");
    for name in ["d", "f", "g", "h"] {
        assert!(seen.contains(&role(name)), "{name} in {seen:?}");
    }
}

#[tokio::test]
async fn case_057_058_bad_pages_are_bad_parameters() {
    let bed = Bed::new().await;
    bed.create_plain("dev", ROLE).await;
    let first = bed.get("/access-policies?maxResults=1").await.good();
    let foreign = first["nextToken"].as_str().unwrap();
    for list in [entries_of("dev"), policies_of("dev", ROLE), "/clusters".into()] {
        for query in ["maxResults=0", "maxResults=101", "maxResults=abc", "maxResults=", "nextToken=garbage"] {
            bed.get(&format!("{list}?{query}")).await.refused(400, "InvalidParameterException");
        }
        bed.get(&format!("{list}?nextToken={foreign}")).await.refused(400, "InvalidParameterException");
        bed.get(&format!("{list}?maxResults=100")).await.good();
    }
}

#[tokio::test]
async fn case_060_088_by_associated_policy() {
    let bed = Bed::new().await;
    let view = policy("AmazonEKSViewPolicy");
    for name in ["a", "b", "c"] {
        bed.create_plain("dev", &role(name)).await;
    }
    for name in ["c", "a"] {
        bed.associate("dev", &role(name), &view, json!({"type": "cluster"})).await.good();
    }
    let list = format!("{}?associatedPolicyArn={}", entries_of("dev"), segment(&view));
    assert_eq!(names(&bed.get(&list).await.good()), [role("a"), role("c")]);
    bed.delete(&format!("{}/{}", policies_of("dev", &role("a")), segment(&view))).await.good();
    assert_eq!(names(&bed.get(&list).await.good()), [role("c")]);
    let malformed = bed.get(&format!("{}?associatedPolicyArn=nope", entries_of("dev"))).await;
    malformed.bad_parameter("The policyArn parameter format is not valid");
}

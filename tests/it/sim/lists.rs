//! Cases 53 to 61 and 88: describing and listing. Case 59 is with the SDK, which pages.

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
async fn case_053_describe_does_not_find_what_is_not_there() {
    let bed = Bed::new().await;
    bed.describe("dev", ROLE).await.refused_with(404, "ResourceNotFoundException", NO_ENTRY);
}

#[tokio::test]
async fn case_054_describe_tells_malformed_from_unknown() {
    let bed = Bed::new().await;
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
async fn case_056_pages_have_the_size_asked_for_and_the_last_has_no_token() {
    let bed = Bed::new().await;
    for number in 0..118 {
        bed.create_plain("dev", &role(&format!("r{number:0>3}"))).await;
    }
    let all = 118 + 2;
    for size in [1, 7, 60, 99, 100] {
        let mut sizes = Vec::new();
        let mut next = String::new();
        loop {
            let page = bed.get(&format!("{}?maxResults={size}{next}", entries_of("dev"))).await.good();
            sizes.push(names(&page).len());
            let Some(token) = page["nextToken"].as_str() else {
                assert!(page["nextToken"].is_null());
                break;
            };
            next = format!("&nextToken={}", segment(token));
        }
        assert_eq!(sizes.iter().sum::<usize>(), all);
        let (last, full) = sizes.split_last().unwrap();
        assert!(full.iter().all(|found| *found == size) && (1..=size).contains(last), "{size}: {sizes:?}");
    }
    let unasked = bed.get(&entries_of("dev")).await.good();
    assert!(names(&unasked).len() == 100 && unasked["nextToken"].is_string());
}

#[tokio::test]
async fn case_061_pages_meet_end_to_end_whatever_comes_in_between() {
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

/// A list of every kind, each with something in it.
async fn lists() -> (Bed, Vec<String>) {
    let bed = Bed::new().await;
    bed.create_plain("dev", ROLE).await;
    let lists = vec![entries_of("dev"), policies_of("dev", ROLE), "/clusters".into(), "/access-policies".into()];
    (bed, lists)
}

#[tokio::test]
async fn case_057_page_sizes_are_from_1_to_100() {
    let (bed, lists) = lists().await;
    for list in lists {
        for size in ["0", "101", "abc", "", "-1", "1.5"] {
            bed.get(&format!("{list}?maxResults={size}")).await.refused(400, "InvalidParameterException");
        }
        for size in ["1", "100"] {
            bed.get(&format!("{list}?maxResults={size}")).await.good();
        }
    }
}

#[tokio::test]
async fn case_058_a_token_that_eks_did_not_give_for_this_list_is_a_bad_parameter() {
    let (bed, lists) = lists().await;
    let theirs = |page: Value| page["nextToken"].as_str().unwrap().to_owned();
    let of_policies = theirs(bed.get("/access-policies?maxResults=1").await.good());
    let of_clusters = theirs(bed.get("/clusters?maxResults=1").await.good());
    for list in lists {
        let foreign = if list == "/access-policies" { &of_clusters } else { &of_policies };
        for token in ["garbage", "", foreign] {
            bed.get(&format!("{list}?nextToken={token}")).await.refused(400, "InvalidParameterException");
        }
    }
}

#[tokio::test]
async fn case_060_by_associated_policy() {
    let bed = Bed::new().await;
    let view = policy("AmazonEKSViewPolicy");
    for name in ["a", "b", "c"] {
        bed.create_plain("dev", &role(name)).await;
    }
    for (name, of) in [("c", "AmazonEKSViewPolicy"), ("a", "AmazonEKSViewPolicy"), ("b", "AmazonEKSEditPolicy")] {
        bed.associate("dev", &role(name), &policy(of), json!({"type": "cluster"})).await.good();
    }
    let list = format!("{}?associatedPolicyArn={}", entries_of("dev"), segment(&view));
    assert_eq!(names(&bed.get(&list).await.good()), [role("a"), role("c")]);
    let first = bed.get(&format!("{list}&maxResults=1")).await.good();
    let token = segment(first["nextToken"].as_str().unwrap());
    let second = bed.get(&format!("{list}&maxResults=1&nextToken={token}")).await.good();
    assert_eq!([names(&first), names(&second)].concat(), [role("a"), role("c")]);
    let malformed = bed.get(&format!("{}?associatedPolicyArn=nope", entries_of("dev"))).await;
    malformed.bad_parameter("The policyArn parameter format is not valid");
}

#[tokio::test]
async fn case_088_the_list_by_policy_follows_what_is_associated() {
    let bed = Bed::new().await;
    let view = policy("AmazonEKSViewPolicy");
    let list = format!("{}?associatedPolicyArn={}", entries_of("dev"), segment(&view));
    bed.create_plain("dev", ROLE).await;
    assert_eq!(names(&bed.get(&list).await.good()), Vec::<String>::new());
    bed.associate("dev", ROLE, &view, json!({"type": "cluster"})).await.good();
    assert_eq!(names(&bed.get(&list).await.good()), [ROLE]);
    bed.delete(&format!("{}/{}", policies_of("dev", ROLE), segment(&view))).await.good();
    assert_eq!(names(&bed.get(&list).await.good()), Vec::<String>::new());
}

//! Lists: what is in them, in which order, page by page.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use entryway::domain::states::RequestState;
use serde_json::{Value, json};

use super::bed::{Answer, Api, ask};
use crate::harness::ROLE;

/// An API whose clock tells the time of this machine, by which ids are made.
async fn today() -> (Api, DateTime<Utc>) {
    let (api, now) = (Api::new().await, Utc::now());
    api.bed.hands.set(now);
    (api, now)
}

fn text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}

fn ids(answer: &Answer) -> Vec<String> {
    answer.each("id")
}

#[tokio::test]
async fn filters_add_up_and_the_newest_come_first() {
    let (api, now) = today().await;
    let other = "arn:aws:iam::111122223333:role/other";
    let asks = [
        ("alice", json!({})),
        ("alice", json!({"clusterName": "prod", "duration": "8h"})),
        ("dan", json!({"principalArn": other})),
        ("bob", json!({})),
        ("alice", json!({"duration": "8h"})),
    ];
    let mut filed = vec![];
    for (who, changes) in asks {
        filed.push(api.file(who, &ask(changes)).await["id"].as_str().unwrap().to_owned());
        api.bed.pass(TimeDelta::seconds(10));
    }
    api.bed.until(filed[4].parse().unwrap(), RequestState::Active).await;
    let expires = api.get("bob", &format!("/v1/requests/{}", filed[4])).await.body["grant"]["expiresAt"].clone();
    let expires: DateTime<Utc> = expires.as_str().unwrap().parse().unwrap();

    let list = async |who: &str, query: &str| -> Vec<usize> {
        let answer = api.get(who, &format!("/v1/requests?{query}")).await.is(200);
        assert_eq!(answer.body["nextToken"], Value::Null);
        ids(&answer).iter().map(|id| filed.iter().position(|known| known == id).unwrap()).collect()
    };
    let third = now + TimeDelta::seconds(20);
    let cases: Vec<(&str, String, Vec<usize>)> = vec![
        ("bob", String::new(), vec![4, 3, 2, 1, 0]),
        ("bob", "state=pending".into(), vec![3, 2, 1, 0]),
        ("bob", "state=active".into(), vec![4]),
        ("bob", "state=active&state=pending".into(), vec![4, 3, 2, 1, 0]),
        ("bob", "state=ended".into(), vec![]),
        ("bob", "clusterName=prod".into(), vec![1]),
        ("bob", "clusterName=nowhere".into(), vec![]),
        ("bob", format!("principalArn={other}"), vec![2]),
        ("bob", format!("principalArn={}", ROLE.replace('/', "%2F")), vec![4, 3, 1, 0]),
        ("bob", "requester=alice".into(), vec![4, 1, 0]),
        ("bob", "requester=me".into(), vec![3]),
        ("alice", "requester=me".into(), vec![4, 1, 0]),
        ("bob", "reviewable=true".into(), vec![2, 1, 0]),
        ("bob", "reviewable=false".into(), vec![4, 3, 2, 1, 0]),
        ("bob", "reviewable=true&state=active".into(), vec![]),
        ("alice", "reviewable=true".into(), vec![]),
        ("bob", format!("createdAfter={}", text(third)), vec![4, 3]),
        ("bob", format!("createdBefore={}", text(third)), vec![1, 0]),
        ("bob", format!("createdAfter={}&createdBefore={}", text(now), text(third)), vec![1]),
        ("bob", format!("expiresBefore={}", text(expires)), vec![]),
        ("bob", format!("expiresBefore={}", text(expires + TimeDelta::microseconds(1))), vec![4]),
        ("bob", "requester=alice&state=pending".into(), vec![1, 0]),
        ("bob", "requester=alice&state=pending&clusterName=dev".into(), vec![0]),
        ("bob", format!("requester=alice&principalArn={ROLE}&clusterName=dev&state=active&reviewable=false"), vec![4]),
        ("bob", format!("requester=dan&principalArn={ROLE}"), vec![]),
        ("bob", "requester=alice&state=pending&state=active&state=pending".into(), vec![4, 1, 0]),
        ("bob", "clusterName=prod&state=pending".into(), vec![1]),
        ("bob", "clusterName=dev&state=active&state=ended&state=pending".into(), vec![4, 3, 2, 0]),
        ("bob", format!("principalArn={ROLE}&state=active"), vec![4]),
        ("bob", format!("principalArn={ROLE}&state=active&state=pending&clusterName=dev"), vec![4, 3, 0]),
        ("bob", format!("state=active&state=pending&createdBefore={}", text(third)), vec![1, 0]),
        ("bob", format!("state=active&state=failed&expiresBefore={}", text(expires)), vec![]),
    ];
    for (who, query, expected) in cases {
        assert_eq!(list(who, &query).await, expected, "{who} {query}");
    }
}

#[tokio::test]
async fn pages_hold_everything_once_whatever_is_filed_meanwhile() {
    let api = Api::new().await;
    for _ in 0..23 {
        api.filed("alice").await;
    }
    let whole = ids(&api.get("bob", "/v1/requests?maxResults=100").await.is(200));
    assert_eq!(whole.len(), 23);
    let replica = api.replica().await;
    let (mut seen, mut token, mut pages) = (vec![], String::new(), 0);
    loop {
        // Each page from another replica, and of another size.
        let base = if pages % 2 == 0 { String::new() } else { replica.clone() };
        let page =
            api.get("bob", &format!("{base}/v1/requests?state=pending&maxResults={}{token}", 4 + pages)).await.is(200);
        seen.extend(ids(&page));
        pages += 1;
        api.filed("dan").await;
        match page.body["nextToken"].as_str() {
            Some(next) => token = format!("&nextToken={next}"),
            None => break,
        }
    }
    assert_eq!((seen, pages), (whole, 5));
}

#[tokio::test]
async fn pages_of_several_states_hold_each_request_once_in_the_order_of_filing() {
    let api = Api::new().await;
    for place in 0..13 {
        let id = api.filed("alice").await;
        if place % 3 == 0 {
            api.post("alice", &format!("{id}/withdraw")).await.is(200);
        }
    }
    for filter in ["", "&requester=alice", "&clusterName=dev", &format!("&principalArn={ROLE}")] {
        let query = format!("/v1/requests?state=withdrawn&state=pending{filter}");
        let whole = ids(&api.get("bob", &format!("{query}&maxResults=100")).await.is(200));
        assert_eq!(whole, ids(&api.get("bob", "/v1/requests").await.is(200)));
        assert_eq!(whole.len(), 13);
        let (mut seen, mut token) = (vec![], String::new());
        loop {
            let page = api.get("bob", &format!("{query}&maxResults=4{token}")).await.is(200);
            seen.extend(ids(&page));
            match page.body["nextToken"].as_str() {
                Some(next) => token = format!("&nextToken={next}"),
                None => break,
            }
        }
        assert_eq!(seen, whole, "{filter}");
    }
}

#[tokio::test]
async fn a_page_that_ends_exactly_at_the_end_is_the_last() {
    let api = Api::new().await;
    for _ in 0..4 {
        api.filed("alice").await;
    }
    let first = api.get("bob", "/v1/requests?maxResults=2").await.is(200);
    let token = first.body["nextToken"].as_str().unwrap();
    let second = api.get("bob", &format!("/v1/requests?maxResults=2&nextToken={token}")).await.is(200);
    assert_eq!((ids(&second).len(), &second.body["nextToken"]), (2, &Value::Null));
}

#[tokio::test]
async fn a_page_token_is_good_for_its_own_list_and_caller_only() {
    let api = Api::new().await;
    for _ in 0..3 {
        api.filed("alice").await;
    }
    let list = |who: &str, query: &str| api.get(who, &format!("/v1/requests?maxResults=1&{query}"));
    let first = list("bob", "state=pending&clusterName=dev").await.is(200);
    let token = first.body["nextToken"].as_str().unwrap().to_owned();
    let with = |query: &str| format!("{query}&nextToken={token}");
    list("bob", &with("state=pending&clusterName=dev")).await.is(200);
    list("bob", &with("clusterName=dev&state=pending")).await.is(200);
    for other in [
        "clusterName=dev",
        "state=pending",
        "state=pending&clusterName=prod",
        "state=pending&clusterName=dev&requester=me",
        "",
    ] {
        list("bob", &with(other)).await.fails(400, "next-token-invalid");
    }
    for who in ["carol", "alice"] {
        list(who, &with("state=pending&clusterName=dev")).await.fails(400, "next-token-invalid");
    }
    let for_bob = list("portal", &with("state=pending&clusterName=dev")).header("entryway-on-behalf-of", "bob");
    for_bob.await.fails(400, "next-token-invalid");

    for place in 0..token.len() {
        let mut tampered = token.clone().into_bytes();
        tampered[place] = if tampered[place] == b'A' { b'B' } else { b'A' };
        let tampered = String::from_utf8(tampered).unwrap();
        list("bob", &format!("state=pending&clusterName=dev&nextToken={tampered}"))
            .await
            .fails(400, "next-token-invalid");
    }
    for forged in ["x", "AAAA", &format!("{token}A"), &token[1..], "00000000-0000-0000-0000-000000000000"] {
        list("bob", &format!("state=pending&clusterName=dev&nextToken={forged}"))
            .await
            .fails(400, "next-token-invalid");
    }
}

#[tokio::test]
async fn parameters_that_are_wrong_are_all_named_at_once() {
    let api = Api::new().await;
    let wrong = async |query: &str| -> Vec<String> {
        let answer = api.get("bob", &format!("/v1/requests?{query}")).await.fails(400, "bad-parameter");
        answer.errors().into_iter().map(|(_, name)| name).collect()
    };
    for size in ["0", "101", "-1", "1.5", "ten", "", "%201", "1e1"] {
        assert_eq!(wrong(&format!("maxResults={size}")).await, ["maxResults"], "{size}");
    }
    for size in ["1", "100"] {
        api.get("bob", &format!("/v1/requests?maxResults={size}")).await.is(200);
    }
    for (query, name) in [
        ("state=gone", "state"),
        ("state=Active", "state"),
        ("state=active,pending", "state"),
        ("state=", "state"),
        ("clusterName=", "clusterName"),
        ("clusterName=a&clusterName=b", "clusterName"),
        ("requester=", "requester"),
        ("reviewable=yes", "reviewable"),
        ("createdAfter=yesterday", "createdAfter"),
        ("createdBefore=2026-01-31", "createdBefore"),
        ("expiresBefore=2026-01-31T12:00:00", "expiresBefore"),
        ("principalArn=%00", "principalArn"),
        ("requester=%ff", "requester"),
        ("nextToken=", "nextToken"),
        ("State=active", "State"),
    ] {
        assert_eq!(wrong(query).await, [name], "{query}");
    }
    let many = wrong("maxResults=0&state=x&reviewable=1&nonsense=1&createdAfter=now").await;
    let all = ["createdAfter", "maxResults", "nonsense", "reviewable", "state"];
    assert!(all.iter().all(|name| many.iter().any(|wrong| wrong == name)) && many.len() == all.len(), "{many:?}");
}

//! Cases 96 to 100, 105 and 106: reads that lag, reads that go back and forth, and hands other than ours. The clock
//! stands still in these tests; only they move it.

use entryway::sandbox::sim::Lag;
use serde_json::{Value, json};

use super::bed::{Bed, ROLE, entries_of, entry_of, policies_of, policy, segment};
use super::lists::NO_ENTRY;

async fn frozen(lag: Value) -> Bed {
    let bed = Bed::new().await;
    bed.freeze().await;
    bed.knobs(json!({ "lag": lag })).await;
    bed
}

async fn authorizer(bed: &Bed) -> Value {
    bed.get(&format!("/_sim/authorizer?cluster=dev&principalArn={}", segment(ROLE))).await.good()
}

#[tokio::test]
async fn case_096_describe_does_not_know_yet() {
    let bed = frozen(json!({"describe": 3_000})).await;
    bed.create_plain("dev", ROLE).await;
    bed.describe("dev", ROLE).await.refused_with(404, "ResourceNotFoundException", NO_ENTRY);
    let truth = bed.get(&format!("/_sim/entries?cluster=dev&principalArn={}", segment(ROLE))).await.good();
    assert_eq!(truth["entries"].as_array().unwrap().len(), 1, "the truth does not lag");
    bed.create("dev", json!({"principalArn": ROLE})).await.refused(409, "ResourceInUseException");
    bed.advance(2_999).await;
    bed.describe("dev", ROLE).await.refused(404, "ResourceNotFoundException");
    bed.advance(1).await;
    bed.describe("dev", ROLE).await.good();
    // And it does not know that it is gone, either.
    bed.delete(&entry_of("dev", ROLE)).await.good();
    bed.describe("dev", ROLE).await.good();
    bed.advance(3_000).await;
    bed.describe("dev", ROLE).await.refused(404, "ResourceNotFoundException");
}

#[tokio::test]
async fn case_097_associate_does_not_know_yet() {
    let bed = frozen(json!({"write": {"minMs": 2_000, "maxMs": 2_000}})).await;
    bed.create_plain("dev", ROLE).await;
    bed.describe("dev", ROLE).await.good();
    let (view, scope) = (policy("AmazonEKSViewPolicy"), json!({"type": "cluster"}));
    bed.associate("dev", ROLE, &view, scope.clone()).await.refused_with(404, "ResourceNotFoundException", NO_ENTRY);
    bed.advance(2_000).await;
    bed.associate("dev", ROLE, &view, scope).await.good();
}

#[tokio::test]
async fn case_098_associations_are_listed_as_they_were() {
    let bed = frozen(json!({"policies": 1_000})).await;
    bed.create_plain("dev", ROLE).await;
    bed.advance(1_000).await;
    let view = policy("AmazonEKSViewPolicy");
    let (whole, part) =
        (json!({"type": "cluster", "namespaces": []}), json!({"type": "namespace", "namespaces": ["a"]}));
    let one = format!("{}/{}", policies_of("dev", ROLE), segment(&view));
    let scopes = |listed: Value| {
        let policies = listed["associatedAccessPolicies"].as_array().unwrap().clone();
        json!(policies.iter().map(|policy| policy["accessScope"].clone()).collect::<Vec<_>>())
    };
    let mut before = json!([]);
    for (change, after) in [(Some(&whole), json!([whole])), (Some(&part), json!([part])), (None, json!([]))] {
        match change {
            Some(scope) => bed.associate("dev", ROLE, &view, scope.clone()).await.good(),
            None => bed.delete(&one).await.good(),
        };
        assert_eq!(scopes(bed.get(&policies_of("dev", ROLE)).await.good()), before, "stale after the write");
        bed.advance(1_000).await;
        assert_eq!(scopes(bed.get(&policies_of("dev", ROLE)).await.good()), after);
        before = after;
    }
}

#[tokio::test]
async fn each_list_lags_by_its_own() {
    let bed = frozen(json!({"policies": 1_000, "list": 2_000, "index": 3_000})).await;
    let before = bed.get(&entries_of("dev")).await.good();
    bed.create_plain("dev", ROLE).await;
    let (view, scope) = (policy("AmazonEKSViewPolicy"), json!({"type": "cluster"}));
    bed.associate("dev", ROLE, &view, scope).await.good();
    let by_policy = format!("{}?associatedPolicyArn={}", entries_of("dev"), segment(&view));

    bed.describe("dev", ROLE).await.good();
    bed.get(&policies_of("dev", ROLE)).await.refused(404, "ResourceNotFoundException");
    bed.advance(1_000).await;
    let policies = bed.get(&policies_of("dev", ROLE)).await.good();
    assert_eq!(policies["associatedAccessPolicies"].as_array().unwrap().len(), 1);
    assert_eq!(bed.get(&entries_of("dev")).await.good(), before);
    bed.advance(1_000).await;
    assert_ne!(bed.get(&entries_of("dev")).await.good(), before);
    assert_eq!(bed.get(&by_policy).await.good()["accessEntries"], json!([]));
    bed.advance(1_000).await;
    assert_eq!(bed.get(&by_policy).await.good()["accessEntries"], json!([ROLE]));
}

#[tokio::test]
async fn case_099_reads_may_go_back_and_forth_until_the_window_is_over() {
    let story = |seed: u64| async move {
        let bed = frozen(json!({"describe": 5_000, "nonMonotonic": true})).await;
        bed.knobs(json!({ "seed": seed })).await;
        bed.create_plain("dev", ROLE).await;
        let mut statuses = Vec::new();
        for _ in 0..40 {
            statuses.push(bed.describe("dev", ROLE).await.status);
        }
        bed.advance(5_000).await;
        for _ in 0..10 {
            bed.describe("dev", ROLE).await.good();
        }
        statuses
    };
    let statuses = story(42).await;
    assert!(statuses.windows(2).any(|pair| pair == [200, 404]), "never went back: {statuses:?}");
    assert!(statuses.windows(2).any(|pair| pair == [404, 200]), "never came: {statuses:?}");
    assert_eq!(statuses, story(42).await, "the same seed tells the same story");
    assert_ne!(statuses, story(43).await);
}

#[tokio::test]
async fn case_100_the_cluster_itself_lags_behind_its_api() {
    let bed = frozen(json!({"authorizer": 30_000})).await;
    bed.create("dev", json!({"principalArn": ROLE, "kubernetesGroups": ["a"]})).await.good();
    bed.describe("dev", ROLE).await.good();
    assert_eq!(authorizer(&bed).await["authenticated"], false);
    bed.advance(30_000).await;
    assert_eq!(authorizer(&bed).await["kubernetesGroups"], json!(["a"]));

    bed.post(&entry_of("dev", ROLE), json!({"kubernetesGroups": ["b"]})).await.good();
    assert_eq!(authorizer(&bed).await["kubernetesGroups"], json!(["a"]));
    bed.advance(30_000).await;
    assert_eq!(authorizer(&bed).await["kubernetesGroups"], json!(["b"]));

    bed.delete(&entry_of("dev", ROLE)).await.good();
    bed.describe("dev", ROLE).await.refused(404, "ResourceNotFoundException");
    assert_eq!(authorizer(&bed).await["authenticated"], true, "a revoke takes its time, too");
    bed.advance(30_000).await;
    assert_eq!(authorizer(&bed).await["authenticated"], false);
}

#[tokio::test]
async fn case_100_each_write_draws_its_own_lag() {
    let bed = frozen(json!({"authorizer": {"minMs": 0, "maxMs": 30_000}})).await;
    let roles: Vec<_> = (0..20).map(|number| format!("arn:aws:iam::111122223333:role/r{number}")).collect();
    for role in &roles {
        bed.create_plain("dev", role).await;
    }
    let mut known = Vec::new();
    for wait in [0, 15_000, 15_000] {
        bed.advance(wait).await;
        let mut count = 0;
        for role in &roles {
            let path = format!("/_sim/authorizer?cluster=dev&principalArn={}", segment(role));
            count += usize::from(bed.get(&path).await.good()["authenticated"] == true);
        }
        known.push(count);
    }
    assert!(known[0] < known[1] && known[1] < known[2] && known[2] == roles.len(), "{known:?}");
}

#[tokio::test]
async fn case_105_the_last_writer_wins() {
    let bed = Bed::new().await;
    bed.create_plain("dev", ROLE).await;
    let path = entry_of("dev", ROLE);
    let write = |group: &'static str| bed.post(&path, json!({"kubernetesGroups": [group]}));
    for _ in 0..10 {
        let (one, two) = tokio::join!(write("one"), write("two"));
        one.good();
        two.good();
    }
    let calls = bed.get("/_sim/calls?op=UpdateAccessEntry").await.good()["calls"].clone();
    let last = calls.as_array().unwrap().iter().max_by_key(|call| call["appliedSeq"].as_u64()).unwrap();
    let entry = bed.describe("dev", ROLE).await.good();
    assert_eq!(entry["accessEntry"]["kubernetesGroups"], last["request"]["kubernetesGroups"]);
    bed.post(&path, json!({"kubernetesGroups": ["three"]})).await.good();
    let entry = bed.describe("dev", ROLE).await.good();
    assert_eq!(entry["accessEntry"]["kubernetesGroups"], json!(["three"]));
}

#[tokio::test]
async fn case_106_others_edit_create_and_delete_without_a_call() {
    let bed = Bed::new().await;
    bed.create_plain("dev", ROLE).await;
    bed.delete("/_sim/calls").await.good();
    let before = bed.describe("dev", ROLE).await.good()["accessEntry"].clone();
    let scope = json!({"type": "namespace", "namespaces": ["x"]});
    let edit = json!({"cluster": "dev", "principalArn": ROLE, "kubernetesGroups": ["system:masters"],
        "tags": {"owner": "mallory"},
        "accessPolicies": [{"policyArn": policy("AmazonEKSAdminPolicy"), "accessScope": scope}]});
    bed.put("/_sim/entries", edit).await.good();
    let after = bed.describe("dev", ROLE).await.good()["accessEntry"].clone();
    assert_eq!(after["kubernetesGroups"], json!(["system:masters"]));
    assert_eq!(after["tags"], json!({"owner": "mallory"}));
    for same in ["username", "accessEntryArn", "createdAt"] {
        assert_eq!(after[same], before[same], "{same}");
    }
    assert!(after["modifiedAt"].as_f64() > before["modifiedAt"].as_f64());
    let policies = bed.get(&policies_of("dev", ROLE)).await.good();
    assert_eq!(policies["associatedAccessPolicies"][0]["accessScope"], scope);

    let foreign = "arn:aws:iam::111122223333:role/foreign";
    bed.put("/_sim/entries", json!({"cluster": "dev", "principalArn": foreign, "type": "EC2_LINUX"})).await.good();
    assert_eq!(bed.describe("dev", foreign).await.good()["accessEntry"]["type"], "EC2_LINUX");
    bed.delete(&format!("/_sim/entries?cluster=dev&principalArn={}", segment(ROLE))).await.good();
    bed.describe("dev", ROLE).await.refused(404, "ResourceNotFoundException");
    assert!(bed.sim.calls().iter().all(|call| !call.applied), "nobody called for any of this");
}

#[tokio::test]
async fn an_edit_may_lag_like_a_call() {
    let bed = frozen(json!({})).await;
    bed.sim.configure(|knobs| knobs.lag.describe = Lag::Fixed(1_000));
    let edit = json!({"cluster": "dev", "principalArn": ROLE, "lagged": true});
    bed.put("/_sim/entries", edit).await.good();
    bed.describe("dev", ROLE).await.refused(404, "ResourceNotFoundException");
    bed.advance(1_000).await;
    bed.describe("dev", ROLE).await.good();
}

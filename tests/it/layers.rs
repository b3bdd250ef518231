//! Grants on top of entries of others: theirs is put back exactly as it was found, whatever happens meanwhile.

use std::sync::Arc;

use chrono::TimeDelta;
use entryway::domain::cluster::{Cluster, DriftMode, ExistingEntries};
use entryway::domain::states::RequestState;
use entryway::sandbox::sim::{Knobs, Lag, Lags, World};
use entryway::workflow::Clusters;
use serde_json::{Value, json};

use crate::harness::{Bed, ROLE, cluster, http, policy, view};
use crate::restarts::die_at;

const VIEW: &str = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy";
const EDIT: &str = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSEditPolicy";

async fn bed(drift: DriftMode, knobs: Knobs) -> Bed {
    Bed::with(World::default().knobs(knobs), |desk| {
        let layered = Cluster { existing_entries: ExistingEntries::Layer, drift, ..cluster("dev") };
        desk.clusters = Arc::new([layered].into_iter().collect::<Clusters>());
    })
    .await
}

/// Creates or edits the entry as its owner would.
async fn edit(bed: &Bed, mut edit: Value) {
    edit["cluster"] = json!("dev");
    edit["principalArn"] = json!(ROLE);
    let answer = http().put(format!("{}/_sim/entries", bed.sim.endpoint_url())).json(&edit).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
}

async fn delete(bed: &Bed) {
    let url = format!("{}/_sim/entries?cluster=dev&principalArn={ROLE}", bed.sim.endpoint_url());
    assert!(http().delete(url).send().await.unwrap().status().is_success());
}

fn theirs() -> Value {
    json!({
        "username": "ci:{{SessionName}}",
        "kubernetesGroups": ["deployers"],
        "tags": { "team": "ci" },
        "accessPolicies": [{ "policyArn": VIEW, "accessScope": { "type": "namespace", "namespaces": ["ci"] } }],
    })
}

/// What an owner sees of their entry; when it was last touched is no part of it.
async fn shown(bed: &Bed) -> Value {
    let entry = bed.truth("dev", ROLE).await.unwrap_or_default();
    let mut policies = entry["accessPolicies"].as_array().cloned().unwrap_or_default();
    policies.iter_mut().for_each(|policy| {
        policy.as_object_mut().unwrap().retain(|key, _| key == "policyArn" || key == "accessScope");
    });
    json!({
        "arn": entry["accessEntryArn"], "type": entry["type"], "username": entry["username"],
        "groups": entry["kubernetesGroups"], "tags": entry["tags"], "policies": policies,
    })
}

/// `AmazonEKSViewPolicy` in `payments`, beside theirs in `ci`, and a group.
fn more() -> entryway::domain::ask::Ask {
    let mut ask = view("payments");
    ask.kubernetes_groups = vec!["viewers".to_owned()];
    ask.access_policies.extend(policy("AmazonEKSEditPolicy", &["payments"]).access_policies);
    ask
}

#[tokio::test]
async fn grants_come_on_top_and_theirs_is_put_back_as_it_was_found() {
    let bed = bed(DriftMode::Repair, Knobs::default()).await;
    edit(&bed, theirs()).await;
    let before = shown(&bed).await;
    let request = bed.granted(more()).await;
    bed.until(request.id, RequestState::Active).await;
    let during = shown(&bed).await;
    assert_eq!(
        (&during["username"], &during["tags"], &during["arn"]),
        (&before["username"], &before["tags"], &before["arn"])
    );
    assert_eq!(during["groups"], json!(["deployers", "viewers"]));
    assert!(during["policies"].to_string().contains("\"ci\",\"payments\""), "{during}");

    let second = bed.granted(policy("AmazonEKSAdminViewPolicy", &[])).await;
    bed.until(second.id, RequestState::Active).await;
    bed.revoke("bob", request.id).await.unwrap();
    bed.until(request.id, RequestState::Ended).await;
    let mut same = view("orders");
    same.kubernetes_groups = vec!["deployers".to_owned()];
    let third = bed.granted(same).await;
    bed.until(third.id, RequestState::Active).await;
    for id in [second.id, third.id] {
        bed.relinquish("alice", id).await.unwrap();
        bed.until(id, RequestState::Ended).await;
    }
    assert_eq!(shown(&bed).await, before);
    let end = bed.timeline("alice", third.id).await.pop().unwrap().body.data;
    assert_eq!(
        end["why"],
        "the principal still has AmazonEKSViewPolicy in ci, the group deployers by what the entry's owner gave it"
    );
    assert!(bed.writes().iter().all(|op| op != "CreateAccessEntry" && op != "DeleteAccessEntry"), "{:?}", bed.writes());
    let writes = bed.writes().len();
    bed.pass(TimeDelta::hours(24));
    bed.work().await;
    assert_eq!(bed.writes().len(), writes, "it is nothing to Entryway any more");
}

#[tokio::test]
async fn with_reads_that_lag_nothing_of_theirs_is_lost() {
    let lags = Lags { describe: Lag::Fixed(9_000), policies: Lag::Fixed(9_000), ..Lags::default() };
    let bed = bed(DriftMode::Repair, Knobs { lag: lags, ..Knobs::default() }).await;
    edit(&bed, theirs()).await;
    bed.pass(TimeDelta::seconds(30));
    let before = shown(&bed).await;
    let request = bed.granted(more()).await;
    bed.until(request.id, RequestState::Active).await;
    bed.revoke("bob", request.id).await.unwrap();
    bed.until(request.id, RequestState::Ended).await;
    assert_eq!(shown(&bed).await, before);
}

#[tokio::test]
async fn a_worker_that_dies_anywhere_leaves_enough_to_put_theirs_back() {
    let mut deaths = 0;
    for ending in [false, true] {
        for at in 0.. {
            let bed = bed(DriftMode::Repair, Knobs::default()).await;
            edit(&bed, theirs()).await;
            let before = shown(&bed).await;
            let request = bed.granted(more()).await;
            // Two looks to be sure of what is there.
            bed.work().await;
            bed.pass(TimeDelta::seconds(2));
            if ending {
                bed.until(request.id, RequestState::Active).await;
                bed.revoke("bob", request.id).await.unwrap();
            }
            if !die_at(&bed, at).await {
                break;
            }
            deaths += 1;
            if !ending {
                bed.until(request.id, RequestState::Active).await;
                bed.revoke("bob", request.id).await.unwrap();
            }
            bed.until(request.id, RequestState::Ended).await;
            assert_eq!(shown(&bed).await, before, "died at {at}, ending {ending}");
        }
    }
    assert!(deaths >= 10, "only {deaths} places to die at");
}

#[tokio::test]
async fn what_they_change_meanwhile_is_kept_and_ours_is_taken_away() {
    let bed = bed(DriftMode::Repair, Knobs::default()).await;
    edit(&bed, theirs()).await;
    let request = bed.granted(more()).await;
    bed.until(request.id, RequestState::Active).await;
    // They rename their user, swap one group for another, take their own policy away (ours stays), and give another.
    edit(
        &bed,
        json!({
            "username": "ci2:{{SessionName}}",
            "kubernetesGroups": ["releasers", "viewers"],
            "accessPolicies": [
                { "policyArn": VIEW, "accessScope": { "type": "namespace", "namespaces": ["payments"] } },
                { "policyArn": EDIT, "accessScope": { "type": "namespace", "namespaces": ["payments", "ci"] } },
            ],
        }),
    )
    .await;
    let writes = bed.writes().len();
    bed.pass(TimeDelta::minutes(10));
    for _ in 0..10 {
        bed.work().await;
        bed.pass(TimeDelta::seconds(3));
    }
    assert_eq!(bed.writes().len(), writes, "nothing of ours was touched, so nothing is written");
    bed.revoke("bob", request.id).await.unwrap();
    bed.until(request.id, RequestState::Ended).await;
    let after = shown(&bed).await;
    assert_eq!((&after["username"], &after["groups"]), (&json!("ci2:{{SessionName}}"), &json!(["releasers"])));
    let left = json!([{ "policyArn": EDIT, "accessScope": { "type": "namespace", "namespaces": ["ci"] } }]);
    assert_eq!(after["policies"], left);
}

#[tokio::test]
async fn what_they_take_away_of_ours_is_put_right_or_only_reported() {
    for drift in [DriftMode::Repair, DriftMode::Report] {
        let bed = bed(drift, Knobs::default()).await;
        edit(&bed, theirs()).await;
        let before = shown(&bed).await;
        let request = bed.granted(more()).await;
        bed.until(request.id, RequestState::Active).await;
        edit(&bed, json!({ "kubernetesGroups": ["deployers"] })).await;
        bed.pass(TimeDelta::minutes(10));
        for _ in 0..20 {
            bed.work().await;
            bed.pass(TimeDelta::seconds(3));
        }
        let repaired = shown(&bed).await["groups"] == json!(["deployers", "viewers"]);
        assert_eq!(repaired, drift == DriftMode::Repair, "{drift:?}");
        bed.revoke("bob", request.id).await.unwrap();
        bed.until(request.id, RequestState::Ended).await;
        assert_eq!(shown(&bed).await, before, "{drift:?}");
    }
}

#[tokio::test]
async fn an_entry_they_delete_is_ours_while_grants_live_and_gone_afterwards() {
    let bed = bed(DriftMode::Repair, Knobs::default()).await;
    edit(&bed, theirs()).await;
    let request = bed.granted(more()).await;
    bed.until(request.id, RequestState::Active).await;
    delete(&bed).await;
    bed.pass(TimeDelta::minutes(10));
    for _ in 0..10 {
        bed.work().await;
        bed.pass(TimeDelta::seconds(3));
    }
    let ours = shown(&bed).await;
    assert_eq!((&ours["groups"], &ours["tags"]["entryway/installation"]), (&json!(["viewers"]), &json!("tests")));
    bed.revoke("bob", request.id).await.unwrap();
    bed.until(request.id, RequestState::Ended).await;
    assert!(bed.truth("dev", ROLE).await.is_none());
}

#[tokio::test]
async fn an_entry_they_make_anew_is_layered_on_anew() {
    let bed = bed(DriftMode::Repair, Knobs::default()).await;
    edit(&bed, theirs()).await;
    let request = bed.granted(more()).await;
    bed.until(request.id, RequestState::Active).await;
    delete(&bed).await;
    edit(&bed, json!({ "kubernetesGroups": ["new"] })).await;
    let before = shown(&bed).await;
    bed.pass(TimeDelta::minutes(10));
    for _ in 0..20 {
        bed.work().await;
        bed.pass(TimeDelta::seconds(3));
    }
    assert_eq!(shown(&bed).await["groups"], json!(["new", "viewers"]));
    bed.revoke("bob", request.id).await.unwrap();
    bed.until(request.id, RequestState::Ended).await;
    assert_eq!(shown(&bed).await, before);
}

#[tokio::test]
async fn entries_that_have_everything_and_other_usernames_are_left_alone() {
    let admin = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy";
    let creator = json!({ "accessPolicies": [{ "policyArn": admin, "accessScope": { "type": "cluster" } }] });
    let mut named = view("payments");
    named.username = Some("other:{{SessionName}}".to_owned());
    // Only those who may ask for anything may ask for a username.
    for (entry, ask, who, code) in
        [(creator, view("payments"), "alice", "entry-not-owned"), (theirs(), named, "bob", "username-conflict")]
    {
        let bed = bed(DriftMode::Repair, Knobs::default()).await;
        edit(&bed, entry).await;
        let before = bed.truth("dev", ROLE).await;
        let request = bed.file(who, ask).await;
        bed.approve("carol", request.id).await;
        let failed = bed.until(request.id, RequestState::Failed).await.request;
        assert_eq!(failed.last_error.unwrap().code, code);
        bed.pass(TimeDelta::hours(1));
        bed.work().await;
        assert_eq!((bed.truth("dev", ROLE).await, bed.writes().len()), (before, 0));
    }
}

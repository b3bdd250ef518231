//! Entries of nodes: made and taken away like others, never changed in place, and taken away early only by whoever may
//! administer.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use chrono::TimeDelta;
use entryway::domain::ask::{Ask, AskedPolicy};
use entryway::domain::entry::EntryType;
use entryway::domain::states::{EndReason, RequestState};
use entryway::policy::PolicySet;
use entryway::sandbox::sim::{Denial, World};
use entryway::workflow::{Desk, Policies, WorkflowError};
use serde_json::json;

use crate::harness::{Bed, start, view};

const NODE: &str = "arn:aws:iam::111122223333:role/nodes/eks-node";

/// Engineers may ask for anything, and `sven`, who is in security only, may take anything away without being an
/// administrator.
fn engineers_ask_for_nodes(desk: &mut Desk) {
    let starter = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let folder = std::env::temp_dir().join(format!("entryway-nodes-{}", uuid::Uuid::now_v7()));
    fs::create_dir_all(&folder).unwrap();
    let text = fs::read_to_string(starter.join("starter.cedar")).unwrap();
    let wider = text.replace(r#"resource.type == "STANDARD" && "#, "");
    assert_ne!(text, wider);
    fs::write(folder.join("policies.cedar"), wider).unwrap();
    desk.policies = Policies::new(PolicySet::load(&folder).unwrap());
    fs::remove_dir_all(&folder).unwrap();
    let mut directory = (*desk.directory).clone();
    directory.add_member("sven", "security");
    desk.directory = Arc::new(directory);
}

async fn bed() -> Bed {
    Bed::with(World::default(), engineers_ask_for_nodes).await
}

/// An entry for the nodes of [`NODE`], for good.
fn node(entry_type: EntryType) -> Ask {
    Ask {
        principal_arn: NODE.to_owned(),
        entry_type: Some(entry_type.as_str().to_owned()),
        access_policies: vec![],
        duration: None,
        ..view("payments")
    }
}

fn auto_mode() -> Ask {
    let policy = AskedPolicy {
        policy_arn: "AmazonEKSAutoNodePolicy".to_owned(),
        scope_type: Some("cluster".to_owned()),
        namespaces: None,
    };
    Ask { access_policies: vec![policy], ..node(EntryType::Ec2) }
}

#[tokio::test]
async fn nodes_of_every_type_are_let_in_left_alone_and_let_go() {
    for entry_type in EntryType::ALL.into_iter().filter(|kind| kind.is_of_nodes()) {
        let bed = bed().await;
        let ask = if entry_type == EntryType::Ec2 { auto_mode() } else { node(entry_type) };
        let mut expected = vec!["CreateAccessEntry"];
        expected.extend((entry_type == EntryType::Ec2).then_some("AssociateAccessPolicy"));
        let request = bed.granted(ask).await;
        bed.until(request.id, RequestState::Active).await;
        assert_eq!(bed.writes(), expected, "{entry_type:?}");
        let made = bed.truth("dev", NODE).await.unwrap();
        assert!(made["username"].as_str().unwrap().starts_with("system:node:") && made["type"] == entry_type.as_str());
        assert_ne!(made["kubernetesGroups"], json!([]), "what EKS computes");

        for _ in 0..3 {
            bed.pass(bed.desk.settings.tempo.drift_interval);
            bed.work().await;
        }
        assert_eq!((bed.writes().len(), bed.state(request.id).await), (expected.len(), RequestState::Active));
        let types: Vec<_> = bed.timeline("bob", request.id).await;
        assert!(types.iter().all(|event| event.body.event_type.as_str() != "entry.drifted"), "{entry_type:?}");
        let lists = bed.sim.calls().iter().filter(|call| call.op == "ListAssociatedAccessPolicies").count();
        assert_eq!(lists > 0, entry_type == EntryType::Ec2, "EKS refuses to list them for the others");

        bed.revoke("bob", request.id).await.unwrap();
        bed.until(request.id, RequestState::Ended).await;
        expected.push("DeleteAccessEntry");
        assert_eq!(bed.writes(), expected, "{entry_type:?}");
        assert!(
            bed.sim.calls().iter().all(|call| call.status.is_none_or(|status| status != 400)),
            "EKS refused nothing"
        );
    }
}

#[tokio::test]
async fn the_clock_of_nodes_starts_with_a_create_whose_answer_was_lost() {
    let bed = bed().await;
    let fault = json!({ "op": "CreateAccessEntry", "times": 1, "action": { "kind": "reset", "applied": true } });
    bed.sim.inject(serde_json::from_value(fault).unwrap());
    let request = bed.granted(Ask { duration: Some("9h".to_owned()), ..auto_mode() }).await;
    let active = bed.until(request.id, RequestState::Active).await.request;
    assert_eq!(active.grant.starts_at, Some(start()), "from then on its nodes were let in");
    assert_eq!(bed.writes(), ["CreateAccessEntry", "AssociateAccessPolicy"]);
}

#[tokio::test]
async fn a_second_grant_for_the_same_nodes_writes_nothing_and_keeps_the_entry() {
    let bed = bed().await;
    let first = bed.granted(node(EntryType::Ec2Linux)).await;
    bed.until(first.id, RequestState::Active).await;
    let second = bed.granted(node(EntryType::Ec2Linux)).await;
    bed.until(second.id, RequestState::Active).await;
    bed.revoke("bob", first.id).await.unwrap();
    bed.until(first.id, RequestState::Ended).await;
    assert_eq!(bed.writes(), ["CreateAccessEntry"]);
    assert!(bed.truth("dev", NODE).await.is_some());
}

#[tokio::test]
async fn a_role_that_may_not_be_passed_is_told_with_the_permission() {
    let bed = bed().await;
    let deny = Denial { action: "iam:PassRole".to_owned(), account: None, resource: None };
    bed.sim.configure(|knobs| knobs.denied = vec![deny]);
    let request = bed.granted(node(EntryType::Ec2Windows)).await;
    let failed = bed.until(request.id, RequestState::Failed).await.request;
    let error = failed.last_error.unwrap();
    assert_eq!(error.code, "pass-role-denied");
    assert!(error.detail.contains(&format!("iam:PassRole on {NODE}")), "{error:?}");
    let problems = || async { bed.desk.health().await.unwrap().remove(0).all_problems().cloned().collect::<Vec<_>>() };
    let listed = problems().await;
    assert!(listed.len() == 1 && listed[0].contains(&format!("iam:PassRole on {NODE}")), "{listed:?}");

    bed.sim.configure(|knobs| knobs.denied = vec![]);
    bed.retry("alice", request.id).await.unwrap();
    bed.until(request.id, RequestState::Active).await;
    assert_eq!(problems().await, Vec::<String>::new());
}

#[tokio::test]
async fn only_who_administers_takes_nodes_their_entry_before_its_time_and_is_warned() {
    let bed = bed().await;
    let request = bed.granted(node(EntryType::Ec2Linux)).await;
    assert!(request.warnings.iter().any(|warning| {
        warning.code == "node-entry-removal-is-disruptive" && warning.detail.contains("administer")
    }));
    bed.until(request.id, RequestState::Active).await;
    for refused in [bed.revoke("sven", request.id).await, bed.relinquish("alice", request.id).await] {
        let Err(WorkflowError::Forbidden { reasons, .. }) = refused else { panic!("{refused:?}") };
        let said = reasons.join(" ");
        assert!(said.contains("administer") && said.contains("can no longer join"), "{said}");
    }
    for (user, may) in [("sven", false), ("alice", false), ("bob", true)] {
        let allowed = bed.desk.get(&bed.caller(user), request.id).await.unwrap().allowed;
        assert_eq!(allowed.iter().any(|action| ["revoke", "relinquish"].contains(action)), may, "{user}: {allowed:?}");
    }
    let person = bed.granted(view("payments")).await;
    bed.revoke("sven", person.id).await.unwrap();
    assert_eq!(bed.state(request.id).await, RequestState::Active);

    bed.revoke("bob", request.id).await.unwrap();
    assert_eq!(bed.until(request.id, RequestState::Ended).await.request.end_reason, Some(EndReason::Revoked));
}

#[tokio::test]
async fn the_time_of_nodes_runs_out_without_anybody_and_what_has_not_begun_is_given_up_freely() {
    let bed = bed().await;
    let later = Ask { start_at: Some(start() + TimeDelta::days(1)), ..node(EntryType::FargateLinux) };
    let later = bed.granted(later).await;
    assert_eq!(later.state, RequestState::Scheduled);
    bed.relinquish("alice", later.id).await.unwrap();
    bed.until(later.id, RequestState::Ended).await;

    let request = bed.granted(Ask { duration: Some("9h".to_owned()), ..node(EntryType::FargateLinux) }).await;
    let expires = bed.until(request.id, RequestState::Active).await.request.grant.expires_at.unwrap();
    bed.hands.set(expires);
    let ended = bed.until(request.id, RequestState::Ended).await.request;
    assert_eq!(ended.end_reason, Some(EndReason::Expired));
    assert!(bed.truth("dev", NODE).await.is_none());
}

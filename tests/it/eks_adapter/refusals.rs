//! Every kind of no that the simulated EKS can say, and what becomes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use entryway::domain::cluster::Cluster;
use entryway::domain::entry::{AccessScope, EntryContent, EntryType};
use entryway::eks::{Class, Created, Eks, EksError, on_behalf_of};
use entryway::sandbox::sim::{
    Action, AuthenticationMode, ClusterSpec, ClusterStatus, Denial, Knobs, Lag, Lags, Principals, Throttle, World,
};

use super::bed::Bed;
use super::{VIEW, cluster, role, standard};

async fn create(bed: &Bed, on: &str, content: &EntryContent, token: &str) -> Result<Created, EksError> {
    bed.eks.create(&cluster(on), &role(), content, &BTreeMap::new(), token).await
}

/// What the error is to the worker, to people, and whether the write may have happened.
fn verdict<T: std::fmt::Debug>(outcome: Result<T, EksError>) -> (Class, &'static str, bool) {
    let error = outcome.unwrap_err();
    (error.class, error.explain(&cluster("prod")).0, error.ambiguous)
}

#[tokio::test]
async fn an_entry_that_is_there_already() {
    let bed = Bed::new().await;
    create(&bed, "prod", &standard(), "token-1").await.unwrap();
    let again = create(&bed, "prod", &standard(), "token-2").await;
    assert_eq!(verdict(again), (Class::InUse, "entry-in-use", false));
}

#[tokio::test]
async fn a_principal_that_iam_does_not_know() {
    let bed = Bed::with(Knobs { principals: Principals::Known, ..Knobs::default() }).await;
    let outcome = create(&bed, "prod", &standard(), "token-1").await;
    assert_eq!(verdict(outcome), (Class::FreshPrincipal, "principal-not-found", false));
}

#[tokio::test]
async fn a_cluster_that_is_not_there_not_ready_or_without_access_entries() {
    let mut young = ClusterSpec::new("young", AuthenticationMode::Api);
    young.status = ClusterStatus::Creating;
    let bed = Bed::of(World::default().cluster(young), Knobs::default()).await;
    let gone = (Class::ClusterGone, "cluster-not-found", false);
    let mode = (Class::AuthMode, "cluster-auth-mode", false);
    assert_eq!(verdict(create(&bed, "none", &standard(), "token-1").await), gone);
    assert_eq!(verdict(bed.eks.observe(&cluster("none"), &role()).await), gone);
    assert_eq!(verdict(bed.eks.describe_cluster(&cluster("none")).await), gone);
    assert_eq!(verdict(create(&bed, "legacy", &standard(), "token-1").await), mode);
    assert_eq!(verdict(bed.eks.observe(&cluster("legacy"), &role()).await), mode);
    assert_eq!(verdict(bed.eks.list_entries(&cluster("legacy")).await), mode);
    let young = create(&bed, "young", &standard(), "token-1").await;
    assert_eq!(verdict(young), (Class::ClusterNotReady, "cluster-not-active", false));
}

#[tokio::test]
async fn an_entry_that_writes_do_not_see_yet() {
    let lag = Lags { write: Lag::Fixed(5_000), ..Lags::default() };
    let bed = Bed::with(Knobs { lag, ..Knobs::default() }).await;
    let prod = cluster("prod");
    create(&bed, "prod", &standard(), "token-1").await.unwrap();
    let not_yet = (Class::NotVisibleYet, "entry-not-visible-yet", false);
    assert_eq!(verdict(bed.eks.associate(&prod, &role(), VIEW, &AccessScope::Cluster).await), not_yet);
    assert_eq!(verdict(bed.eks.update(&prod, &role(), "u", &BTreeSet::new(), "token-2").await), not_yet);
    bed.sim.advance(Duration::from_secs(5));
    bed.eks.associate(&prod, &role(), VIEW, &AccessScope::Cluster).await.unwrap();
}

#[tokio::test]
async fn what_eks_will_never_take() {
    let bed = Bed::with(Knobs { entry_quota: 3, ..Knobs::default() }).await;
    let refused = EntryContent { username: Some("system:me".into()), ..standard() };
    let error = create(&bed, "prod", &refused, "token-1").await.unwrap_err();
    assert_eq!(error.message.as_deref(), Some("The username must not begin with system:"));
    assert_eq!(verdict::<()>(Err(error)), (Class::Final, "eks-refused", false));

    create(&bed, "prod", &standard(), "token-2").await.unwrap();
    let nonesuch = VIEW.replace("View", "None");
    let unknown = bed.eks.associate(&cluster("prod"), &role(), &nonesuch, &AccessScope::Cluster).await;
    assert_eq!(verdict(unknown), (Class::Final, "policy-unknown", false));

    let one_more = "arn:aws:iam::111122223333:user/one-more".parse().unwrap();
    let full = bed.eks.create(&cluster("prod"), &one_more, &standard(), &BTreeMap::new(), "token-3").await;
    assert_eq!(verdict(full), (Class::Final, "entry-quota-reached", false));
}

#[tokio::test]
async fn what_entryway_may_not_do() {
    let deny = |action: &str| Denial { action: action.to_owned(), account: None, resource: None };
    let denied = vec![deny("eks:DeleteAccessEntry"), deny("iam:PassRole")];
    let bed = Bed::with(Knobs { denied, ..Knobs::default() }).await;
    let error = bed.eks.delete(&cluster("prod"), &role()).await.unwrap_err();
    assert!(error.explain(&cluster("prod")).1.contains("eks:DeleteAccessEntry on arn:aws:eks:"), "{error:?}");
    assert_eq!(verdict::<()>(Err(error)), (Class::Denied, "aws-access-denied", false));

    let node = EntryContent { entry_type: EntryType::Ec2Linux, ..standard() };
    let error = create(&bed, "prod", &node, "token-1").await.unwrap_err();
    assert!(error.explain(&cluster("prod")).1.contains(&format!("iam:PassRole on {},", role())), "{error:?}");
    assert_eq!(verdict::<()>(Err(error)), (Class::Denied, "pass-role-denied", false));
}

#[tokio::test]
async fn too_many_calls_and_not_one_more_behind_ones_back() {
    for code in ["TooManyRequestsException", "ThrottlingException"] {
        let throttle = Throttle {
            calls_per_second: 0.0,
            burst: 0.0,
            op: "*".into(),
            code: code.into(),
            retry_after_ms: Some(700),
        };
        let bed = Bed::with(Knobs { throttle: Some(throttle), ..Knobs::default() }).await;
        let error = bed.eks.delete(&cluster("prod"), &role()).await.unwrap_err();
        assert_eq!(error.retry_after, Some(Duration::from_millis(700)));
        assert_eq!(verdict::<()>(Err(error)), (Class::Throttled, "eks-throttled", false));
        assert_eq!(bed.only_call().error_code.as_deref(), Some(code));
    }
}

#[tokio::test]
async fn a_write_whose_outcome_is_unknown_says_so_and_is_made_once() {
    let error = |applied| Action::Error {
        status: 500,
        code: "ServerException".into(),
        message: "Try again.".into(),
        applied,
        retry_after_ms: None,
    };
    for (what, action, applied) in [
        ("an error, done", error(true), true),
        ("an error, not done", error(false), false),
        ("a reset, done", Action::Reset { applied: true }, true),
        ("a reset, not done", Action::Reset { applied: false }, false),
        ("no answer, done", Action::Hang { ms: 60_000, applied: true }, true),
        ("no answer, not done", Action::Hang { ms: 60_000, applied: false }, false),
    ] {
        let bed = Bed::new().await;
        bed.strike(action);
        let outcome = create(&bed, "prod", &standard(), "token-1").await;
        assert_eq!(verdict(outcome), (Class::Transient, "eks-unavailable", true), "{what}");
        assert_eq!(bed.only_call().applied, applied, "{what}");
    }
}

mod roles {
    use uuid::Uuid;

    use super::*;

    const OTHER: &str = "444455556666";
    const TARGET: &str = "arn:aws:iam::444455556666:role/entryway-target";

    /// `prod`, but of another account and reached through a role there.
    fn theirs(external_id: Option<&str>) -> Cluster {
        Cluster {
            account_id: OTHER.into(),
            role_arn: Some(TARGET.into()),
            external_id: external_id.map(str::to_owned),
            ..cluster("prod")
        }
    }

    async fn bed() -> Bed {
        let there = ClusterSpec::new("prod", AuthenticationMode::Api).account(OTHER);
        Bed::of(World::default().cluster(there), Knobs::default()).await
    }

    #[tokio::test]
    async fn the_role_selects_the_account_and_is_assumed_once() {
        let bed = bed().await;
        let created = bed.eks.create(&theirs(None), &role(), &standard(), &BTreeMap::new(), "token-1").await.unwrap();
        assert!(created.access_entry_arn.contains(OTHER));
        assert!(bed.eks.observe(&theirs(None), &role()).await.unwrap().is_some());
        assert_eq!(bed.eks.observe(&cluster("prod"), &role()).await.unwrap(), None);

        let calls = bed.sim.calls();
        let ops: Vec<_> = calls.iter().map(|call| (call.op.as_str(), call.account.as_str())).collect();
        let expected = [
            ("AssumeRole", super::super::ACCOUNT),
            ("CreateAccessEntry", OTHER),
            ("DescribeAccessEntry", OTHER),
            ("ListAssociatedAccessPolicies", OTHER),
            ("DescribeAccessEntry", super::super::ACCOUNT),
        ];
        assert_eq!(ops, expected);
        assert_eq!(calls[1].caller_arn, format!("arn:aws:sts::{OTHER}:assumed-role/entryway-target/entryway-acme"));
    }

    #[tokio::test]
    async fn a_role_that_may_not_be_assumed_is_the_operators_to_mend() {
        let bed = bed().await;
        bed.control("principals", serde_json::json!({"arn": TARGET, "externalId": "s3cret"})).await;
        for wrong in [None, Some("other")] {
            let error = bed.eks.delete(&theirs(wrong), &role()).await.unwrap_err();
            assert!(error.message.as_ref().is_some_and(|words| words.contains("sts:AssumeRole")), "{error:?}");
            assert!(error.explain(&theirs(wrong)).1.contains(TARGET));
            assert_eq!(verdict::<()>(Err(error)), (Class::Credentials, "aws-credentials", false));
        }
        assert!(bed.sim.calls().iter().all(|call| call.op == "AssumeRole"));
        bed.eks.delete(&theirs(Some("s3cret")), &role()).await.unwrap();
    }

    #[tokio::test]
    async fn credentials_that_have_run_out_are_not_a_final_no() {
        let bed = bed().await;
        bed.eks.observe(&theirs(None), &role()).await.unwrap();
        bed.sim.advance(Duration::from_secs(2 * 3_600));
        let outcome = bed.eks.delete(&theirs(None), &role()).await;
        assert_eq!(verdict(outcome), (Class::Credentials, "aws-credentials", false));
        bed.eks.delete(&theirs(None), &role()).await.unwrap();
        assert_eq!(assumed(&bed).len(), 2, "AWS's word counts, not when they should have run out");
    }

    #[tokio::test]
    async fn credentials_are_fetched_anew_before_they_run_out() {
        let bed = bed().await;
        // AWS's clock is behind, so that what lasts for an hour is over in some seconds.
        bed.post("clock", serde_json::json!({"advanceMs": -3_595_000})).await;
        for _ in 0..2 {
            bed.eks.observe(&theirs(None), &role()).await.unwrap();
        }
        assert_eq!(assumed(&bed).len(), 2);
    }

    #[tokio::test]
    async fn the_session_of_a_write_bears_the_id_of_its_request() {
        let bed = bed().await;
        let (first, second) = (Uuid::now_v7(), Uuid::now_v7());
        let (there, role) = (theirs(None), role());
        bed.eks.observe(&there, &role).await.unwrap();
        for request in [first, second, first] {
            on_behalf_of(request, bed.eks.delete(&there, &role)).await.unwrap();
        }
        let sessions = assumed(&bed);
        let of = |request: Uuid| format!("entryway-acme-{request}");
        assert_eq!(sessions, ["entryway-acme".to_owned(), of(first), of(second)], "each once");
        let deletes = bed.sim.calls().into_iter().filter(|call| call.op == "DeleteAccessEntry");
        let callers: Vec<_> = deletes.map(|call| call.caller_arn.rsplit('/').next().unwrap().to_owned()).collect();
        assert_eq!(callers, [of(first), of(second), of(first)]);

        // Without a role there is no session to name.
        on_behalf_of(first, bed.eks.delete(&cluster("prod"), &role)).await.unwrap();
        assert_eq!(assumed(&bed).len(), 3);
    }

    /// The names of the sessions, in the order they were made.
    fn assumed(bed: &Bed) -> Vec<String> {
        let calls = bed.sim.calls().into_iter().filter(|call| call.op == "AssumeRole");
        calls.map(|call| call.request["RoleSessionName"].as_str().unwrap().to_owned()).collect()
    }
}

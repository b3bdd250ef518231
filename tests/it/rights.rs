//! What AWS does not let Entryway do, told with the cluster until it does.

use chrono::TimeDelta;
use entryway::domain::states::RequestState;
use entryway::sandbox::sim::Denial;

use crate::harness::database::number;
use crate::harness::{Bed, view};

fn deny(bed: &Bed, actions: &[&str]) {
    let denial = |action: &&str| Denial { action: (*action).to_owned(), account: None, resource: None };
    let denied = actions.iter().map(denial).collect();
    bed.sim.configure(|knobs| knobs.denied = denied);
}

/// What is said of `dev`.
async fn problems(bed: &Bed) -> Vec<String> {
    let known = bed.desk.health().await.unwrap().into_iter().find(|known| known.cluster_name == "dev");
    known.unwrap().all_problems().cloned().collect()
}

async fn check(bed: &Bed, after: TimeDelta) {
    bed.pass(after);
    bed.worker.check_clusters().await.unwrap();
}

#[tokio::test]
async fn rights_to_read_are_tried_out_and_told_until_they_are_there() {
    const READS: [&str; 6] = [
        "eks:DescribeCluster",
        "eks:ListAccessEntries",
        "eks:DescribeAccessEntry",
        "eks:ListAssociatedAccessPolicies",
        "eks:ListAccessPolicies",
        "iam:GetRole",
    ];
    let bed = Bed::new().await;
    let request = bed.granted(view("payments")).await;
    bed.until(request.id, RequestState::Active).await;
    check(&bed, TimeDelta::zero()).await;
    assert_eq!(problems(&bed).await, Vec::<String>::new());
    for action in READS {
        deny(&bed, &[action]);
        check(&bed, TimeDelta::minutes(11)).await;
        let told = problems(&bed).await;
        assert!(told.len() == 1 && told[0].contains(&format!("lacks {action} on ")), "{action}: {told:?}");
        assert!(told[0].contains("Allow the identity that Entryway runs as"), "{told:?}");
        deny(&bed, &[]);
        check(&bed, TimeDelta::seconds(31)).await;
        assert_eq!(problems(&bed).await, Vec::<String>::new(), "{action}");
    }
    for kind in ["cluster.unhealthy", "cluster.healthy"] {
        let told = format!("SELECT count(*) FROM event WHERE type = '{kind}' AND cluster_name = 'dev'");
        assert_eq!(number(&bed.url, &told).await, i64::try_from(READS.len()).unwrap(), "{kind}");
    }
    deny(&bed, &READS);
    check(&bed, TimeDelta::minutes(11)).await;
    assert_eq!(problems(&bed).await.len(), READS.len(), "each of them");
}

#[tokio::test]
async fn rights_are_seldom_tried_out_while_all_is_well_and_change_nothing() {
    let bed = Bed::new().await;
    let probes =
        || bed.sim.calls().iter().filter(|c| c.op == "ListAccessPolicies" && c.account == "111122223333").count();
    for _ in 0..10 {
        check(&bed, TimeDelta::seconds(31)).await;
    }
    assert_eq!(probes(), 2, "once for each cluster that takes access entries");
    assert_eq!(bed.writes(), Vec::<String>::new());
}

#[tokio::test]
async fn rights_to_write_are_learnt_from_refusals_and_forgotten_when_they_work() {
    let bed = Bed::new().await;
    for action in ["eks:CreateAccessEntry", "eks:AssociateAccessPolicy", "eks:DeleteAccessEntry"] {
        deny(&bed, &[action]);
        let request = bed.granted(view("payments")).await;
        if action == "eks:DeleteAccessEntry" {
            bed.until(request.id, RequestState::Active).await;
            bed.revoke("bob", request.id).await.unwrap();
            bed.work().await;
        } else {
            bed.until(request.id, RequestState::Failed).await;
        }
        let told = problems(&bed).await;
        assert!(told.len() == 1 && told[0].contains(&format!("lacks {action} on arn:aws:eks:")), "{action}: {told:?}");
        check(&bed, TimeDelta::minutes(11)).await;
        assert_eq!(problems(&bed).await, told, "that reads work is another matter");

        deny(&bed, &[]);
        if action == "eks:DeleteAccessEntry" {
            bed.until(request.id, RequestState::Ended).await;
        } else {
            // Another process may be the one that finds out.
            let other = bed.another_worker();
            bed.pass(TimeDelta::seconds(31));
            other.check_clusters().await.unwrap();
            bed.retry("alice", request.id).await.unwrap();
            bed.work_with(&other).await;
            assert_eq!(problems(&bed).await, Vec::<String>::new(), "{action}");
            bed.until(request.id, RequestState::Active).await;
            bed.revoke("bob", request.id).await.unwrap();
            bed.until(request.id, RequestState::Ended).await;
        }
        assert_eq!(problems(&bed).await, Vec::<String>::new(), "{action}");
    }
}

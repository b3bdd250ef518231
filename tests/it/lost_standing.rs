//! Losing one's standing: an approval counts for as long as its author may give it. Three ways to lose it (out of the group,
//! another policy set, no longer a person of the directory), at every stage of a grant, by what `policy.on_lost_quorum` says.

use std::sync::Arc;

use chrono::TimeDelta;
use entryway::domain::identity::Directory;
use entryway::domain::request::Request;
use entryway::domain::review::Decision;
use entryway::domain::states::{EndReason, RequestState};
use entryway::policy::PolicySet;
use entryway::sandbox::sim::World;
use entryway::worker::{Worker, sweep};
use entryway::workflow::{Desk, OnLostQuorum, Settings};

use crate::harness::database::number;
use crate::harness::{Bed, ROLE, eks, pace, policy, start, view};

/// How bob, who has approved, loses the right to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Loss {
    /// He leaves the group.
    Group,
    /// Another set of policies comes into force.
    Policy,
    /// The directory says that he is a service, or knows him no more.
    Directory,
}

const LOSSES: [Loss; 3] = [Loss::Group, Loss::Policy, Loss::Directory];

impl Loss {
    /// Brings it about: at once where it is policy, else by starting anew with another directory.
    fn befall(self, bed: &mut Bed) {
        let mut directory = Directory::default();
        directory.add_member("alice", "engineering");
        directory.add_member("carol", "sre");
        match self {
            Self::Policy => return bed.desk.policies.replace(without_bob()),
            Self::Group => directory.add_member("bob", "auditors"),
            Self::Directory => {
                directory.add_member("bob", "sre");
                directory.add_user("bob", true);
            }
        }
        bed.desk.directory = Arc::new(directory);
        bed.worker = Worker::new(bed.desk.clone(), Arc::new(eks(&bed.sim)), pace());
    }
}

fn without_bob() -> PolicySet {
    let starter = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/policies/starter.cedar")).unwrap();
    let more = r#"@id("not-bob") @reason("bob approves nothing any more")
        forbid (principal == Entryway::User::"bob", action == Entryway::Action::"approve", resource);"#;
    PolicySet::parse(&[("starter.cedar".into(), starter), ("more.cedar".into(), more.into())]).unwrap()
}

async fn bed(on_lost_quorum: OnLostQuorum) -> Bed {
    let change = |desk: &mut Desk| {
        desk.settings = Arc::new(Settings { on_lost_quorum, ..(*desk.settings).clone() });
    };
    Bed::with(World::default(), change).await
}

/// By carol's eyes: bob may be nobody by now.
async fn seen(bed: &Bed, request: &Request) -> entryway::workflow::standing::Details {
    bed.desk.get(&bed.caller("carol"), request.id).await.unwrap()
}

async fn works_until(bed: &Bed, request: &Request, state: RequestState) -> Request {
    for _ in 0..400 {
        bed.work().await;
        let now = seen(bed, request).await.request;
        if now.state == state {
            return now;
        }
        bed.pass(TimeDelta::seconds(2));
    }
    panic!("never {state:?}: {:?}", seen(bed, request).await.request);
}

#[tokio::test]
async fn an_approval_of_somebody_who_may_no_longer_give_it_counts_no_more() {
    for loss in LOSSES {
        let mut bed = bed(OnLostQuorum::Keep).await;
        let ask = entryway::domain::ask::Ask {
            cluster_name: "prod".to_owned(),
            duration: Some("8h".to_owned()),
            ..policy("AmazonEKSAdminPolicy", &[])
        };
        let request = bed.file("alice", ask).await;
        let first = bed.approve("bob", request.id).await;
        assert_eq!((first.standing.counting.len(), first.request.state), (1, RequestState::Pending));
        loss.befall(&mut bed);
        let now = seen(&bed, &request).await;
        assert_eq!((now.standing.counting.len(), now.standing.discounted.len()), (0, 1), "{loss:?}");
        assert!(!now.standing.discounted[0].why.is_empty());
        // Carol alone, who is in security, is one of two.
        bed.desk.directory = {
            let mut directory = (*bed.desk.directory).clone();
            directory.add_member("carol", "security");
            Arc::new(directory)
        };
        let second = bed.review("carol", request.id, Decision::Approve).await.unwrap();
        assert_eq!((second.standing.quorum.approvals, second.request.state), (1, RequestState::Pending), "{loss:?}");
        assert_eq!(bed.writes(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn what_is_not_applied_yet_ends_and_eks_hears_nothing_of_it() {
    for loss in LOSSES {
        for later in [None, Some(start() + TimeDelta::hours(1))] {
            for on_lost_quorum in [OnLostQuorum::Keep, OnLostQuorum::End] {
                let mut bed = bed(on_lost_quorum).await;
                let request = bed.granted(entryway::domain::ask::Ask { start_at: later, ..view("payments") }).await;
                let signed_off = if later.is_some() { RequestState::Scheduled } else { RequestState::Applying };
                assert_eq!(request.state, signed_off);
                loss.befall(&mut bed);
                bed.pass(TimeDelta::hours(1));
                let ended = works_until(&bed, &request, RequestState::Ended).await;
                assert_eq!(ended.end_reason, Some(EndReason::Policy), "{loss:?} {later:?}");
                assert_eq!(bed.writes(), Vec::<String>::new(), "{loss:?} {later:?}");
                let events = bed.timeline("carol", request.id).await;
                let told = events.iter().find(|event| event.body.data["endReason"] == "policy").unwrap();
                let digest = bed.desk.policies.current().digest().to_owned();
                assert_eq!(told.body.data["policyDigest"], digest.as_str(), "by which set it was decided");
                assert!(!told.body.data["missing"].as_array().unwrap().is_empty(), "and what was missing");
            }
        }
    }
}

#[tokio::test]
async fn what_is_active_stays_or_goes_as_the_operators_say() {
    for loss in LOSSES {
        for on_lost_quorum in [OnLostQuorum::Keep, OnLostQuorum::End] {
            let mut bed = bed(on_lost_quorum).await;
            let request = bed.granted(view("payments")).await;
            bed.until(request.id, RequestState::Active).await;
            loss.befall(&mut bed);
            // The next look at the entry.
            bed.pass(TimeDelta::minutes(10));
            bed.work().await;
            let now = seen(&bed, &request).await;
            if on_lost_quorum == OnLostQuorum::Keep {
                assert_eq!(now.request.state, RequestState::Active, "{loss:?}");
                assert!(bed.truth("dev", ROLE).await.is_some());
                assert!(!now.standing.quorum.satisfied, "though whoever looks sees that it no longer stands");
                continue;
            }
            let ended = works_until(&bed, &request, RequestState::Ended).await;
            assert_eq!(ended.end_reason, Some(EndReason::Policy), "{loss:?}");
            assert!(bed.truth("dev", ROLE).await.is_none(), "{loss:?}");
        }
    }
}

#[tokio::test]
async fn who_gets_the_right_back_in_time_counts_again() {
    let bed = bed(OnLostQuorum::Keep).await;
    let request = bed
        .granted(entryway::domain::ask::Ask { start_at: Some(start() + TimeDelta::hours(1)), ..view("payments") })
        .await;
    let before = PolicySet::load(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("policies")).unwrap();
    bed.desk.policies.replace(without_bob());
    assert!(!seen(&bed, &request).await.standing.quorum.satisfied);
    bed.desk.policies.replace(before);
    bed.pass(TimeDelta::hours(1));
    assert_eq!(works_until(&bed, &request, RequestState::Active).await.end_reason, None);
}

/// One grant loses its quorum, another on the same entry does not: what the second gives stays.
#[tokio::test]
async fn others_on_the_same_entry_keep_what_is_theirs() {
    let mut bed = bed(OnLostQuorum::End).await;
    let bobs = bed.granted(view("payments")).await;
    let carols = bed.file("alice", view("search")).await;
    bed.approve("carol", carols.id).await;
    bed.until(bobs.id, RequestState::Active).await;
    bed.until(carols.id, RequestState::Active).await;
    Loss::Group.befall(&mut bed);
    bed.pass(TimeDelta::minutes(10));
    works_until(&bed, &bobs, RequestState::Ended).await;
    assert_eq!(works_until(&bed, &carols, RequestState::Active).await.end_reason, None);
    let entry = bed.truth("dev", ROLE).await.unwrap().to_string();
    assert!(entry.contains("search") && !entry.contains("payments"), "{entry}");
}

/// The starter set, and `more`.
fn with(more: &str) -> PolicySet {
    let starter = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/policies/starter.cedar")).unwrap();
    PolicySet::parse(&[("starter.cedar".into(), starter), ("more.cedar".into(), more.into())]).unwrap()
}

#[tokio::test]
async fn what_was_signed_off_during_a_freeze_goes_on_once_it_is_over() {
    let bed = bed(OnLostQuorum::End).await;
    let frozen = r#"@id("freeze") forbid (principal, action == Entryway::Action::"activate", resource);"#;
    bed.desk.policies.replace(with(frozen));
    let (signed, waiting) = (bed.file("alice", view("a")).await, bed.file("alice", view("b")).await);
    for who in ["bob", "carol"] {
        bed.approve(who, signed.id).await;
    }
    sweep::reweigh_all(&bed.desk).await.unwrap();
    assert_eq!(bed.state(signed.id).await, RequestState::Pending, "the freeze holds");

    bed.desk.policies.replace(with(""));
    sweep::reweigh_all(&bed.desk).await.unwrap();
    assert_eq!(bed.state(waiting.id).await, RequestState::Pending, "nobody has signed it off");
    let request = works_until(&bed, &signed, RequestState::Active).await;
    assert_eq!(request.policy_digest, bed.desk.policies.current().digest());
    sweep::reweigh_all(&bed.desk).await.unwrap();
    let went = format!("SELECT count(*) FROM event WHERE request_id = '{}' AND type = 'request.applying'", signed.id);
    assert_eq!(number(&bed.url, &went).await, 1, "once");
}

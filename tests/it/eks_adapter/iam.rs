//! Who bears a name: what the simulated IAM says, and what becomes of it.

use entryway::domain::arn::PrincipalArn;
use entryway::domain::cluster::Cluster;
use entryway::domain::principal::KnownPrincipal;
use entryway::eks::aws::AwsIam;
use entryway::eks::iam::Iam;
use entryway::eks::{Class, EksError};
use entryway::sandbox::sim::{Denial, Knobs, Principals, World};
use serde_json::json;

use super::bed::Bed;
use super::raw::{Answer, answered};
use super::{ACCOUNT, ROLE, cluster, role};

const SSO: &str = "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_0123";

fn arn(text: &str) -> PrincipalArn {
    text.parse().unwrap()
}

/// Whoever is looked up on `prod`.
async fn look_up(iam: &AwsIam, principal: &str) -> Result<Option<KnownPrincipal>, EksError> {
    iam.look_up(&cluster("prod"), &arn(principal)).await
}

#[tokio::test]
async fn roles_and_users_are_known_by_their_unique_id_and_with_their_path() {
    let user = "arn:aws:iam::111122223333:user/ops/bob";
    let world = World::default().principal(ROLE).principal(user).principal(SSO);
    let bed = Bed::of(world, Knobs { principals: Principals::Known, ..Knobs::default() }).await;
    let iam = bed.eks.iam();
    for (principal, prefix) in [(ROLE, "AROA"), (user, "AIDA"), (SSO, "AROA")] {
        let plain = format!("{}/{}", principal.split('/').next().unwrap(), principal.rsplit('/').next().unwrap());
        let known = look_up(&iam, principal).await.unwrap().unwrap();
        assert_eq!(known.arn.to_string(), principal);
        assert!(known.unique_id.starts_with(prefix), "{known:?}");
        assert_eq!(look_up(&iam, &plain).await.unwrap(), Some(known), "IAM finds it by its name alone");
    }
    assert_eq!(look_up(&iam, "arn:aws:iam::111122223333:role/none").await.unwrap(), None);
    assert_eq!(look_up(&iam, "arn:aws:iam::111122223333:role/bob").await.unwrap(), None, "bob is a user");
}

#[tokio::test]
async fn a_recreated_role_has_another_id_and_a_later_birthday() {
    let bed = Bed::of(World::default().principal(ROLE), Knobs::default()).await;
    let iam = bed.eks.iam();
    let before = look_up(&iam, ROLE).await.unwrap().unwrap();
    bed.sim.advance(std::time::Duration::from_secs(60));
    bed.control("principals", json!({"arn": ROLE, "recreate": true})).await;
    let after = look_up(&iam, ROLE).await.unwrap().unwrap();
    assert_ne!(after.unique_id, before.unique_id);
    assert!(after.created_at > before.created_at, "{before:?} {after:?}");
    bed.control("principals", json!({"arn": ROLE, "exists": false})).await;
    assert_eq!(look_up(&iam, ROLE).await.unwrap(), None);
}

#[tokio::test]
async fn a_missing_permission_is_told_with_what_is_missing() {
    let denied = vec![Denial { action: "iam:GetRole".into(), account: None, resource: None }];
    let bed = Bed::of(World::default().principal(ROLE), Knobs { denied, ..Knobs::default() }).await;
    let error = look_up(&bed.eks.iam(), ROLE).await.unwrap_err();
    assert_eq!(error.class, Class::Denied);
    let told = error.explain_iam(&cluster("prod"));
    assert!(told.contains("Allow the identity that Entryway runs as iam:GetRole on role my-role"), "{told}");
}

#[tokio::test]
async fn iam_is_asked_with_the_role_of_the_cluster_and_signed_for_its_one_region() {
    const OTHER: &str = "444455556666";
    let target = "arn:aws:iam::444455556666:role/entryway-target";
    let theirs = "arn:aws:iam::444455556666:role/team/theirs";
    let bed = Bed::of(World::default().principal(theirs), Knobs::default()).await;
    let home = Cluster { account_id: OTHER.into(), role_arn: Some(target.into()), ..cluster("prod") };
    let iam = bed.eks.iam();
    for _ in 0..2 {
        assert_eq!(iam.look_up(&home, &arn(theirs)).await.unwrap().unwrap().arn, arn(theirs));
    }
    let calls: Vec<_> = bed.sim.calls().into_iter().map(|call| (call.op, call.account, call.region)).collect();
    let call = |op: &str, account: &str, region: &str| (op.to_owned(), account.to_owned(), region.to_owned());
    let get_role = call("GetRole", OTHER, "us-east-1");
    assert_eq!(calls, [call("AssumeRole", ACCOUNT, "eu-central-1"), get_role.clone(), get_role]);
    let elsewhere = iam.look_up(&home, &role()).await.unwrap_err();
    assert_eq!(elsewhere.class, Class::BadAnswer, "another account than the cluster's is not even asked");
    assert_eq!(bed.sim.calls().len(), 3);
}

#[tokio::test]
async fn credentials_of_another_account_prove_nobody_missing() {
    let key = "AKIAIOSFODNN7EXAMPLE";
    let world = World::default().key(key, "999999999999");
    let bed = Bed::of(world, Knobs { principals: Principals::Known, ..Knobs::default() }).await;
    let error = look_up(&bed.eks.iam(), ROLE).await.unwrap_err();
    assert_eq!(error.class, Class::Credentials, "{error:?}");
    assert!(error.cause.as_ref().is_some_and(|cause| cause.contains("999999999999")), "{error:?}");
}

#[tokio::test]
async fn only_iam_itself_can_say_that_somebody_is_missing() {
    let xml = |body: &str| {
        format!(
            "<GetRoleResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><GetRoleResult><Role>{body}</Role>\
             </GetRoleResult></GetRoleResponse>"
        )
    };
    let told = |name: &str, account: &str| {
        xml(&format!(
            "<Path>/</Path><RoleName>{name}</RoleName><RoleId>AROAX</RoleId><Arn>arn:aws:iam::{account}:role/{name}</Arn>\
             <CreateDate>2026-01-01T00:00:00Z</CreateDate>"
        ))
    };
    for (what, status, body) in [
        ("a proxy's 404", 404, "<html>not here</html>".to_owned()),
        ("an empty answer", 200, String::new()),
        ("another role", 200, told("other", ACCOUNT)),
        ("another account", 200, told("my-role", "999999999999")),
        ("a role without an id", 200, told("my-role", ACCOUNT).replace("AROAX", "")),
    ] {
        let answers = vec![Answer::Http(status, &[("content-type", "text/xml")], body)];
        let (_, outcome) = answered(answers, async |eks| look_up(&eks.iam(), ROLE).await).await;
        assert!(outcome.is_err(), "{what}: {outcome:?}");
    }
    let answers = vec![Answer::Http(200, &[("content-type", "text/xml")], told("my-role", ACCOUNT))];
    let (requests, outcome) = answered(answers, async |eks| look_up(&eks.iam(), ROLE).await).await;
    assert_eq!(outcome.unwrap().unwrap().unique_id, "AROAX");
    assert!(requests[0].contains("Action=GetRole") && requests[0].contains("RoleName=my-role"), "{requests:?}");
}

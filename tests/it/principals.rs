//! What IAM knows decides whether an ask is sound; who may learn of it, and what happens when IAM does not answer.

use entryway::app::IamRegistry;
use entryway::domain::ask::Ask;
use entryway::domain::principal::Presence;
use entryway::domain::rules::{Code, Violation};
use entryway::sandbox::config::{UNHEARD_OF, world};
use entryway::sandbox::sim::{Action, CallRecord, Denial, Fault, Principals, Sim};
use entryway::workflow::{Registry as _, WorkflowError, submit};
use serde_json::json;

use crate::harness::{Bed, ROLE, database, eks, http, view};

const SSO: &str = "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_0123";

/// `view`, for another principal.
fn for_principal(arn: &str) -> Ask {
    Ask { principal_arn: arn.to_owned(), ..view("payments") }
}

/// A bed whose IAM knows only who is declared.
async fn bed() -> Bed {
    let bed = Bed::new().await;
    bed.sim.configure(|knobs| knobs.principals = Principals::Known);
    bed
}

async fn principal(bed: &Bed, change: serde_json::Value) {
    let url = format!("{}/_sim/principals", bed.sim.endpoint_url());
    http().put(url).json(&change).send().await.unwrap().error_for_status().unwrap();
}

#[track_caller]
fn violations<T: std::fmt::Debug>(outcome: Result<T, WorkflowError>) -> Vec<Violation> {
    match outcome {
        Err(WorkflowError::Invalid(violations)) => violations,
        other => panic!("the ask was to be unsound: {other:?}"),
    }
}

fn looks(bed: &Bed) -> Vec<CallRecord> {
    bed.sim.calls().into_iter().filter(|call| call.service == "iam").collect()
}

fn hang() -> Fault {
    let fault = json!({ "op": "GetRole", "action": Action::Hang { ms: 60_000, applied: false } });
    serde_json::from_value(fault).unwrap()
}

#[tokio::test]
async fn whom_iam_knows_is_asked_for_without_a_word() {
    let bed = bed().await;
    assert_eq!(bed.file("alice", view("payments")).await.warnings, []);
    assert_eq!(looks(&bed).len(), 1);
}

#[tokio::test]
async fn whom_iam_does_not_know_is_refused_until_it_does() {
    let bed = bed().await;
    let fresh = "arn:aws:iam::111122223333:role/fresh";
    let found = violations(bed.try_file("alice", for_principal(fresh)).await);
    assert_eq!((found.len(), found[0].code, found[0].pointer.as_str()), (1, Code::PrincipalNotFound, "/principalArn"));
    assert!(found[0].detail.contains("create it first, or wait some seconds"), "{}", found[0].detail);
    assert_eq!(database::number(&bed.url, "SELECT count(*) FROM request").await, 0);
    let preview = submit::dry_run(&bed.desk, &bed.caller("alice"), vec![for_principal(fresh)]).await;
    assert_eq!(violations(preview)[0].code, Code::PrincipalNotFound);

    principal(&bed, json!({ "arn": fresh, "exists": true })).await;
    assert_eq!(bed.file("alice", for_principal(fresh)).await.warnings, []);
    principal(&bed, json!({ "arn": fresh, "exists": false })).await;
    assert_eq!(violations(bed.try_file("alice", for_principal(fresh)).await)[0].code, Code::PrincipalNotFound);
}

#[tokio::test]
async fn an_sso_role_without_its_path_is_answered_with_the_arn_to_use() {
    let bed = bed().await;
    principal(&bed, json!({ "arn": SSO })).await;
    let stripped = "arn:aws:iam::111122223333:role/AWSReservedSSO_Admin_0123";
    let found = violations(bed.try_file("alice", for_principal(stripped)).await);
    assert_eq!(found[0].code, Code::PrincipalNotFound);
    assert!(found[0].detail.contains(SSO), "{}", found[0].detail);
    bed.file("alice", for_principal(SSO)).await;
}

#[tokio::test]
async fn a_missing_principal_is_listed_with_everything_else_that_is_wrong() {
    let bed = bed().await;
    let mut ask = for_principal("arn:aws:iam::111122223333:role/none");
    ask.kubernetes_groups = vec!["system:masters".to_owned()];
    let codes: Vec<_> = violations(bed.try_file("alice", ask).await).into_iter().map(|found| found.code).collect();
    assert_eq!(codes, [Code::PrincipalNotFound, Code::GroupReservedPrefix]);
}

#[tokio::test]
async fn nobody_learns_of_a_role_that_they_may_not_ask_for() {
    let bed = bed().await;
    let none = "arn:aws:iam::111122223333:role/none";
    // An auditor may ask for nothing, sound or not.
    for arn in [none, ROLE] {
        let refused = bed.try_file("olga", for_principal(arn)).await;
        assert!(matches!(refused, Err(WorkflowError::RequestNotPermitted(_))), "{refused:?}");
        let mut unsound = for_principal(arn);
        unsound.duration = Some("never".to_owned());
        let codes: Vec<_> = violations(bed.try_file("olga", unsound).await).into_iter().map(|v| v.code).collect();
        assert_eq!(codes, [Code::DurationInvalid]);
    }
    // Nor does anybody of a role in an account that is not allowed here, or of a protected one.
    let mut desk = bed.desk.clone();
    let mut dev = crate::harness::cluster("dev");
    dev.protected_principals = [ROLE.to_owned()].into();
    desk.clusters = std::sync::Arc::new([dev].into_iter().collect());
    for arn in ["arn:aws:iam::999999999999:role/x", ROLE] {
        let filed = submit::submit(&desk, &bed.caller("alice"), vec![for_principal(arn)], None).await;
        assert_eq!(violations(filed).len(), 1);
    }
    assert_eq!(looks(&bed), []);
}

#[tokio::test]
async fn one_look_serves_all_clusters() {
    let bed = bed().await;
    let asks = ["dev", "prod"].map(|name| Ask { cluster_name: name.to_owned(), ..view("payments") });
    let asks = asks.map(|ask| Ask { duration: Some("1h".to_owned()), ..ask });
    submit::submit(&bed.desk, &bed.caller("alice"), asks.into(), None).await.unwrap();
    assert_eq!(looks(&bed).len(), 1);
}

#[tokio::test]
async fn an_account_without_a_cluster_is_not_looked_into() {
    let third = "999999999999";
    let bed = Bed::with(Default::default(), |desk| {
        let mut dev = crate::harness::cluster("dev");
        dev.allowed_principal_accounts.insert(third.to_owned());
        desk.clusters = std::sync::Arc::new([dev].into_iter().collect());
    })
    .await;
    let request = bed.file("alice", for_principal(&format!("arn:aws:iam::{third}:role/theirs"))).await;
    assert_eq!(request.warnings.len(), 1);
    assert_eq!(request.warnings[0].code, "principal-not-checked");
    assert!(request.warnings[0].detail.contains("no cluster is configured in account 999999999999"));
    assert_eq!(bed.sim.calls(), [], "and above all, nothing is assumed there");
}

#[tokio::test]
async fn not_being_allowed_to_look_is_a_warning_that_names_the_permission() {
    let bed = bed().await;
    let denial = Denial { action: "iam:Get*".into(), account: None, resource: None };
    bed.sim.configure(|knobs| knobs.denied = vec![denial]);
    let request = bed.file("alice", view("payments")).await;
    assert_eq!(request.warnings[0].code, "principal-not-checked");
    assert!(request.warnings[0].detail.contains("iam:GetRole on role my-role"), "{}", request.warnings[0].detail);
}

#[tokio::test]
async fn whom_a_simulated_iam_has_not_heard_of_is_a_matter_of_the_sandbox_and_of_no_permission() {
    let bed = Bed::new().await;
    let iam = IamRegistry::simulated(eks(&bed.sim).iam(), UNHEARD_OF);
    let stranger = "arn:aws:iam::111122223333:role/stranger".parse().unwrap();
    let looked = iam.look_up(&crate::harness::cluster("dev"), &stranger).await;
    assert_eq!(looked, Presence::NotChecked(UNHEARD_OF.to_owned()));
    let known = UNHEARD_OF.split([' ', ',']).find(|word| word.starts_with("arn:")).unwrap();
    let sandbox = Sim::start(([127, 0, 0, 1], 0).into(), world()).await.unwrap();
    let iam = IamRegistry::simulated(eks(&sandbox).iam(), UNHEARD_OF);
    let looked = iam.look_up(&crate::harness::cluster("dev"), &known.parse().unwrap()).await;
    assert!(matches!(looked, Presence::Exists(_)), "{looked:?}");
}

#[tokio::test]
async fn an_iam_that_hangs_fails_no_ask_holds_no_transaction_and_is_believed_again_at_once() {
    let bed = bed().await;
    bed.sim.inject(hang());
    let open = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'";
    let watch = async {
        while looks(&bed).is_empty() {
            tokio::task::yield_now().await;
        }
        database::number(&bed.url, open).await
    };
    let (request, open) = tokio::join!(bed.file("alice", view("payments")), watch);
    assert_eq!(open, 0, "no transaction waits for IAM");
    assert_eq!(request.warnings[0].code, "principal-not-checked");
    assert!(request.warnings[0].detail.contains("in time for account 111122223333"), "{:?}", request.warnings);

    // Whoever comes next hardly waits, and still asks.
    let second = bed.file("alice", view("orders")).await;
    assert_eq!(second.warnings[0].code, "principal-not-checked");
    assert_eq!(looks(&bed).len(), 2);

    bed.sim.heal();
    assert_eq!(bed.file("alice", view("stock")).await.warnings, []);
    let none = for_principal("arn:aws:iam::111122223333:role/none");
    assert_eq!(violations(bed.try_file("alice", none).await)[0].code, Code::PrincipalNotFound);
}

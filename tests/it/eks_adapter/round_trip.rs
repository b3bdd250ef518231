//! Everything the adapter does, done to the simulated EKS and read back.

use std::collections::{BTreeMap, BTreeSet};

use entryway::domain::arn::PrincipalArn;
use entryway::domain::entry::{AccessScope, EntryContent, EntryType, generated_username};
use entryway::eks::Eks;

use super::bed::Bed;
use super::{ACCOUNT, REGION, ROLE, VIEW, cluster, role, standard};

fn namespaces<const N: usize>(names: [&str; N]) -> AccessScope {
    AccessScope::Namespace { namespaces: names.map(str::to_owned).into() }
}

#[tokio::test]
async fn an_entry_lives_from_create_to_delete_in_as_few_calls_as_it_takes() {
    let bed = Bed::new().await;
    let (eks, prod, role) = (&bed.eks, cluster("prod"), role());
    assert_eq!(eks.observe(&prod, &role).await.unwrap(), None);

    let tags = BTreeMap::from([("entryway/installation".to_owned(), "acme".to_owned())]);
    let asked = EntryContent { kubernetes_groups: ["viewers".to_owned()].into(), ..standard() };
    let created = eks.create(&prod, &role, &asked, &tags, "token-1").await.unwrap();
    assert!(created.write.aws_request_id.is_some());
    let username = generated_username(&role, EntryType::Standard);
    let mut expected = EntryContent { username: Some(username.clone()), ..asked };
    let seen = eks.observe(&prod, &role).await.unwrap().unwrap();
    assert_eq!((&seen.content, &seen.tags, &seen.access_entry_arn), (&expected, &tags, &created.access_entry_arn));

    for scope in [namespaces(["payments", "payments-*"]), AccessScope::Cluster, namespaces(["payments"])] {
        let write = eks.associate(&prod, &role, VIEW, &scope).await.unwrap();
        assert!(write.aws_request_id.is_some());
        expected.access_policies = [(VIEW.to_owned(), scope)].into();
        assert_eq!(eks.observe(&prod, &role).await.unwrap().unwrap().content, expected);
    }

    for groups in [BTreeSet::from(["a".to_owned(), "b".to_owned()]), BTreeSet::new()] {
        eks.update(&prod, &role, &username, &groups, &format!("token-{}", groups.len())).await.unwrap();
        expected.kubernetes_groups = groups;
        assert_eq!(eks.observe(&prod, &role).await.unwrap().unwrap().content, expected);
    }

    assert!(!eks.disassociate(&prod, &role, VIEW).await.unwrap().already);
    assert!(eks.disassociate(&prod, &role, VIEW).await.unwrap().already);
    expected.access_policies.clear();
    assert_eq!(eks.observe(&prod, &role).await.unwrap().unwrap().content, expected);

    assert!(!eks.delete(&prod, &role).await.unwrap().already);
    assert!(eks.delete(&prod, &role).await.unwrap().already);
    assert!(eks.disassociate(&prod, &role, VIEW).await.unwrap().already);
    assert_eq!(eks.observe(&prod, &role).await.unwrap(), None);

    let count = |op: &str| bed.sim.calls().iter().filter(|call| call.op == op).count();
    let observed = 9;
    assert_eq!(count("DescribeAccessEntry"), observed);
    assert_eq!(count("ListAssociatedAccessPolicies"), observed - 2, "none for an entry that is not there");
    assert_eq!(bed.sim.calls().len(), 2 * observed - 2 + 1 + 3 + 2 + 3 + 2);
}

#[tokio::test]
async fn the_request_ids_are_those_aws_logs() {
    let bed = Bed::new().await;
    let written = bed.eks.delete(&cluster("prod"), &role()).await.unwrap();
    assert_eq!(written.aws_request_id, Some(bed.only_call().request_id));
}

#[tokio::test]
async fn node_entries_come_back_as_eks_made_them_and_their_policies_are_asked_for_where_there_can_be_any() {
    let bed = Bed::new().await;
    let prod = cluster("prod");
    for (kind, calls) in [(EntryType::Ec2Linux, 1), (EntryType::FargateLinux, 1), (EntryType::Ec2, 2)] {
        let principal: PrincipalArn = format!("arn:aws:iam::{ACCOUNT}:role/{}", kind.as_str()).parse().unwrap();
        let asked = EntryContent { entry_type: kind, ..standard() };
        bed.eks.create(&prod, &principal, &asked, &BTreeMap::new(), kind.as_str()).await.unwrap();
        let before = bed.sim.calls().len();
        let seen = bed.eks.observe(&prod, &principal).await.unwrap().unwrap();
        assert_eq!(bed.sim.calls().len() - before, calls, "{kind:?}");
        assert_eq!(seen.content.entry_type, kind);
        assert!(seen.content.username.unwrap().starts_with("system:node:"));
    }
}

#[tokio::test]
async fn a_create_said_twice_with_one_token_makes_one_entry() {
    let bed = Bed::new().await;
    let create = || async { bed.eks.create(&cluster("prod"), &role(), &standard(), &BTreeMap::new(), "token-1").await };
    assert_eq!(create().await.unwrap().access_entry_arn, create().await.unwrap().access_entry_arn);
}

#[tokio::test]
async fn lists_are_whole_however_many_pages_they_take() {
    let bed = Bed::new().await;
    let prod = cluster("prod");
    let mut expected: BTreeSet<String> = bed.eks.list_entries(&prod).await.unwrap().into_iter().collect();
    for at in 0..205 {
        let principal: PrincipalArn = format!("arn:aws:iam::{ACCOUNT}:role/team/r{at}").parse().unwrap();
        bed.eks.create(&prod, &principal, &standard(), &BTreeMap::new(), &at.to_string()).await.unwrap();
        expected.insert(principal.to_string());
    }
    let before = bed.sim.calls().len();
    let listed = bed.eks.list_entries(&prod).await.unwrap();
    assert_eq!(bed.sim.calls().len() - before, 3);
    assert_eq!(listed.len(), expected.len());
    assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), expected);
}

#[tokio::test]
async fn the_catalogue_and_the_cluster_tell_what_the_rules_need() {
    let bed = Bed::new().await;
    let policies = bed.eks.list_access_policies(&cluster("prod")).await.unwrap();
    assert!(policies.iter().any(|policy| policy.name == "AmazonEKSViewPolicy" && policy.arn == VIEW));

    let gate = bed.eks.describe_cluster(&cluster("prod")).await.unwrap();
    assert_eq!(gate.arn, format!("arn:aws:eks:{REGION}:{ACCOUNT}:cluster/prod"));
    assert_eq!((gate.status.as_str(), gate.authentication_mode.as_deref()), ("ACTIVE", Some("API")));
    assert!(gate.takes_access_entries() && gate.version.is_some() && gate.platform_version.is_some());
    assert!(!bed.eks.describe_cluster(&cluster("legacy")).await.unwrap().takes_access_entries());
}

#[tokio::test]
async fn a_role_with_a_path_is_found_by_its_whole_arn_only() {
    let bed = Bed::new().await;
    bed.eks.create(&cluster("prod"), &role(), &standard(), &BTreeMap::new(), "token-1").await.unwrap();
    let stripped: PrincipalArn = ROLE.replace("dev/apps/", "").parse().unwrap();
    assert_eq!(bed.eks.observe(&cluster("prod"), &stripped).await.unwrap(), None);
    assert!(bed.eks.observe(&cluster("prod"), &role()).await.unwrap().is_some());
}

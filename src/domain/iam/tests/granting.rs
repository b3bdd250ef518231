//! Giving access: to whom, of which kind, and how much.

use super::*;

const VIEW: &str = "AmazonEKSViewPolicy";
const ADMIN: &str = "AmazonEKSClusterAdminPolicy";

fn associate(cluster: &Cluster, name: &str, scope: &str, namespaces: &[&str]) -> Call {
    Call::on_entry("eks:AssociateAccessPolicy", cluster, PERSON, "STANDARD").policy(name, scope, namespaces)
}

#[test]
fn entries_are_made_for_principals_of_the_allowed_accounts_only() {
    let mut open = cluster("open");
    open.allowed_principal_accounts.insert("777788889999".to_owned());
    let clusters = [cluster("own"), open];
    let may = |index: usize, principal: &str| {
        let create = target_may(&clusters, &Asked::default(), &Call::create(&clusters[index], principal, "STANDARD"));
        let associate = Call::on_entry("eks:AssociateAccessPolicy", &clusters[index], principal, "STANDARD");
        let associate = target_may(&clusters, &Asked::default(), &associate.policy(VIEW, "cluster", &[]));
        assert_eq!(create, associate, "{principal}");
        create
    };
    assert!(may(0, PERSON) && may(0, "arn:aws:iam::111122223333:user/carol") && may(1, PERSON));
    assert!(may(1, "arn:aws:iam::777788889999:role/x") && !may(0, "arn:aws:iam::777788889999:role/x"));
    assert!(!may(1, "arn:aws:iam::999900001111:role/x"));
}

#[test]
fn where_no_account_is_allowed_nothing_is_given_and_everything_can_end() {
    let mut closed = cluster("closed");
    closed.allowed_principal_accounts.clear();
    let clusters = [closed];
    let may = |call| target_may(&clusters, &Asked::default(), &call);
    assert!(!may(Call::create(&clusters[0], PERSON, "STANDARD")));
    assert!(!may(associate(&clusters[0], VIEW, "cluster", &[])));
    assert!(may(Call::on_entry("eks:DeleteAccessEntry", &clusters[0], PERSON, "STANDARD")));
    assert!(rights(&clusters, &Asked::default()).notes.iter().any(|note| note.contains("nobody can be given access")));
}

#[test]
fn a_new_entry_must_carry_our_tag() {
    let clusters = [cluster("prod")];
    let create = Call::create(&clusters[0], PERSON, "STANDARD");
    let tag = |value: &[&str]| create.clone().with("aws:RequestTag/entryway/installation", value);
    let tagging = |value: &[&str]| {
        Call::on_nothing("eks:TagResource", &clusters[0]).with("aws:RequestTag/entryway/installation", value)
    };
    let may = |call: Call| target_may(&clusters, &Asked::default(), &call);
    assert!(may(tag(&["acme"])) && may(tagging(&["acme"])));
    assert!(!may(tag(&["other"])) && !may(tag(&[])) && !may(tagging(&["other"])) && !may(tagging(&[])));
}

#[test]
fn entries_of_nodes_are_made_only_where_asked_for_and_only_with_their_roles() {
    let clusters = [cluster("prod")];
    let node = "arn:aws:iam::111122223333:role/eks-node-a";
    let make = Call::create(&clusters[0], node, "EC2_LINUX");
    let pass = |role: &str, service: &str| Call::new("iam:PassRole", role).with("iam:PassedToService", &[service]);
    let asked = Asked { node_types: texts(&["EC2_LINUX"]), node_roles: texts(&["eks-node-*"]), ..Asked::default() };
    let may = |call: &Call| target_may(&clusters, &asked, call);
    assert!(may(&make) && may(&pass(node, "ec2.amazonaws.com")));
    assert!(may(&Call::on_entry("eks:DeleteAccessEntry", &clusters[0], node, "EC2_LINUX")));
    assert!(!may(&Call::create(&clusters[0], node, "EC2_WINDOWS")));
    assert!(!may(&Call::on_entry("eks:DeleteAccessEntry", &clusters[0], node, "EC2_WINDOWS")));
    assert!(!may(&pass(PERSON, "ec2.amazonaws.com")) && !may(&pass(node, "lambda.amazonaws.com")));

    let plain = |call: &Call| target_may(&clusters, &Asked::default(), call);
    assert!(!plain(&make) && !plain(&pass(node, "ec2.amazonaws.com")));
    assert!(!plain(&Call::on_entry("eks:DeleteAccessEntry", &clusters[0], node, "EC2_LINUX")));
}

#[test]
fn an_arn_of_a_nodes_role_is_for_its_own_account() {
    let mut other = cluster("other");
    other.account_id = "444455556666".to_owned();
    other.role_arn = Some("arn:aws:iam::444455556666:role/entryway-target".to_owned());
    let asked = Asked {
        node_types: texts(&["EC2_LINUX"]),
        node_roles: texts(&["arn:aws:iam::444455556666:role/x/node"]),
        ..Asked::default()
    };
    let rights = rights(&[cluster("prod"), other.clone()], &asked);
    let may = |index: usize, call: &Call| allows(&rights.target_roles[index].policies, call);
    let node = "arn:aws:iam::444455556666:role/x/node";
    let pass = Call::new("iam:PassRole", node).with("iam:PassedToService", &["ec2.amazonaws.com"]);
    assert!(may(1, &pass) && !may(0, &pass));
    let create = |cluster: &Cluster| {
        let principal = cluster.allowed_principal_accounts.first().map(|a| format!("arn:aws:iam::{a}:role/x"));
        Call::create(cluster, &principal.expect("an account"), "EC2_LINUX")
    };
    other.allowed_principal_accounts = [ACCOUNT.to_owned()].into();
    assert!(may(1, &create(&other)) && !may(0, &create(&cluster("prod"))));
}

#[test]
fn nodes_of_auto_mode_get_their_policy_however_narrow_the_others_are_kept() {
    let clusters = [cluster("prod")];
    let node = "arn:aws:iam::111122223333:role/auto-node";
    let associate = |kind| {
        let call = Call::on_entry("eks:AssociateAccessPolicy", &clusters[0], node, kind);
        call.policy("AmazonEKSAutoNodePolicy", "cluster", &[])
    };
    let asked = Asked {
        node_types: texts(&["EC2"]),
        node_roles: texts(&["auto-node"]),
        namespaces: texts(&["payments"]),
        ..Asked::default()
    };
    assert!(target_may(&clusters, &asked, &associate("EC2")));
    assert!(!target_may(&clusters, &asked, &associate("STANDARD")));
    assert!(!target_may(&clusters, &Asked::default(), &associate("EC2")));
}

#[test]
fn only_the_named_policies_are_given_and_root_only_when_named() {
    let clusters = [cluster("prod")];
    let may = |asked: &Asked, name| target_may(&clusters, asked, &associate(&clusters[0], name, "cluster", &[]));
    let plain = Asked::default();
    assert!(may(&plain, VIEW) && may(&plain, "AmazonEKSAdminPolicy") && !may(&plain, ADMIN));
    assert!(!may(&plain, "AmazonEMRJobPolicy"));
    let named = Asked {
        policies: texts(&["arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"]),
        ..Asked::default()
    };
    assert!(may(&named, ADMIN) && !may(&named, VIEW));
    assert!(rights(&clusters, &plain).notes.iter().any(|note| note.contains(ADMIN)));
    assert!(!rights(&clusters, &named).notes.iter().any(|note| note.contains("left out")));
}

#[test]
fn namespaces_bound_what_a_policy_holds_in() {
    let clusters = [cluster("prod")];
    let asked = Asked { namespaces: texts(&["payments", "pay-*"]), ..Asked::default() };
    let may =
        |scope, namespaces: &[&str]| target_may(&clusters, &asked, &associate(&clusters[0], VIEW, scope, namespaces));
    assert!(may("namespace", &["payments"]) && may("namespace", &["pay-a", "payments", "pay-*"]));
    assert!(
        !may("namespace", &["payments", "kube-system"]) && !may("namespace", &["*"]) && !may("namespace", &["pay*"])
    );
    assert!(!may("cluster", &[]) && !may("namespace", &[]));

    let any = Asked { namespaced_only: true, ..Asked::default() };
    let may =
        |scope, namespaces: &[&str]| target_may(&clusters, &any, &associate(&clusters[0], VIEW, scope, namespaces));
    assert!(may("namespace", &["kube-system"]) && !may("cluster", &[]));
}

#[test]
fn groups_bound_what_a_new_entry_has() {
    let clusters = [cluster("prod")];
    let asked = Asked { groups: texts(&["viewers", "team-*"]), ..Asked::default() };
    let create = Call::create(&clusters[0], PERSON, "STANDARD");
    let may = |groups: &[&str]| target_may(&clusters, &asked, &create.clone().with("eks:kubernetesGroups", groups));
    assert!(may(&["viewers", "team-a"]) && !may(&["viewers", "masters"]));
    assert!(target_may(&clusters, &asked, &create), "an entry without groups");
    assert!(rights(&clusters, &asked).notes.iter().any(|note| note.starts_with("--group binds new entries only")));
}

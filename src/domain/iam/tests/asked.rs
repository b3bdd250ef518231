//! What is refused, and in which words.

use super::*;

#[test]
fn options_that_make_no_sense_are_refused_all_at_once() {
    let asked = Asked {
        service_role: Some("arn:aws:sts::111122223333:assumed-role/entryway/x".to_owned()),
        policies: texts(&["a b", "AmazonEKSComputePolicy", "AmazonEKSAutoNodePolicy"]),
        namespaces: texts(&["Up", ""]),
        groups: texts(&["a$", ""]),
        node_types: texts(&["EC2_MARS", "STANDARD"]),
        node_roles: texts(&["*", "arn:aws:iam::111122223333:user/x", "a:b"]),
        ..Asked::default()
    };
    let told = refused(&[cluster("prod")], &asked);
    for words in [
        "--service-role \"arn:aws:sts::111122223333:assumed-role/entryway/x\": this is an STS session; give the IAM role",
        "--policy \"a b\" is no EKS access policy",
        "--policy AmazonEKSComputePolicy: EKS associates it with service-linked roles",
        "--policy AmazonEKSAutoNodePolicy: only entries of type EC2 may have it; add --node-types EC2",
        "--namespace \"Up\" is no namespace",
        "--namespace \"\" is no namespace",
        "--group \"a$\" cannot be written",
        "--group \"\" cannot be written",
        "--node-types \"EC2_MARS\" is no type of a node's entry; there are EC2_LINUX, ",
        "--node-types STANDARD: that type is always there",
        "--node-role \"*\" is every role there is",
        "--node-role \"arn:aws:iam::111122223333:user/x\" is no role",
        "--node-role \"a:b\" is no role",
    ] {
        assert!(told.contains(words), "{words}\n---\n{told}");
    }
    assert_eq!(told.lines().count(), 13, "{told}");
}

#[test]
fn node_types_and_node_roles_need_each_other() {
    for asked in [
        Asked { node_types: texts(&["EC2_LINUX"]), ..Asked::default() },
        Asked { node_roles: texts(&["eks-node-*"]), ..Asked::default() },
    ] {
        assert!(refused(&[cluster("prod")], &asked).starts_with("--node-types and --node-role go together"));
    }
}

#[test]
fn clusters_that_one_identity_cannot_serve_are_refused() {
    let plain = Asked::default();
    assert!(refused(&[], &plain).starts_with("there are no [[clusters]]"));

    let own = |name: &str, account: &str| {
        let mut own = cluster(name);
        (own.role_arn, own.external_id, own.account_id) = (None, None, account.to_owned());
        own
    };
    let told = refused(&[own("a", ACCOUNT), own("b", "444455556666")], &plain);
    assert!(told.starts_with("clusters a, b have no role_arn and are in different accounts"), "{told}");
    let asked =
        Asked { service_role: Some("arn:aws:iam::999988887777:role/x/entryway".to_owned()), ..Asked::default() };
    let told = refused(&[own("a", ACCOUNT)], &asked);
    assert!(told.starts_with(
        "cluster a is in account 111122223333 and has no role_arn, but --service-role is in 999988887777"
    ));
    let asked = Asked { service_role: Some("arn:aws:iam::111122223333:role/entryway".to_owned()), ..Asked::default() };
    assert_eq!(rights(&[own("a", ACCOUNT)], &asked).service_role.clusters.len(), 1);

    let mut china = own("cn", ACCOUNT);
    china.region = "cn-north-1".to_owned();
    let told = refused(&[cluster("prod"), china], &plain);
    assert!(told.contains("here are aws (prod) and aws-cn (cn); run one Entryway in each"), "{told}");
}

#[test]
fn roles_that_cannot_be_as_configured_are_refused() {
    let asked = Asked { service_role: Some(TARGET.to_owned()), ..Asked::default() };
    let told = refused(&[cluster("prod")], &asked);
    assert!(told.starts_with("clusters prod: role_arn is the --service-role itself"), "{told}");

    let mut open = cluster("open");
    open.external_id = None;
    let told = refused(&[cluster("prod"), open.clone()], &Asked::default());
    assert!(told.contains("clusters prod assume") && told.contains("with an external_id and open without"), "{told}");
    assert!(rights(&[open], &Asked::default()).notes.iter().any(|note| note.contains("without an external_id")));

    let mut twin = cluster("twin");
    twin.role_arn = Some("arn:aws:iam::111122223333:role/x/Entryway-Target".to_owned());
    let told = refused(&[cluster("prod"), twin], &Asked::default());
    assert!(told.contains("an account has one role of a name"), "{told}");

    let asked = Asked {
        node_types: texts(&["EC2_LINUX"]),
        node_roles: texts(&["arn:aws:iam::999900001111:role/node"]),
        ..Asked::default()
    };
    let told = refused(&[cluster("prod")], &asked);
    assert!(told.starts_with("--node-role names account 999900001111, where no cluster is"), "{told}");
}

#[test]
fn notes_tell_what_will_not_work_as_one_may_think() {
    let mut prod = cluster("prod");
    prod.allowed_principal_accounts.insert("777788889999".to_owned());
    let asked = Asked { policies: texts(&["AmazonEKSVeiwPolicy"]), ..Asked::default() };
    let notes = rights(&[prod], &asked).notes.join("\n");
    for words in [
        "the trust policies hold a placeholder that IAM refuses",
        "--policy AmazonEKSVeiwPolicy is unknown to this build",
        "principals of 777788889999 are not looked up",
    ] {
        assert!(notes.contains(words), "{words}\n---\n{notes}");
    }
    let walls = Walls::read(&Asked::default()).expect("sound");
    let notes = Rights::of("平台", &[cluster("prod")], &walls).expect("sound").notes.join("\n");
    assert!(notes.contains("IAM takes no character beyond U+00FF"), "{notes}");
}

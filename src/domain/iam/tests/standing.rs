//! What stands whatever is asked for: what Entryway does is allowed, on its clusters alone, and some things never are.

use super::*;

const ON_CLUSTERS: [&str; 2] = ["eks:DescribeCluster", "eks:ListAccessEntries"];
const READS: [&str; 2] = ["eks:DescribeAccessEntry", "eks:ListAssociatedAccessPolicies"];
const ENDS: [&str; 3] = ["eks:UpdateAccessEntry", "eks:DeleteAccessEntry", "eks:DisassociateAccessPolicy"];

/// The tightest that can be asked for, with the entry tagged as ours where it is there.
fn tightest() -> Asked {
    Asked {
        service_role: Some("arn:aws:iam::999988887777:role/entryway".to_owned()),
        policies: texts(&["AmazonEKSViewPolicy"]),
        namespaces: texts(&["payments"]),
        groups: texts(&["viewers"]),
        tag_walls: true,
        ..Asked::default()
    }
}

fn ours(call: Call) -> Call {
    call.with("aws:ResourceTag/entryway/installation", &["acme"])
}

#[test]
fn everything_that_entryway_does_is_allowed_on_every_cluster() {
    let clusters = [cluster("prod"), cluster("dev")];
    for asked in [Asked::default(), tightest()] {
        let rights = rights(&clusters, &asked);
        let may = |call: &Call| allows(&rights.target_roles[0].policies, call);
        for cluster in &clusters {
            assert!(ON_CLUSTERS.iter().all(|action| may(&Call::on_cluster(action, cluster))));
            assert!(may(&Call::create(cluster, PERSON, "STANDARD")));
            for action in READS.into_iter().chain(ENDS) {
                assert!(may(&ours(Call::on_entry(action, cluster, PERSON, "STANDARD"))), "{action}");
                assert!(may(&Call::on_nothing(action, cluster)), "{action}: 403 would hide that there is none");
            }
            for call in [
                ours(Call::on_entry("eks:AssociateAccessPolicy", cluster, PERSON, "STANDARD")),
                Call::on_nothing("eks:AssociateAccessPolicy", cluster),
            ] {
                assert!(may(&call.policy("AmazonEKSViewPolicy", "namespace", &["payments"])));
            }
        }
        assert!(may(&Call::new("eks:ListAccessPolicies", "*")));
        assert!(
            may(&Call::new("iam:GetRole", PERSON))
                && !may(&Call::new("iam:GetRole", "arn:aws:iam::999900001111:role/x"))
        );
    }
}

#[test]
fn no_other_cluster_is_touched() {
    let clusters = [cluster("prod")];
    let elsewhere = |change: fn(&mut Cluster)| {
        let mut other = cluster("prod");
        change(&mut other);
        other
    };
    for other in [
        elsewhere(|other| other.eks_name = "prod-10".to_owned()),
        elsewhere(|other| other.eks_name = "prod".to_owned()),
        elsewhere(|other| other.region = "eu-west-1".to_owned()),
        elsewhere(|other| other.region = "cn-north-1".to_owned()),
        elsewhere(|other| other.account_id = "444455556666".to_owned()),
    ] {
        let may = |call: &Call| target_may(&clusters, &Asked::default(), call);
        assert!(!ON_CLUSTERS.iter().any(|action| may(&Call::on_cluster(action, &other))));
        assert!(!may(&Call::create(&other, PERSON, "STANDARD")));
        for action in READS.into_iter().chain(ENDS) {
            assert!(!may(&Call::on_entry(action, &other, PERSON, "STANDARD")), "{action}");
        }
    }
}

#[test]
fn protected_principals_are_never_written_to_and_still_read() {
    let mut prod = cluster("prod");
    prod.protected_principals.insert("arn:aws:iam::111122223333:role/ops/break-glass".to_owned());
    let clusters = [prod, cluster("dev")];
    let may = |call: &Call| target_may(&clusters, &Asked::default(), call);
    for principal in [
        "arn:aws:iam::111122223333:role/ops/break-glass",
        "arn:aws:iam::111122223333:role/break-glass",
        TARGET,
        "arn:aws:iam::111122223333:role/aws-service-role/eks.amazonaws.com/AWSServiceRoleForAmazonEKS",
    ] {
        assert!(!may(&Call::create(&clusters[0], principal, "STANDARD")), "{principal}");
        for action in ENDS {
            assert!(!may(&Call::on_entry(action, &clusters[0], principal, "STANDARD")), "{action} {principal}");
        }
        let associate = Call::on_entry("eks:AssociateAccessPolicy", &clusters[0], principal, "STANDARD");
        assert!(!may(&associate.policy("AmazonEKSViewPolicy", "cluster", &[])), "{principal}");
        assert!(READS.iter().all(|action| may(&Call::on_entry(action, &clusters[0], principal, "STANDARD"))));
    }
    let name = "arn:aws:iam::111122223333:role/not-break-glass";
    assert!(may(&Call::create(&clusters[0], name, "STANDARD")), "another name");
    let elsewhere = "arn:aws:iam::111122223333:role/ops/break-glass";
    assert!(may(&Call::create(&clusters[1], elsewhere, "STANDARD")), "protected on prod alone");
}

#[test]
fn tag_walls_keep_to_entries_that_are_ours_and_layering_changes_others() {
    let mut layered = cluster("layered");
    layered.existing_entries = ExistingEntries::Layer;
    let clusters = [cluster("strict"), layered];
    let asked = Asked { tag_walls: true, ..Asked::default() };
    let may = |cluster: &Cluster, action: &str, tag: &[&str]| {
        let call = Call::on_entry(action, cluster, PERSON, "STANDARD").policy("AmazonEKSViewPolicy", "cluster", &[]);
        target_may(&clusters, &asked, &call.with("aws:ResourceTag/entryway/installation", tag))
    };
    for action in ENDS.into_iter().chain(["eks:AssociateAccessPolicy"]) {
        assert!(may(&clusters[0], action, &["acme"]) && may(&clusters[1], action, &["acme"]), "{action}");
        assert!(!may(&clusters[0], action, &["other"]) && !may(&clusters[0], action, &[]), "{action}");
        assert_eq!(may(&clusters[1], action, &[]), action != "eks:DeleteAccessEntry", "{action}");
    }
    assert!(rights(&clusters, &asked).notes.iter().any(|note| note.contains("only deletes on layered")));
}

#[test]
fn the_service_becomes_the_configured_roles_and_no_other() {
    let mut other = cluster("other");
    other.account_id = "444455556666".to_owned();
    other.role_arn = Some("arn:aws:iam::444455556666:role/entryway-target".to_owned());
    let clusters = [cluster("prod"), cluster("dev"), other];
    let rights = rights(&clusters, &Asked::default());
    let may = |action, role| allows(&rights.service_role.policies, &Call::new(action, role));
    assert!(may("sts:AssumeRole", TARGET) && may("sts:AssumeRole", "arn:aws:iam::444455556666:role/entryway-target"));
    assert!(!may("sts:AssumeRole", "arn:aws:iam::111122223333:role/entryway-target-2"));
    assert!(!may("sts:TagSession", TARGET));
    assert!(!allows(&rights.service_role.policies, &Call::on_cluster("eks:DescribeCluster", &clusters[0])));
}

#[test]
fn a_role_trusts_the_service_alone_and_only_with_the_external_id() {
    let mut second = cluster("second");
    second.external_id = Some("e-2".to_owned());
    let trust = |clusters: &[Cluster], asked: &Asked| {
        let json = rights(clusters, asked).target_roles[0].trust_policy.document.json();
        serde_json::from_str::<serde_json::Value>(&json).expect("JSON")["Statement"][0].clone()
    };
    let statement = trust(&[cluster("prod"), second], &tightest());
    assert_eq!(statement["Principal"], serde_json::json!({ "AWS": "arn:aws:iam::999988887777:role/entryway" }));
    assert_eq!(statement["Action"], "sts:AssumeRole");
    let call = Call::new("sts:AssumeRole", TARGET);
    for (id, expected) in [("e-1", true), ("e-2", true), ("e-3", false)] {
        assert_eq!(
            evaluate::conditions_hold(&statement, &call.clone().with("sts:ExternalId", &[id])),
            expected,
            "{id}"
        );
    }
    assert!(!evaluate::conditions_hold(&statement, &call), "without one");

    let unknown = trust(&[cluster("prod")], &Asked::default());
    assert_eq!(unknown["Principal"]["AWS"], PLACEHOLDER);
    assert!(PLACEHOLDER.parse::<crate::domain::arn::PrincipalArn>().is_err(), "nobody may be trusted by mistake");
}

#[test]
fn with_pod_identity_session_tags_come_along() {
    let asked = Asked { pod_identity: true, ..Asked::default() };
    let rights = rights(&[cluster("prod")], &asked);
    assert!(allows(&rights.service_role.policies, &Call::new("sts:TagSession", TARGET)));
    let trust = rights.target_roles[0].trust_policy.document.json();
    let trust: serde_json::Value = serde_json::from_str(&trust).expect("JSON");
    let [assume, tags] = trust["Statement"].as_array().expect("statements").as_slice() else { panic!("{trust}") };
    assert_eq!((assume["Action"].as_str(), tags["Action"].as_str()), (Some("sts:AssumeRole"), Some("sts:TagSession")));
    assert_eq!(assume["Condition"]["StringEquals"]["sts:ExternalId"], "e-1");
    assert!(tags.get("Condition").is_none(), "IAM is not told the external id when it is asked about tags");
}

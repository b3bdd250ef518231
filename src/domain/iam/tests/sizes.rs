//! Documents keep to IAM's sizes, and say the same in whatever order the clusters are.

use super::*;

fn many(count: usize) -> Vec<Cluster> {
    (0..count).map(|number| cluster(&format!("a-cluster-with-a-name-{number:03}"))).collect()
}

#[test]
fn what_would_be_too_long_for_one_document_is_made_several() {
    let clusters = many(40);
    let rights = rights(&clusters, &Asked::default());
    let policies = &rights.target_roles[0].policies;
    assert!((3..=10).contains(&policies.len()), "{}", policies.len());
    for (index, policy) in policies.iter().enumerate() {
        assert_eq!(policy.name, format!("entryway-eks-{}", index + 1));
        assert!(policy.file.ends_with(&format!("{}.json", policy.name)));
        assert!(policy.characters <= MAX_MANAGED && policy.characters == policy.document.characters());
    }
    for cluster in &clusters {
        assert!(allows(policies, &Call::create(cluster, PERSON, "STANDARD")), "{}", cluster.name);
        assert!(!allows(policies, &Call::create(cluster, TARGET, "STANDARD")), "{}", cluster.name);
    }
    let all: String = policies.iter().map(|policy| policy.document.json()).collect();
    assert_eq!(all.matches("ListAccessPolicies").count(), 1, "what is about the account is said once");
    let commands = rights.to_text(Some("iam"));
    assert!(commands.contains("aws iam attach-role-policy --role-name entryway-target --policy-arn arn:aws:iam::111122223333:policy/entryway-eks-2"));
    assert!(!commands.contains("put-role-policy --role-name entryway-target"), "there is no room for them inline");
}

#[test]
fn what_does_not_fit_a_role_is_told() {
    let notes = rights(&many(200), &Asked::default()).notes;
    assert!(notes.iter().any(|note| note.contains("managed policies and may have 10")), "{notes:?}");

    let mut one = cluster("one");
    one.protected_principals = (0..200).map(|n| format!("arn:aws:iam::111122223333:role/protected-{n}")).collect();
    let notes = rights(&[one], &Asked::default()).notes;
    assert!(notes.iter().any(|note| note.contains("make its protected_principals")), "{notes:?}");

    let mut one = cluster("one");
    one.external_id = Some("x".repeat(1_224));
    let mut two = cluster("two");
    two.external_id = Some("y".repeat(1_224));
    let notes = rights(&[one, two], &Asked::default()).notes;
    assert!(notes.iter().any(|note| note.contains("use shorter external_ids")), "{notes:?}");
}

#[test]
fn the_order_of_the_clusters_makes_no_difference() {
    let mut clusters = many(12);
    clusters[3].protected_principals.insert("arn:aws:iam::111122223333:role/x".to_owned());
    clusters[5].allowed_principal_accounts.insert("444455556666".to_owned());
    let first = rights(&clusters, &Asked::default());
    clusters.reverse();
    assert_eq!(rights(&clusters, &Asked::default()), first);
}

use super::*;

const VIEW: &str = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy";

fn content(groups: &[&str], policies: &[(&str, AccessScope)]) -> EntryContent {
    EntryContent {
        entry_type: EntryType::Standard,
        username: None,
        kubernetes_groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        access_policies: policies.iter().map(|(arn, scope)| ((*arn).to_owned(), scope.clone())).collect(),
    }
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn a_page_goes_on_behind_whoever_was_shown_last_even_if_they_are_gone() {
    let page: Vec<String> = names(&["a", "c", "e"]).into_iter().collect();
    let rest = |after: Option<&str>| Place { token: None, after: after.map(str::to_owned) }.rest_of(&page).to_vec();
    assert_eq!(rest(None), page);
    assert_eq!(rest(Some("c")), ["e"]);
    assert_eq!(rest(Some("b")), ["c", "e"]);
    assert_eq!(rest(Some("f")), Vec::<String>::new());
}

#[test]
fn every_difference_is_said_and_nothing_else() {
    let scope = |list: &[&str]| AccessScope::Namespace { namespaces: names(list) };
    let wanted = content(&["viewers"], &[(VIEW, scope(&["a"])), ("edit", AccessScope::Cluster)]);
    assert_eq!(differences(Some(&wanted), Some(&wanted)), Vec::<String>::new());
    let found = content(&["masters"], &[(VIEW, AccessScope::Cluster), ("admin", AccessScope::Cluster)]);
    assert_eq!(
        differences(Some(&wanted), Some(&found)),
        [
            "the group viewers is missing",
            "the group masters is there and should not be",
            "admin is there and should not be",
            "AmazonEKSViewPolicy holds for the whole cluster, not for a",
            "edit is missing",
        ]
    );
    assert_eq!(differences(Some(&wanted), None), ["the entry is missing"]);
    assert_eq!(differences(None, Some(&wanted)), ["the entry is there and should not be"]);
    let node = EntryContent { entry_type: EntryType::Ec2Linux, ..content(&[], &[]) };
    let seen = EntryContent { kubernetes_groups: names(&["system:nodes"]), ..node.clone() };
    assert_eq!(differences(Some(&node), Some(&seen)), Vec::<String>::new());
}

#[test]
fn lists_make_suspects_of_what_they_miss_and_of_what_they_have_too_much() {
    let with = |arns: &[&str]| {
        let policies: Vec<_> = arns.iter().map(|arn| (*arn, AccessScope::Cluster)).collect();
        content(&[], &policies)
    };
    let known: BTreeMap<_, _> =
        [("fine", with(&["view"])), ("gone", with(&["view"])), ("less", with(&["view"])), ("more", with(&[]))]
            .map(|(who, content)| (who.to_owned(), content))
            .into();
    let listed = names(&["fine", "less", "more", "theirs"]);
    let holders = [("view".to_owned(), names(&["fine", "theirs"])), ("admin".to_owned(), names(&["more", "theirs"]))];
    assert_eq!(suspects(&known, &listed, &holders.into()), ["gone", "less", "more"]);
    assert_eq!(suspects(&known, &listed, &[].into()), ["gone"], "of policies that were not listed nothing is known");
}

#[test]
fn what_is_nobodys_to_touch_says_why() {
    let cluster: Cluster = Cluster {
        name: "prod".into(),
        eks_name: "prod".into(),
        region: "eu-central-1".into(),
        account_id: "111122223333".into(),
        role_arn: None,
        external_id: None,
        environment: "prod".into(),
        labels: [].into(),
        existing_entries: Default::default(),
        drift: Default::default(),
        protected_principals: names(&["arn:aws:iam::111122223333:role/break-glass"]),
        allowed_principal_accounts: [].into(),
    };
    let of = |who: &str, kind, managed| {
        Protection::of(&cluster, &format!("arn:aws:iam::111122223333:role/{who}"), Some(kind), managed)
    };
    use EntryType::{Ec2Linux, Standard};
    assert_eq!(of("break-glass", Standard, Managed::Foreign), Some(Protection::ProtectedPrincipal));
    let linked = "aws-service-role/eks.amazonaws.com/AWSServiceRoleForAmazonEKS";
    assert_eq!(of(linked, Standard, Managed::Foreign), Some(Protection::ServiceLinkedRole));
    assert_eq!(of("node", Ec2Linux, Managed::Foreign), Some(Protection::Node));
    assert_eq!(of("node", Ec2Linux, Managed::Ours), None);
    assert_eq!(of("x", Standard, Managed::Foreign), None);
}

//! Every operation once, for cases that are about all of them.

use reqwest::Method;
use serde_json::{Value, json};

use super::bed::{Answer, Bed, ROLE, entries_of, entry_of, policies_of, policy, segment};

/// Every operation on access entries, on one cluster, in an order in which they can succeed.
pub(crate) async fn on_entries(bed: &Bed, cluster: &str) -> Vec<(&'static str, Answer)> {
    let view = policy("AmazonEKSViewPolicy");
    let (entries, entry, policies) = (entries_of(cluster), entry_of(cluster, ROLE), policies_of(cluster, ROLE));
    let one_policy = format!("{policies}/{}", segment(&view));
    let associate = json!({"policyArn": view, "accessScope": {"type": "cluster"}});
    let mut answers = Vec::new();
    for (name, method, path, body) in [
        ("CreateAccessEntry", Method::POST, &entries, json!({"principalArn": ROLE})),
        ("DescribeAccessEntry", Method::GET, &entry, Value::Null),
        ("UpdateAccessEntry", Method::POST, &entry, json!({})),
        ("ListAccessEntries", Method::GET, &entries, Value::Null),
        ("AssociateAccessPolicy", Method::POST, &policies, associate),
        ("ListAssociatedAccessPolicies", Method::GET, &policies, Value::Null),
        ("DisassociateAccessPolicy", Method::DELETE, &one_policy, Value::Null),
        ("DeleteAccessEntry", Method::DELETE, &entry, Value::Null),
    ] {
        answers.push((name, bed.call(method, path, body).await));
    }
    answers
}

/// The operations on a cluster itself.
pub(crate) async fn on_cluster(bed: &Bed, cluster: &str) -> Vec<(&'static str, Answer)> {
    let path = format!("/clusters/{cluster}");
    let mode = json!({"accessConfig": {"authenticationMode": "API"}});
    let described = bed.get(&path).await;
    let update = bed.post(&format!("{path}/update-config"), mode).await;
    let id = update.body["update"]["id"].as_str().unwrap_or("none").to_owned();
    let found = bed.get(&format!("{path}/updates/{id}")).await;
    vec![("DescribeCluster", described), ("UpdateClusterConfig", update), ("DescribeUpdate", found)]
}

/// The operations that name no cluster; the tags are those of the cluster `dev`.
pub(crate) async fn on_nothing(bed: &Bed) -> Vec<(&'static str, Answer)> {
    let tags = format!("/tags/{}", segment("arn:aws:eks:eu-central-1:111122223333:cluster/dev"));
    vec![
        ("ListClusters", bed.get("/clusters").await),
        ("ListAccessPolicies", bed.get("/access-policies").await),
        ("TagResource", bed.post(&tags, json!({"tags": {"a": "b"}})).await),
        ("ListTagsForResource", bed.get(&tags).await),
        ("UntagResource", bed.delete(&format!("{tags}?tagKeys=a")).await),
    ]
}

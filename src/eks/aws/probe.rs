//! Tries out what Entryway may read. AWS asks about permissions before it looks whether a thing exists, so that asking for what
//! does not exist tells whether one may ask, and shows nothing.

use super::AwsIam;
use super::place::On;
use super::sent::send;
use crate::domain::arn::{PrincipalArn, PrincipalKind};
use crate::domain::cluster::Cluster;
use crate::eks::EksError;
use crate::eks::iam::Iam;

/// Each permission with what came of using it.
type Tried = (&'static str, Result<(), EksError>);

/// One call on `on`, whatever it answers.
macro_rules! call {
    ($on:ident, $operation:expr) => {
        $on.place.heed(send!($on.named($operation.customize()))).map(|_| ())
    };
}

/// See [`crate::eks::Eks::probe`].
pub(super) async fn probe(on: &On, iam: &AwsIam, cluster: &Cluster, somebody: Option<&PrincipalArn>) -> Vec<Tried> {
    let (eks, name) = (&on.client, &cluster.eks_name);
    let nobody = format!("arn:{}:iam::{}:role/entryway-probe-of-permissions", cluster.partition(), cluster.account_id);
    let list = eks.list_access_entries().cluster_name(name).max_results(1);
    let describe = eks.describe_access_entry().cluster_name(name).principal_arn(&nobody);
    let associated = eks.list_associated_access_policies().cluster_name(name).principal_arn(&nobody);
    let catalogue = eks.list_access_policies().max_results(1);
    let mut tried = vec![
        ("eks:ListAccessEntries", call!(on, list)),
        ("eks:DescribeAccessEntry", known_to_be_nobody(call!(on, describe))),
        ("eks:ListAssociatedAccessPolicies", known_to_be_nobody(call!(on, associated))),
        ("eks:ListAccessPolicies", call!(on, catalogue)),
    ];
    if let Some(somebody) = somebody {
        let action = match somebody.kind() {
            PrincipalKind::Role => "iam:GetRole",
            PrincipalKind::User => "iam:GetUser",
        };
        tried.push((action, iam.look_up(cluster, somebody).await.map(|_| ())));
    }
    tried
}

/// That there is no such entry is as good an answer as one.
fn known_to_be_nobody(answer: Result<(), EksError>) -> Result<(), EksError> {
    match answer {
        Err(error) if error.is_not_found() => Ok(()),
        answer => answer,
    }
}

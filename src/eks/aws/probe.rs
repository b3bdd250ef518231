//! Tries out what Entryway may read. AWS asks about permissions before it looks whether a thing exists, so that asking for what
//! does not exist tells whether one may ask, and shows nothing.

use super::AwsIam;
use super::place::On;
use super::sent::send;
use crate::domain::cluster::Cluster;
use crate::eks::iam::Iam;
use crate::eks::{EksError, Reading};

/// One call on `on`, whatever it answers.
macro_rules! call {
    ($on:ident, $operation:expr) => {
        $on.place.heed(send!($on.named($operation.customize()))).map(|_| ())
    };
}

/// See [`crate::eks::Eks::probe`].
pub(super) async fn probe(on: &On, iam: &AwsIam, cluster: &Cluster, what: &Reading) -> Result<(), EksError> {
    let (eks, name) = (&on.client, &cluster.eks_name);
    let nobody = format!("arn:{}:iam::{}:role/entryway-probe-of-permissions", cluster.partition(), cluster.account_id);
    match what {
        Reading::Entries => call!(on, eks.list_access_entries().cluster_name(name).max_results(1)),
        Reading::Entry => {
            known_to_be_nobody(call!(on, eks.describe_access_entry().cluster_name(name).principal_arn(nobody)))
        }
        Reading::Associated => {
            let list = eks.list_associated_access_policies().cluster_name(name).principal_arn(nobody);
            known_to_be_nobody(call!(on, list))
        }
        Reading::Policies => call!(on, eks.list_access_policies().max_results(1)),
        Reading::Principal(somebody) => iam.look_up(cluster, somebody).await.map(|_| ()),
    }
}

/// That there is no such entry is as good an answer as one.
fn known_to_be_nobody(answer: Result<(), EksError>) -> Result<(), EksError> {
    match answer {
        Err(error) if error.is_not_found() => Ok(()),
        answer => answer,
    }
}

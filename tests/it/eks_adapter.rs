//! The AWS adapter on a real socket: against raw answers, for what a faithful EKS never says, and against the
//! simulated EKS, for what it does.

use std::time::Duration;

use entryway::domain::arn::PrincipalArn;
use entryway::domain::cluster::Cluster;
use entryway::domain::entry::{EntryContent, EntryType};
use entryway::eks::aws::{AwsEks, AwsOptions, StaticCredentials};

mod answers;
mod bed;
mod counted;
mod iam;
mod raw;
mod refusals;
mod round_trip;

const ACCOUNT: &str = "111122223333";
const REGION: &str = "eu-central-1";
const ROLE: &str = "arn:aws:iam::111122223333:role/dev/apps/my-role";
const VIEW: &str = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy";

fn cluster(eks_name: &str) -> Cluster {
    Cluster {
        name: "prod".into(),
        eks_name: eks_name.into(),
        region: REGION.into(),
        account_id: ACCOUNT.into(),
        role_arn: None,
        external_id: None,
        environment: "prod".into(),
        labels: Default::default(),
        existing_entries: Default::default(),
        drift: Default::default(),
        protected_principals: Default::default(),
        allowed_principal_accounts: Default::default(),
    }
}

fn standard() -> EntryContent {
    EntryContent {
        entry_type: EntryType::Standard,
        username: None,
        kubernetes_groups: Default::default(),
        access_policies: Default::default(),
    }
}

fn role() -> PrincipalArn {
    ROLE.parse().unwrap()
}

fn adapter(endpoint_url: &str, operation_timeout: Duration) -> AwsEks {
    AwsEks::new(AwsOptions {
        endpoint_url: Some(endpoint_url.to_owned()),
        static_credentials: Some(StaticCredentials {
            access_key_id: "AKIAIOSFODNN7EXAMPLE".into(),
            secret_access_key: "sim-secret-of-AKIAIOSFODNN7EXAMPLE".to_owned().into(),
        }),
        operation_timeout,
        installation: "acme".into(),
    })
}

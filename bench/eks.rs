//! The simulated EKS beside the service: the calls that a bare loop makes of it, and what its log says.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use entryway::config::{Config, Origin};
use entryway::domain::cluster::Cluster;
use entryway::domain::entry::{EntryContent, OWNER_TAG};
use entryway::eks::Eks;
use entryway::eks::aws::{AwsEks, AwsOptions, StaticCredentials};
use entryway::sandbox::sim::{Action, CallRecord, Fault};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::calls::principal;
use super::service::Service;
use super::settings::INSTALLATION;
use super::stand::Stand;
use super::{Failure, Result};

/// How many calls a bare loop has under way: as many as the worker has unless told otherwise.
const AT_ONCE: u64 = 16;

/// The SDK's client, and the cluster that requests of the benchmarks are for.
#[derive(Debug, Clone)]
pub(crate) struct Bare {
    eks: Arc<AwsEks>,
    cluster: Arc<Cluster>,
}

impl Bare {
    /// The client as the service of that configuration makes it.
    pub(crate) fn new(stand: &Stand, service: &Service) -> Result<Self> {
        let config = Config::load(Some(&service.config), [], Origin::Production)?;
        let cluster = config.clusters.into_iter().find(|cluster| cluster.name == "prod").ok_or("no prod")?;
        let eks = AwsEks::new(AwsOptions {
            endpoint_url: Some(stand.sim.endpoint_url()),
            static_credentials: Some(StaticCredentials {
                access_key_id: "AKIABENCHBENCHBENCH2".to_owned(),
                secret_access_key: "the simulator takes any".into(),
            }),
            operation_timeout: Duration::from_secs(15),
            installation: INSTALLATION.to_owned(),
        });
        Ok(Self { eks: Arc::new(eks), cluster: Arc::new(cluster) })
    }

    /// Makes the entries of the principals `numbers`: looks, creates, associates, and looks again. Answers the ARN of
    /// each.
    pub(crate) async fn make(&self, numbers: Range<u64>, content: &EntryContent) -> Result<BTreeMap<u64, String>> {
        let mut hands = JoinSet::new();
        for hand in 0..AT_ONCE {
            let (bare, content) = (self.clone(), content.clone());
            let own: Vec<_> = numbers.clone().filter(|n| n % AT_ONCE == hand).collect();
            hands.spawn(async move {
                let mut made = Vec::new();
                for n in own {
                    made.push((n, bare.make_one(n, &content).await?));
                }
                Ok::<_, Failure>(made)
            });
        }
        let mut all = BTreeMap::new();
        while let Some(made) = hands.join_next().await {
            all.extend(made??);
        }
        Ok(all)
    }

    async fn make_one(&self, n: u64, content: &EntryContent) -> Result<String> {
        let (eks, cluster, principal) = (&self.eks, &self.cluster, principal(n).parse()?);
        let tags = BTreeMap::from([(OWNER_TAG.to_owned(), INSTALLATION.to_owned())]);
        eks.observe(cluster, &principal).await?;
        let created = eks.create(cluster, &principal, content, &tags, &Uuid::new_v4().to_string()).await?;
        for (policy, scope) in &content.access_policies {
            eks.associate(cluster, &principal, policy, scope).await?;
        }
        eks.observe(cluster, &principal).await?;
        Ok(created.access_entry_arn)
    }
}

/// The calls about the principals `numbers`, by arrival.
pub(crate) fn calls_about(stand: &Stand, numbers: Range<u64>) -> Vec<CallRecord> {
    let principals: BTreeSet<_> = numbers.map(principal).collect();
    let about = |call: &CallRecord| call.principal_arn.as_ref().is_some_and(|arn| principals.contains(arn));
    stand.sim.calls().into_iter().filter(about).collect()
}

/// Holds every call up for so long.
pub(crate) fn hold_up(stand: &Stand, by: Duration) -> Result<()> {
    stand.sim.inject(Fault {
        id: 0,
        op: None,
        account: None,
        region: None,
        cluster: None,
        principal_arn: None,
        policy_arn: None,
        skip: 0,
        times: None,
        probability: 1.0,
        action: Action::Hang { ms: by.as_millis().try_into()?, applied: false },
        struck: 0,
    });
    Ok(())
}
